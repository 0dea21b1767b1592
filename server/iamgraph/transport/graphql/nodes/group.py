"""`Group`: users that share permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import UNSET

from ....app.groups import GetGroup, ListGroupMembers
from ....domain import entities
from ....domain.entities import IdentityKind
from ..context import Info
from . import identity
from .base import Entity, Ref, Resource, Seen
from .connections import Connection, connect

if TYPE_CHECKING:
    from .policy import InlinePolicy, ManagedPolicyConnection
    from .user import User

UserType = Annotated["User", strawberry.lazy(".user")]
InlineType = Annotated["InlinePolicy", strawberry.lazy(".policy")]
PolicyConnectionType = Annotated["ManagedPolicyConnection", strawberry.lazy(".policy")]


@strawberry.type(description="Users that share permissions. It is no principal: it can't ask for anything itself.")
class Group(Entity, Resource):
    @classmethod
    def of(cls, group: entities.Group, seen: Seen = Seen.WHOLE) -> Group:
        return cls(ref=Ref("Group", group.id, group.arn, seen, group))

    @classmethod
    def listed(cls, group: entities.Group) -> Group:
        return cls.of(group, Seen.LISTED)

    @classmethod
    def named(cls, unique_id: str, arn: str, group: entities.Group | None = None) -> Group:
        return cls(ref=Ref("Group", unique_id, arn, Seen.NAMED, group))

    def reading(self) -> GetGroup:
        return GetGroup(unique_id=self.ref.unique_id)

    @strawberry.field
    async def members(self, info: Info, first: int, after: str | None = UNSET) -> Connection[UserType] | None:
        from .user import User

        query = ListGroupMembers(unique_id=self.ref.unique_id, max_items=first, marker=after or None)
        return connect(await info.context.load(query, self.ref.entity), User.listed)

    @strawberry.field
    async def attached_policies(self, info: Info, first: int, after: str | None = UNSET) -> PolicyConnectionType | None:
        return await identity.attached_policies(info, IdentityKind.GROUP, self.ref, first, after or None)

    @strawberry.field
    async def inline_policies(self, info: Info, first: int, after: str | None = UNSET) -> Connection[InlineType] | None:
        return await identity.inline_policies(info, IdentityKind.GROUP, self.ref, first, after or None)
