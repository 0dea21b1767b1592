"""Inline policies: put, read, list and delete the policies that live and die with a user, group or role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..domain.entities import Group, IdentityKind, InlinePolicy, Role, User
from ..domain.errors import IamError, LimitExceeded, MalformedPolicyDocument, NoSuchEntity
from ..domain.limits import Quotas
from ..domain.names import GroupName, PolicyName, PolicyText, RoleName, UserName
from ..domain.policy.grammar import PolicyType, check, size
from .boundaries import boundary_of
from .caller import Caller
from .changes import GONE, shown_inline
from .edges import whole
from .listing import Listed, Marker, MaxItems
from .operation import Command, Query, operation
from .targets import GROUP, ROLE, USER
from .users import UniqueId
from .work import Work

LISTING = "inline-policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAndInlinePolicy:
    """A user, and an inline policy that was put into it."""

    user: User
    policy: InlinePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAndInlinePolicy:
    """A group, and an inline policy that was put into it."""

    group: Group
    policy: InlinePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAndInlinePolicy:
    """A role, and an inline policy that was put into it."""

    role: Role
    policy: InlinePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedUserPolicy:
    """A user, and the name of an inline policy that it has no longer."""

    user: User
    deleted_policy_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedGroupPolicy:
    """A group, and the name of an inline policy that it has no longer."""

    group: Group
    deleted_policy_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedRolePolicy:
    """A role, and the name of an inline policy that it has no longer."""

    role: Role
    deleted_policy_name: str


def _limit(kind: IdentityKind, quotas: Quotas) -> int:
    """How large the inline policies of one owner may be in total."""
    if kind is IdentityKind.USER:
        return quotas.user_inline_policy_size
    if kind is IdentityKind.GROUP:
        return quotas.group_inline_policy_size
    return quotas.role_inline_policy_size


async def _put(work: Work, kind: IdentityKind, owner: User | Group | Role, name: str, document: str) -> InlinePolicy:
    """Put the policy in, in place of the one of that name. Raises LimitExceeded: the quota counts all that the owner
    has."""
    limit = _limit(kind, work.tools.quotas)
    held = (await work.data.inline.of(kind, [owner.id])).get(owner.id, ())
    used = sum(size(policy.document) for policy in held if policy.name != name)
    if used + size(document) > limit:
        raise LimitExceeded(f"Maximum policy size of {limit} bytes exceeded for {kind.value} {owner.name}", limit=limit)
    await work.data.inline.put(kind, owner.id, name, document, work.now)
    policy = InlinePolicy(owner_kind=kind, owner_id=owner.id, name=name, document=document)
    replaced = next((shown_inline(one) for one in held if one.name == name), GONE)
    work.changed(replaced, shown_inline(policy))
    return policy


def _missing(kind: IdentityKind, name: str) -> NoSuchEntity:
    return NoSuchEntity(f"The {kind.value} policy with name {name} cannot be found.")


async def _delete(work: Work, kind: IdentityKind, owner_id: str, name: str) -> None:
    key = (owner_id, name)
    policy = (await work.data.inline.get(kind, [key])).get(key)
    if policy is None or not await work.data.inline.delete(kind, owner_id, name):
        raise _missing(kind, name)
    work.changed(shown_inline(policy), GONE)


async def _get(
    work: Work, kind: IdentityKind, asks: Sequence[tuple[Any, User | Group | Role]]
) -> Sequence[InlinePolicy | IamError]:
    """The policies that the queries name."""
    keys = [(owner.id, query.policy_name) for query, owner in asks]
    found = await work.data.inline.get(kind, list(dict.fromkeys(keys)))
    return [found.get(key) or _missing(kind, key[1]) for key in keys]


async def _list(
    work: Work, kind: IdentityKind, asks: Sequence[tuple[Any, User | Group | Role]]
) -> Sequence[Listed[InlinePolicy] | IamError]:
    """The policies of the owners, by name."""

    async def load(ids: Sequence[str]) -> Mapping[str, Sequence[InlinePolicy]]:
        return await work.data.inline.of(kind, ids)

    return await whole(LISTING, asks, load, lambda policy: (policy.name,), 1)


@operation("iam:PutUserPolicy", on=USER, raises=(NoSuchEntity, LimitExceeded, MalformedPolicyDocument))
class PutUserPolicy(Command[UserAndInlinePolicy]):
    """Put an inline policy into a user, in place of the one of that name."""

    user_name: UserName
    policy_name: PolicyName
    policy_document: PolicyText

    def context(self, caller: Caller, target: User | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    async def look(self, work: Work, target: User) -> None:
        check(PolicyType.INLINE, self.policy_document)

    async def execute(self, work: Work, target: User, prepared: None) -> UserAndInlinePolicy:
        policy = await _put(work, IdentityKind.USER, target, self.policy_name, self.policy_document)
        return UserAndInlinePolicy(user=target, policy=policy)


@operation("iam:PutGroupPolicy", on=GROUP, raises=(NoSuchEntity, LimitExceeded, MalformedPolicyDocument))
class PutGroupPolicy(Command[GroupAndInlinePolicy]):
    """Put an inline policy into a group, in place of the one of that name."""

    group_name: GroupName
    policy_name: PolicyName
    policy_document: PolicyText

    async def look(self, work: Work, target: Group) -> None:
        check(PolicyType.INLINE, self.policy_document)

    async def execute(self, work: Work, target: Group, prepared: None) -> GroupAndInlinePolicy:
        policy = await _put(work, IdentityKind.GROUP, target, self.policy_name, self.policy_document)
        return GroupAndInlinePolicy(group=target, policy=policy)


@operation("iam:PutRolePolicy", on=ROLE, raises=(NoSuchEntity, LimitExceeded, MalformedPolicyDocument))
class PutRolePolicy(Command[RoleAndInlinePolicy]):
    """Put an inline policy into a role, in place of the one of that name."""

    role_name: RoleName
    policy_name: PolicyName
    policy_document: PolicyText

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    async def look(self, work: Work, target: Role) -> None:
        check(PolicyType.INLINE, self.policy_document)

    async def execute(self, work: Work, target: Role, prepared: None) -> RoleAndInlinePolicy:
        policy = await _put(work, IdentityKind.ROLE, target, self.policy_name, self.policy_document)
        return RoleAndInlinePolicy(role=target, policy=policy)


@operation("iam:GetUserPolicy", on=USER, raises=(NoSuchEntity,))
class GetUserPolicy(Query[InlinePolicy]):
    """Read one inline policy of a user."""

    user_name: UserName | None = None
    unique_id: UniqueId | None = None
    policy_name: PolicyName

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetUserPolicy, User]]) -> Sequence[InlinePolicy | IamError]:
        return await _get(work, IdentityKind.USER, asks)


@operation("iam:GetGroupPolicy", on=GROUP, raises=(NoSuchEntity,))
class GetGroupPolicy(Query[InlinePolicy]):
    """Read one inline policy of a group."""

    group_name: GroupName | None = None
    unique_id: UniqueId | None = None
    policy_name: PolicyName

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetGroupPolicy, Group]]) -> Sequence[InlinePolicy | IamError]:
        return await _get(work, IdentityKind.GROUP, asks)


@operation("iam:GetRolePolicy", on=ROLE, raises=(NoSuchEntity,))
class GetRolePolicy(Query[InlinePolicy]):
    """Read one inline policy of a role."""

    role_name: RoleName | None = None
    unique_id: UniqueId | None = None
    policy_name: PolicyName

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetRolePolicy, Role]]) -> Sequence[InlinePolicy | IamError]:
        return await _get(work, IdentityKind.ROLE, asks)


@operation("iam:DeleteUserPolicy", on=USER, raises=(NoSuchEntity,))
class DeleteUserPolicy(Command[DeletedUserPolicy]):
    """Delete an inline policy of a user."""

    user_name: UserName
    policy_name: PolicyName

    def context(self, caller: Caller, target: User | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    async def execute(self, work: Work, target: User, prepared: None) -> DeletedUserPolicy:
        await _delete(work, IdentityKind.USER, target.id, self.policy_name)
        return DeletedUserPolicy(user=target, deleted_policy_name=self.policy_name)


@operation("iam:DeleteGroupPolicy", on=GROUP, raises=(NoSuchEntity,))
class DeleteGroupPolicy(Command[DeletedGroupPolicy]):
    """Delete an inline policy of a group."""

    group_name: GroupName
    policy_name: PolicyName

    async def execute(self, work: Work, target: Group, prepared: None) -> DeletedGroupPolicy:
        await _delete(work, IdentityKind.GROUP, target.id, self.policy_name)
        return DeletedGroupPolicy(group=target, deleted_policy_name=self.policy_name)


@operation("iam:DeleteRolePolicy", on=ROLE, raises=(NoSuchEntity,))
class DeleteRolePolicy(Command[DeletedRolePolicy]):
    """Delete an inline policy of a role."""

    role_name: RoleName
    policy_name: PolicyName

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    async def execute(self, work: Work, target: Role, prepared: None) -> DeletedRolePolicy:
        await _delete(work, IdentityKind.ROLE, target.id, self.policy_name)
        return DeletedRolePolicy(role=target, deleted_policy_name=self.policy_name)


@operation("iam:ListUserPolicies", on=USER, raises=(NoSuchEntity,))
class ListUserPolicies(Query[Listed[InlinePolicy]]):
    """List the names of a user's inline policies. What they say takes `iam:GetUserPolicy`."""

    user_name: UserName | None = None
    unique_id: UniqueId | None = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListUserPolicies, User]]
    ) -> Sequence[Listed[InlinePolicy] | IamError]:
        return await _list(work, IdentityKind.USER, asks)


@operation("iam:ListGroupPolicies", on=GROUP, raises=(NoSuchEntity,))
class ListGroupPolicies(Query[Listed[InlinePolicy]]):
    """List the names of a group's inline policies. What they say takes `iam:GetGroupPolicy`."""

    group_name: GroupName | None = None
    unique_id: UniqueId | None = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListGroupPolicies, Group]]
    ) -> Sequence[Listed[InlinePolicy] | IamError]:
        return await _list(work, IdentityKind.GROUP, asks)


@operation("iam:ListRolePolicies", on=ROLE, raises=(NoSuchEntity,))
class ListRolePolicies(Query[Listed[InlinePolicy]]):
    """List the names of a role's inline policies. What they say takes `iam:GetRolePolicy`."""

    role_name: RoleName | None = None
    unique_id: UniqueId | None = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListRolePolicies, Role]]
    ) -> Sequence[Listed[InlinePolicy] | IamError]:
        return await _list(work, IdentityKind.ROLE, asks)
