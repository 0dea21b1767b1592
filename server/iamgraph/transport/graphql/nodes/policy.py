"""Policies: managed ones with their versions, and inline ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

from ....app.inline import GetGroupPolicy, GetRolePolicy, GetUserPolicy
from ....app.policies import GetPolicy, ListEntitiesForPolicy
from ....app.versions import GetPolicyVersion, ListPolicyVersions
from ....domain import entities
from ....domain.arn import SERVICE
from ....domain.entities import IdentityKind
from ..context import Info
from ..ids import node_id
from ..scalars import DateTime, PolicyDocument
from .base import Entity, Known, Ref, Resource, Seen, Tag, tags_of
from .connections import Paged, PageInfo, page_info

if TYPE_CHECKING:
    from .account import Account
    from .targets import PolicyTarget

AccountType = Annotated["Account", strawberry.lazy(".account")]
TargetType = Annotated["PolicyTarget", strawberry.lazy(".targets")]


@strawberry.type(description="A text of a managed policy. Exactly one of its versions is in force.")
class PolicyVersion(Known):
    policy_id: strawberry.Private[str]
    version_id: str
    is_default: bool
    known: strawberry.Private[entities.PolicyVersion | None] = None

    @classmethod
    def of(cls, version: entities.PolicyVersion) -> PolicyVersion:
        return cls.named(version.policy_id, version.version_id, version.is_default, version)

    @classmethod
    def named(
        cls, policy_id: str, version_id: str, is_default: bool, known: entities.PolicyVersion | None = None
    ) -> PolicyVersion:
        return cls(
            node_id=node_id("PolicyVersion", policy_id, version_id),
            policy_id=policy_id,
            version_id=version_id,
            is_default=is_default,
            known=known,
        )

    async def _whole(self, info: Info) -> entities.PolicyVersion:
        return await info.context.load(GetPolicyVersion(unique_id=self.policy_id, version_id=self.version_id))

    @strawberry.field
    async def created_at(self, info: Info) -> DateTime | None:
        return DateTime((self.known or await self._whole(info)).created_at)

    @strawberry.field
    async def document(self, info: Info) -> PolicyDocument | None:
        known = self.known if self.known and self.known.document is not None else await self._whole(info)
        return PolicyDocument(known.document or "")


@strawberry.type
class PolicyAttachmentEdge:
    cursor: str
    node: TargetType
    attached_at: DateTime
    as_boundary: bool


@strawberry.type
class PolicyAttachmentConnection(Paged):
    @strawberry.field
    def edges(self) -> list[PolicyAttachmentEdge]:
        return [
            PolicyAttachmentEdge(
                cursor=cursor, node=node, attached_at=DateTime(item.attached_at), as_boundary=item.as_boundary
            )
            for cursor, item, node in self.placed()
        ]

    @strawberry.field
    def nodes(self) -> list[TargetType]:
        return self.all_nodes()

    @strawberry.field
    def page_info(self) -> PageInfo:
        return page_info(self.page)


@strawberry.type(
    description="A policy with a life of its own, which can be attached to users, groups and roles. The counts and the "
    "attachments are those of the caller's account."
)
class ManagedPolicy(Entity, Resource):
    @classmethod
    def of(cls, policy: entities.ManagedPolicy, seen: Seen = Seen.WHOLE) -> ManagedPolicy:
        return cls(ref=Ref("ManagedPolicy", policy.id, policy.arn, seen, policy))

    @classmethod
    def listed(cls, policy: entities.ManagedPolicy) -> ManagedPolicy:
        return cls.of(policy, Seen.LISTED)

    @classmethod
    def named(cls, unique_id: str, arn: str, policy: entities.ManagedPolicy | None = None) -> ManagedPolicy:
        return cls(ref=Ref("ManagedPolicy", unique_id, arn, Seen.NAMED, policy))

    @classmethod
    def attached(cls, item: entities.Attached) -> ManagedPolicy:
        return cls.named(item.policy.id, item.policy.arn, item.policy)

    @classmethod
    def boundary_of(cls, entity: entities.User | entities.Role) -> ManagedPolicy | None:
        if entity.boundary_id is None or entity.boundary_arn is None:
            return None
        return cls.named(entity.boundary_id, entity.boundary_arn)

    def reading(self) -> GetPolicy:
        return GetPolicy(unique_id=self.ref.unique_id)

    @strawberry.field(description="None where the service itself owns the policy.")
    def account(self) -> AccountType | None:
        from .account import Account

        return None if self.is_service_owned() else Account.named(self.ref.parsed.account_id)

    @strawberry.field(description="Owned by the service itself; it cannot be changed.")
    def is_service_owned(self) -> bool:
        return self.ref.parsed.account_id == SERVICE

    @strawberry.field
    def is_attachable(self, info: Info) -> bool | None:
        return self.part(info, Seen.LISTED, lambda policy: policy.is_attachable)

    @strawberry.field(description="To how many users, groups and roles it is attached.")
    def attachment_count(self, info: Info) -> int | None:
        return self.part(info, Seen.LISTED, lambda policy: policy.attachment_count)

    @strawberry.field(description="How many users and roles it bounds.")
    def permissions_boundary_usage_count(self, info: Info) -> int | None:
        return self.part(info, Seen.LISTED, lambda policy: policy.boundary_count)

    @strawberry.field
    def description(self, info: Info) -> str | None:
        return self.part(info, Seen.WHOLE, lambda policy: policy.description)

    @strawberry.field
    def updated_at(self, info: Info) -> DateTime | None:
        return self.part(info, Seen.LISTED, lambda policy: policy.updated_at)

    @strawberry.field
    def tags(self, info: Info) -> list[Tag] | None:
        return self.part(info, Seen.WHOLE, tags_of)

    @strawberry.field
    def default_version(self, info: Info) -> PolicyVersion | None:
        return self.part(info, Seen.LISTED, lambda policy: PolicyVersion.named(policy.id, policy.default_version, True))

    @strawberry.field(description="Newest first: at most five of an account's own.")
    async def versions(self, info: Info) -> list[PolicyVersion] | None:
        found = await info.context.load(ListPolicyVersions(unique_id=self.ref.unique_id), self.ref.entity)
        return [PolicyVersion.of(version) for version in found]

    @strawberry.field(description="What the policy is attached to, and what it bounds.")
    async def attachments(self, info: Info, first: int, after: str | None = UNSET) -> PolicyAttachmentConnection | None:
        from .targets import target_of

        query = ListEntitiesForPolicy(unique_id=self.ref.unique_id, max_items=first, marker=after or None)
        page = await info.context.load(query, self.ref.entity)
        return PolicyAttachmentConnection(page=page, make=lambda item: target_of(item.target))


@strawberry.type
class ManagedPolicyEdge:
    cursor: str
    node: ManagedPolicy
    attached_at: DateTime | None


@strawberry.type
class ManagedPolicyConnection(Paged):
    @strawberry.field
    def edges(self) -> list[ManagedPolicyEdge]:
        return [
            ManagedPolicyEdge(cursor=cursor, node=node, attached_at=_attached_at(item))
            for cursor, item, node in self.placed()
        ]

    @strawberry.field
    def nodes(self) -> list[ManagedPolicy]:
        return self.all_nodes()

    @strawberry.field
    def page_info(self) -> PageInfo:
        return page_info(self.page)


def _attached_at(item: entities.Attached | entities.ManagedPolicy) -> DateTime | None:
    return DateTime(item.attached_at) if isinstance(item, entities.Attached) else None


_READ: dict[IdentityKind, Callable[..., Any]] = {
    IdentityKind.USER: GetUserPolicy,
    IdentityKind.GROUP: GetGroupPolicy,
    IdentityKind.ROLE: GetRolePolicy,
}


@strawberry.type(description="A policy that lives and dies with its user, group or role.")
class InlinePolicy(Known):
    name: str
    inner: strawberry.Private[entities.InlinePolicy]
    is_whole: strawberry.Private[bool]

    @classmethod
    def of(cls, policy: entities.InlinePolicy, is_whole: bool = True) -> InlinePolicy:
        made = node_id("InlinePolicy", policy.owner_kind.value, policy.owner_id, policy.name)
        return cls(node_id=made, name=policy.name, inner=policy, is_whole=is_whole)

    @classmethod
    def named(cls, policy: entities.InlinePolicy) -> InlinePolicy:
        return cls.of(policy, False)

    @strawberry.field
    async def document(self, info: Info) -> PolicyDocument | None:
        if self.is_whole:
            return PolicyDocument(self.inner.document)
        found = await read_inline(info, self.inner.owner_kind, self.inner.owner_id, self.name)
        return PolicyDocument(found.document)


async def read_inline(info: Info, kind: IdentityKind, owner_id: str, name: str) -> entities.InlinePolicy:
    """The inline policy, by Get…Policy of its owner's kind."""
    found: entities.InlinePolicy = await info.context.load(_READ[kind](unique_id=owner_id, policy_name=name))
    return found
