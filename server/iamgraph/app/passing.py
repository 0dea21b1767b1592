"""`iam:PassRole`: the permission to hand a role to a service, which will act as it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..domain.entities import Role
from ..domain.errors import NoSuchEntity
from .boundaries import boundary_of
from .caller import Caller
from .operation import Beside, Need
from .targets import ROLE

Context = Mapping[str, str | tuple[str, ...]]


def no_such_role(name: str) -> NoSuchEntity:
    """What is said of a role that does not exist, or that the caller may not know of."""
    return NoSuchEntity(f"The role with name {name} cannot be found.")


def pass_role(caller: Caller, op: Any, role: Role | None, *, service: str, associated: str) -> Need:
    """The question whether the caller may pass the role called `op.role_name` to a service, for use with the resources
    that `associated` names (IAM User Guide, "Grant a user permissions to pass a role to an AWS service")."""
    context = {"iam:PassedToService": service, "iam:AssociatedResourceArn": associated}
    return _need(
        caller,
        op,
        role,
        "iam:PassRole",
        context,
        Beside(
            know=_need(caller, op, role, ROLE.know, boundary_of(role)),
            absent=_need(caller, op, None, "iam:PassRole", context),
            missing=no_such_role(op.role_name),
        ),
    )


def _need(
    caller: Caller, op: Any, role: Role | None, action: str, context: Context, beside: Beside | None = None
) -> Need:
    place = ROLE.place(caller, op, role)
    tags = {f"{key}/{tag.key}": tag.value for tag in place.tags for key in place.tag_keys}
    return Need(
        action=action,
        resource=place.resource,
        asked=place.asked,
        account_id=place.account_id,
        context={"aws:ResourceAccount": place.account_id, **tags, **context},
        beside=beside,
    )
