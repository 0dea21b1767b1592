"""Managed policies on users, groups and roles: attach, detach and list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..domain.entities import Attached, Group, IdentityKind, ManagedPolicy, Role, User
from ..domain.errors import IamError, LimitExceeded, NoSuchEntity
from ..domain.limits import Quotas
from ..domain.names import GroupName, PathPrefix, PolicyArn, RoleName, UserName
from .boundaries import attachable, boundary_of
from .caller import Caller
from .changes import GONE
from .edges import whole
from .listing import Listed, Marker, MaxItems
from .operation import Command, Query, operation
from .policies import current
from .quotas import ensure
from .targets import GROUP, ROLE, USER
from .users import UniqueId
from .work import Work

LISTING = "attached-policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAndPolicy:
    """A user, and a managed policy that was attached to it or detached from it."""

    user: User
    policy: ManagedPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAndPolicy:
    """A group, and a managed policy that was attached to it or detached from it."""

    group: Group
    policy: ManagedPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAndPolicy:
    """A role, and a managed policy that was attached to it or detached from it."""

    role: Role
    policy: ManagedPolicy


def _quota(kind: IdentityKind, quotas: Quotas) -> tuple[str, int]:
    """AWS's name for how many policies can be attached, and how many that is."""
    if kind is IdentityKind.USER:
        return "PoliciesPerUser", quotas.attached_policies_per_user
    if kind is IdentityKind.GROUP:
        return "PoliciesPerGroup", quotas.attached_policies_per_group
    return "PoliciesPerRole", quotas.attached_policies_per_role


async def _attach(work: Work, kind: IdentityKind, owner_id: str, arn: str) -> ManagedPolicy:
    """Attach the policy, where it is not attached already, and give it back with its new count."""
    policy = await attachable(work, arn)
    held = (await work.data.attachments.of(kind, [owner_id])).get(owner_id, ())
    if any(item.policy.id == policy.id for item in held):
        return policy
    ensure(len(held), *_quota(kind, work.tools.quotas))
    await work.data.attachments.attach(kind, owner_id, policy.id, work.now)
    work.changed(GONE, {"attachedPolicy": policy.arn})
    return await current(work, policy.id)


async def _detach(work: Work, kind: IdentityKind, owner_id: str, arn: str) -> ManagedPolicy:
    """Detach the policy, and give it back with its new count. One that does not exist and one that is not attached
    answer alike."""
    policy = (await work.data.policies.by_arns([arn])).get(arn)
    # INVARIANT: a policy of another account is never attached, so its existence does not show.
    if policy is None or not await work.data.attachments.detach(kind, owner_id, policy.id):
        raise NoSuchEntity(f"Policy {arn} was not found.")
    work.changed({"attachedPolicy": policy.arn}, GONE)
    return await current(work, policy.id)


def _context(arn: str, target: User | Role | None = None) -> Mapping[str, str | tuple[str, ...]]:
    """`iam:PolicyARN`, and the boundary that the target has."""
    return {"iam:PolicyARN": arn, **boundary_of(target)}


@operation("iam:AttachUserPolicy", on=USER, raises=(NoSuchEntity, LimitExceeded))
class AttachUserPolicy(Command[UserAndPolicy]):
    """Attach a managed policy to a user. One that is attached already stays."""

    user_name: UserName
    policy_arn: PolicyArn

    def context(self, caller: Caller, target: User | None) -> Mapping[str, str | tuple[str, ...]]:
        return _context(self.policy_arn, target)

    async def execute(self, work: Work, target: User, prepared: None) -> UserAndPolicy:
        policy = await _attach(work, IdentityKind.USER, target.id, self.policy_arn)
        return UserAndPolicy(user=target, policy=policy)


@operation("iam:AttachGroupPolicy", on=GROUP, raises=(NoSuchEntity, LimitExceeded))
class AttachGroupPolicy(Command[GroupAndPolicy]):
    """Attach a managed policy to a group. One that is attached already stays."""

    group_name: GroupName
    policy_arn: PolicyArn

    def context(self, caller: Caller, target: Group | None) -> Mapping[str, str | tuple[str, ...]]:
        return _context(self.policy_arn)

    async def execute(self, work: Work, target: Group, prepared: None) -> GroupAndPolicy:
        policy = await _attach(work, IdentityKind.GROUP, target.id, self.policy_arn)
        return GroupAndPolicy(group=target, policy=policy)


@operation("iam:AttachRolePolicy", on=ROLE, raises=(NoSuchEntity, LimitExceeded))
class AttachRolePolicy(Command[RoleAndPolicy]):
    """Attach a managed policy to a role. One that is attached already stays."""

    role_name: RoleName
    policy_arn: PolicyArn

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return _context(self.policy_arn, target)

    async def execute(self, work: Work, target: Role, prepared: None) -> RoleAndPolicy:
        policy = await _attach(work, IdentityKind.ROLE, target.id, self.policy_arn)
        return RoleAndPolicy(role=target, policy=policy)


@operation("iam:DetachUserPolicy", on=USER, raises=(NoSuchEntity,))
class DetachUserPolicy(Command[UserAndPolicy]):
    """Detach a managed policy from a user."""

    user_name: UserName
    policy_arn: PolicyArn

    def context(self, caller: Caller, target: User | None) -> Mapping[str, str | tuple[str, ...]]:
        return _context(self.policy_arn, target)

    async def execute(self, work: Work, target: User, prepared: None) -> UserAndPolicy:
        policy = await _detach(work, IdentityKind.USER, target.id, self.policy_arn)
        return UserAndPolicy(user=target, policy=policy)


@operation("iam:DetachGroupPolicy", on=GROUP, raises=(NoSuchEntity,))
class DetachGroupPolicy(Command[GroupAndPolicy]):
    """Detach a managed policy from a group."""

    group_name: GroupName
    policy_arn: PolicyArn

    def context(self, caller: Caller, target: Group | None) -> Mapping[str, str | tuple[str, ...]]:
        return _context(self.policy_arn)

    async def execute(self, work: Work, target: Group, prepared: None) -> GroupAndPolicy:
        policy = await _detach(work, IdentityKind.GROUP, target.id, self.policy_arn)
        return GroupAndPolicy(group=target, policy=policy)


@operation("iam:DetachRolePolicy", on=ROLE, raises=(NoSuchEntity,))
class DetachRolePolicy(Command[RoleAndPolicy]):
    """Detach a managed policy from a role."""

    role_name: RoleName
    policy_arn: PolicyArn

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return _context(self.policy_arn, target)

    async def execute(self, work: Work, target: Role, prepared: None) -> RoleAndPolicy:
        policy = await _detach(work, IdentityKind.ROLE, target.id, self.policy_arn)
        return RoleAndPolicy(role=target, policy=policy)


async def _attached(
    work: Work, kind: IdentityKind, asks: Sequence[tuple[Any, User | Group | Role]]
) -> Sequence[Listed[Attached] | IamError]:
    """What is attached to the owners, by the policies' names."""

    async def load(ids: Sequence[str]) -> Mapping[str, Sequence[Attached]]:
        return await work.data.attachments.of(kind, ids)

    return await whole(
        LISTING,
        asks,
        load,
        lambda item: (item.policy.name, item.policy.id),
        2,
        lambda query, item: item.policy.path.startswith(query.path_prefix),
    )


@operation("iam:ListAttachedUserPolicies", on=USER, raises=(NoSuchEntity,))
class ListAttachedUserPolicies(Query[Listed[Attached]]):
    """List the managed policies attached to a user, by name. Those of its groups are not among them."""

    user_name: UserName | None = None
    unique_id: UniqueId | None = None
    path_prefix: PathPrefix = "/"
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListAttachedUserPolicies, User]]
    ) -> Sequence[Listed[Attached] | IamError]:
        return await _attached(work, IdentityKind.USER, asks)


@operation("iam:ListAttachedGroupPolicies", on=GROUP, raises=(NoSuchEntity,))
class ListAttachedGroupPolicies(Query[Listed[Attached]]):
    """List the managed policies attached to a group, by name."""

    group_name: GroupName | None = None
    unique_id: UniqueId | None = None
    path_prefix: PathPrefix = "/"
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListAttachedGroupPolicies, Group]]
    ) -> Sequence[Listed[Attached] | IamError]:
        return await _attached(work, IdentityKind.GROUP, asks)


@operation("iam:ListAttachedRolePolicies", on=ROLE, raises=(NoSuchEntity,))
class ListAttachedRolePolicies(Query[Listed[Attached]]):
    """List the managed policies attached to a role, by name."""

    role_name: RoleName | None = None
    unique_id: UniqueId | None = None
    path_prefix: PathPrefix = "/"
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListAttachedRolePolicies, Role]]
    ) -> Sequence[Listed[Attached] | IamError]:
        return await _attached(work, IdentityKind.ROLE, asks)
