"""`User`: somebody, or something, with credentials of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import UNSET

from ....app.groups import ListGroupsForUser
from ....app.keys import KeyOwner, ListAccessKeys
from ....app.login_profiles import GetLoginProfile
from ....app.mfa_devices import ListMFADevices
from ....app.users import GetUser
from ....domain import entities
from ....domain.entities import IdentityKind
from ..context import Info
from ..scalars import ARN, Action, DateTime
from . import identity
from .base import ContextEntry, DecisionType, Entity, Principal, Ref, Seen, Tag, tags_of
from .connections import Connection, connect
from .credentials import AccessKey, LoginProfile
from .mfa_device import MfaDevice, mfa_device

if TYPE_CHECKING:
    from .group import Group
    from .policy import InlinePolicy, ManagedPolicy, ManagedPolicyConnection
    from .session import Session

GroupType = Annotated["Group", strawberry.lazy(".group")]
InlineType = Annotated["InlinePolicy", strawberry.lazy(".policy")]
PolicyType = Annotated["ManagedPolicy", strawberry.lazy(".policy")]
SessionType = Annotated["Session", strawberry.lazy(".session")]
PolicyConnectionType = Annotated["ManagedPolicyConnection", strawberry.lazy(".policy")]


@strawberry.type(description="Somebody, or something, with credentials of its own.")
class User(Entity, Principal):
    @classmethod
    def of(cls, user: entities.User, seen: Seen = Seen.WHOLE) -> User:
        return cls(ref=Ref("User", user.id, user.arn, seen, user))

    @classmethod
    def listed(cls, user: entities.User) -> User:
        return cls.of(user, Seen.LISTED)

    @classmethod
    def named(cls, unique_id: str, arn: str, user: entities.User | None = None) -> User:
        return cls(ref=Ref("User", unique_id, arn, Seen.NAMED, user))

    def reading(self) -> GetUser:
        return GetUser(unique_id=self.ref.unique_id)

    @strawberry.field
    def password_last_used_at(self, info: Info) -> DateTime | None:
        return self.part(info, Seen.LISTED, lambda user: user.password_last_used_at)

    @strawberry.field
    async def login_profile(self, info: Info) -> LoginProfile | None:
        found = await info.context.find(GetLoginProfile(unique_id=self.ref.unique_id), self.ref.entity)
        return LoginProfile.of(found) if found else None

    @strawberry.field
    def tags(self, info: Info) -> list[Tag] | None:
        return self.part(info, Seen.WHOLE, tags_of)

    @strawberry.field
    def permissions_boundary(self, info: Info) -> PolicyType | None:
        from .policy import ManagedPolicy

        return self.part(info, Seen.WHOLE, ManagedPolicy.boundary_of)

    @strawberry.field
    async def groups(self, info: Info, first: int, after: str | None = UNSET) -> Connection[GroupType] | None:
        from .group import Group

        query = ListGroupsForUser(unique_id=self.ref.unique_id, max_items=first, marker=after or None)
        return connect(await info.context.load(query, self.ref.entity), Group.listed)

    @strawberry.field
    async def attached_policies(self, info: Info, first: int, after: str | None = UNSET) -> PolicyConnectionType | None:
        return await identity.attached_policies(info, IdentityKind.USER, self.ref, first, after or None)

    @strawberry.field
    async def inline_policies(self, info: Info, first: int, after: str | None = UNSET) -> Connection[InlineType] | None:
        return await identity.inline_policies(info, IdentityKind.USER, self.ref, first, after or None)

    @strawberry.field(description="At most two.")
    async def access_keys(self, info: Info) -> list[AccessKey] | None:
        user = self.ref.entity
        owner = KeyOwner(id=user.id, user=user) if user else None
        keys = await info.context.load(ListAccessKeys(unique_id=self.ref.unique_id), owner)
        return [AccessKey.of(key, self) for key in keys]

    @strawberry.field(description="At most eight.")
    async def mfa_devices(self, info: Info) -> list[MfaDevice] | None:
        user = self.ref.entity
        owner = KeyOwner(id=user.id, user=user) if user else None
        found = await info.context.load(ListMFADevices(unique_id=self.ref.unique_id), owner)
        return [mfa_device(device) for device in found.items]

    @strawberry.field(description="The live ones, newest first.")
    async def sessions(self, info: Info, first: int, after: str | None = UNSET) -> Connection[SessionType] | None:
        return await identity.sessions_of(info, self.ref, first, after or None)

    @strawberry.field(description="Whether policy allows this principal to act, evaluated now.")
    async def can(
        self,
        info: Info,
        action: Action,
        resource: ARN,
        context: list[ContextEntry] = (),  # type: ignore[assignment]
    ) -> DecisionType | None:
        return await identity.can(info, self.ref.arn, self.ref.entity, action, resource, context)
