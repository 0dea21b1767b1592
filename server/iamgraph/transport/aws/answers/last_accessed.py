"""Reports of last accesses, and the policies that grant access."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....app.caller import REGION
from ....app.reports import last_accessed
from ....domain.entities import Group, PrincipalType, User
from ....domain.service_access import ActionAccess, ServiceAccess
from ..action import Action, Asked
from ..models import Structure
from .base import instant, page

_Job = last_accessed.ServiceLastAccessedDetails | last_accessed.ServiceLastAccessedEntities


def _asked(job: last_accessed.Job, asked: Asked) -> Structure:
    return {"JobId": job.job_id}


def _job(found: _Job) -> Structure:
    failed = found.status is last_accessed.JobStatus.FAILED
    return {
        "JobStatus": found.status.value,
        "JobCreationDate": instant(found.created_at),
        "JobCompletionDate": instant(found.completed_at) if found.completed_at is not None else None,
        "Error": {"Code": "InternalFailure", "Message": "The report could not be made."} if failed else None,
    }


def _details(found: last_accessed.ServiceLastAccessedDetails, asked: Asked) -> Structure:
    services = page("ServicesLastAccessed", _service)(found.services, asked)
    return {**_job(found), "JobType": found.granularity.value, **services}


def _service(service: ServiceAccess) -> Structure:
    last = service.last
    return {
        "ServiceName": service.name,
        "ServiceNamespace": service.namespace,
        "LastAuthenticated": instant(last.at) if last else None,
        "LastAuthenticatedEntity": last.accessor.arn if last else None,
        "LastAuthenticatedRegion": REGION if last else None,
        "TotalAuthenticatedEntities": len(service.accesses),
        "TrackedActionsLastAccessed": [_action(action) for action in service.actions] or None,
    }


def _action(action: ActionAccess) -> Structure:
    return {
        "ActionName": action.name,
        "LastAccessedEntity": action.last.accessor.arn if action.last else None,
        "LastAccessedTime": instant(action.last.at) if action.last else None,
        "LastAccessedRegion": REGION if action.last else None,
    }


def _with_entities(found: last_accessed.ServiceLastAccessedEntities, asked: Asked) -> Structure:
    return {**_job(found), **page("EntityDetailsList", _entity)(found.entities, asked)}


def _entity(entity: last_accessed.EntityAccess) -> Structure:
    one = entity.accessor
    kind = "USER" if one.type is PrincipalType.USER else "ROLE"
    return {
        "EntityInfo": {"Arn": one.arn, "Name": one.name, "Type": kind, "Id": one.id, "Path": one.path},
        "LastAuthenticated": instant(entity.at) if entity.at is not None else None,
    }


def _granting(found: tuple[last_accessed.PoliciesGranting, ...], asked: Asked) -> Structure:
    entries = [
        {"ServiceNamespace": one.service_namespace, "Policies": [_policy(policy) for policy in one.policies]}
        for one in found
    ]
    return {"PoliciesGrantingServiceAccess": entries, "IsTruncated": False}


def _policy(policy: last_accessed.GrantingPolicy) -> Structure:
    if policy.arn is not None:
        return {"PolicyName": policy.name, "PolicyType": "MANAGED", "PolicyArn": policy.arn}
    return {"PolicyName": policy.name, "PolicyType": "INLINE", **_owner(policy.owner)}


def _owner(owner: Any) -> Structure:
    if owner is None:
        return {}
    kind = "USER" if isinstance(owner, User) else "GROUP" if isinstance(owner, Group) else "ROLE"
    return {"EntityType": kind, "EntityName": owner.name}


_OWN = "by this server's own history, as far back as it goes; tracked actions are those that this server performs"
ACTIONS: Mapping[str, Action] = {
    "GenerateServiceLastAccessedDetails": Action(
        operation=last_accessed.GenerateServiceLastAccessedDetails, answer=_asked, differs=_OWN
    ),
    "GetServiceLastAccessedDetails": Action(operation=last_accessed.GetServiceLastAccessedDetails, answer=_details),
    "GetServiceLastAccessedDetailsWithEntities": Action(
        operation=last_accessed.GetServiceLastAccessedDetailsWithEntities, answer=_with_entities
    ),
    "ListPoliciesGrantingServiceAccess": Action(
        operation=last_accessed.ListPoliciesGrantingServiceAccess,
        answer=_granting,
        answered=frozenset({"Marker"}),
        differs="one page",
    ),
}
