"""Users: create, read, list, rename, delete, tag, and bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from ..domain.entities import Account, IdentityKind, PrincipalType, Tag, User
from ..domain.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    IamError,
    InvalidInput,
    LimitExceeded,
    NoSuchEntity,
)
from ..domain.ids import IdPrefix
from ..domain.names import ArnText, Doc, PathName, PathPrefix, PolicyArn, UserName
from ..domain.tags import check_tag_keys, check_tags, with_tags, without_tags
from ..store.pages import Page
from ..store.session import StoreSession
from .boundaries import boundary_context, boundary_id, boundary_of
from .caller import Caller
from .changes import GONE, shown_user
from .conflicts import in_use
from .devices import devices_of
from .listing import Listed, Marker, MaxItems, by_name
from .moving import needs_of_move, renamed
from .operation import Command, Need, Place, Query, operation
from .quotas import ensure
from .tagging import TagKeys, Tags, pages_of_tags, request_tags
from .targets import USER, Entity, Listing, New
from .work import Work

UniqueId = Annotated[str, Doc("The entity's unique id, instead of its name.")]
LISTING = "users"
TAGS = "user-tags"
NO_USER = "Must specify userName when calling with non-User credentials"
"""What a role's session is told, which has no user of its own."""


@operation(
    "iam:CreateUser",
    on=New(kind="user", parameter="user_name"),
    raises=(EntityAlreadyExists, LimitExceeded, NoSuchEntity),
)
class CreateUser(Command[User]):
    """Create a user: somebody, or something, with credentials of its own."""

    user_name: UserName
    path: PathName = "/"
    permissions_boundary: PolicyArn | None = None
    tags: Tags = ()

    moves_revision = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        tagging = (self.need(caller, target, "iam:TagUser"),) if self.tags else ()
        return (self.need(caller, target), *tagging)

    def context(self, caller: Caller, target: None) -> Mapping[str, str | tuple[str, ...]]:
        return {**request_tags(self.tags), **boundary_context(self.permissions_boundary)}

    def validate(self) -> None:
        check_tags(self.tags)

    async def execute(self, work: Work, target: None, prepared: None) -> User:
        account_id = work.caller.account_id
        ensure(await work.data.users.count(account_id), "UsersPerAccount", work.tools.quotas.users_per_account)
        user = User(
            id=work.tools.new_id(IdPrefix.USER),
            account_id=account_id,
            name=self.user_name,
            path=self.path,
            created_at=work.now,
            boundary_id=await boundary_id(work, self.permissions_boundary),
            boundary_arn=self.permissions_boundary,
            tags=with_tags((), self.tags, limit=work.tools.quotas.tags_per_entity),
        )
        await work.data.users.add(user)
        return user


@dataclass(frozen=True, slots=True, kw_only=True)
class _UserOrRoot(Entity):
    """A user; where none is named the caller itself, which may be the root."""

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Any]:
        found = await Entity.load(self, caller, data, ops)
        return [caller.who.account if self._is_root(caller, op) else user for op, user in zip(ops, found, strict=True)]

    def _is_root(self, caller: Caller, op: Any) -> bool:
        return self._is_own(op) and caller.who.principal_type is PrincipalType.ROOT

    @staticmethod
    def _is_own(op: Any) -> bool:
        return op.user_name is None and op.unique_id is None and op.arn is None

    def place(self, caller: Caller, op: Any, entity: Any) -> Place:
        if self._is_own(op):
            arn = caller.who.principal_arn
            return Place(resource=arn, asked=arn, account_id=caller.account_id, tags=getattr(entity, "tags", ()))
        return Entity.place(self, caller, op, entity)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return None if self._is_own(op) else Entity.missing(self, caller, op)


USER_OR_ROOT = _UserOrRoot(kind=USER.kind, repository=USER.repository, know=USER.know, parameter=USER.parameter)


@operation("iam:GetUser", on=USER_OR_ROOT, raises=(NoSuchEntity,))
class GetUser(Query[User | Account]):
    """Read one user. Without a name: the caller itself, which may be the root."""

    user_name: UserName | None = None
    unique_id: UniqueId | None = None
    arn: ArnText | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetUser, User | Account | None]]
    ) -> Sequence[User | Account | IamError]:
        return [user or InvalidInput(NO_USER, field="userName") for _, user in asks]


@operation("iam:ListUsers", on=Listing(kind="user"))
class ListUsers(Query[Listed[User]]):
    """List the users of the account, by name."""

    path_prefix: PathPrefix = "/"
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[ListUsers, None]]) -> Sequence[Listed[User] | IamError]:
        return [await cls._page(work, query) for query, _ in asks]

    @staticmethod
    async def _page(work: Work, query: ListUsers) -> Listed[User] | IamError:
        async def load(after: str | None) -> Page[User]:
            return await work.data.users.page(
                work.caller.account_id, path_prefix=query.path_prefix, after=after, limit=query.max_items
            )

        return await by_name(LISTING, query.marker, lambda user: user.name, load)


@operation("iam:UpdateUser", on=USER, raises=(NoSuchEntity, EntityAlreadyExists))
class UpdateUser(Command[User]):
    """Rename a user, or move it to another path. Its id, keys, groups and policies stay; policies that name its old ARN
    as a resource do not follow."""

    user_name: UserName
    new_user_name: UserName | None = None
    new_path: PathName | None = None

    def needs(self, caller: Caller, target: User | None) -> Sequence[Need]:
        return needs_of_move(
            self,
            caller,
            target,
            kind="user",
            name=self.user_name,
            new_name=self.new_user_name,
            new_path=self.new_path,
        )

    async def execute(self, work: Work, target: User, prepared: None) -> User:
        name = renamed("User", target.name, self.new_user_name)
        await work.data.users.rename(target.id, name=name, path=self.new_path or target.path)
        return await _changed(work, target)


async def _changed(work: Work, before: User) -> User:
    """The user as the store has it now, the change noted."""
    user = (await work.data.users.by_ids([before.id]))[before.id]
    work.changed(shown_user(before), shown_user(user))
    return user


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedUser:
    """The unique id of a user that is gone."""

    deleted_user_id: str


@operation("iam:DeleteUser", on=USER, raises=(NoSuchEntity, DeleteConflict))
class DeleteUser(Command[DeletedUser]):
    """Delete a user that has no password, keys, MFA devices, groups and policies left."""

    user_name: UserName

    async def execute(self, work: Work, target: User, prepared: None) -> DeletedUser:
        blocking = await _blocking(work, target)
        if blocking:
            raise in_use(blocking)
        await work.data.users.delete(target.id)
        work.changed(shown_user(target), GONE)
        return DeletedUser(deleted_user_id=target.id)


async def _blocking(work: Work, user: User) -> list[object]:
    """What must go before the user can (IAM API Reference, DeleteUser)."""
    data, ids = work.data, [user.id]
    profiles = await data.login_profiles.of(ids)
    keys = await data.keys.of(ids)
    devices = await devices_of(data, ids)
    groups = await data.memberships.groups_of(ids)
    inline = await data.inline.of(IdentityKind.USER, ids)
    attached = await data.attachments.of(IdentityKind.USER, ids)
    return [
        *profiles.values(),
        *keys.get(user.id, ()),
        *devices.get(user.id, ()),
        *groups.get(user.id, ()),
        *inline.get(user.id, ()),
        *(item.policy for item in attached.get(user.id, ())),
    ]


@operation("iam:TagUser", on=USER, raises=(NoSuchEntity, LimitExceeded))
class TagUser(Command[User]):
    """Add tags to a user. A tag of the same key, whatever its case, is replaced."""

    user_name: UserName
    tags: Tags

    def context(self, caller: Caller, target: User | None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def execute(self, work: Work, target: User, prepared: None) -> User:
        tags = with_tags(target.tags, self.tags, limit=work.tools.quotas.tags_per_entity)
        await work.data.users.set_tags(target.id, tags)
        return await _changed(work, target)


@operation("iam:UntagUser", on=USER, raises=(NoSuchEntity,))
class UntagUser(Command[User]):
    """Remove the tags of the given keys from a user. A key that is not there is no error."""

    user_name: UserName
    tag_keys: TagKeys

    def context(self, caller: Caller, target: User | None) -> Mapping[str, str | tuple[str, ...]]:
        return {"aws:TagKeys": self.tag_keys}

    def validate(self) -> None:
        check_tag_keys(self.tag_keys)

    async def execute(self, work: Work, target: User, prepared: None) -> User:
        await work.data.users.set_tags(target.id, without_tags(target.tags, self.tag_keys))
        return await _changed(work, target)


@operation("iam:PutUserPermissionsBoundary", on=USER, raises=(NoSuchEntity,))
class PutUserPermissionsBoundary(Command[User]):
    """Bound what a user's policies can allow by a managed policy."""

    user_name: UserName
    permissions_boundary: PolicyArn

    def context(self, caller: Caller, target: User | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_context(self.permissions_boundary)

    async def execute(self, work: Work, target: User, prepared: None) -> User:
        await work.data.users.set_boundary(target.id, await boundary_id(work, self.permissions_boundary))
        return await _changed(work, target)


@operation("iam:DeleteUserPermissionsBoundary", on=USER, raises=(NoSuchEntity,))
class DeleteUserPermissionsBoundary(Command[User]):
    """Lift the permissions boundary of a user."""

    user_name: UserName

    def context(self, caller: Caller, target: User | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    async def execute(self, work: Work, target: User, prepared: None) -> User:
        if target.boundary_id is None:
            raise NoSuchEntity(f"The user with name {target.name} has no permissions boundary.")
        await work.data.users.set_boundary(target.id, None)
        return await _changed(work, target)


@operation("iam:ListUserTags", on=USER, raises=(NoSuchEntity,))
class ListUserTags(Query[Listed[Tag]]):
    """List the tags of a user, by key."""

    user_name: UserName
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[ListUserTags, User]]) -> Sequence[Listed[Tag] | IamError]:
        return pages_of_tags(TAGS, asks)
