"""The decision: which of the policies in force allows or denies a request, and why (IAM User Guide, "Policy evaluation
logic")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from .compile import Candidates, CompiledPolicy, CompiledStatement
from .document import Effect, Statement
from .principals import Named, Principal, PrincipalKind
from .variables import Facts

__all__ = [
    "Decision", "Lacking", "Layers", "Match", "Outcome", "Policy", "PolicyKind", "Principal", "PrincipalKind",
    "Request", "evaluate",
]  # fmt: skip

_CACHED_PLANS: Final = 1024


class PolicyKind(Enum):
    """What a policy is in force as."""

    MANAGED = "managed"
    INLINE = "inline"
    TRUST = "trust"
    RESOURCE = "resource"
    PERMISSIONS_BOUNDARY = "permissions boundary"
    SESSION = "session"
    SERVICE_CONTROL = "service control"
    RESOURCE_CONTROL = "resource control"


GUARDRAILS: Final = frozenset({PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL})
"""What an operator puts on an account. INVARIANT: a decision tells which of their statements decided, and nothing of what
they say: not the keys that they read, either."""


class Outcome(Enum):
    """The answer."""

    ALLOWED = "allowed"
    EXPLICITLY_DENIED = "explicitDeny"
    IMPLICITLY_DENIED = "implicitDeny"


class Lacking(Enum):
    """The kind of policy that had to allow an implicitly denied request and did not."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"
    SERVICE_CONTROL = "service control policy"
    RESOURCE_CONTROL = "resource control policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One document in force, and whose it is. `attached_to` is the unique id of the user, group or role. `bindings`,
    for trust policies, gives for each principal text in the document the unique id that it was bound to when saved;
    None compares principals by their text. Of a guardrail (service control, resource control) whom it limits is told its
    name and the statement's Sid, never what it says."""

    kind: PolicyKind
    policy: CompiledPolicy
    name: str | None = None
    arn: str | None = None
    policy_id: str | None = None
    version_id: str | None = None
    attached_to: str | None = None
    bindings: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks for what. `resource_account` owns the resource. `context` is complete: a key that is not there is absent
    from the request. A list is a key of several values."""

    principal: Principal
    action: str
    resource: str
    resource_account: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


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
    _plans: dict[str, _Plan] = field(init=False, repr=False, compare=False, default_factory=dict)

    def with_resource(self, resource: Policy | None) -> Layers:
        """The same policies of the caller, before another resource's policy."""
        other = replace(self, resource=resource)
        object.__setattr__(other, "_plans", self._plans)
        return other


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A statement that applies to the request. `index` is its policy's place in its layer, `statement_index` its own in
    the document, `level` the level of a control policy, 0 being the organization's root."""

    effect: Effect
    kind: PolicyKind
    policy: Policy
    statement: Statement
    index: int
    statement_index: int
    level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome and its reason. `because` has the deciding statements, the most decisive first: the denies of an
    explicit deny, the grants of an allowed request, none for an implicit deny, where `blocked` says which kind of
    policy lacked the allow (None: no policy can allow it). `missing_context` has the context keys, as written, that
    statements about this request read and did not find."""

    outcome: Outcome
    because: tuple[Match, ...] = ()
    missing_context: tuple[str, ...] = ()
    blocked: Lacking | None = None

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.outcome is Outcome.ALLOWED


class _Entry:
    """A statement about the action, and where it comes from."""

    __slots__ = ("compiled", "index", "kind", "level", "policy", "resource_side", "test")

    def __init__(
        self, compiled: CompiledStatement, policy: Policy, kind: PolicyKind, index: int, level: int | None
    ) -> None:
        self.compiled = compiled
        self.policy = policy
        self.kind = kind
        self.index = index
        self.level = level
        self.resource_side = kind in _RESOURCE_SIDE
        self.test = compiled.exact_resource if self.resource_side else compiled.resource

    def match(self) -> Match:
        statement = self.compiled.statement
        return Match(
            effect=statement.effect, kind=self.kind, policy=self.policy, statement=statement, index=self.index,
            statement_index=self.compiled.index, level=self.level,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """All statements about one action in the layers that come with the caller, denies of any layer together."""

    denies: tuple[_Entry, ...]
    identity: tuple[_Entry, ...]
    boundary: tuple[_Entry, ...]
    session: tuple[_Entry, ...]
    service_control: tuple[tuple[_Entry, ...], ...]


# These act in the account: the policies of an organization's member, its root included, are limited by SCPs.
_LIMITED_BY_SCP: Final = frozenset({
    PrincipalKind.USER, PrincipalKind.ROLE_SESSION, PrincipalKind.ROOT, PrincipalKind.FEDERATED_USER
})  # fmt: skip
_RESOURCE_SIDE: Final = (PolicyKind.RESOURCE, PolicyKind.TRUST, PolicyKind.RESOURCE_CONTROL)
_SELF: Final = int(Named.SELF)
_ASSUMING: Final = frozenset({"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"})


def evaluate(request: Request, layers: Layers) -> Decision:
    """Decide a request. Pure: the same arguments always give the same answer. For sts:AssumeRole and its like, give the
    role's trust policy as `layers.resource` with the kind TRUST: without it the answer is the identity side's only."""
    return _Evaluation(request, layers).decision()


def _plan(layers: Layers, action: str) -> _Plan:
    denies: list[_Entry] = []

    def allows(policies: Sequence[Policy], kind: PolicyKind | None, level: int | None = None) -> tuple[_Entry, ...]:
        found: list[_Entry] = []
        for index, policy in enumerate(policies):
            candidates: Candidates = policy.policy.candidates(action)
            for compiled in candidates.denies:
                denies.append(_Entry(compiled, policy, kind or policy.kind, index, level))
            for compiled in candidates.allows:
                found.append(_Entry(compiled, policy, kind or policy.kind, index, level))
        return tuple(found)

    scp = tuple(allows(p, PolicyKind.SERVICE_CONTROL, i) for i, p in enumerate(layers.service_control))
    for level, policies in enumerate(layers.resource_control):
        allows(policies, PolicyKind.RESOURCE_CONTROL, level)
    identity = allows(layers.identity, None)
    boundary = allows((layers.boundary,), PolicyKind.PERMISSIONS_BOUNDARY) if layers.boundary else ()
    session = allows(layers.session or (), PolicyKind.SESSION)
    return _Plan(
        denies=tuple(denies), identity=identity, boundary=boundary, session=session, service_control=scp
    )  # fmt: skip


class _Evaluation:
    """One request against its layers."""

    __slots__ = ("action", "facts", "layers", "missing", "plan", "request", "resource")

    def __init__(self, request: Request, layers: Layers) -> None:
        self.request = request
        self.resource = request.resource
        self.layers = layers
        self.action = request.action.lower()
        self.facts = Facts(request.context)
        self.missing: dict[str, str] = {}
        plans = layers._plans
        plan = plans.get(self.action)
        if plan is None:
            plan = _plan(layers, self.action)
            if len(plans) >= _CACHED_PLANS:
                plans.clear()
            plans[self.action] = plan
        self.plan = plan

    def decision(self) -> Decision:
        service_linked = self.request.principal.is_service_linked_role
        limited = not service_linked and self.request.principal.kind in _LIMITED_BY_SCP
        on_resource, grants = self.on_resource()
        in_force = [*on_resource, *(e for e in self.plan.denies if self.in_force(e, service_linked, limited))]
        denies = [entry.match() for entry in in_force if self.applies(entry)]
        if denies:
            return self.answer(Outcome.EXPLICITLY_DENIED, denies)
        if limited and not all(self.any(level) for level in self.plan.service_control):
            return self.denied(Lacking.SERVICE_CONTROL)
        return self.granted(grants)

    def on_resource(self) -> tuple[list[_Entry], list[_Entry]]:
        """What the resource's own policy denies and allows about the action."""
        policy = self.layers.resource
        if policy is None:
            return [], []
        found = policy.policy.candidates(self.action)
        denies, allows = (
            [_Entry(compiled, policy, policy.kind, 0, None) for compiled in statements]
            for statements in (found.denies, found.allows)
        )
        return denies, allows

    def in_force(self, entry: _Entry, service_linked: bool, limited: bool) -> bool:
        kind = entry.kind
        if kind is PolicyKind.SERVICE_CONTROL:
            return limited
        return kind is not PolicyKind.RESOURCE_CONTROL or not service_linked

    def granted(self, on_resource: Sequence[_Entry]) -> Decision:
        caller, request = self.request.principal, self.request
        named = [(entry, self.applies(entry)) for entry in on_resource]
        grants = [(entry.match(), closeness) for entry, closeness in named if closeness]
        lacking_resource = Lacking.TRUST if self.is_trust() else Lacking.RESOURCE
        if caller.account is None:
            # Services, identity providers and strangers have no policies of their own.
            return self.allowed([m for m, _ in grants]) if grants else self.denied(lacking_resource)
        is_root = caller.kind is PrincipalKind.ROOT
        if is_root and self.action in _ASSUMING:
            return self.denied(None)
        same_account = caller.account == request.resource_account
        if not grants and (not same_account or self.needs_resource_policy()):
            return self.denied(lacking_resource)
        if is_root:
            return self.allowed([m for m, _ in grants])
        return self.for_entity(grants, same_account)

    def for_entity(self, grants: Sequence[tuple[Match, int]], same_account: bool) -> Decision:
        """The decision for users, role sessions and federated users, once the resource side lets them in."""
        boundary = self.layers.boundary is None or self.any(self.plan.boundary)
        session = self.session_allows()
        own = [entry.match() for entry in self.plan.identity if self.applies(entry)]
        own_counts = bool(own) and boundary and session
        because: list[Match] = list(own) if own_counts else []
        direct = False
        for match, closeness in grants:
            # What the grant names says what it overrides: the caller itself, all; its role or user, the identity side.
            overrides = closeness == Named.SELF or (closeness == Named.ENTITY and boundary and session)
            direct = direct or (overrides and same_account)
            if (overrides and same_account) or own_counts:
                because.append(match)
        if direct or own_counts:
            return self.allowed(because)
        if not own and not any(same_account and closeness == Named.ENTITY for _, closeness in grants):
            return self.denied(Lacking.IDENTITY)
        return self.denied(Lacking.SESSION if boundary else Lacking.BOUNDARY)

    def session_allows(self) -> bool:
        """Without session policies a session has all its role's permissions, but a federated user has none (AWS STS API
        reference, GetFederationToken)."""
        if self.layers.session is None:
            return self.request.principal.kind is not PrincipalKind.FEDERATED_USER
        return self.any(self.plan.session)

    def is_trust(self) -> bool:
        resource = self.layers.resource
        return resource is not None and resource.kind is PolicyKind.TRUST

    def needs_resource_policy(self) -> bool:
        """Trust and key policies must let the caller in, even within the account."""
        return self.is_trust() or (self.layers.resource is not None and self.action.startswith("kms:"))

    def any(self, entries: Sequence[_Entry]) -> bool:
        return any(self.applies(entry) for entry in entries)

    def applies(self, entry: _Entry) -> int:
        """How closely the statement names the caller if all of it matches the request, else 0."""
        compiled, facts = entry.compiled, self.facts
        test = entry.test
        # The resource is looked at first: it costs least and rules out most.
        if test is not None:
            if compiled.resource_keys:
                self.note_missing(entry, compiled.resource_keys)
            if not test(self.resource, facts):
                return 0
        elif not entry.resource_side and not compiled.deny:
            # Only a resource's own policy may leave the resource out; elsewhere a grant of no resource grants nothing.
            return 0
        closeness = _SELF
        if compiled.principals is not None:
            closeness = self.closeness(entry)
        elif entry.resource_side and not compiled.deny:
            return 0
        if closeness and compiled.keys:
            self.note_missing(entry, compiled.keys)
            for condition in compiled.conditions:
                if not condition(facts):
                    return 0
        return closeness

    def closeness(self, entry: _Entry) -> int:
        compiled = entry.compiled
        principals, caller = compiled.principals, self.request.principal
        assert principals is not None
        if not compiled.not_principal:
            return principals.names(caller, entry.policy.bindings)
        if compiled.deny:
            # A caller with a permissions boundary is always hit, whoever is listed (IAM User Guide, "NotPrincipal").
            spared = self.layers.boundary is None and principals.spares(caller)
            return Named.NO if spared else Named.SELF
        return Named.NO if principals.names(caller, entry.policy.bindings) else Named.SELF

    def note_missing(self, entry: _Entry, keys: Sequence[tuple[str, str]]) -> None:
        if entry.kind in GUARDRAILS:
            return
        for key, name in keys:
            if self.facts.get(key) is None:
                self.missing.setdefault(key, name)

    def answer(self, outcome: Outcome, because: Sequence[Match], blocked: Lacking | None = None) -> Decision:
        missing = tuple(sorted(self.missing.values())) if self.missing else ()
        return Decision(outcome=outcome, because=tuple(because), missing_context=missing, blocked=blocked)

    def allowed(self, because: Sequence[Match]) -> Decision:
        return self.answer(Outcome.ALLOWED, because)

    def denied(self, lacking: Lacking | None) -> Decision:
        return self.answer(Outcome.IMPLICITLY_DENIED, (), lacking)
