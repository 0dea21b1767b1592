"""`Role`: an identity that trusted principals assume for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import UNSET

from ....app.instance_profiles import ListInstanceProfilesForRole
from ....app.roles import GetRole
from ....domain import entities
from ....domain.entities import IdentityKind
from ..context import Info
from ..scalars import ARN, Action, DateTime, PolicyDocument
from . import identity
from .base import ContextEntry, DecisionType, Entity, Principal, Ref, Seen, Tag, tags_of
from .connections import Connection, connect

if TYPE_CHECKING:
    from .instance_profile import InstanceProfile
    from .policy import InlinePolicy, ManagedPolicy, ManagedPolicyConnection
    from .session import Session

InlineType = Annotated["InlinePolicy", strawberry.lazy(".policy")]
InstanceProfileType = Annotated["InstanceProfile", strawberry.lazy(".instance_profile")]
PolicyType = Annotated["ManagedPolicy", strawberry.lazy(".policy")]
SessionType = Annotated["Session", strawberry.lazy(".session")]
PolicyConnectionType = Annotated["ManagedPolicyConnection", strawberry.lazy(".policy")]


@strawberry.type(description="An identity that trusted principals assume for a while. It has no long-term credentials.")
class Role(Entity, Principal):
    @classmethod
    def of(cls, role: entities.Role, seen: Seen = Seen.WHOLE) -> Role:
        return cls(ref=Ref("Role", role.id, role.arn, seen, role))

    @classmethod
    def listed(cls, role: entities.Role) -> Role:
        return cls.of(role, Seen.LISTED)

    @classmethod
    def named(cls, unique_id: str, arn: str, role: entities.Role | None = None) -> Role:
        return cls(ref=Ref("Role", unique_id, arn, Seen.NAMED, role))

    def reading(self) -> GetRole:
        return GetRole(unique_id=self.ref.unique_id)

    @strawberry.field
    def description(self, info: Info) -> str | None:
        return self.part(info, Seen.LISTED, lambda role: role.description)

    @strawberry.field
    def tags(self, info: Info) -> list[Tag] | None:
        return self.part(info, Seen.WHOLE, tags_of)

    @strawberry.field(
        description="Byte for byte as it was sent, but for principals that were renamed or deleted since."
    )
    def trust_policy(self, info: Info) -> PolicyDocument | None:
        return self.part(info, Seen.LISTED, lambda role: role.trust_policy)

    @strawberry.field
    def max_session_seconds(self, info: Info) -> int | None:
        return self.part(info, Seen.LISTED, lambda role: role.max_session_seconds)

    @strawberry.field(description="When a session of it last asked for anything. The time is up to a minute behind.")
    def last_used_at(self, info: Info) -> DateTime | None:
        return self.part(info, Seen.WHOLE, lambda role: role.last_used_at)

    @strawberry.field(description="The region of that request.")
    def last_used_region(self, info: Info) -> str | None:
        return self.part(info, Seen.WHOLE, lambda role: role.last_used_region)

    @strawberry.field
    def permissions_boundary(self, info: Info) -> PolicyType | None:
        from .policy import ManagedPolicy

        return self.part(info, Seen.WHOLE, ManagedPolicy.boundary_of)

    @strawberry.field
    async def attached_policies(self, info: Info, first: int, after: str | None = UNSET) -> PolicyConnectionType | None:
        return await identity.attached_policies(info, IdentityKind.ROLE, self.ref, first, after or None)

    @strawberry.field
    async def inline_policies(self, info: Info, first: int, after: str | None = UNSET) -> Connection[InlineType] | None:
        return await identity.inline_policies(info, IdentityKind.ROLE, self.ref, first, after or None)

    @strawberry.field(description="Those that hold the role, by name.")
    async def instance_profiles(
        self, info: Info, first: int, after: str | None = UNSET
    ) -> Connection[InstanceProfileType] | None:
        from .instance_profile import InstanceProfile

        query = ListInstanceProfilesForRole(unique_id=self.ref.unique_id, max_items=first, marker=after or None)
        return connect(await info.context.load(query, self.ref.entity), InstanceProfile.listed)

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
