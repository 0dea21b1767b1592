"""`iam:PassRole`: the permission to hand a role to a service, which will act as it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..domain.arn import iam_arn
from ..domain.entities import InstanceProfile, Role
from ..domain.errors import NoSuchEntity
from .boundaries import boundary_of
from .caller import Caller
from .operation import Beside, Need, Place
from .targets import ROLE

Context = Mapping[str, str | tuple[str, ...]]
EC2 = "ec2.amazonaws.com"
"""The service that acts as the role of an instance profile, and hands it to applications."""


def no_such_role(name: str) -> NoSuchEntity:
    """What is said of a role that does not exist, or that the caller may not know of."""
    return NoSuchEntity(f"The role with name {name} cannot be found.")


def no_role_in(profile: InstanceProfile) -> NoSuchEntity:
    """What is said of a profile that holds no role, or one that the caller may not know of."""
    return NoSuchEntity(f"Instance Profile {profile.name} holds no role.")


def pass_role(caller: Caller, op: Any, role: Role | None) -> Need:
    """The question whether the caller may pass the role called `op.role_name` to EC2 (IAM User Guide, "Grant a user
    permissions to pass a role to an AWS service")."""
    place, absent = ROLE.place(caller, op, role), ROLE.place(caller, op, None)
    return _passing(caller, role, place, absent, no_such_role(op.role_name))


def pass_role_of(caller: Caller, profile: InstanceProfile) -> Need:
    """The same of the role that an instance profile holds. As the caller has not named it, it is any role to one that may
    not know of it."""
    role, account_id = profile.role, profile.account_id
    any_role = iam_arn(account_id, "role", "/", "*")
    absent = Place(resource=any_role, asked=any_role, account_id=account_id)
    place = Place(resource=role.arn, asked=any_role, account_id=account_id, tags=role.tags) if role else absent
    return _passing(caller, role, place, absent, no_role_in(profile))


def _passing(caller: Caller, role: Role | None, place: Place, absent: Place, missing: NoSuchEntity) -> Need:
    # The instances are not known yet, so that AWS names all of the account (IAM API Reference, AddRoleToInstanceProfile).
    instances = f"arn:aws:ec2:*:{caller.account_id}:instance/*"
    context = {"iam:PassedToService": EC2, "iam:AssociatedResourceArn": instances}
    return _need(
        place,
        "iam:PassRole",
        context,
        Beside(
            know=_need(place, ROLE.know, boundary_of(role)),
            absent=_need(absent, "iam:PassRole", context),
            missing=missing,
        ),
    )


def _need(place: Place, action: str, context: Context, beside: Beside | None = None) -> Need:
    tags = {f"{key}/{tag.key}": tag.value for tag in place.tags for key in place.tag_keys}
    return Need(
        action=action,
        resource=place.resource,
        asked=place.asked,
        account_id=place.account_id,
        context={"aws:ResourceAccount": place.account_id, **tags, **context},
        beside=beside,
    )
