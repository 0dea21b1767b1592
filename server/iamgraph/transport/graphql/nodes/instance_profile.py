"""`InstanceProfile`: what hands a role to the applications of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import UNSET

from ....app.agents import ListAgents
from ....app.instance_profiles import GetInstanceProfile
from ....domain import entities
from ..context import Info
from .agent import Agent
from .base import Entity, Ref, Resource, Seen, Tag, tags_of
from .connections import Connection, connect

if TYPE_CHECKING:
    from .role import Role

RoleType = Annotated["Role", strawberry.lazy(".role")]


@strawberry.type(description="What hands a role to the applications of a machine.")
class InstanceProfile(Entity, Resource):
    @classmethod
    def of(cls, profile: entities.InstanceProfile, seen: Seen = Seen.WHOLE) -> InstanceProfile:
        return cls(ref=Ref("InstanceProfile", profile.id, profile.arn, seen, profile))

    @classmethod
    def listed(cls, profile: entities.InstanceProfile) -> InstanceProfile:
        return cls.of(profile, Seen.LISTED)

    @classmethod
    def named(cls, profile: entities.InstanceProfile) -> InstanceProfile:
        return cls.of(profile, Seen.NAMED)

    def reading(self) -> GetInstanceProfile:
        return GetInstanceProfile(unique_id=self.ref.unique_id)

    @strawberry.field(description="The one that it holds, if any. More than its name takes `iam:GetRole`.")
    def role(self, info: Info) -> RoleType | None:
        return self.part(info, Seen.LISTED, _role_of)

    @strawberry.field(description="Those that get credentials of its role, by id; those that have yet to enrol, too.")
    async def agents(self, info: Info, first: int, after: str | None = UNSET) -> Connection[Agent] | None:
        query = ListAgents(unique_id=self.ref.unique_id, max_items=first, marker=after or None)
        return connect(await info.context.load(query, self.ref.entity), Agent.of)

    @strawberry.field
    def tags(self, info: Info) -> list[Tag] | None:
        return self.part(info, Seen.WHOLE, tags_of)


def _role_of(profile: entities.InstanceProfile) -> Role | None:
    from .role import Role

    role = profile.role
    return Role.named(role.id, role.arn, role) if role is not None else None
