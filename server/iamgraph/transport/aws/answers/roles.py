"""Roles, their trust policies, tags and boundaries."""

from __future__ import annotations

from collections.abc import Mapping

from ....app import roles
from ....domain.entities import Role
from ..action import Action, Asked
from ..models import Structure
from .base import boundary, document, instant, page, tag, tags


def held_role(role: Role) -> Structure:
    """A role as the answers to its making and of what holds it have it."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": instant(role.created_at),
        "AssumeRolePolicyDocument": document(role.trust_policy),
        "Description": role.description,
    }


def _listed(role: Role) -> Structure:
    """A role as lists have it: without tags and boundary."""
    return {**held_role(role), "MaxSessionDuration": role.max_session_seconds}


def _whole(role: Role) -> Structure:
    return {"PermissionsBoundary": boundary(role.boundary_arn), "Tags": tags(role.tags)}


def _made(role: Role, asked: Asked) -> Structure:
    # As it was sent: not yet with the principals that it came to mean.
    sent = {"AssumeRolePolicyDocument": document(asked.operation.assume_role_policy_document)}
    return {"Role": {**held_role(role), **_whole(role), **sent}}


def last_used(role: Role) -> Structure:
    used_at = instant(role.last_used_at) if role.last_used_at is not None else None
    return {"LastUsedDate": used_at, "Region": role.last_used_region}


def _role(role: Role, asked: Asked) -> Structure:
    return {"Role": {**_listed(role), **_whole(role), "RoleLastUsed": last_used(role)}}


ACTIONS: Mapping[str, Action] = {
    "CreateRole": Action(operation=roles.CreateRole, answer=_made, differs="no path below `/aws-service-role/`"),
    "GetRole": Action(operation=roles.GetRole, answer=_role),
    "ListRoles": Action(operation=roles.ListRoles, answer=page("Roles", _listed)),
    "UpdateRole": Action(operation=roles.UpdateRole),
    "UpdateRoleDescription": Action(operation=roles.UpdateRoleDescription, answer=_role),
    "UpdateAssumeRolePolicy": Action(operation=roles.UpdateAssumeRolePolicy),
    "DeleteRole": Action(operation=roles.DeleteRole),
    "TagRole": Action(operation=roles.TagRole),
    "UntagRole": Action(operation=roles.UntagRole),
    "ListRoleTags": Action(operation=roles.ListRoleTags, answer=page("Tags", tag)),
    "PutRolePermissionsBoundary": Action(operation=roles.PutRolePermissionsBoundary),
    "DeleteRolePermissionsBoundary": Action(operation=roles.DeleteRolePermissionsBoundary),
}
