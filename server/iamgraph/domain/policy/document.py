"""A policy document read into its elements, each with its place in the text (IAM User Guide, "Grammar of the IAM JSON
policy language")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from .operators import known_operator
from .syntax import Kind, Member, Node, place, read_json, refuse

Effect = Literal["Allow", "Deny"]
Path = tuple[str, ...]

VERSIONS = ("2008-10-17", "2012-10-17")
PRINCIPAL_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")
_TOP = ("Version", "Id", "Statement")
_ELEMENTS = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of the text. Lines and columns count from 1, `start` and `end` are character offsets; the end is the
    place just after the last character."""

    start_line: int
    start_column: int
    end_line: int
    end_column: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    """A Principal or NotPrincipal element. `everyone` is the bare `"*"`; `{"AWS": "*"}` is kept in `aws`."""

    everyone: bool = False
    aws: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    federated: tuple[str, ...] = ()
    canonical_user: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One key under one operator: `StringEquals: {"aws:username": ["a", "b"]}` has two values. Numbers and booleans are
    kept as they were written."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. `resources` is None where neither Resource nor NotResource is given; `node` is the JSON object."""

    sid: str | None
    effect: Effect
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...] | None
    not_resource: bool
    principals: Principals | None
    not_principal: bool
    conditions: tuple[Condition, ...]
    span: Span
    node: Node = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole policy. `version` is "2008-10-17" when the text has none, which switches policy variables off."""

    version: str
    id: str | None
    statements: tuple[Statement, ...]
    text: str
    root: Node = field(repr=False, compare=False)


def parse(text: str) -> Document:
    """Read a policy of any kind. Checks JSON, element names and types, not what a kind of policy may say (that is
    `grammar.check`). Effects in the wrong case are read as they are meant, so that a stored Deny always bites. Raises
    MalformedPolicyDocument with one finding that says where."""
    return _Elements(text).document(read_json(text))


def conditions(text: str, node: Node | None, path: Path) -> tuple[Condition, ...]:
    """The tests in a condition block that stands at `path` in `text`, none where there is no block. Raises
    MalformedPolicyDocument."""
    return _Elements(text).conditions(node, path)


def strings(node: Node) -> tuple[Node, ...]:
    """The nodes of an element that is one value or a list of them, as nearly every element may be."""
    return node.items if node.kind is Kind.ARRAY else (node,)


class _Elements:
    """Turns nodes into elements, refusing what is not one."""

    def __init__(self, text: str) -> None:
        self.text = text

    def document(self, root: Node) -> Document:
        self.expect(root, Kind.OBJECT, "a policy", ())
        self.only(root.members, _TOP, ())
        version = self.optional_string(root, "Version", ())
        if version is not None and version not in VERSIONS:
            node = root.get("Version") or root
            message = f'Version "{version}" is unknown, use "2012-10-17"'
            refuse(self.text, node.start, "INVALID_VERSION", message, ("Version",))
        identifier = self.optional_string(root, "Id", ())
        element = root.get("Statement")
        if element is None:
            refuse(self.text, root.start, "MISSING_STATEMENT", "the policy has no Statement")
        nodes = strings(element)
        if not nodes:
            refuse(self.text, element.start, "MISSING_STATEMENT", "the policy has no statements", ("Statement",))
        statements = tuple(self.statement(n, ("Statement", str(i))) for i, n in enumerate(nodes))
        return Document(version=version or VERSIONS[0], id=identifier, statements=statements, text=self.text, root=root)

    def statement(self, node: Node, path: Path) -> Statement:
        self.expect(node, Kind.OBJECT, "a statement", path)
        self.only(node.members, _ELEMENTS, path)
        sid = self.optional_string(node, "Sid", path)
        action_element, actions = self.either(node, "Action", path)
        resource_element, resources = self.either(node, "Resource", path)
        principal_element, principals = self.either(node, "Principal", path)
        return Statement(
            sid=sid or None,
            effect=self.effect(node, path),
            actions=() if actions is None else self.texts(actions, (*path, action_element)),
            not_action=action_element == "NotAction",
            resources=None if resources is None else self.texts(resources, (*path, resource_element)),
            not_resource=resource_element == "NotResource",
            principals=None if principals is None else self.principals(principals, (*path, principal_element)),
            not_principal=principal_element == "NotPrincipal",
            conditions=self.conditions(node.get("Condition"), (*path, "Condition")),
            span=self.span(node),
            node=node,
        )

    def effect(self, node: Node, path: Path) -> Effect:
        written = self.optional_string(node, "Effect", path)
        if written is None:
            refuse(self.text, node.start, "MISSING_EFFECT", "the statement has no Effect", path)
        if written.lower() == "allow":
            return "Allow"
        if written.lower() == "deny":
            return "Deny"
        place_of_effect = node.get("Effect") or node
        message = f'Effect "{written}" is unknown, use "Allow" or "Deny"'
        refuse(self.text, place_of_effect.start, "INVALID_EFFECT", message, (*path, "Effect"))

    def principals(self, node: Node, path: Path) -> Principals:
        if node.kind is Kind.STRING and node.value == "*":
            return Principals(everyone=True)
        if node.kind is not Kind.OBJECT:
            message = 'a principal is "*" or an object such as {"AWS": "111122223333"}'
            refuse(self.text, node.start, "INVALID_PRINCIPAL_FORMAT", message, path)
        found: dict[str, tuple[str, ...]] = {}
        for member in node.members:
            if member.name not in PRINCIPAL_TYPES:
                message = f'"{member.name}" is no kind of principal, use one of {", ".join(PRINCIPAL_TYPES)}'
                refuse(self.text, member.start, "INVALID_PRINCIPAL_KEY", message, (*path, member.name))
            found[member.name] = self.texts(member.node, (*path, member.name))
        return Principals(
            aws=found.get("AWS", ()),
            service=found.get("Service", ()),
            federated=found.get("Federated", ()),
            canonical_user=found.get("CanonicalUser", ()),
        )

    def conditions(self, node: Node | None, path: Path) -> tuple[Condition, ...]:
        if node is None:
            return ()
        self.expect(node, Kind.OBJECT, "Condition", path)
        found: list[Condition] = []
        for operator in node.members:
            below = (*path, operator.name)
            self.expect(operator.node, Kind.OBJECT, "what stands under an operator", below)
            # AWS accepts an unknown operator over an empty block: it tests nothing.
            if operator.node.members and not known_operator(operator.name):
                message = f'operator "{operator.name}" is unknown'
                refuse(self.text, operator.start, "INVALID_CONDITION_OPERATOR", message, below)
            for key in operator.node.members:
                values = tuple(self.scalar(n, (*below, key.name)) for n in strings(key.node))
                found.append(Condition(operator=operator.name, key=key.name, values=values))
        return tuple(found)

    def scalar(self, node: Node, path: Path) -> str:
        if node.kind not in (Kind.STRING, Kind.NUMBER, Kind.BOOLEAN):
            message = f"a condition value is a string, a number or a boolean, not {node.kind.value}"
            refuse(self.text, node.start, "DATA_TYPE_MISMATCH", message, path)
        return node.value

    def texts(self, node: Node, path: Path) -> tuple[str, ...]:
        for item in strings(node):
            self.expect(item, Kind.STRING, path[-1], path)
        return tuple(item.value for item in strings(node))

    def optional_string(self, node: Node, name: str, path: Path) -> str | None:
        found = node.get(name)
        if found is None:
            return None
        self.expect(found, Kind.STRING, name, (*path, name))
        return found.value

    def either(self, node: Node, name: str, path: Path) -> tuple[str, Node | None]:
        """The element or its Not-form, whichever the statement has, and what it is called."""
        plain, negated = node.get(name), node.get("Not" + name)
        if plain is not None and negated is not None:
            message = f"a statement has either {name} or Not{name}, not both"
            refuse(self.text, negated.start, "UNSUPPORTED_ELEMENT_COMBINATION", message, (*path, "Not" + name))
        return (name, plain) if negated is None else ("Not" + name, negated)

    def only(self, members: Iterable[Member], allowed: tuple[str, ...], path: Path) -> None:
        for member in members:
            if member.name not in allowed:
                message = f'"{member.name}" is no element here, use one of {", ".join(allowed)}'
                refuse(self.text, member.start, "INVALID_POLICY_ELEMENT", message, (*path, member.name))

    def expect(self, node: Node, kind: Kind, what: str, path: Path) -> None:
        if node.kind is not kind:
            message = f"{what} must be of type {kind.value}, not {node.kind.value}"
            refuse(self.text, node.start, "DATA_TYPE_MISMATCH", message, path)

    def span(self, node: Node) -> Span:
        line, column = place(self.text, node.start)
        end_line, end_column = place(self.text, node.end)
        return Span(
            start_line=line, start_column=column, end_line=end_line, end_column=end_column,
            start=node.start, end=node.end,
        )  # fmt: skip
