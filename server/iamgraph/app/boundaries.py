"""Permissions boundaries: a managed policy that bounds what a user's or role's policies can allow."""

from __future__ import annotations

from collections.abc import Mapping

from ..domain.entities import ManagedPolicy, Role, User
from ..domain.errors import InvalidInput, NoSuchEntity
from .work import Work


def boundary_context(arn: str | None) -> Mapping[str, str | tuple[str, ...]]:
    """`iam:PermissionsBoundary`: the boundary that the request sets."""
    return {"iam:PermissionsBoundary": arn} if arn is not None else {}


def boundary_of(target: User | Role | None) -> Mapping[str, str | tuple[str, ...]]:
    """`iam:PermissionsBoundary`: the boundary that the user or role acted on has."""
    return boundary_context(target.boundary_arn if target is not None else None)


async def boundary_id(work: Work, arn: str | None) -> str | None:
    """The unique id of the policy named by `arn`. Raises InvalidInput and NoSuchEntity."""
    if arn is None:
        return None
    found = await attachable(work, arn, field="permissionsBoundary")
    return found.id


async def attachable(work: Work, arn: str, *, field: str = "policyArn") -> ManagedPolicy:
    """The managed policy of the caller's account, or of the service, that `arn` names. Raises InvalidInput where `arn` is
    no ARN, and NoSuchEntity, for a policy of another account too."""
    if arn.count(":") < 5 or not arn.startswith("arn:"):
        raise InvalidInput("Invalid ARN:  Could not be parsed!", field=field)
    found = (await work.data.policies.by_arns([arn], viewer=work.caller.account_id)).get(arn)
    if found is None or found.account_id not in (work.caller.account_id, None):
        raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")
    return found
