"""Groups: create, read, list, rename and delete them, and say who is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..domain.entities import Group, IdentityKind, User
from ..domain.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    IamError,
    LimitExceeded,
    NoSuchEntity,
)
from ..domain.ids import IdPrefix
from ..domain.names import ArnText, GroupName, PathName, PathPrefix, UserName
from ..store.pages import Page
from .caller import Caller
from .changes import GONE, shown_group
from .conflicts import in_use
from .edges import paged, whole
from .listing import Listed, Marker, MaxItems, by_name
from .moving import needs_of_move, renamed
from .operation import Command, Need, Query, operation
from .quotas import ensure
from .targets import GROUP, USER, Listing, New
from .users import UniqueId
from .work import Work

LISTING = "groups"
MEMBERS = "group-members"
MEMBERSHIPS = "user-groups"
SHOWN_BLOCKERS = 100
"""How many of what blocks a deletion are told at most."""


@operation("iam:CreateGroup", on=New(kind="group", parameter="group_name"), raises=(EntityAlreadyExists, LimitExceeded))
class CreateGroup(Command[Group]):
    """Create a group: users in it get the permissions of its policies."""

    group_name: GroupName
    path: PathName = "/"

    moves_revision = False

    async def execute(self, work: Work, target: None, prepared: None) -> Group:
        account_id = work.caller.account_id
        ensure(await work.data.groups.count(account_id), "GroupsPerAccount", work.tools.quotas.groups_per_account)
        group = Group(
            id=work.tools.new_id(IdPrefix.GROUP),
            account_id=account_id,
            name=self.group_name,
            path=self.path,
            created_at=work.now,
        )
        await work.data.groups.add(group)
        return group


@operation("iam:GetGroup", on=GROUP, raises=(NoSuchEntity,))
class GetGroup(Query[Group]):
    """Read one group. Its members are a list of their own."""

    group_name: GroupName | None = None
    unique_id: UniqueId | None = None
    arn: ArnText | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetGroup, Group]]) -> Sequence[Group | IamError]:
        return [group for _, group in asks]


@operation("iam:ListGroups", on=Listing(kind="group"))
class ListGroups(Query[Listed[Group]]):
    """List the groups of the account, by name."""

    path_prefix: PathPrefix = "/"
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[ListGroups, None]]) -> Sequence[Listed[Group] | IamError]:
        return [await cls._page(work, query) for query, _ in asks]

    @staticmethod
    async def _page(work: Work, query: ListGroups) -> Listed[Group] | IamError:
        async def load(after: str | None) -> Page[Group]:
            return await work.data.groups.page(
                work.caller.account_id, path_prefix=query.path_prefix, after=after, limit=query.max_items
            )

        return await by_name(LISTING, query.marker, lambda group: group.name, load)


@operation("iam:UpdateGroup", on=GROUP, raises=(NoSuchEntity, EntityAlreadyExists))
class UpdateGroup(Command[Group]):
    """Rename a group, or move it to another path. Its id, members and policies stay; policies that name its old ARN as
    a resource do not follow."""

    group_name: GroupName
    new_group_name: GroupName | None = None
    new_path: PathName | None = None

    def needs(self, caller: Caller, target: Group | None) -> Sequence[Need]:
        return needs_of_move(
            self,
            caller,
            target,
            kind="group",
            name=self.group_name,
            new_name=self.new_group_name,
            new_path=self.new_path,
        )

    async def execute(self, work: Work, target: Group, prepared: None) -> Group:
        name = renamed("Group", target.name, self.new_group_name)
        await work.data.groups.rename(target.id, name=name, path=self.new_path or target.path)
        group = (await work.data.groups.by_ids([target.id]))[target.id]
        work.changed(shown_group(target), shown_group(group))
        return group


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedGroup:
    """The unique id of a group that is gone."""

    deleted_group_id: str


@operation("iam:DeleteGroup", on=GROUP, raises=(NoSuchEntity, DeleteConflict))
class DeleteGroup(Command[DeletedGroup]):
    """Delete a group that has no members and policies left."""

    group_name: GroupName

    async def execute(self, work: Work, target: Group, prepared: None) -> DeletedGroup:
        blocking = await _blocking(work, target)
        if blocking:
            raise in_use(blocking)
        await work.data.groups.delete(target.id)
        work.changed(shown_group(target), GONE)
        return DeletedGroup(deleted_group_id=target.id)


async def _blocking(work: Work, group: Group) -> list[object]:
    """What must go before the group can (IAM API Reference, DeleteGroup)."""
    data, ids = work.data, [group.id]
    members = (await data.memberships.members_of(ids, after=None, limit=SHOWN_BLOCKERS)).get(group.id)
    inline = await data.inline.of(IdentityKind.GROUP, ids)
    attached = await data.attachments.of(IdentityKind.GROUP, ids)
    return [
        *(members.items if members else ()),
        *inline.get(group.id, ()),
        *(item.policy for item in attached.get(group.id, ())),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAndUser:
    """A group, and a user that came into it or left it."""

    group: Group
    user: User


async def _user(work: Work, name: str) -> User:
    user = (await work.data.users.named(work.caller.account_id, [name])).get(name)
    if user is None:
        raise NoSuchEntity(f"The user with name {name} cannot be found.")
    return user


@operation("iam:AddUserToGroup", on=GROUP, raises=(NoSuchEntity, LimitExceeded))
class AddUserToGroup(Command[GroupAndUser]):
    """Put a user into a group. One that is in it already stays there."""

    group_name: GroupName
    user_name: UserName

    async def execute(self, work: Work, target: Group, prepared: None) -> GroupAndUser:
        user = await _user(work, self.user_name)
        groups = (await work.data.memberships.groups_of([user.id])).get(user.id, ())
        if all(group.id != target.id for group in groups):
            ensure(len(groups), "GroupsPerUser", work.tools.quotas.groups_per_user)
            await work.data.memberships.add(target.id, user.id, work.now)
            work.changed(GONE, {"member": user.arn})
        return GroupAndUser(group=target, user=user)


@operation("iam:RemoveUserFromGroup", on=GROUP, raises=(NoSuchEntity,))
class RemoveUserFromGroup(Command[GroupAndUser]):
    """Take a user out of a group."""

    group_name: GroupName
    user_name: UserName

    async def execute(self, work: Work, target: Group, prepared: None) -> GroupAndUser:
        user = await _user(work, self.user_name)
        if not await work.data.memberships.remove(target.id, user.id):
            raise NoSuchEntity(f"The user with name {user.name} is not in the group {target.name}.")
        work.changed({"member": user.arn}, GONE)
        return GroupAndUser(group=target, user=user)


@operation("iam:ListGroupsForUser", on=USER, raises=(NoSuchEntity,))
class ListGroupsForUser(Query[Listed[Group]]):
    """List the groups that a user is in, by name."""

    user_name: UserName | None = None
    unique_id: UniqueId | None = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListGroupsForUser, User]]
    ) -> Sequence[Listed[Group] | IamError]:
        return await whole(MEMBERSHIPS, asks, work.data.memberships.groups_of, lambda group: (group.name,), 1)


@operation("iam:GetGroup", on=GROUP, raises=(NoSuchEntity,))
class ListGroupMembers(Query[Listed[User]]):
    """List the users in a group, by name."""

    group_name: GroupName | None = None
    unique_id: UniqueId | None = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListGroupMembers, Group]]
    ) -> Sequence[Listed[User] | IamError]:
        async def load(ids: Sequence[str], after: tuple[str, ...] | None, limit: int) -> Mapping[str, Page[User]]:
            return await work.data.memberships.members_of(ids, after=after[0] if after else None, limit=limit)

        return await paged(MEMBERS, asks, load, lambda user: (user.name,), 1)
