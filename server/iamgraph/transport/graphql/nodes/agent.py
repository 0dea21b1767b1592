"""`Agent`: what gets credentials of an instance profile's role for the applications of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from ....domain import entities
from ..ids import node_id
from ..scalars import ARN, DateTime
from .base import Known

if TYPE_CHECKING:
    from .instance_profile import InstanceProfile

InstanceProfileType = Annotated["InstanceProfile", strawberry.lazy(".instance_profile")]


@strawberry.type(description="What gets credentials of an instance profile's role for the applications of a machine.")
class Agent(Known):
    agent_id: str = strawberry.field(description="`ag-…`: what the sessions that it is given are called.")
    arn: ARN
    created_at: DateTime
    enrolled_at: DateTime | None = strawberry.field(description="None while it has yet to enrol.")
    enrolment_expires_at: DateTime = strawberry.field(description="Until when its enrolment token is good.")
    last_used_at: DateTime | None = strawberry.field(description="When it was last given credentials.")
    inner: strawberry.Private[entities.Agent]

    @classmethod
    def of(cls, agent: entities.Agent) -> Agent:
        return cls(
            node_id=node_id("Agent", agent.id),
            agent_id=agent.id,
            arn=ARN(agent.arn),
            created_at=DateTime(agent.created_at),
            enrolled_at=DateTime(agent.enrolled_at) if agent.enrolled_at is not None else None,
            enrolment_expires_at=DateTime(agent.expires_at),
            last_used_at=DateTime(agent.last_used_at) if agent.last_used_at is not None else None,
            inner=agent,
        )

    @strawberry.field
    def instance_profile(self) -> InstanceProfileType:
        from .instance_profile import InstanceProfile

        return InstanceProfile.named(self.inner.instance_profile)
