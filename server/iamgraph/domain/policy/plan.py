"""The policies in force, layer by layer, and the statements that they have about an action: gathered once, used for many
requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Protocol, TypeVar

from .compile import CompiledStatement
from .match import Matcher, everything, nothing
from .principals import Principal, PrincipalKind
from .terms import Match, Policy, PolicyKind
from .variables import Facts


class _Sized(Protocol):
    @property
    def size(self) -> int: ...


T = TypeVar("T", bound=_Sized)

_KEPT, _KEPT_STATEMENTS, _KEPT_AT_LEAST = 1024, 65_536, 16
"""How many actions' plans and tests are kept for a caller: fewer where each has many statements. Whoever asks chooses the
actions, so that they must not fill the memory."""
_RESOURCE_SIDE: Final = (PolicyKind.RESOURCE, PolicyKind.TRUST, PolicyKind.RESOURCE_CONTROL)
_ASSUMING: Final = frozenset({"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"})
_MEMBERS: Final = (PrincipalKind.USER, PrincipalKind.ROLE_SESSION, PrincipalKind.ROOT)


class Standing(Enum):
    """What kinds of policy limit a caller."""

    MEMBER = "member"
    """Users, role sessions and roots, of an organization's member: by SCPs, and by the boundary and session policies
    that there are."""
    FEDERATED_USER = "federated user"
    """Likewise, and to nothing without a session policy (AWS STS API reference, GetFederationToken)."""
    SERVICE_LINKED = "service-linked role"
    """Neither by SCPs nor by RCPs."""
    OUTSIDER = "outsider"
    """Services, identity providers and strangers: by RCPs, not by SCPs."""

    @classmethod
    def of(cls, caller: Principal) -> Standing:
        """The caller's."""
        if caller.is_service_linked_role:
            return cls.SERVICE_LINKED
        if caller.kind in _MEMBERS:
            return cls.MEMBER
        return cls.FEDERATED_USER if caller.kind is PrincipalKind.FEDERATED_USER else cls.OUTSIDER

    def obeys(self, kind: PolicyKind) -> bool:
        """Whether a kind of policy is in force for such a caller."""
        if kind is PolicyKind.SERVICE_CONTROL:
            return self is Standing.MEMBER or self is Standing.FEDERATED_USER
        return kind is not PolicyKind.RESOURCE_CONTROL or self is not Standing.SERVICE_LINKED


class Entry:
    """A statement about the action, and where it comes from. `resources` says which resources it is about; it is `free`
    where nothing else has a say in whether it applies."""

    __slots__ = ("compiled", "free", "match", "policy", "resource_side", "resources")

    def __init__(
        self, compiled: CompiledStatement, policy: Policy, kind: PolicyKind, index: int, level: int | None
    ) -> None:
        self.compiled = compiled
        self.policy = policy
        self.resource_side = kind in _RESOURCE_SIDE
        self.resources = compiled.exact_resource if self.resource_side else compiled.resource
        needs_principal = compiled.principals is not None or (self.resource_side and not compiled.deny)
        self.free = not compiled.conditions and not needs_principal
        self.match = Match(
            effect=compiled.statement.effect, kind=kind, policy=policy, statement=compiled.statement, index=index,
            statement_index=compiled.index, level=level,
        )  # fmt: skip


Test = tuple[Matcher, Entry]
"""A statement's test of the resource."""


class _Open(list[Test]):
    """Tests in which variables have a say: placeholders until they are bound."""


# Not frozen, since it is made for a request: a frozen one takes longer to make than to use.
@dataclass(slots=True, eq=False)
class Tests:
    """What the policies say about one action: tests of the resource, layer by layer. A layer that limits nothing is left
    out, or None. `grants` are the allows of the resource's own policy. Variables have a say in it where `is_open`; it is
    `free` where nothing but the resource has."""

    denies: Sequence[Test]
    service_control: Sequence[Sequence[Test]]
    grants: Sequence[Test]
    identity: Sequence[Test]
    boundary: Sequence[Test] | None
    session: Sequence[Test] | None
    is_assuming: bool
    needs_resource_policy: bool
    is_open: bool = False
    free: bool = False
    _matchers: Sequence[Matcher] | None = None

    @property
    def size(self) -> int:
        """How many there are."""
        return sum(len(tests) for tests in self._lists)

    @property
    def matchers(self) -> Sequence[Matcher]:
        """All that is asked of a resource, each once."""
        found = self._matchers
        if found is None:
            found = self._matchers = list(dict.fromkeys(test for tests in self._lists for test, _ in tests))
        return found

    @property
    def _lists(self) -> Iterator[Sequence[Test]]:
        several = (self.denies, self.grants, self.identity, self.boundary, self.session, *self.service_control)
        return (tests for tests in several if tests is not None)

    def bind(self, facts: Facts) -> Tests:
        """The same with the variables' values in it."""

        def bound(tests: Sequence[Test]) -> Sequence[Test]:
            if type(tests) is not _Open:
                return tests
            return [(entry.resources.whole or entry.resources.bind(facts), entry) for _, entry in tests]

        return self.map(bound)

    def map(self, change: Callable[[Sequence[Test]], Sequence[Test]]) -> Tests:
        """The same with each list changed."""
        return Tests(
            change(self.denies),
            [change(level) for level in self.service_control],
            change(self.grants),
            change(self.identity),
            None if self.boundary is None else change(self.boundary),
            None if self.session is None else change(self.session),
            self.is_assuming,
            self.needs_resource_policy,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All statements about one action, by layer: the denies of every layer, and the allows of each. `boundary` and
    `session` are None where there is no such layer."""

    on_resource: Sequence[Entry]
    denies: Sequence[Entry]
    identity: Sequence[Entry]
    boundary: Sequence[Entry] | None
    session: Sequence[Entry] | None
    service_control: Sequence[Sequence[Entry]]

    @property
    def entries(self) -> Iterator[Entry]:
        """All of them: the resource's own, then denies, then the allows, layer by layer."""
        yield from self.on_resource
        for part in (self.denies, *self.service_control, self.identity, self.boundary, self.session):
            yield from part or ()

    @property
    def size(self) -> int:
        """How many there are, without the resource's own."""
        several = (self.denies, *self.service_control, self.identity, self.boundary, self.session)
        return sum(len(entries) for entries in several if entries is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """Every policy that bears on a caller and a resource. `session` is None without session policies, and limits to
    nothing when empty. `service_control` and `resource_control` have one list a level, the organization's root first;
    full access for resources is implied at every level. Keep one for a caller and use it again, by `with_resource` for
    each resource: what it finds by action is kept in it."""

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Sequence[Policy] | None = None
    resource: Policy | None = None
    service_control: Sequence[Sequence[Policy]] = ()
    resource_control: Sequence[Sequence[Policy]] = ()
    _plans: dict[str, Plan] = field(init=False, repr=False, compare=False, default_factory=dict)
    _own_plans: dict[str, Plan] = field(init=False, repr=False, compare=False, default_factory=dict)
    _own_entries: dict[tuple[PolicyKind, int | None, int], _Known] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _tests: dict[Standing, dict[str, Tests]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def with_resource(self, resource: Policy | None) -> Layers:
        """The same policies of the caller, before another resource's policy."""
        other = replace(self, resource=resource)
        object.__setattr__(other, "_own_plans", self._own_plans)
        object.__setattr__(other, "_own_entries", self._own_entries)
        return other

    def tests_of(self, standing: Standing) -> dict[str, Tests]:
        """The tests that were made for callers of a standing, by action as it was asked for."""
        found = self._tests.get(standing)
        if found is None:
            found = self._tests[standing] = {}
        return found

    def tests(self, action: str, standing: Standing) -> Tests:
        """The tests of a resource for callers of a standing and an action."""
        name = action.lower()
        plan = self.plan(name)
        limited = standing.obeys(PolicyKind.SERVICE_CONTROL)
        levels = [_limit(level) for level in plan.service_control] if limited else ()
        session = _limit(plan.session)
        if plan.session is None and standing is Standing.FEDERATED_USER:
            session = ()
        is_trust = self.resource is not None and self.resource.kind is PolicyKind.TRUST
        made = Tests(
            denies=_tests(entry for entry in (*plan.on_resource, *plan.denies) if _denies(entry, standing)),
            service_control=[level for level in levels if level is not None],
            grants=_tests(entry for entry in plan.on_resource if not entry.compiled.deny),
            identity=_tests(plan.identity),
            boundary=_limit(plan.boundary),
            session=session,
            is_assuming=name in _ASSUMING,
            # Trust and key policies must let the caller in, even within the account.
            needs_resource_policy=is_trust or (self.resource is not None and name.startswith("kms:")),
            is_open=any(entry.resources.whole is None for entry in plan.entries),
            free=all(entry.free and entry.resources.whole is not None for entry in plan.entries),
        )
        return keep(self.tests_of(standing), action, made)

    def plan(self, action: str) -> Plan:
        """What the policies say about an action, which is in lower case."""
        return _kept(self._plans, action, self._plan)

    def _plan(self, action: str) -> Plan:
        own, resource = _kept(self._own_plans, action, self._own_plan), self.resource
        if resource is None:
            return own
        on_resource = _entries(resource, resource.kind, action, {})
        return replace(own, on_resource=on_resource)

    def _own_plan(self, action: str) -> Plan:
        denies: list[Entry] = []

        def allows(policies: Sequence[Policy], kind: PolicyKind | None, level: int | None = None) -> Sequence[Entry]:
            found: list[Entry] = []
            for index, one in enumerate(policies):
                as_kind = kind or one.kind
                known = self._own_entries.setdefault((as_kind, level, index), {})
                found += _entries(one, as_kind, action, known, index, level)
            denies.extend(entry for entry in found if entry.compiled.deny)
            return [entry for entry in found if not entry.compiled.deny]

        service_control = [allows(p, PolicyKind.SERVICE_CONTROL, i) for i, p in enumerate(self.service_control)]
        for level, policies in enumerate(self.resource_control):
            allows(policies, PolicyKind.RESOURCE_CONTROL, level)
        identity = allows(self.identity, None)
        boundary = None if self.boundary is None else allows((self.boundary,), PolicyKind.PERMISSIONS_BOUNDARY)
        session = None if self.session is None else allows(self.session, PolicyKind.SESSION)
        return Plan(
            on_resource=(), denies=denies, identity=identity, boundary=boundary, session=session,
            service_control=service_control,
        )  # fmt: skip


def _kept(kept: dict[str, Plan], action: str, make: Callable[[str], Plan]) -> Plan:
    found = kept.get(action)
    return keep(kept, action, make(action)) if found is None else found


def keep(kept: dict[str, T], action: str, made: T) -> T:
    """Keep what was made for an action, in bounds."""
    if len(kept) >= min(_KEPT, max(_KEPT_AT_LEAST, _KEPT_STATEMENTS // max(1, made.size))):
        kept.clear()
    kept[action] = made
    return made


_Known = dict[int, Entry]
"""A policy's statements by their number: they are the same whatever the action."""


def _entries(
    policy: Policy, kind: PolicyKind, action: str, known: _Known, index: int = 0, level: int | None = None
) -> list[Entry]:
    """A policy's statements about an action: its denies, then its allows."""
    found = policy.policy.candidates(action)
    entries: list[Entry] = []
    for one in (*found.denies, *found.allows):
        entry = known.get(one.index)
        if entry is None:
            entry = known[one.index] = Entry(one, policy, kind, index, level)
        entries.append(entry)
    return entries


def _denies(entry: Entry, standing: Standing) -> bool:
    return entry.compiled.deny and standing.obeys(entry.match.kind)


def _limit(entries: Sequence[Entry] | None) -> Sequence[Test] | None:
    """The tests of a layer that limits, or None where it does not."""
    if entries is None or any(entry.free and entry.resources.whole is everything for entry in entries):
        return None
    return _tests(entries)


def _tests(entries: Iterable[Entry]) -> Sequence[Test]:
    found = [(entry.resources.whole, entry) for entry in entries]
    tests = [(whole or nothing, entry) for whole, entry in found]
    return _Open(tests) if any(whole is None for whole, _ in found) else tests
