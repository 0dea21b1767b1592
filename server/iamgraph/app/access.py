"""The policies that apply to a principal, compiled, and tagged with the revision of the account they were read at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..domain.entities import Account, Guardrail, GuardrailKind, PrincipalType, Session, SessionPolicies
from ..domain.policy.compile import compiled
from ..domain.policy.evaluate import Layers, Policy, PolicyKind
from ..store.access import PolicyRow
from ..store.session import StoreSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What decides for one principal, whatever it asks for. The engine's layers keep what they worked out for an action,
    so one set of them serves many requests."""

    layers: Layers = field(default_factory=Layers)


_UNGUARDED = Access()


class AccessCache:
    """Compiled policies by principal, session and account. INVARIANT: what is kept was read at or after the revision it is
    tagged with, so an entry whose tag is the account's revision now can't be stale."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._kept: OrderedDict[str, tuple[int, Access]] = OrderedDict()

    async def of_session(self, data: StoreSession, session: Session, account: Account, revision: int) -> Access:
        """What decides for a session: its principal's policies, narrowed by its own."""
        if session.policies == SessionPolicies() and not session.is_federated_user:
            return await self.of_principal(data, session.principal_type, session.principal_id, account, revision)
        kept = self._find(session.id, revision)
        if kept is None:
            whole = await self.of_principal(data, session.principal_type, session.principal_id, account, revision)
            narrow = await session_policies(data, session.policies, session.principal_id)
            kept = Access(layers=replace(whole.layers, session=narrow))
            if session.is_federated_user:
                kept = _of_federated_user(session, kept)
            self._keep(session.id, revision, kept)
        return kept

    async def of_principal(
        self, data: StoreSession, kind: PrincipalType, unique_id: str, account: Account, revision: int
    ) -> Access:
        """What decides for a user, a role or the root of an account, with no session policy."""
        if kind is PrincipalType.ROOT:
            return await self._of_account(data, account, revision)
        kept = self._find(unique_id, revision)
        if kept is None:
            rows = await data.access.policies_of(kind, unique_id)
            identity = tuple(_policy(row) for row in rows if row.layer == "identity")
            boundary = next((_policy(row) for row in rows if row.layer == "boundary"), None)
            guarded = await self._of_account(data, account, revision)
            kept = Access(layers=replace(guarded.layers, identity=identity, boundary=boundary))
            self._keep(unique_id, revision, kept)
        return kept

    async def of_group(self, data: StoreSession, group_id: str, account: Account, revision: int) -> Access:
        """What decides for a user by one group alone."""
        kept = self._find(group_id, revision)
        if kept is None:
            identity = tuple(_policy(row) for row in await data.access.policies_of_group(group_id))
            guarded = await self._of_account(data, account, revision)
            kept = Access(layers=replace(guarded.layers, identity=identity))
            self._keep(group_id, revision, kept)
        return kept

    async def _of_account(self, data: StoreSession, account: Account, revision: int) -> Access:
        """What decides for all in an account: its guardrails. The operator's own account has none."""
        if account.is_operator:
            return _UNGUARDED
        kept = self._find(account.id, revision)
        if kept is None:
            found = (await data.guardrails.binding([account.id]))[account.id]
            kept = Access(
                layers=Layers(
                    service_control=(_guards(found, GuardrailKind.SERVICE_CONTROL),),
                    resource_control=(_guards(found, GuardrailKind.RESOURCE_CONTROL),),
                )
            )
            self._keep(account.id, revision, kept)
        return kept

    def _find(self, key: str, revision: int) -> Access | None:
        kept = self._kept.get(key)
        if kept is None or kept[0] != revision:
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def _keep(self, key: str, revision: int, access: Access) -> None:
        self._kept[key] = (revision, access)
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


async def resource_control(data: StoreSession, account_ids: Sequence[str]) -> dict[str, tuple[Policy, ...]]:
    """The guardrails in force on the resources of each account."""
    found = await data.guardrails.binding(account_ids)
    return {account_id: _guards(guardrails, GuardrailKind.RESOURCE_CONTROL) for account_id, guardrails in found.items()}


def _guards(guardrails: Sequence[Guardrail], kind: GuardrailKind) -> tuple[Policy, ...]:
    """Those of the kind, as policies. Their ARNs are left out: they say whose the operator's account is."""
    return tuple(
        Policy(kind=_GUARDS[kind], policy=compiled(guardrail.document), name=guardrail.name, policy_id=guardrail.id)
        for guardrail in guardrails
        if guardrail.kind is kind
    )


_GUARDS = {
    GuardrailKind.SERVICE_CONTROL: PolicyKind.SERVICE_CONTROL,
    GuardrailKind.RESOURCE_CONTROL: PolicyKind.RESOURCE_CONTROL,
}


FEDERATED_USERS_LIMIT = """{
  "Version": "2012-10-17",
  "Statement": {
    "Sid": "FederationToken",
    "Effect": "Deny",
    "Action": [
      "iam:*",
      "sts:Assume*",
      "sts:DecodeAuthorizationMessage",
      "sts:GetAccessKeyInfo",
      "sts:GetFederationToken",
      "sts:GetServiceBearerToken",
      "sts:GetSessionToken",
      "sts:GetWebIdentityToken",
      "sts:Set*",
      "sts:Tag*"
    ],
    "Resource": "*"
  }
}"""
"""What no federated user may, whatever its session policies: IAM, and of STS anything but GetCallerIdentity and what is
exempt since (AWS STS API Reference, GetFederationToken). It denies, so that no resource's policy lets it either."""
_EVERYTHING = '{"Version":"2012-10-17","Statement":{"Sid":"Root","Effect":"Allow","Action":"*","Resource":"*"}}'


def _of_federated_user(session: Session, access: Access) -> Access:
    """What decides for a federated user: what decides for who made it, narrowed by its session policies and by AWS's own
    limit. Without session policies that leaves nothing. One that the root made may what the root may, which has no policy
    that would say so."""
    owner, layers = session.principal_id, access.layers
    limit = Policy(kind=PolicyKind.SESSION, policy=compiled(FEDERATED_USERS_LIMIT), attached_to=owner)
    identity = layers.identity
    if session.principal_type is PrincipalType.ROOT:
        identity = (Policy(kind=PolicyKind.INLINE, policy=compiled(_EVERYTHING), attached_to=owner),)
    return Access(layers=replace(layers, identity=identity, session=(*(layers.session or ()), limit)))


async def session_policies(data: StoreSession, policies: SessionPolicies, principal_id: str) -> tuple[Policy, ...]:
    """The policies that narrow a session: its inline document, and the managed policies in force now. A managed policy
    that was deleted since allows nothing."""
    found = await data.access.documents(policies.policy_ids) if policies.policy_ids else {}
    managed = tuple(_session_policy(row, principal_id) for row in _in_order(policies.policy_ids, found))
    if policies.document is None:
        return managed
    inline = Policy(kind=PolicyKind.SESSION, policy=compiled(policies.document), attached_to=principal_id)
    return (inline, *managed)


def _in_order(ids: Iterable[str], found: dict[str, PolicyRow]) -> Iterable[PolicyRow]:
    return (found[unique_id] for unique_id in ids if unique_id in found)


def _session_policy(row: PolicyRow, principal_id: str) -> Policy:
    return Policy(
        kind=PolicyKind.SESSION,
        policy=compiled(row.document),
        name=row.name,
        arn=row.arn,
        policy_id=row.policy_id,
        version_id=row.version_id,
        attached_to=principal_id,
    )


def _policy(row: PolicyRow) -> Policy:
    kind = PolicyKind.PERMISSIONS_BOUNDARY if row.layer == "boundary" else PolicyKind[row.kind]
    return Policy(
        kind=kind,
        policy=compiled(row.document),
        name=row.name,
        arn=row.arn,
        policy_id=row.policy_id,
        version_id=row.version_id,
        attached_to=row.attached_to,
    )
