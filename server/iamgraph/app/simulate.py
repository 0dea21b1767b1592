"""Asking what a principal may do, without doing it: the same engine, the same reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from ..domain.arn import parse_arn
from ..domain.entities import Account, PrincipalType, Role, User
from ..domain.errors import IamError, InvalidInput, NoSuchEntity
from ..domain.names import Count, Doc, Match
from ..domain.policy.evaluate import Decision, Principal
from .access import AccessCache
from .caller import principal_context, principal_of, request_context
from .decide import decide
from .operation import Need, Query, operation
from .sessions import HOLDER
from .work import Work

_TRUSTED = frozenset({"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"})
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
Context = tuple[tuple[str, tuple[str, ...]], ...]


@operation("iam:SimulatePrincipalPolicy", on=HOLDER, raises=(NoSuchEntity,))
class SimulatePrincipalPolicy(Query[Decision]):
    """Say whether policy allows a user, a role or the root an action on a resource, now, and why."""

    principal_id: Annotated[str, Doc("The principal's unique id; the account's id for the root.")]
    action_name: Annotated[str, Match(r".+", 3, 128), Doc("One action, such as `iam:CreateRole`.")]
    resource_arn: Annotated[str, Match(r"[^\x00-\x1f\x7f]+", 1, 2048), Doc("A resource's ARN, or `*`.")]
    context_entries: Annotated[Context, Count(100), Doc("Context keys of the request, with their values.")] = ()

    def validate(self) -> None:
        if not _ACTION.fullmatch(self.action_name):
            raise InvalidInput(f"{self.action_name!r} is not one action, such as iam:CreateRole", field="action")

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[SimulatePrincipalPolicy, Any]]
    ) -> Sequence[Decision | IamError]:
        roles = await _trusted_roles(work, [query for query, _ in asks])
        cache = AccessCache()
        return [await _decision(work, cache, query, entity, roles) for query, entity in asks]


async def _trusted_roles(work: Work, queries: Sequence[SimulatePrincipalPolicy]) -> Mapping[str, Role]:
    """The roles of the caller's account, by ARN, that the queries would assume."""
    asked = [parse_arn(q.resource_arn) for q in queries if q.action_name.lower() in _TRUSTED]
    own = work.caller.account_id
    names = {arn.name for arn in asked if arn and arn.kind == "role" and arn.account_id == own}
    found = await work.data.roles.named(own, sorted(names)) if names else {}
    return {role.arn: role for role in found.values()}


async def _decision(
    work: Work,
    cache: AccessCache,
    query: SimulatePrincipalPolicy,
    entity: User | Role | Account,
    roles: Mapping[str, Role],
) -> Decision:
    kind, principal, context = _as_caller(work, entity)
    # The policies are read now, whatever revision they have: the cache only keeps this batch from reading them twice.
    access = await cache.of_principal(work.data, kind, query.principal_id, work.caller.who.account, 0)
    need = Need(
        action=query.action_name,
        resource=query.resource_arn,
        asked=query.resource_arn,
        account_id=_account_of(query.resource_arn) or work.caller.account_id,
        # One value is a key of one value, which is the same to operators on sets.
        context={key: values[0] if len(values) == 1 else values for key, values in query.context_entries},
        trust=roles.get(query.resource_arn),
        is_trust_decision=query.action_name.lower() in _TRUSTED,
    )
    return decide(principal, access, context, need)


def _as_caller(
    work: Work, entity: User | Role | Account
) -> tuple[PrincipalType, Principal, Mapping[str, str | tuple[str, ...]]]:
    """The principal as it would ask: a role through a session named `simulation`."""
    account_id = work.caller.account_id
    kind = {Account: PrincipalType.ROOT, User: PrincipalType.USER, Role: PrincipalType.ROLE}[type(entity)]
    arn, unique_id = entity.arn, entity.id
    name, tags = ("root", ()) if isinstance(entity, Account) else (entity.name, entity.tags)
    session = "simulation" if kind is PrincipalType.ROLE else None
    own = f"arn:aws:sts::{account_id}:assumed-role/{name}/{session}" if session else arn
    principal = principal_of(kind, account_id=account_id, arn=own, principal_arn=arn, principal_id=unique_id)
    context = principal_context(
        kind,
        account_id=account_id,
        principal_arn=arn,
        principal_id=unique_id,
        name=name,
        session_name=session,
        tags=tags,
    )
    now = request_context(work.caller.origin, work.now)
    time = {key: now[key] for key in ("aws:CurrentTime", "aws:EpochTime")}
    return kind, principal, {**time, **context}


def _account_of(arn: str) -> str | None:
    """The account that an ARN of any service names, if it names one."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and re.fullmatch(r"\d{12}", parts[4], re.ASCII) else None
