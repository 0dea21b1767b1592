"""Makes reports of last accesses: of the services that policies allow somebody, who last asked for what, by our own
history (IAM User Guide, "Refine permissions using last accessed information")."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from ...domain.entities import Group, PolicyUsage, PrincipalType, Role, User
from ...domain.policy.compile import compiled
from ...domain.policy.grants import grants
from ...domain.policy.reference import Together
from ...domain.reports import Report
from ...domain.service_access import (
    TRACKED,
    Access,
    AccessedKind,
    Accessor,
    AccessReport,
    AccessRequest,
    ActionAccess,
    Granularity,
    ServiceAccess,
)
from ...reference.account import AccountReference
from ...store.access import PolicyRow
from ...store.session import StoreSession
from ..operation import OPERATIONS
from ..work import Tools

BATCH = 5000
"""How many events are looked at at once: others can read in between."""
PAGE = 500
_Last = dict[str, dict[str, Access]]
"""The last access to an action, by its name, and by whom."""


async def made(data: StoreSession, tools: Tools, report: Report) -> str:
    """The report as text. Of an entity that is gone it is empty: nothing is allowed it any more."""
    request = AccessRequest.of(report.parameters)
    accessors = {accessor.id: accessor for accessor in await _accessors(data, report.account_id, request)}
    last = await _last(data, report.account_id, accessors, tools.clock() - TRACKED)
    reference = Together((AccountReference(await data.services.all(report.account_id)), tools.reference))
    documents = [compiled(row.document) for row in await policies_of(data, request)]
    allowed = {one for one in reference.prefixes() if any(grants(document, one) for document in documents)}
    services = tuple(
        _service(prefix, reference.title(prefix) or prefix, last, request.granularity) for prefix in sorted(allowed)
    )
    return AccessReport(accessors=tuple(accessors.values()), services=services).text()


async def policies_of(data: StoreSession, request: AccessRequest) -> Sequence[PolicyRow]:
    """The permissions policies that an entity has or, if it is one, that policy."""
    if request.kind is AccessedKind.POLICY:
        return tuple((await data.access.documents([request.id])).values())
    if request.kind is AccessedKind.GROUP:
        return await data.access.policies_of_group(request.id)
    kind = PrincipalType.USER if request.kind is AccessedKind.USER else PrincipalType.ROLE
    return tuple(row for row in await data.access.policies_of(kind, request.id) if row.layer == "identity")


async def _accessors(data: StoreSession, account_id: str, request: AccessRequest) -> list[Accessor]:
    """The users and roles of the account that an entity's policies are for, by name."""
    if request.kind is AccessedKind.USER:
        users = await data.users.by_ids([request.id])
        return [_accessor(user) for user in users.values()]
    if request.kind is AccessedKind.ROLE:
        roles = await data.roles.by_ids([request.id])
        return [_accessor(role) for role in roles.values()]
    if request.kind is AccessedKind.GROUP:
        return await _members(data, request.id)
    found: dict[str, Accessor] = {}
    for target in await _attached_to(data, account_id, request.id):
        for one in await _members(data, target.id) if isinstance(target, Group) else [_accessor(target)]:
            found[one.id] = one
    return sorted(found.values(), key=lambda one: (one.name, one.id))


async def _members(data: StoreSession, group_id: str) -> list[Accessor]:
    members: list[Accessor] = []
    more = True
    while more:
        after = members[-1].name if members else None
        page = (await data.memberships.members_of([group_id], after=after, limit=PAGE)).get(group_id)
        members += [_accessor(user) for user in page.items] if page is not None else []
        more = page is not None and page.more
    return members


async def _attached_to(data: StoreSession, account_id: str, policy_id: str) -> list[User | Group | Role]:
    targets: list[User | Group | Role] = []
    more = True
    while more:
        after = (targets[-1].name, targets[-1].id) if targets else None
        pages = await data.attachments.targets(
            [policy_id], viewer=account_id, usage=PolicyUsage.PERMISSIONS_POLICY, after=after, limit=PAGE
        )
        page = pages.get(policy_id)
        targets += [attachment.target for attachment in page.items] if page is not None else []
        more = page is not None and page.more
    return targets


def _accessor(principal: User | Role) -> Accessor:
    return Accessor(
        type=PrincipalType.USER if isinstance(principal, User) else PrincipalType.ROLE,
        id=principal.id,
        arn=principal.arn,
        name=principal.name,
        path=principal.path,
    )


async def _last(data: StoreSession, account_id: str, accessors: Mapping[str, Accessor], since: datetime) -> _Last:
    """What each of them did last since then. The history is walked backwards, a batch at a time."""
    last: _Last = {}
    before: int | None = None
    while accessors and (acted := await data.events.last_actions(account_id, before=before, limit=BATCH)):
        for one in acted:
            accessor = accessors.get(one.principal_id or "")
            if accessor is not None and one.at >= since:
                known = last.setdefault(one.action, {})
                if one.principal_id not in known or known[accessor.id].at < one.at:
                    known[accessor.id] = Access(accessor=accessor, at=one.at)
        before = min(one.first for one in acted)
        if max(one.at for one in acted) < since:
            break
        await asyncio.sleep(0)
    return last


def _service(prefix: str, name: str, last: _Last, granularity: Granularity) -> ServiceAccess:
    newest: dict[str, Access] = {}
    for action, accesses in last.items():
        if action.partition(":")[0].lower() == prefix:
            for id, access in accesses.items():
                if id not in newest or newest[id].at < access.at:
                    newest[id] = access
    return ServiceAccess(
        namespace=prefix,
        name=name,
        accesses=tuple(sorted(newest.values(), key=lambda access: access.at, reverse=True)),
        actions=_actions(prefix, last) if granularity is Granularity.ACTION_LEVEL else (),
    )


def _actions(prefix: str, last: _Last) -> tuple[ActionAccess, ...]:
    """The actions of the service that this server performs, by name."""
    tracked = sorted({op.action for op in OPERATIONS.values() if op.action.partition(":")[0] == prefix})
    found = ((action, last.get(action, {}).values()) for action in tracked)
    return tuple(
        ActionAccess(name=action.partition(":")[2], last=max(accesses, key=lambda access: access.at, default=None))
        for action, accesses in found
    )
