"""Asking the policy engine, and saying why the answer was no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..domain.entities import Role
from ..domain.errors import AccessDenied
from ..domain.policy.compile import compiled
from ..domain.policy.evaluate import Bound, Decision, Lacking, Outcome, Policy, PolicyKind, Principal
from .access import Access
from .operation import Need

Context = Mapping[str, str | tuple[str, ...]]

_BOUNDS = 256
_NOBODY = Policy(
    kind=PolicyKind.TRUST,
    policy=compiled(
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"nobody.invalid"},'
        '"Action":"sts:AssumeRole"}]}'
    ),
    bindings={},
)
"""The trust policy of a role that does not exist: so it answers like one that trusts somebody else."""

_KINDS = {
    PolicyKind.MANAGED: "an identity-based policy",
    PolicyKind.INLINE: "an identity-based policy",
    PolicyKind.TRUST: "the role trust policy",
    PolicyKind.RESOURCE: "a resource-based policy",
    PolicyKind.PERMISSIONS_BOUNDARY: "a permissions boundary",
    PolicyKind.SESSION: "a session policy",
    PolicyKind.SERVICE_CONTROL: "a service control policy",
    PolicyKind.RESOURCE_CONTROL: "a resource control policy",
}
"""How AWS calls what denied (IAM User Guide, "Troubleshoot access denied error messages")."""
_ROOT_ASSUMES = "Roles may not be assumed by root accounts."
"""What AWS STS says where no policy can allow it."""


class Asker(Protocol):
    """Whose needs are decided: a caller, or a subject that somebody asks about."""

    @property
    def principal(self) -> Principal: ...
    @property
    def access(self) -> Access | None: ...
    @property
    def context(self) -> Context: ...
    @property
    def bounds(self) -> dict[object, Bound]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A principal that somebody asks about, with the context keys that its requests would carry. `bounds` keeps the
    policies as they are bound to the context of what is asked."""

    principal: Principal
    access: Access
    context: Context
    bounds: dict[object, Bound] = field(init=False, repr=False, compare=False, default_factory=dict)


def _bound(principal: Principal, access: Access, context: Context, need: Need) -> Bound:
    layers = access.layers
    if need.account_id != principal.account and (layers.resource_control or need.resource_control):
        # A resource is guarded by its own account's guardrails.
        layers = replace(layers, resource_control=(need.resource_control,))
    if need.resource_policy is not None:
        layers = layers.with_resource(need.resource_policy)
    elif need.is_trust_decision:
        layers = layers.with_resource(_NOBODY if need.trust is None else _trust(need.trust))
    return Bound(principal, {**context, **need.context}, layers)


def _trust(role: Role) -> Policy:
    return Policy(
        kind=PolicyKind.TRUST,
        policy=compiled(role.trust_policy),
        arn=role.arn,
        attached_to=role.id,
        bindings=role.bindings,
    )


def allows(asker: Asker, need: Need) -> Decision:
    """The engine's answer to one need."""
    return bound(asker, need).decide(need.action, need.resource, need.account_id)


def bound(asker: Asker, need: Need) -> Bound:
    """What answers a need. What the nodes of a page need differs in the resource alone, most often: their policies are
    bound once."""
    assert asker.access is not None
    if need.is_trust_decision or need.resource_policy is not None or need.account_id != asker.principal.account:
        return _bound(asker.principal, asker.access, asker.context, need)
    key = tuple(need.context.items())
    found = asker.bounds.get(key)
    if found is None:
        if len(asker.bounds) >= _BOUNDS:
            asker.bounds.clear()
        found = asker.bounds[key] = _bound(asker.principal, asker.access, asker.context, need)
    return found


def is_refused(need: Need, decision: Decision) -> bool:
    if need.is_granted:
        return decision.outcome is Outcome.EXPLICITLY_DENIED or decision.blocked is Lacking.SERVICE_CONTROL
    return decision.outcome is not Outcome.ALLOWED


def denied(asker: Asker, need: Need, decision: Decision, resource: str) -> AccessDenied:
    """The refusal, in AWS's words: who, what, on what, and which kind of policy decided."""
    who = asker.principal.arn or asker.principal.service or "anonymous"
    text = refusal_text(f"User: {who}", replace(need, resource=resource), decision)
    return AccessDenied(text, action=need.action, resource=resource, decision=decision)


def refusal_text(who: str, need: Need, decision: Decision) -> str:
    """The same, as one sentence that begins with who that is."""
    text = f"{who} is not authorized to perform: {need.action} on resource: {need.resource} "
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        return text + f"with an explicit deny in {_KINDS[decision.because[0].kind]}"
    if decision.blocked is not None:
        return text + f"because no {decision.blocked.value} allows the {need.action} action"
    return _ROOT_ASSUMES
