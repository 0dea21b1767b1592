"""What stands in the way of a deletion, in AWS's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.entities import (
    AccessKey,
    Group,
    InlinePolicy,
    InstanceProfile,
    LoginProfile,
    ManagedPolicy,
    User,
    VirtualMfaDevice,
)
from ..domain.errors import DeleteConflict
from ..domain.passkeys import Passkey

IN_PROFILE = "remove roles from instance profile"
"""Said of a role that a profile holds, and of a profile that holds one."""
_MUST: Mapping[type, str] = {
    InstanceProfile: IN_PROFILE,
    LoginProfile: "delete login profile",
    AccessKey: "delete access keys",
    VirtualMfaDevice: "delete MFA device",
    Passkey: "delete MFA device",
    Group: "remove users from group",
    User: "remove users from group",
    InlinePolicy: "delete policies",
    ManagedPolicy: "detach all policies",
}


def in_use(blocking: Sequence[object], must: str | None = None) -> DeleteConflict:
    """The error of an entity that these must leave first: what it says is of the first of them, or what `must` be done."""
    must = must or _MUST.get(type(blocking[0]), "remove referenced objects")
    return DeleteConflict(f"Cannot delete entity, must {must} first.", blocked_by=blocking)
