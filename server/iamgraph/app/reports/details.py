"""All of an account at once, as those want it who look for what is wrong: who there is, and what allows them what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ...domain.entities import (
    Attached,
    Group,
    IdentityKind,
    InlinePolicy,
    InstanceProfile,
    ManagedPolicy,
    PolicyVersion,
    Role,
    User,
)
from ...domain.errors import IamError, InvalidInput
from ...domain.names import Count, Doc
from ...store.pages import Page, page_of
from ...store.policies import policy_key
from ..listing import Listed, Marker, MaxItems, listed, position
from ..operation import Query, operation
from ..policies import EntityFilter
from ..targets import EVERYTHING
from ..work import Work

LISTING = "authorization-details"
MOST_OF_SERVICE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """An entity, whole. `key` is where it stands in the list: kind by kind, each by name."""

    key: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDetail(Detail):
    user: User
    groups: tuple[Group, ...]
    inline: tuple[InlinePolicy, ...]
    attached: tuple[Attached, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDetail(Detail):
    group: Group
    inline: tuple[InlinePolicy, ...]
    attached: tuple[Attached, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleDetail(Detail):
    role: Role
    instance_profiles: tuple[InstanceProfile, ...]
    inline: tuple[InlinePolicy, ...]
    attached: tuple[Attached, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDetail(Detail):
    """`versions` are with their texts, newest first."""

    policy: ManagedPolicy
    versions: tuple[PolicyVersion, ...]


_ORDER = (
    EntityFilter.USER,
    EntityFilter.GROUP,
    EntityFilter.ROLE,
    EntityFilter.LOCAL_MANAGED_POLICY,
    EntityFilter.AWS_MANAGED_POLICY,
)


@operation("iam:GetAccountAuthorizationDetails", on=EVERYTHING)
class GetAccountAuthorizationDetails(Query[Listed[Detail]]):
    """Read the users, groups, roles and managed policies of the account, and the policies of the service's that it uses,
    with all that they are allowed by."""

    filter: Annotated[tuple[EntityFilter, ...], Count(5), Doc("Only entities of these kinds.")] = ()
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetAccountAuthorizationDetails, None]]
    ) -> Sequence[Listed[Detail] | IamError]:
        return [await cls._page(work, query) for query, _ in asks]

    @staticmethod
    async def _page(work: Work, query: GetAccountAuthorizationDetails) -> Listed[Detail] | IamError:
        kinds = [kind for kind in _ORDER if not query.filter or kind in query.filter]
        try:
            after = position(LISTING, query.marker, 2)
        except InvalidInput as error:
            return error
        names = [kind.value for kind in kinds]
        if after is not None and after[0] not in names:
            return InvalidInput("'marker' is not a cursor that this list gave", field="marker")
        start = names.index(after[0]) if after is not None else 0
        found: list[Detail] = []
        more = False
        for place, kind in enumerate(kinds[start:]):
            behind = after[1] if after is not None and place == 0 else None
            # Of none that are left room for, it is known at least whether there are any.
            page = await _of(work, kind, behind, query.max_items - len(found))
            found += page.items
            more = page.more
            if more:
                break
        return listed(LISTING, Page(items=tuple(found), more=more), lambda detail: detail.key, query.marker)


async def _of(work: Work, kind: EntityFilter, after: str | None, limit: int) -> Page[Detail]:
    """A page of the entities of one kind, behind a name. Each kind takes a number of statements that does not grow."""
    data, account_id = work.data, work.caller.account_id
    if kind is EntityFilter.USER:
        users = await data.users.page(account_id, after=after, limit=limit)
        return Page(items=await _users(work, users.items), more=users.more)
    if kind is EntityFilter.GROUP:
        groups = await data.groups.page(account_id, after=after, limit=limit)
        return Page(items=await _groups(work, groups.items), more=groups.more)
    if kind is EntityFilter.ROLE:
        roles = await data.roles.page(account_id, after=after, limit=limit)
        return Page(items=await _roles(work, roles.items), more=roles.more)
    if kind is EntityFilter.LOCAL_MANAGED_POLICY:
        policies = await data.policies.page(account_id, after=after, limit=limit)
        return Page(items=await _policies(work, kind, policies.items), more=policies.more)
    # The service owns few: those that the account uses are picked out of all.
    owned = await data.policies.page(account_id, own=False, service_owned=True, after=after, limit=MOST_OF_SERVICE)
    used = page_of([policy for policy in owned.items if policy.attachment_count or policy.boundary_count], limit)
    return Page(items=await _policies(work, kind, used.items), more=used.more)


async def _users(work: Work, users: Sequence[User]) -> tuple[Detail, ...]:
    ids = [user.id for user in users]
    groups = await work.data.memberships.groups_of(ids)
    inline = await work.data.inline.of(IdentityKind.USER, ids)
    attached = await work.data.attachments.of(IdentityKind.USER, ids)
    return tuple(
        UserDetail(
            key=(EntityFilter.USER.value, user.name),
            user=user,
            groups=groups[user.id],
            inline=inline[user.id],
            attached=attached[user.id],
        )
        for user in users
    )


async def _groups(work: Work, groups: Sequence[Group]) -> tuple[Detail, ...]:
    ids = [group.id for group in groups]
    inline = await work.data.inline.of(IdentityKind.GROUP, ids)
    attached = await work.data.attachments.of(IdentityKind.GROUP, ids)
    return tuple(
        GroupDetail(
            key=(EntityFilter.GROUP.value, group.name),
            group=group,
            inline=inline[group.id],
            attached=attached[group.id],
        )
        for group in groups
    )


async def _roles(work: Work, roles: Sequence[Role]) -> tuple[Detail, ...]:
    ids = [role.id for role in roles]
    most = work.tools.quotas.instance_profiles_per_account
    profiles = await work.data.instance_profiles.of_roles(ids, after=None, limit=most)
    inline = await work.data.inline.of(IdentityKind.ROLE, ids)
    attached = await work.data.attachments.of(IdentityKind.ROLE, ids)
    return tuple(
        RoleDetail(
            key=(EntityFilter.ROLE.value, role.name),
            role=role,
            instance_profiles=profiles[role.id].items,
            inline=inline[role.id],
            attached=attached[role.id],
        )
        for role in roles
    )


async def _policies(work: Work, kind: EntityFilter, policies: Sequence[ManagedPolicy]) -> tuple[Detail, ...]:
    versions = await work.data.policies.versions([policy.id for policy in policies])
    pairs = [(version.policy_id, version.version_id) for several in versions.values() for version in several]
    whole = await work.data.policies.version(pairs)
    return tuple(
        PolicyDetail(
            key=(kind.value, policy_key(policy)),
            policy=policy,
            versions=tuple(whole[policy.id, version.version_id] for version in versions[policy.id]),
        )
        for policy in policies
    )
