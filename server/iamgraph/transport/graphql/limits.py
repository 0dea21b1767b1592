"""What an operation would cost, known before any of it runs, in one memoised pass.

Strawberry's own depth and alias limiters expand every fragment spread, so that nested fragments make them exponential.
This measures each fragment once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    value_from_ast_untyped,
)

from ...domain.budget import POINTS_OF_COMMAND, POINTS_OF_HASHING
from ...domain.limits import Quotas

MAX_PAGE = 100
PAGE_SIZES = ("first", "last")
MAX_ROOT_MUTATIONS = 10
SECRET_FIELDS = frozenset({"signIn", "signInAsRoot", "changePassword"})
_QUOTAS = Quotas()
LISTS = {
    "validatePolicy": 100,
    "contextKeysForPolicies": 100,
    "contextKeysForPrincipal": 100,
    "actions": _QUOTAS.actions_per_service,
    "resourceTypes": _QUOTAS.resource_types_per_service,
    "conditionKeys": _QUOTAS.condition_keys_per_service,
}
"""Fields that give many objects without being asked for a number, or take as long, and how many."""
MANY_REQUESTS = {"authorizeMany": 1000}
"""Fields that answer each of the `requests` of their input, and how many there may be. The answers are no nodes."""
SIMULATIONS = frozenset({"simulate", "simulateCustomPolicy"})
"""Fields that give a decision for each action and resource of their input."""
SIMULATED = ("actions", "resources")
ASKED = ("requests", *SIMULATED)
POLICIES = ("policies", "additionalPolicies", "permissionsBoundary", "resourcePolicy", "serviceControlPolicies")
SIGN_INS = frozenset({"signIn", "signInAsRoot"})
PUBLIC = SIGN_INS | {"assumeRoleWithSAML", "assumeRoleWithWebIdentity", "enrolAgent", "issueAgentCredentials"}
"""What takes no credentials but what its input has. It is charged to nobody, so a request may have one of them."""
HASHING_FIELDS = SECRET_FIELDS | {"createLoginProfile", "updateLoginProfile", "createAccount"}
FIELDS_A_POINT = 10


@dataclass(frozen=True, slots=True)
class Cost:
    """How deep, how many fields as written, how many nodes, and how many fields of all of them, at most."""

    depth: int = 0
    fields: int = 0
    nodes: int = 0
    answers: int = 0

    def beside(self, other: Cost) -> Cost:
        return Cost(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.nodes + other.nodes,
            self.answers + other.answers,
        )

    def check(self) -> None:
        """Raise GraphQLError for what is more than anybody may ask."""
        for part in ("depth", "fields", "nodes", "answers"):
            if getattr(self, part) > getattr(MAX, part):
                raise refused(f"The operation's {part} may be at most {getattr(MAX, part)}.")


MAX = Cost(depth=15, fields=500, nodes=25_000, answers=100_000)
MAX_EVENT_ANSWERS = 500
"""How many fields a subscription may ask of one event: it is answered for each."""
MAX_SAME, MAX_SAME_OBJECTS = 20, 5
"""How often one response key may stand in a selection: validation compares each with each."""


def refused(message: str, code: str = "TOO_COMPLEX") -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


@dataclass(frozen=True, slots=True)
class Root:
    """The root fields of an operation, fragments opened: what must be allowed before anything runs; and what all of it
    takes of the caller's budget."""

    kind: OperationType
    fields: tuple[str, ...]
    points: int = 1

    @property
    def is_mutation(self) -> bool:
        return self.kind is OperationType.MUTATION

    @property
    def is_subscription(self) -> bool:
        return self.kind is OperationType.SUBSCRIPTION

    @property
    def names(self) -> list[str]:
        """The fields, without introspection."""
        return [name for name in self.fields if not name.startswith("__")]

    @property
    def asked(self) -> list[str]:
        """The fields as the history names what was refused before it was looked at."""
        return [name[0].upper() + name[1:] for name in self.names] or ["Introspect"]


LEAST = Root(kind=OperationType.QUERY, fields=())
"""What costs no less: a request whose document can't be measured."""


class Measure:
    """Walks one operation. `value` gives a variable's value."""

    def __init__(self, document: DocumentNode, value: Callable[[str], Any]) -> None:
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._value = value
        self._known: dict[str, Cost] = {}
        self._open: set[str] = set()

    def of(self, selections: SelectionSetNode | None) -> Cost:
        total = Cost()
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                total = total.beside(self._fragment(node.name.value))
            elif isinstance(node, FieldNode):
                inner, page = self.of(node.selection_set), self._page(node)
                is_nodes = page > 1 and node.name.value not in MANY_REQUESTS
                nodes, answers = page * (inner.nodes + is_nodes), 1 + page * inner.answers
                total = total.beside(Cost(inner.depth + 1, inner.fields + 1, nodes, answers))
            else:
                total = total.beside(self.of(node.selection_set))  # type: ignore[attr-defined]
            if total.fields > MAX.fields or total.nodes > MAX.nodes or total.answers > MAX.answers:
                break
        return total

    def _fragment(self, name: str) -> Cost:
        if name in self._open:
            raise refused(f"The fragment {name!r} spreads itself.", "BAD_REQUEST")
        if name not in self._known and name in self._fragments:
            self._open.add(name)
            self._known[name] = self.of(self._fragments[name].selection_set)
            self._open.discard(name)
        return self._known.get(name, Cost())

    def _page(self, node: FieldNode) -> int:
        """How many items the field may give: what `first` or `last` says, as many as `ids` or the input's `requests` hold,
        or what is known of it."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if node.name.value in MANY_REQUESTS:
            return self._requests(given.get("input"), MANY_REQUESTS[node.name.value])
        if node.name.value in SIMULATIONS:
            return self._decisions(given.get("input"))
        if "ids" in given:
            return self._count(given["ids"])
        sizes = {name: self._literal(given[name]) for name in PAGE_SIZES if name in given}
        if not sizes:
            return LISTS.get(node.name.value, 1) if node.selection_set else 1
        # Where a query serves both directions, the argument of the other one is null.
        said = {name: size for name, size in sizes.items() if size is not None} or sizes
        return max(self._size(node.name.value, name, size) for name, size in said.items())

    @staticmethod
    def _size(field: str, argument: str, size: Any) -> int:
        if not isinstance(size, int) or isinstance(size, bool):
            return MAX_PAGE
        if not 1 <= size <= MAX_PAGE:
            raise refused(f"'{argument}' of {field!r} is {size}; it must be from 1 to {MAX_PAGE}", "INVALID_INPUT")
        return size

    def _literal(self, value: ValueNode) -> Any:
        if isinstance(value, IntValueNode):
            return int(value.value)
        if isinstance(value, VariableNode):
            return self._value(value.name.value)
        return None if isinstance(value, NullValueNode) else value

    def _count(self, value: ValueNode) -> int:
        if isinstance(value, ListValueNode):
            return max(1, len(value.values))
        given = self._value(value.name.value) if isinstance(value, VariableNode) else None
        return min(max(1, len(given)), MAX_PAGE) if isinstance(given, list) else MAX_PAGE

    def _requests(self, input: ValueNode | None, most: int) -> int:
        value: Any = self._value(input.name.value) if isinstance(input, VariableNode) else input
        if isinstance(value, ObjectValueNode):
            value = next((field.value for field in value.fields if field.name.value == "requests"), ())
            value = self._value(value.name.value) if isinstance(value, VariableNode) else value
            value = value.values if isinstance(value, ListValueNode) else value
        elif isinstance(value, dict):
            value = value.get("requests", ())
        # The operation refuses more. What is not there may have a default; what is no list counts as one of one.
        return most if value is None else min(max(1, len(value)), most) if isinstance(value, list | tuple) else 1

    def _decisions(self, value: ValueNode | None) -> int:
        """What a simulation's input asks for: decisions, each of which counts once more for each 1,024 characters that one
        of its policies has begun. What is no input at all never runs."""
        given = self._given(value)
        if not isinstance(given, Mapping):
            return 1
        asked = [given.get(name) for name in SIMULATED]
        decisions = prod(max(1, len(part)) if isinstance(part, list) else 1 for part in asked)
        return decisions * (1 + sum(kilobytes(given.get(name)) for name in POLICIES))

    def _given(self, value: ValueNode | None) -> Any:
        """A value as it would come in variables."""
        if isinstance(value, VariableNode):
            return self._value(value.name.value)
        if isinstance(value, ObjectValueNode):
            return {field.name.value: self._given(field.value) for field in value.fields}
        if isinstance(value, ListValueNode):
            return [self._given(item) for item in value.values]
        return getattr(value, "value", None)

    def check_repetition(self, selections: SelectionSetNode | None) -> None:
        """Raise GraphQLError where a selection, fragments opened, has one response key too often."""
        if selections is None:
            return
        fields: list[FieldNode] = []
        self._opened(selections, fields, set())
        keys = Counter((f.alias or f.name).value for f in fields)
        objects = Counter((f.alias or f.name).value for f in fields if f.selection_set)
        for counted, limit in ((keys, MAX_SAME), (objects, MAX_SAME_OBJECTS)):
            key, count = max(counted.items(), key=lambda item: item[1], default=("", 0))
            if count > limit:
                raise refused(f"{key!r} stands {count} times in one selection; at most {limit} are allowed.")
        for field in fields:
            self.check_repetition(field.selection_set)

    def _opened(self, selections: SelectionSetNode, fields: list[FieldNode], opened: set[str]) -> None:
        """Collect the fields of a selection, each fragment opened once."""
        for node in selections.selections:
            if isinstance(node, FieldNode):
                fields.append(node)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in opened and name in self._fragments:
                    opened.add(name)
                    self._opened(self._fragments[name].selection_set, fields, opened)
            else:
                self._opened(node.selection_set, fields, opened)  # type: ignore[attr-defined]

    def root(self, operation: OperationDefinitionNode) -> Root:
        """The names of the root fields, each time they are asked for. Raises for a cycle of fragments."""
        names: list[str] = []
        self._names(operation.selection_set, names, set())
        return Root(kind=operation.operation, fields=tuple(names))

    def _names(self, selections: SelectionSetNode, names: list[str], opened: set[str]) -> None:
        for node in selections.selections:
            if len(names) > MAX.fields:
                return
            if isinstance(node, FieldNode):
                names.append(node.name.value)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name in opened or name not in self._fragments:
                    continue
                self._names(self._fragments[name].selection_set, names, opened | {name})
            else:
                self._names(node.selection_set, names, opened)  # type: ignore[attr-defined]


def kilobytes(given: Any) -> int:
    """How many stretches of 1,024 characters a text has begun, or all texts of a list."""
    if isinstance(given, str):
        return -(-len(given) // 1024)
    return sum(kilobytes(item) for item in given if type(item) is not dict) if isinstance(given, list) else 0


def size(value: Any) -> Any:
    """What matters of a variable's value to the measure: a whole number itself, whether it is null, of texts and lists how
    long they are, of an input what it asks for."""
    if isinstance(value, list):
        return "list", len(value), kilobytes(value)
    if isinstance(value, Mapping):
        return "input", *((name, size(value[name])) for name in (*ASKED, *POLICIES) if name in value)
    if isinstance(value, str):
        return "text", kilobytes(value)
    return value if type(value) is int or value is None else "other"


def variable_reader(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Callable[[str], Any]:
    """Reads a variable's value, or the default that the operation gives it."""
    defaults = {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    return lambda name: variables.get(name, defaults.get(name))


def check(document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Root:
    """The operation's root fields. Raises GraphQLError where it asks for too much, or for what may not stand together."""
    measure = Measure(document, variable_reader(operation, variables))
    cost = measure.of(operation.selection_set)
    cost.check()
    root = measure.root(operation)
    if root.is_subscription and cost.answers > MAX_EVENT_ANSWERS:
        raise refused(f"A subscription may ask for at most {MAX_EVENT_ANSWERS} fields of an event.")
    if root.is_mutation:
        _check_mutations([name for name in root.fields if name != "__typename"])
    return replace(root, points=_points(cost, root))


def _points(cost: Cost, root: Root) -> int:
    """One for the request, one for each node and one for each ten fields that it may give, and what its mutations take."""
    reading = 1 + cost.nodes + cost.answers // FIELDS_A_POINT
    if not root.is_mutation:
        return reading
    return reading + sum(
        POINTS_OF_HASHING if name in HASHING_FIELDS else POINTS_OF_COMMAND
        for name in root.fields
        if name != "__typename"
    )


def _check_mutations(names: list[str]) -> None:
    if len(names) > MAX_ROOT_MUTATIONS:
        raise refused(f"A request may hold at most {MAX_ROOT_MUTATIONS} mutations.")
    secret = [name for name in names if name in SECRET_FIELDS]
    if len(secret) > 1:
        raise refused(f"A request may hold one of {', '.join(sorted(SECRET_FIELDS))}, once.")
    if len(names) > 1 and set(names) & SIGN_INS:
        raise refused("Signing in must be the only mutation of its request.")
    if len(names) > 1 and set(names) & PUBLIC:
        raise refused("What takes no credentials must be the only mutation of its request.")
