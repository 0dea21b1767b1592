"""The decision: which of the policies in force allows or denies a request, and why (IAM User Guide, "Policy evaluation
logic")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .explain import NearMiss, Question, Shares, Unmet, missing_context, near_misses, reason, shares, strictest
from .plan import Entry, Layers, Standing, Test, Tests, keep
from .principals import Named, Principal, PrincipalKind
from .terms import GUARDRAILS, Lacking, Match, Outcome, Policy, PolicyKind, Request
from .variables import Facts, facts

__all__ = [
    "GUARDRAILS", "Bound", "Decision", "Lacking", "Layers", "Match", "NearMiss", "Outcome", "Policy", "PolicyKind",
    "Principal", "PrincipalKind", "Request", "Shares", "Unmet", "evaluate", "strictest",
]  # fmt: skip


_TESTS_AT_ONCE = 10_000


# Not frozen: this is made for every decision, and a frozen one takes longer to make than to come to.
@dataclass(slots=True, eq=False)
class Decision:
    """The outcome and its reason. `because` has the deciding statements, the most decisive first: the denies of an
    explicit deny, the grants of an allowed request, none for an implicit deny, where `blocked` says which kind of
    policy lacked the allow (None: no policy can allow it)."""

    outcome: Outcome
    because: tuple[Match, ...]
    blocked: Lacking | None
    _question: Question

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.outcome is Outcome.ALLOWED

    @property
    def reason(self) -> str:
        """The decision in one sentence, for a log."""
        return reason(self._question, self.outcome, self.because, self.blocked)

    @property
    def request(self) -> Request:
        """What was decided on."""
        bound, action, resource, resource_account = self._question
        return Request(
            principal=bound.principal,
            action=action,
            resource=resource,
            resource_account=resource_account,
            context=bound.context,
        )

    @property
    def missing_context(self) -> tuple[str, ...]:
        """The context keys, as written and in order, that statements about this request read and did not find."""
        return missing_context(self._question)

    @property
    def near(self) -> tuple[NearMiss, ...]:
        """The statements that only a condition kept from applying and that speak for another outcome, closest first, ten
        at most. Worked out when asked for."""
        return near_misses(self._question, self.outcome, self.blocked)

    @property
    def shares(self) -> Shares:
        """What each kind of policy comes to by itself. Worked out when asked for."""
        return shares(self._question)

    @property
    def is_cross_account(self) -> bool:
        """Whether the resource is of another account than who asks."""
        bound, _, _, resource_account = self._question
        return bound.principal.account != resource_account

    def on(self, resource: str) -> Decision:
        """The decision on another resource that the same statements are about."""
        bound, action, _, resource_account = self._question
        return Decision(self.outcome, self.because, self.blocked, (bound, action, resource, resource_account))


def evaluate(request: Request, layers: Layers) -> Decision:
    """Decide a request. Pure: the same arguments always give the same answer. For sts:AssumeRole and its like, give the
    role's trust policy as `layers.resource` with the kind TRUST: without it the answer is the identity side's only."""
    bound = Bound(request.principal, request.context, layers)
    return bound.decide(request.action, request.resource, request.resource_account)


class Bound:
    """The policies in force, bound to a caller and the context of its request, for any number of actions and resources:
    what a condition or a variable comes to is worked out once."""

    __slots__ = ("_applies", "_facts", "_made", "_settled", "_tests", "context", "layers", "principal", "standing")

    def __init__(self, principal: Principal, context: Mapping[str, str | Sequence[str]], layers: Layers) -> None:
        self.principal = principal
        self.layers = layers
        self.standing = Standing.of(principal)
        self.context = context
        self._facts: Facts | None = None
        self._made = layers.tests_of(self.standing)
        self._tests: dict[str, Tests] = {}
        self._settled: dict[str, Tests] = {}
        self._applies: dict[Entry, int] = {}

    @property
    def facts(self) -> Facts:
        """The context, ready to look up."""
        found = self._facts
        if found is None:
            found = self._facts = facts(self.context)
        return found

    def decide(self, action: str, resource: str, resource_account: str) -> Decision:
        """The decision on one action and resource, which `resource_account` owns. See `evaluate`."""
        tests = self._settled.get(action) or self._tests_of(action)
        question = (self, action, resource, resource_account)
        denies: tuple[Match, ...] = ()
        for test, entry in tests.denies:
            if test(resource) and (entry.free or self._closeness(entry)):
                denies = (*denies, entry.match)
        if denies:
            return Decision(Outcome.EXPLICITLY_DENIED, denies, None, question)
        for level in tests.service_control:
            if not self._any(level, resource):
                return Decision(Outcome.IMPLICITLY_DENIED, (), Lacking.SERVICE_CONTROL, question)
        because, blocked = self._granted(tests, resource, resource_account)
        if because is None:
            return Decision(Outcome.IMPLICITLY_DENIED, (), blocked, question)
        return Decision(Outcome.ALLOWED, because, None, question)

    def decide_alike(self, action: str, resources: Sequence[str], resource_account: str) -> list[Decision]:
        """For each resource the decision on one of them that the same statements are about: `Decision.on` makes it its
        own. Many resources take a fraction of what `decide` takes."""
        if len(resources) == 1:
            return [self.decide(action, resources[0], resource_account)]
        tests = self._settled_of(action).matchers
        # INVARIANT: a decision hangs on its resource by nothing but what the tests say of it.
        kinds = list(zip(*[map(test, resources) for test in tests], strict=True)) or [()] * len(resources)
        decided = {
            kind: self.decide(action, resource, resource_account)
            for kind, resource in dict(zip(kinds, resources, strict=True)).items()
        }
        return [decided[kind] for kind in kinds]

    def at_once(self, action: str) -> int:
        """How many resources `decide_alike` can take in about a millisecond."""
        return max(1, _TESTS_AT_ONCE // max(1, len(self._settled_of(action).matchers)))

    def _settled_of(self, action: str) -> Tests:
        while (found := self._settled.get(action)) is None:
            self._tests_of(action)
        return found

    def _tests_of(self, action: str) -> Tests:
        """The tests of an action. When it comes again, those are left out whose statement does not apply to this caller
        and context: worth it for the second resource, not for the first."""
        again = self._tests.get(action)
        if again is not None:
            return keep(self._settled, action, again.map(self._applying))
        found = self._made.get(action) or self.layers.tests(action, self.standing)
        if found.free:
            return keep(self._settled, action, found)
        return keep(self._tests, action, found.bind(self.facts) if found.is_open else found)

    def _applying(self, tests: Sequence[Test]) -> Sequence[Test]:
        return [(test, entry) for test, entry in tests if entry.free or self._closeness(entry)]

    def forget(self) -> None:
        """Let go of what only further decisions want: there may be a thousand of these, each kept by its decision."""
        self._tests, self._settled = {}, {}

    # ------------------------------------------------------------ what a statement comes to

    def entries(self, action: str) -> list[Entry]:
        """The statements about an action of every policy in force, those of the resource's own policy first."""
        found = self.layers.plan(action.lower()).entries
        return [entry for entry in found if self.standing.obeys(entry.match.kind)]

    def names(self, entry: Entry) -> int:
        """How closely a statement names the caller, 0 where it is about others: see `Named`."""
        compiled = entry.compiled
        principals, caller = compiled.principals, self.principal
        if principals is None:
            return 0 if entry.resource_side and not compiled.deny else Named.SELF
        if not compiled.not_principal:
            return principals.names(caller, entry.policy.bindings)
        if compiled.deny:
            # A caller with a permissions boundary is always hit, whoever is listed (IAM User Guide, "NotPrincipal").
            spared = self.layers.boundary is None and principals.spares(caller)
            return Named.NO if spared else Named.SELF
        return Named.NO if principals.names(caller, entry.policy.bindings) else Named.SELF

    def _closeness(self, entry: Entry) -> int:
        """How closely a statement names the caller if its conditions hold, else 0."""
        found = self._applies.get(entry)
        if found is None:
            found = self.names(entry)
            if found:
                for condition in entry.compiled.conditions:
                    if not condition(self.facts):
                        found = 0
                        break
            self._applies[entry] = found
        return found

    def _any(self, tests: Sequence[Test], resource: str) -> bool:
        return any(test(resource) and (entry.free or self._closeness(entry)) for test, entry in tests)

    # ------------------------------------------------------------ what allows

    def _granted(
        self, tests: Tests, resource: str, resource_account: str
    ) -> tuple[tuple[Match, ...] | None, Lacking | None]:
        """The statements that allow the request where nothing denies it, or what they lack."""
        caller = self.principal
        grants = self._grants(tests.grants, resource) if tests.grants else ()
        is_root = caller.kind is PrincipalKind.ROOT
        if is_root and tests.is_assuming:
            return None, None
        # Services, identity providers and strangers have no account, and no policies of their own.
        same_account = caller.account == resource_account and caller.account is not None
        if not grants and (not same_account or tests.needs_resource_policy):
            return None, self._resource_kind()
        if is_root or caller.account is None:
            return tuple(match for match, _ in grants), None
        return self._for_entity(tests, resource, grants, same_account)

    def _grants(self, tests: Sequence[Test], resource: str) -> Sequence[tuple[Match, int]]:
        """The resource's own allows, and how closely each names the caller."""
        found = [(entry.match, self._closeness(entry)) for test, entry in tests if test(resource)]
        return [(match, closeness) for match, closeness in found if closeness]

    def _for_entity(
        self, tests: Tests, resource: str, grants: Sequence[tuple[Match, int]], same_account: bool
    ) -> tuple[tuple[Match, ...] | None, Lacking | None]:
        """The same for users, role sessions and federated users, once the resource side lets them in."""
        own: tuple[Match, ...] = ()
        for test, entry in tests.identity:
            if test(resource) and (entry.free or self._closeness(entry)):
                own = (*own, entry.match)
        if not own and not grants:
            return None, Lacking.IDENTITY
        boundary = tests.boundary is None or self._any(tests.boundary, resource)
        session = tests.session is None or self._any(tests.session, resource)
        if own and boundary and session:
            return (*own, *(match for match, _ in grants)) if grants else own, None
        # What a grant names says what it overrides: the caller itself, all; its role or user, the identity side.
        enough = Named.ENTITY if boundary and session else Named.SELF
        direct = tuple([match for match, closeness in grants if same_account and closeness >= enough])
        if direct:
            return direct, None
        if not own and not any(same_account and closeness == Named.ENTITY for _, closeness in grants):
            return None, Lacking.IDENTITY
        return None, Lacking.SESSION if boundary else Lacking.BOUNDARY

    def _resource_kind(self) -> Lacking:
        resource = self.layers.resource
        return Lacking.TRUST if resource is not None and resource.kind is PolicyKind.TRUST else Lacking.RESOURCE
