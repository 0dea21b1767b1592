"""From an entity to its node, of which the caller has been told no more than that it is there."""

from __future__ import annotations

from typing import Any

from ....domain import entities, passkeys
from .account import Account
from .base import Node
from .credentials import AccessKey, LoginProfile
from .group import Group
from .instance_profile import InstanceProfile
from .mfa_device import Passkey, TotpDevice
from .policy import InlinePolicy, ManagedPolicy, PolicyVersion
from .role import Role
from .user import User


def node_of(entity: Any) -> Node:
    """The node of any entity that can block a deletion."""
    match entity:
        case entities.Account():
            return Account.named(entity.id)
        case entities.AccessKey():
            return AccessKey.named(entity)
        case entities.VirtualMfaDevice():
            return TotpDevice.of(entity)
        case passkeys.Passkey():
            return Passkey.of(entity)
        case entities.LoginProfile():
            return LoginProfile.named(entity)
        case entities.Group():
            return Group.named(entity.id, entity.arn, entity)
        case entities.User():
            return User.named(entity.id, entity.arn, entity)
        case entities.Role():
            return Role.named(entity.id, entity.arn, entity)
        case entities.InstanceProfile():
            return InstanceProfile.named(entity)
        case entities.InlinePolicy():
            return InlinePolicy.named(entity)
        case entities.ManagedPolicy():
            return ManagedPolicy.named(entity.id, entity.arn, entity)
        case entities.PolicyVersion():
            return PolicyVersion.named(entity.policy_id, entity.version_id, entity.is_default)
    raise TypeError(f"no node for {type(entity).__name__}")
