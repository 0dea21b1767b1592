"""What a decision tells beside its deciding statements: which came close and by what they failed, and which context keys
were read and not there. Slow and plain: nothing here runs until somebody asks why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .document import Condition
from .plan import Entry
from .terms import GUARDRAILS, Lacking, Match, Outcome, PolicyKind

if TYPE_CHECKING:
    from .evaluate import Bound

Question = tuple["Bound", str, str, str]
"""A caller with its policies, an action, a resource, and the account that owns it."""

MOST_NEAR: Final = 10
_STRICTNESS: Final = (Outcome.ALLOWED, Outcome.IMPLICITLY_DENIED, Outcome.EXPLICITLY_DENIED)
WITHHELD: Final = frozenset({"sts:externalid"})
"""Keys whose values are secrets that two parties share, in lower case. INVARIANT: no reason tells a value."""
_KINDS: Final = {
    Lacking.IDENTITY: (PolicyKind.MANAGED, PolicyKind.INLINE),
    Lacking.BOUNDARY: (PolicyKind.PERMISSIONS_BOUNDARY,),
    Lacking.SESSION: (PolicyKind.SESSION,),
    Lacking.RESOURCE: (PolicyKind.RESOURCE,),
    Lacking.TRUST: (PolicyKind.TRUST,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """A condition that did not hold, as the policy has it: the request's own value is not told. `values` is None for a
    shared secret (sts:ExternalId). `is_missing` where the request had no such key."""

    operator: str
    key: str
    values: tuple[str, ...] | None
    is_missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A statement about the caller, the action and the resource that only its conditions kept from applying."""

    match: Match
    unmet: tuple[Unmet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What each kind of policy comes to by itself. `boundary` and `service_control` are None where none is in force;
    service control policies come to an allow where each level has one."""

    identity: Outcome
    resource: Outcome
    boundary: Outcome | None
    service_control: Outcome | None


def shares(question: Question) -> Shares:
    """How each kind of policy would decide the request alone."""
    bound, _, _, _ = question
    layers, found = bound.layers, list(_applying(question))

    def of(*kinds: PolicyKind, level: int | None = None) -> Outcome:
        effects = {match.effect for match in found if match.kind in kinds and match.level == level}
        if "Deny" in effects:
            return Outcome.EXPLICITLY_DENIED
        return Outcome.ALLOWED if "Allow" in effects else Outcome.IMPLICITLY_DENIED

    levels = layers.service_control if bound.standing.obeys(PolicyKind.SERVICE_CONTROL) else ()
    control = [of(PolicyKind.SERVICE_CONTROL, level=level) for level in range(len(levels))]
    return Shares(
        identity=of(PolicyKind.MANAGED, PolicyKind.INLINE),
        resource=of(PolicyKind.RESOURCE, PolicyKind.TRUST),
        boundary=None if layers.boundary is None else of(PolicyKind.PERMISSIONS_BOUNDARY),
        service_control=strictest(control) if control else None,
    )


def strictest(outcomes: Iterable[Outcome]) -> Outcome:
    """The one that leaves least: an explicit deny, else an implicit one."""
    return max(outcomes, key=_STRICTNESS.index)


def _applying(question: Question) -> Iterator[Match]:
    """The statements that apply to the request."""
    bound, action, resource, _ = question
    for entry in bound.entries(action):
        is_about = bound.names(entry) and entry.resources.bind(bound.facts)(resource)
        if is_about and all(holds(bound.facts) for holds in entry.compiled.conditions):
            yield entry.match


def missing_context(question: Question) -> tuple[str, ...]:
    """The context keys, as written and in order, that statements about the request read and did not find. A variable in
    a Resource counts whatever the resource, since it says which one the statement is about."""
    bound, action, resource, _ = question
    missing: dict[str, str] = {}
    for entry in bound.entries(action):
        compiled = entry.compiled
        if not _may_tell(entry, question) or not bound.names(entry):
            continue
        applies = entry.resources.bind(bound.facts)(resource)
        for key, name in (*compiled.resource_keys, *(compiled.keys if applies else ())):
            if bound.facts.get(key) is None:
                missing.setdefault(key, name)
    return tuple(sorted(missing.values()))


def reason(question: Question, outcome: Outcome, because: Sequence[Match], blocked: Lacking | None) -> str:
    """The decision in one sentence: by which statement, or for want of what."""
    action = question[1]
    if outcome is Outcome.IMPLICITLY_DENIED:
        lacking = f"no {blocked.value} allows" if blocked else "no policy can allow"
        return f"Denied: {lacking} {action}."
    if not because:
        return "Allowed: the account's root may do what nothing denies."
    more = f" and {len(because) - 1} more" if len(because) > 1 else ""
    return f"{'Allowed' if outcome is Outcome.ALLOWED else 'Denied'} by {because[0].named}{more}."


def near_misses(question: Question, outcome: Outcome, blocked: Lacking | None) -> tuple[NearMiss, ...]:
    """The statements that came close to another outcome: allows where none was found, denies of what is allowed. Those
    of the kind of policy that lacked an allow come first, then those that fewest conditions failed."""
    if outcome is Outcome.EXPLICITLY_DENIED or (outcome is Outcome.IMPLICITLY_DENIED and blocked is None):
        return ()
    wanted = "Deny" if outcome is Outcome.ALLOWED else "Allow"
    found = [near for near in _near(question) if near.match.effect == wanted]
    first = _KINDS.get(blocked, ()) if blocked else ()
    found.sort(key=lambda near: (near.match.kind not in first, len(near.unmet)))
    return tuple(found[:MOST_NEAR])


def _near(question: Question) -> Iterator[NearMiss]:
    bound, action, resource, _ = question
    for entry in bound.entries(action):
        if _may_tell(entry, question) and bound.names(entry) and entry.resources.bind(bound.facts)(resource):
            compiled = entry.compiled
            tests = zip(compiled.statement.conditions, compiled.conditions, strict=True)
            unmet = tuple(_unmet(condition, bound) for condition, holds in tests if not holds(bound.facts))
            if unmet:
                yield NearMiss(match=entry.match, unmet=unmet)


def _may_tell(entry: Entry, question: Question) -> bool:
    """Of a guardrail nothing is told. What a policy on the resource's side wants is told only within the account that owns
    it: to others, it would be a description of the key to the door. One that is attached to nothing came with the
    question, whose asker knows it."""
    bound, _, _, resource_account = question
    if entry.match.kind in GUARDRAILS:
        return False
    is_given = entry.policy.attached_to is None
    return not entry.resource_side or is_given or bound.principal.account == resource_account


def _unmet(condition: Condition, bound: Bound) -> Unmet:
    key = condition.key.lower()
    return Unmet(
        operator=condition.operator,
        key=condition.key,
        values=None if key in WITHHELD else condition.values,
        is_missing=bound.facts.get(key) is None,
    )
