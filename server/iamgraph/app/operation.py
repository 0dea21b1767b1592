"""How an operation is declared: its name, parameters, permission, failures and work, once, for every transport."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import GenericAlias
from typing import Annotated, Any, ClassVar, Generic, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

from ..domain.entities import Role, Tag
from ..domain.errors import AccessDenied, IamError, InvalidInput, NoSuchEntity, Throttled
from ..domain.names import Between, Count, Counted, Match, Secret
from ..domain.policy.evaluate import Policy
from ..domain.throttling import Limit
from ..domain.unset import UNSET
from ..store.session import StoreSession
from .caller import Caller
from .work import Tools, Work

T = TypeVar("T")
O = TypeVar("O", bound="Operation[Any]")  # noqa: E741


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One question for the policy engine. `resource` is what policies are matched against; `asked` is the resource in
    the caller's own words, which may be told back to a caller that may not know whether it exists."""

    action: str
    resource: str
    asked: str
    account_id: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    trust: Role | None = None
    resource_control: tuple[Policy, ...] = ()
    """The guardrails on the resource, where its account is not the caller's own."""
    is_trust_decision: bool = False
    resource_policy: Policy | None = None
    """The resource's own policy as somebody supposes it to be, in place of any that it has."""
    beside: Beside | None = None
    """Where it is about another entity than the operation's target."""
    is_granted: bool = False
    """The service itself allows it: only an explicit deny refuses, and a guardrail that does not allow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a caller is told of an entity that a need is about, and that is not the operation's target: all, with `know`;
    otherwise what it would be told if there were none, which takes `absent` and ends in `missing`."""

    know: Need
    absent: Need
    missing: NoSuchEntity


TAG_KEYS = ("aws:ResourceTag", "iam:ResourceTag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a target stands: see `Need` for `resource` and `asked`. `account_id` is whose policies decide, `owner` whose the
    target is, where that is another."""

    resource: str
    asked: str
    account_id: str
    owner: str | None = None
    tags: tuple[Tag, ...] = ()
    tag_keys: tuple[str, ...] = TAG_KEYS
    """The context keys that have the tags: the second is for users and roles."""


class Target:
    """What an operation acts on. `know` is the action that lets a caller know of the entity at all."""

    know: str | None = None

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Any]:
        """The entity each operation names, or None: one statement however many there are."""
        return [None] * len(ops)

    def place(self, caller: Caller, op: Any, entity: Any) -> Place:
        raise NotImplementedError

    async def find(self, work: Work, ops: Sequence[Any]) -> Sequence[Any]:
        """`load`, for what takes more than the store to find."""
        return await self.load(work.caller, work.data, ops)

    def missing(self, caller: Caller, op: Any) -> IamError | None:
        """The error where `load` found nothing, or None where that is no error."""
        return None


class Operation(Generic[T]):
    """A named thing the service can do."""

    action: ClassVar[str]
    on: ClassVar[Target]
    raises: ClassVar[tuple[type[IamError], ...]]
    is_public: ClassVar[bool] = False
    """Whether somebody without credentials may call it: signing in."""
    checks_secret: ClassVar[bool] = False
    """Whether it tells right secrets from wrong ones: a request may hold one such operation."""

    def needs(self, caller: Caller, target: Any) -> Sequence[Need]:
        """What must be allowed. None at all: any authenticated caller may."""
        return (self.need(caller, target),)

    def need(self, caller: Caller, target: Any, action: str | None = None) -> Need:
        """The question whether the caller may perform `action` (the operation's own) on its target."""
        place = self.on.place(caller, self, target)
        context = self.context(caller, target)
        tags = {f"{key}/{tag.key}": tag.value for tag in place.tags for key in place.tag_keys}
        return Need(
            action=action or self.action,
            resource=place.resource,
            asked=place.asked,
            account_id=place.account_id,
            context={"aws:ResourceAccount": place.owner or place.account_id, **tags, **context},
        )

    def context(self, caller: Caller, target: Any) -> Mapping[str, str | tuple[str, ...]]:
        """The context keys that this operation brings (Service Authorization Reference)."""
        return {}

    def __repr__(self) -> str:
        """The name alone: parameters may be secrets."""
        return f"<{type(self).__name__}>"

    def validate(self) -> None:
        """Rules that bind several parameters. Raises InvalidInput."""


class Command(Operation[T]):
    """An operation that changes something: one transaction, one event."""

    locks_account: ClassVar[bool] = True
    """INVARIANT: what changes an account's entities or policies takes the account's row first, so that quotas and
    invariants hold. Signing in and assuming roles do not."""
    moves_revision: ClassVar[bool] = True
    """Whether it may alter what is decided for anybody, so that the policies that are kept of the account are read anew. Not
    what only makes an entity that nobody has, names or is yet."""

    async def look(self, work: Work, target: Any) -> Any:
        """Read what `prepare` needs. No transaction is open."""
        return None

    is_guarded: ClassVar[bool] = False
    """Whether `guard` counts, in a transaction of its own, before `prepare` does what is slow."""

    async def guard(self, work: Work, looked: Any) -> None:
        """Count an attempt. Raises Throttled."""

    async def prepare(self, caller: Caller, tools: Tools, looked: Any) -> Any:
        """Whatever is slow, such as hashing. Nothing of the store is open."""
        return None

    def attempts(self, prepared: Any) -> Sequence[Limit]:
        """What an attempt at a second factor counts against, once `prepare` has proved the first: it is counted, in a
        transaction of its own, before `execute` looks at the second. None: there is no such attempt."""
        return ()

    async def execute(self, work: Work, target: Any, prepared: Any) -> T:
        raise NotImplementedError


class Query(Operation[T]):
    """An operation that reads. It answers many at once, so that no caller can make it N+1."""

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[Any, Any]]) -> Sequence[T | IamError]:
        """The answers to (query, target) pairs, in their order."""
        raise NotImplementedError


OPERATIONS: dict[str, type[Operation[Any]]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def operation(action: str, *, on: Target, raises: tuple[type[IamError], ...] = ()) -> Callable[[type[O]], type[O]]:
    """Declare an operation. Its class name is its name on every transport, its docstring the description."""

    def declare(cls: type[O]) -> type[O]:
        cls.action, cls.on = action, on
        always = (InvalidInput, Throttled) if cls.is_public else (InvalidInput, AccessDenied, Throttled)
        cls.raises = tuple(dict.fromkeys((*raises, *always)))
        made = dataclass(frozen=True, kw_only=True, repr=False)(cls)
        if made.__name__ in OPERATIONS or not made.__doc__:
            raise TypeError(f"{made.__name__}: declared twice, or without a docstring")
        OPERATIONS[made.__name__] = made
        return made

    return declare


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One field of an operation: its bare type, and what its annotations say."""

    name: str
    hint: Any
    doc: str | None
    checks: tuple[Match | Between | Count, ...]
    is_secret: bool
    is_counted: bool
    default: Any
    holds_parts: bool
    """Whether it is a list of values that have parameters of their own."""


def parameters(of: type[Any]) -> tuple[Parameter, ...]:
    """The parameters of an operation, or of a value that is one of its parameters, in the order they are declared."""
    known = _PARAMETERS.get(of)
    if known is None:
        known = _PARAMETERS[of] = _parameters(of)
    return known


_PARAMETERS: dict[type[Any], tuple[Parameter, ...]] = {}


def _parameters(of: type[Any]) -> tuple[Parameter, ...]:
    hints = get_type_hints(of, include_extras=True)
    made = []
    for item in dataclasses.fields(of):
        bare, notes = _taken_apart(hints[item.name])
        doc = next((note for note in notes if hasattr(note, "text")), None)
        made.append(
            Parameter(
                name=item.name,
                hint=bare,
                doc=doc.text if doc else None,
                checks=tuple(note for note in notes if isinstance(note, Match | Between | Count)),
                is_secret=any(isinstance(note, Secret) for note in notes),
                is_counted=any(isinstance(note, Counted) for note in notes),
                default=item.default,
                holds_parts=get_origin(bare) is tuple and dataclasses.is_dataclass(get_args(bare)[0]),
            )
        )
    return tuple(made)


def _taken_apart(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """`Annotated[str, note] | None` is `(str | None, (note,))`; `tuple[Annotated[str, note], ...]` likewise."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        bare, deeper = _taken_apart(inner)
        return bare, (*notes, *deeper)
    args = get_args(hint)
    if not args or get_origin(hint) is Mapping:
        return hint, ()
    parts = [_taken_apart(arg) for arg in args]
    notes_ = tuple(note for _, inner_notes in parts for note in inner_notes)
    if get_origin(hint) is tuple:
        return GenericAlias(tuple, (parts[0][0], ...)), notes_
    bare = parts[0][0]
    for other, _ in parts[1:]:
        bare = bare | other
    return bare, notes_


def check(op: Operation[Any]) -> None:
    """Raise InvalidInput for the first parameter that does not satisfy its constraints."""
    _check(op, "")
    op.validate()


def _check(given: Any, at: str) -> None:
    for parameter in parameters(type(given)):
        value = getattr(given, parameter.name)
        if value is None or value is dataclasses.MISSING:
            continue
        field = at + camel(parameter.name)
        for constraint in parameter.checks:
            constraint.check(field, value, is_secret=parameter.is_secret)
        if parameter.holds_parts:
            for index, part in enumerate(value):
                _check(part, f"{field}.{index}.")


@cache
def camel(name: str) -> str:
    """`role_name` is `roleName`: as GraphQL and the history write it."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def audited(op: Operation[Any]) -> str:
    """The parameters as JSON text, secrets left out."""
    given = ((p, getattr(op, p.name)) for p in parameters(type(op)) if not p.is_secret)
    shown = {camel(p.name): (p, value) for p, value in given if value not in (None, (), UNSET)}
    if not shown:
        return "{}"
    return json.dumps({name: len(value) if p.is_counted else _plain(value) for name, (p, value) in shown.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value):
        parts = {camel(part.name): getattr(value, part.name) for part in dataclasses.fields(value)}
        return {name: _plain(part) for name, part in parts.items() if part not in (None, ())}
    if hasattr(value, "name") and hasattr(value, "value"):
        return value.value
    return value
