"""What a principal can prove itself with: a password, access keys."""

from __future__ import annotations

import strawberry

from ....app.keys import GetAccessKeyLastUsed, ListAccessKeys
from ....app.login_profiles import GetLoginProfile
from ....domain import entities
from ....domain.errors import NoSuchEntity
from ..context import Info
from ..ids import node_id
from ..scalars import AccessKeyStatus, DateTime
from .base import Known, Principal


@strawberry.type(description="A user's password, without the password.")
class LoginProfile(Known):
    inner: strawberry.Private[entities.LoginProfile]
    is_whole: strawberry.Private[bool] = True

    @classmethod
    def of(cls, profile: entities.LoginProfile, is_whole: bool = True) -> LoginProfile:
        return cls(node_id=node_id("LoginProfile", profile.user_id), inner=profile, is_whole=is_whole)

    @classmethod
    def named(cls, profile: entities.LoginProfile) -> LoginProfile:
        return cls.of(profile, False)

    async def _whole(self, info: Info) -> entities.LoginProfile:
        if self.is_whole:
            return self.inner
        return await info.context.load(GetLoginProfile(unique_id=self.inner.user_id))

    @strawberry.field
    async def created_at(self, info: Info) -> DateTime | None:
        return DateTime((await self._whole(info)).created_at)

    @strawberry.field
    async def password_reset_required(self, info: Info) -> bool | None:
        return (await self._whole(info)).password_reset_required

    @strawberry.field(description="When it was last changed.")
    async def password_set_at(self, info: Info) -> DateTime | None:
        return DateTime((await self._whole(info)).password_set_at)

    @strawberry.field(
        description="From when on it is too old, by the account's password policy: to sign in it must then be changed or, "
        "with hard expiry, be set by somebody else. Null: it does not expire."
    )
    async def password_expires_at(self, info: Info) -> DateTime | None:
        expires_at = (await self._whole(info)).password_expires_at
        return DateTime(expires_at) if expires_at is not None else None


@strawberry.type(description="The newest use of an access key that is known: what the request was signed for.")
class AccessKeyUse:
    at: DateTime
    service: str
    region: str

    @classmethod
    def of(cls, use: entities.Use) -> AccessKeyUse:
        return cls(at=DateTime(use.at), service=use.service, region=use.region)


@strawberry.type(description="A long-term access key. Its secret was shown once, when it was made.")
class AccessKey(Known):
    access_key_id: str
    inner: strawberry.Private[entities.AccessKey]
    known_owner: strawberry.Private[Principal | None] = None
    is_whole: strawberry.Private[bool] = True

    @classmethod
    def of(cls, key: entities.AccessKey, owner: Principal | None = None) -> AccessKey:
        made = node_id("AccessKey", key.owner_id, key.id)
        return cls(node_id=made, access_key_id=key.id, inner=key, known_owner=owner)

    @classmethod
    def named(cls, key: entities.AccessKey) -> AccessKey:
        made = node_id("AccessKey", key.owner_id, key.id)
        return cls(node_id=made, access_key_id=key.id, inner=key, is_whole=False)

    async def _whole(self, info: Info) -> entities.AccessKey:
        return self.inner if self.is_whole else await read_key(info, self.inner.owner_id, self.inner.id)

    @strawberry.field
    async def status(self, info: Info) -> AccessKeyStatus | None:
        return AccessKeyStatus((await self._whole(info)).status.value)

    @strawberry.field
    async def created_at(self, info: Info) -> DateTime | None:
        return DateTime((await self._whole(info)).created_at)

    @strawberry.field(description="Null where it never was. The time is up to a minute behind.")
    async def last_used(self, info: Info) -> AccessKeyUse | None:
        found = await info.context.load(GetAccessKeyLastUsed(access_key_id=self.access_key_id))
        return AccessKeyUse.of(found.use) if found.use is not None else None

    @strawberry.field(description="A user, or the root.")
    async def owner(self, info: Info) -> Principal | None:
        from .principals import principal_by_id

        return self.known_owner or await principal_by_id(info, self.inner.owner_id)


async def read_key(info: Info, owner_id: str, key_id: str) -> entities.AccessKey:
    """The key of its owner, by ListAccessKeys. Raises NoSuchEntity."""
    is_root = owner_id == info.context.caller.account_id
    # Without a name the list is the caller's own: the root's only if the root asks.
    keys = await info.context.load(ListAccessKeys(unique_id=None if is_root else owner_id))
    for key in keys:
        if key.id == key_id and key.owner_id == owner_id:
            return key
    raise NoSuchEntity(f"The Access Key with id {key_id} cannot be found.")
