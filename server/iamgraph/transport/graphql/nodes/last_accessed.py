"""Reports of last accesses, and the policies that grant access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import UNSET

from ....app.caller import REGION
from ....app.reports import last_accessed as app
from ....domain import service_access
from ....domain.entities import PrincipalType
from ....domain.service_access import Granularity
from ..context import Info
from ..scalars import ARN, DateTime
from .base import Principal
from .connections import Connection, connect
from .role import Role
from .targets import PolicyTarget, target_of
from .user import User

if TYPE_CHECKING:
    from .policy import ManagedPolicy

PolicyType = Annotated["ManagedPolicy", strawberry.lazy(".policy")]

strawberry.enum(Granularity, name="AccessAdvisorUsageGranularity")
strawberry.enum(app.JobStatus, name="JobStatus")


@strawberry.type(description="An action that this server performs, and who last asked for it: null where nobody did.")
class TrackedActionLastAccessed:
    action_name: str
    last_accessed_time: DateTime | None
    last_accessed_entity: ARN | None
    last_accessed_region: str | None

    @classmethod
    def of(cls, action: service_access.ActionAccess) -> TrackedActionLastAccessed:
        return cls(
            action_name=action.name,
            last_accessed_time=DateTime(action.last.at) if action.last else None,
            last_accessed_entity=ARN(action.last.accessor.arn) if action.last else None,
            last_accessed_region=REGION if action.last else None,
        )


@strawberry.type(
    description="A user or role that could have accessed a service, and when it last tried to: null for never."
)
class EntityDetails:
    entity: Principal
    last_authenticated: DateTime | None

    @classmethod
    def of(cls, found: app.EntityAccess) -> EntityDetails:
        named = User.named if found.accessor.type is PrincipalType.USER else Role.named
        return cls(
            entity=named(found.accessor.id, found.accessor.arn),
            last_authenticated=DateTime(found.at) if found.at is not None else None,
        )


@strawberry.type(
    description="A service that the policies allow, and who last tried to access it: null where nobody did."
)
class ServiceLastAccessed:
    job_id: strawberry.Private[str]
    service_namespace: str
    service_name: str
    last_authenticated: DateTime | None
    last_authenticated_entity: ARN | None
    last_authenticated_region: str | None
    total_authenticated_entities: int = strawberry.field(description="How many users and roles tried to.")
    tracked_actions_last_accessed: list[TrackedActionLastAccessed] = strawberry.field(
        description="By name. Empty in a report of services alone."
    )

    @strawberry.field(description="Those that could have accessed it, who did so last first.")
    async def entities(self, info: Info, first: int, after: str | None = UNSET) -> Connection[EntityDetails] | None:
        query = app.GetServiceLastAccessedDetailsWithEntities(
            job_id=self.job_id, service_namespace=self.service_namespace, max_items=first, marker=after or None
        )
        return connect((await info.context.load(query)).entities, EntityDetails.of)


@strawberry.type(description="A report of which services somebody's policies allow, and who last tried to access them.")
class ServiceLastAccessedDetails:
    job_id: str
    job_status: app.JobStatus
    job_type: Granularity
    job_creation_date: DateTime
    job_completion_date: DateTime | None

    @classmethod
    def of(cls, found: app.ServiceLastAccessedDetails) -> ServiceLastAccessedDetails:
        return cls(
            job_id=found.job_id,
            job_status=found.status,
            job_type=found.granularity,
            job_creation_date=DateTime(found.created_at),
            job_completion_date=DateTime(found.completed_at) if found.completed_at is not None else None,
        )

    @strawberry.field(description="By namespace. None until the report is completed.")
    async def services_last_accessed(
        self, info: Info, first: int, after: str | None = UNSET
    ) -> Connection[ServiceLastAccessed] | None:
        query = app.GetServiceLastAccessedDetails(job_id=self.job_id, max_items=first, marker=after or None)
        return connect((await info.context.load(query)).services, self._service)

    def _service(self, service: service_access.ServiceAccess) -> ServiceLastAccessed:
        return ServiceLastAccessed(
            job_id=self.job_id,
            service_namespace=service.namespace,
            service_name=service.name,
            last_authenticated=DateTime(service.last.at) if service.last else None,
            last_authenticated_entity=ARN(service.last.accessor.arn) if service.last else None,
            last_authenticated_region=REGION if service.last else None,
            total_authenticated_entities=len(service.accesses),
            tracked_actions_last_accessed=[TrackedActionLastAccessed.of(action) for action in service.actions],
        )


@strawberry.type(description="A policy that allows something of a service: a managed one, or one in an identity.")
class PolicyGrantingServiceAccess:
    policy_name: str
    policy: PolicyType | None = strawberry.field(description="Null for an inline one.")
    attached_to: PolicyTarget | None = strawberry.field(description="What an inline one is in. Null for a managed one.")

    @classmethod
    def of(cls, granting: app.GrantingPolicy) -> PolicyGrantingServiceAccess:
        from .policy import ManagedPolicy

        managed = granting.arn is not None and granting.id is not None
        return cls(
            policy_name=granting.name,
            policy=ManagedPolicy.named(granting.id or "", granting.arn or "") if managed else None,
            attached_to=target_of(granting.owner) if granting.owner is not None else None,
        )


@strawberry.type(description="Which policies allow something of a service.")
class PoliciesGrantingServiceAccess:
    service_namespace: str
    policies: list[PolicyGrantingServiceAccess]

    @classmethod
    def of(cls, found: app.PoliciesGranting) -> PoliciesGrantingServiceAccess:
        return cls(
            service_namespace=found.service_namespace,
            policies=[PolicyGrantingServiceAccess.of(granting) for granting in found.policies],
        )
