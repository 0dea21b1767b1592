"""Which services an entity's policies allow, which of the policies do, and when somebody last used them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any

from ...domain.arn import SERVICE, parse_arn
from ...domain.entities import Group, ManagedPolicy, Role, User
from ...domain.errors import IamError, InvalidInput, LimitExceeded, NoSuchEntity
from ...domain.names import ArnText, Count, Doc, Match
from ...domain.policy.compile import compiled
from ...domain.policy.grants import grants
from ...domain.reports import Report, ReportKind, ReportState
from ...domain.service_access import (
    Access,
    AccessedKind,
    Accessor,
    AccessReport,
    AccessRequest,
    Granularity,
    ServiceAccess,
)
from ...store.access import PolicyRow
from ...store.session import StoreSession
from ..caller import Caller
from ..listing import Listed, Marker, MaxItems, sliced
from ..operation import TAG_KEYS, Command, Place, Query, Target, operation
from ..targets import EVERYTHING
from ..work import Work
from .maker import ask
from .service_access import policies_of

Entity = User | Group | Role | ManagedPolicy
ServiceNamespace = Annotated[str, Match(r"[\w-]*", 1, 64)]
JobId = Annotated[str, Match(r"[0-9a-f-]{36}", 36, 36), Doc("What `generateServiceLastAccessedDetails` gave.")]


class _EntityByArn(Target):
    """A user, group or role of the caller's account or, where the operation takes them, a managed policy of the account or
    of the service, by `arn`."""

    def __init__(self, *, policies: bool) -> None:
        self._policies = policies

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Entity | None]:
        asked = {op.arn: parsed for op in ops if (parsed := parse_arn(op.arn)) and parsed.service == "iam"}
        own = {text: arn for text, arn in asked.items() if arn.account_id in (caller.account_id, SERVICE)}
        found: dict[str, Entity] = {}
        for kind, repository in (("user", data.users), ("group", data.groups), ("role", data.roles)):
            names = sorted({arn.name for arn in own.values() if arn.kind == kind})
            if names:
                entities: Any = (await repository.named(caller.account_id, names)).values()
                found |= {entity.arn: entity for entity in entities}
        arns = [text for text, arn in own.items() if arn.kind == "policy"] if self._policies else []
        if arns:
            found |= await data.policies.by_arns(arns, viewer=caller.account_id)
        return [found.get(op.arn) for op in ops]

    def place(self, caller: Caller, op: Any, entity: Entity | None) -> Place:
        parsed = parse_arn(op.arn)
        owner = parsed.account_id if parsed else caller.account_id
        account_id = caller.account_id if owner == SERVICE else owner
        tags = getattr(entity, "tags", ())
        keys = TAG_KEYS[:1] if isinstance(entity, ManagedPolicy) else TAG_KEYS
        return Place(resource=op.arn, asked=op.arn, account_id=account_id, owner=owner, tags=tags, tag_keys=keys)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        kinds = "user, group, role or policy" if self._policies else "user, group or role"
        return NoSuchEntity(f"The {kinds} with ARN {op.arn} cannot be found.")


ENTITY, IDENTITY = _EntityByArn(policies=True), _EntityByArn(policies=False)
_KINDS: Mapping[type[Entity], AccessedKind] = {
    User: AccessedKind.USER,
    Group: AccessedKind.GROUP,
    Role: AccessedKind.ROLE,
    ManagedPolicy: AccessedKind.POLICY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The id of a report that was asked for."""

    job_id: str


@operation("iam:GenerateServiceLastAccessedDetails", on=ENTITY, raises=(NoSuchEntity, LimitExceeded))
class GenerateServiceLastAccessedDetails(Command[Job]):
    """Have a report made of the services that the permissions policies of a user, group or role allow, or a managed policy,
    and of who last tried to access each, whether it was allowed or not. Only who asks can read it, for seven days."""

    arn: Annotated[ArnText, Doc("The user, group, role or managed policy.")]
    granularity: Annotated[
        Granularity, Doc("Whether actions are told beside their services: those that this server performs itself.")
    ] = Granularity.SERVICE_LEVEL

    async def execute(self, work: Work, target: Entity, prepared: None) -> Job:
        request = AccessRequest(kind=_KINDS[type(target)], id=target.id, arn=target.arn, granularity=self.granularity)
        report = await ask(work, ReportKind.SERVICE_ACCESS, request.text())
        return Job(job_id=report.id)


class JobStatus(Enum):
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


_STATUSES = {
    ReportState.STARTED: JobStatus.IN_PROGRESS,
    ReportState.COMPLETED: JobStatus.COMPLETED,
    ReportState.FAILED: JobStatus.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLastAccessedDetails:
    """A report, and a page of its services, by namespace: none until it is completed."""

    job_id: str
    status: JobStatus
    granularity: Granularity
    created_at: datetime
    completed_at: datetime | None
    services: Listed[ServiceAccess]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityAccess:
    """A user or role that the policies are for, and its last attempt to access the service; None: there was none."""

    accessor: Accessor
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLastAccessedEntities:
    """A report, and a page of those that could have accessed one service, who did so last first."""

    job_id: str
    status: JobStatus
    created_at: datetime
    completed_at: datetime | None
    entities: Listed[EntityAccess]


async def _jobs(work: Work, ids: Sequence[str]) -> list[Report | NoSuchEntity]:
    """The reports that the caller's own principal asked for; another's is as one that does not exist."""
    who = work.caller.who
    found = await work.data.reports.get(list(dict.fromkeys(ids)))
    own = {
        id: report
        for id, report in found.items()
        if report.kind is ReportKind.SERVICE_ACCESS
        and (report.account_id, report.requested_by) == (who.account.id, who.principal_id)
    }
    return [own.get(id) or NoSuchEntity(f"The job with ID {id} cannot be found.") for id in ids]


@operation("iam:GetServiceLastAccessedDetails", on=EVERYTHING, raises=(NoSuchEntity,))
class GetServiceLastAccessedDetails(Query[ServiceLastAccessedDetails]):
    """Read a report of last accesses that one has asked for."""

    job_id: JobId
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetServiceLastAccessedDetails, None]]
    ) -> Sequence[ServiceLastAccessedDetails | IamError]:
        jobs = await _jobs(work, [query.job_id for query, _ in asks])
        return [query._page(job) for (query, _), job in zip(asks, jobs, strict=True)]

    def _page(self, job: Report | NoSuchEntity) -> ServiceLastAccessedDetails | IamError:
        if isinstance(job, NoSuchEntity):
            return job
        services = AccessReport.of(job.content).services if job.content is not None else ()
        try:
            page = sliced("services-accessed", services, _by_namespace, 1, self.marker, self.max_items)
        except InvalidInput as error:
            return error
        return ServiceLastAccessedDetails(
            job_id=job.id,
            status=_STATUSES[job.state],
            granularity=AccessRequest.of(job.parameters).granularity,
            created_at=job.requested_at,
            completed_at=job.finished_at,
            services=page,
        )


def _by_namespace(service: ServiceAccess) -> tuple[str, ...]:
    return (service.namespace,)


@operation("iam:GetServiceLastAccessedDetailsWithEntities", on=EVERYTHING, raises=(NoSuchEntity,))
class GetServiceLastAccessedDetailsWithEntities(Query[ServiceLastAccessedEntities]):
    """Read of a report of last accesses, for one service, which users and roles could have accessed it, and who did."""

    job_id: JobId
    service_namespace: Annotated[ServiceNamespace, Doc("The service's prefix, such as `iam`.")]
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetServiceLastAccessedDetailsWithEntities, None]]
    ) -> Sequence[ServiceLastAccessedEntities | IamError]:
        jobs = await _jobs(work, [query.job_id for query, _ in asks])
        return [query._page(job) for (query, _), job in zip(asks, jobs, strict=True)]

    def _page(self, job: Report | NoSuchEntity) -> ServiceLastAccessedEntities | IamError:
        if isinstance(job, NoSuchEntity):
            return job
        report = AccessReport.of(job.content) if job.content is not None else None
        service = self._service(report)
        if report is not None and service is None:
            return NoSuchEntity(f"The service {self.service_namespace} is not in the report.")
        entities = _entities(report, service) if report is not None and service is not None else []
        try:
            page = sliced("entities-accessed", entities, _latest_first, 2, self.marker, self.max_items)
        except InvalidInput as error:
            return error
        return ServiceLastAccessedEntities(
            job_id=job.id,
            status=_STATUSES[job.state],
            created_at=job.requested_at,
            completed_at=job.finished_at,
            entities=page,
        )

    def _service(self, report: AccessReport | None) -> ServiceAccess | None:
        services = report.services if report is not None else ()
        return next((one for one in services if one.namespace == self.service_namespace), None)


def _entities(report: AccessReport, service: ServiceAccess) -> list[EntityAccess]:
    accesses: dict[str, Access] = {access.accessor.id: access for access in service.accesses}
    found = [
        EntityAccess(accessor=one, at=accesses[one.id].at if one.id in accesses else None) for one in report.accessors
    ]
    return sorted(found, key=_latest_first)


_END = datetime.max.replace(tzinfo=UTC)


def _latest_first(entity: EntityAccess) -> tuple[str, ...]:
    """Where one stands: the longer ago, the further behind; at the end who never did."""
    ago = _END - entity.at if entity.at is not None else None
    behind = f"{ago.days:07}.{ago.seconds:05}.{ago.microseconds:06}" if ago is not None else "never"
    return behind, entity.accessor.id


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantingPolicy:
    """A policy that grants access to a service: `id` and `arn` are None for an inline one, which is in the identity
    `owner`."""

    name: str
    id: str | None = None
    arn: str | None = None
    owner: User | Group | Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesGranting:
    """Which policies of an identity grant access to a service."""

    service_namespace: str
    policies: tuple[GrantingPolicy, ...] = field(default=())


@operation("iam:ListPoliciesGrantingServiceAccess", on=IDENTITY, raises=(NoSuchEntity,))
class ListPoliciesGrantingServiceAccess(Query[tuple[PoliciesGranting, ...]]):
    """List which permissions policies of a user (its groups' too), group or role allow anything of some services. Other
    kinds of policy, and statements that deny, have no say."""

    arn: Annotated[ArnText, Doc("The user, group or role.")]
    service_namespaces: Annotated[
        tuple[ServiceNamespace, ...], Count(200), Doc("The prefixes of the services, such as `iam`.")
    ]

    def validate(self) -> None:
        if not self.service_namespaces:
            raise InvalidInput("'serviceNamespaces' must name at least one service", field="serviceNamespaces")

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListPoliciesGrantingServiceAccess, User | Group | Role]]
    ) -> Sequence[tuple[PoliciesGranting, ...] | IamError]:
        return [await query._granting(work, identity) for query, identity in asks]

    async def _granting(self, work: Work, identity: User | Group | Role) -> tuple[PoliciesGranting, ...]:
        kind = _KINDS[type(identity)]
        request = AccessRequest(kind=kind, id=identity.id, arn=identity.arn, granularity=Granularity.SERVICE_LEVEL)
        rows = await policies_of(work.data, request)
        owners: dict[str, User | Group | Role] = {identity.id: identity}
        owners |= await work.data.groups.by_ids(sorted({row.attached_to for row in rows} - {identity.id}))
        return tuple(
            PoliciesGranting(service_namespace=namespace, policies=tuple(_granting(rows, owners, namespace.lower())))
            for namespace in dict.fromkeys(self.service_namespaces)
        )


def _granting(
    rows: Sequence[PolicyRow], owners: Mapping[str, User | Group | Role], namespace: str
) -> Iterator[GrantingPolicy]:
    """Managed ones once, however many ways they come by."""
    seen: set[str] = set()
    for row in rows:
        if not grants(compiled(row.document), namespace):
            continue
        if row.arn is None:
            yield GrantingPolicy(name=row.name, owner=owners.get(row.attached_to))
        elif row.arn not in seen:
            seen.add(row.arn)
            yield GrantingPolicy(name=row.name, id=row.policy_id, arn=row.arn)
