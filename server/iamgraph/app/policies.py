"""Managed policies: create, read, list, delete and tag them, and say what they are attached to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from ..domain.arn import SERVICE, parse_arn
from ..domain.entities import Attachment, IdentityKind, ManagedPolicy, PolicyUsage, Tag
from ..domain.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    IamError,
    InvalidInput,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
)
from ..domain.ids import IdPrefix
from ..domain.names import Doc, Match, PathPrefix, PolicyArn, PolicyName, PolicyPath, PolicyText
from ..domain.policy.grammar import PolicyType, check, check_size
from ..domain.tags import check_tag_keys, check_tags, with_tags, without_tags
from ..store.attachments import attachment_key
from ..store.pages import Page
from ..store.policies import policy_key
from .caller import Caller
from .changes import GONE, shown_policy, shown_version
from .edges import paged
from .listing import Listed, Marker, MaxItems, by_name
from .operation import Command, Need, Query, operation
from .quotas import ensure
from .tagging import TagKeys, Tags, pages_of_tags, request_tags
from .targets import CHANGED_POLICY, POLICY, Listing, New
from .users import UniqueId
from .work import Work

LISTING = "policies"
TAGS = "policy-tags"
ATTACHMENTS = "policy-attachments"
SHOWN_BLOCKERS = 100
"""How many of what blocks a deletion are told at most."""

PolicyDescription = Annotated[
    str, Match(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*", 0, 1000), Doc("What the policy is for.")
]


def check_managed(work: Work, text: str) -> None:
    """Raise InvalidInput, MalformedPolicyDocument or LimitExceeded where `text` can't be a managed policy."""
    check(PolicyType.MANAGED, text)
    check_size(PolicyType.MANAGED, text, work.tools.quotas.policy_size)


async def current(work: Work, policy_id: str) -> ManagedPolicy:
    """The policy as the store has it now."""
    return (await work.data.policies.by_ids([policy_id], viewer=work.caller.account_id))[policy_id]


async def changed(work: Work, before: ManagedPolicy) -> ManagedPolicy:
    """The policy as the store has it now, the change noted."""
    policy = await current(work, before.id)
    work.changed(shown_policy(before), shown_policy(policy))
    return policy


@operation(
    "iam:CreatePolicy",
    on=New(kind="policy", parameter="policy_name"),
    raises=(EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument),
)
class CreatePolicy(Command[ManagedPolicy]):
    """Create a managed policy, to be attached to users, groups and roles. Its text becomes version `v1`."""

    policy_name: PolicyName
    policy_document: PolicyText
    path: PolicyPath = "/"
    description: PolicyDescription | None = None
    tags: Tags = ()

    moves_revision = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        tagging = (self.need(caller, target, "iam:TagPolicy"),) if self.tags else ()
        return (self.need(caller, target), *tagging)

    def context(self, caller: Caller, target: None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def look(self, work: Work, target: None) -> None:
        check_managed(work, self.policy_document)

    async def execute(self, work: Work, target: None, prepared: None) -> ManagedPolicy:
        account_id = work.caller.account_id
        ensure(await work.data.policies.count(account_id), "PoliciesPerAccount", work.tools.quotas.policies_per_account)
        policy = ManagedPolicy(
            id=work.tools.new_id(IdPrefix.MANAGED_POLICY),
            account_id=account_id,
            name=self.policy_name,
            path=self.path,
            description=self.description,
            default_version="v1",
            attachment_count=0,
            boundary_count=0,
            created_at=work.now,
            updated_at=work.now,
            tags=with_tags((), self.tags, limit=work.tools.quotas.tags_per_entity),
        )
        await work.data.policies.add(policy, self.policy_document)
        return policy


@operation("iam:GetPolicy", on=POLICY, raises=(NoSuchEntity,))
class GetPolicy(Query[ManagedPolicy]):
    """Read one managed policy. Its text is in its versions."""

    policy_arn: PolicyArn | None = None
    unique_id: UniqueId | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetPolicy, ManagedPolicy]]
    ) -> Sequence[ManagedPolicy | IamError]:
        return [policy for _, policy in asks]


class PolicyScope(Enum):
    """Whose managed policies are listed: the account's own, the service's, or both."""

    LOCAL = "Local"
    AWS = "AWS"
    ALL = "All"


@operation("iam:ListPolicies", on=Listing(kind="policy"))
class ListPolicies(Query[Listed[ManagedPolicy]]):
    """List the managed policies of the account and of the service, by name."""

    path_prefix: PathPrefix = "/"
    scope: PolicyScope = PolicyScope.ALL
    only_attached: Annotated[bool, Doc("Only policies that are attached to a user, group or role.")] = False
    policy_usage_filter: Annotated[PolicyUsage | None, Doc("Only policies that are this to somebody.")] = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListPolicies, None]]
    ) -> Sequence[Listed[ManagedPolicy] | IamError]:
        return [await cls._page(work, query) for query, _ in asks]

    @staticmethod
    async def _page(work: Work, query: ListPolicies) -> Listed[ManagedPolicy] | IamError:
        async def load(after: str | None) -> Page[ManagedPolicy]:
            return await work.data.policies.page(
                work.caller.account_id,
                path_prefix=query.path_prefix,
                own=query.scope is not PolicyScope.AWS,
                service_owned=query.scope is not PolicyScope.LOCAL,
                only_attached=query.only_attached,
                usage=query.policy_usage_filter,
                after=after,
                limit=query.max_items,
            )

        return await by_name(LISTING, query.marker, policy_key, load)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedPolicy:
    """The unique id of a managed policy that is gone."""

    deleted_policy_id: str


@operation("iam:DeletePolicy", on=CHANGED_POLICY, raises=(NoSuchEntity, DeleteConflict))
class DeletePolicy(Command[DeletedPolicy]):
    """Delete a managed policy that is attached to nothing, bounds nothing and has no version but its default one."""

    policy_arn: PolicyArn

    async def execute(self, work: Work, target: ManagedPolicy, prepared: None) -> DeletedPolicy:
        users = await _users_of(work, target)
        versions = (await work.data.policies.versions([target.id])).get(target.id, ())
        others = [version for version in versions if not version.is_default]
        if users:
            raise DeleteConflict("Cannot delete a policy attached to entities.", blocked_by=[*users, *others])
        if others:
            raise DeleteConflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy.",
                blocked_by=others,
            )
        key = (target.id, target.default_version)
        version = (await work.data.policies.version([key]))[key]
        await work.data.policies.delete(target.id)
        work.changed({**shown_policy(target), **shown_version(version)}, GONE)
        return DeletedPolicy(deleted_policy_id=target.id)


async def _users_of(work: Work, policy: ManagedPolicy) -> list[object]:
    """What the policy is attached to or bounds, each once."""
    pages = await work.data.attachments.targets(
        [policy.id], viewer=work.caller.account_id, after=None, limit=SHOWN_BLOCKERS
    )
    page = pages.get(policy.id)
    return list({item.target.id: item.target for item in page.items}.values()) if page else []


def _check_taggable(arn: str, field: str) -> None:
    """Raise InvalidInput, in AWS's words, for a policy of the service's."""
    parsed = parse_arn(arn)
    if parsed is not None and parsed.account_id == SERVICE:
        raise InvalidInput("Tags not supported for policies in this domain", field=field)


@operation("iam:TagPolicy", on=POLICY, raises=(NoSuchEntity, LimitExceeded))
class TagPolicy(Command[ManagedPolicy]):
    """Add tags to a managed policy. A tag of the same key, whatever its case, is replaced."""

    policy_arn: PolicyArn
    tags: Tags

    def context(self, caller: Caller, target: ManagedPolicy | None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        _check_taggable(self.policy_arn, "tags")
        check_tags(self.tags)

    async def execute(self, work: Work, target: ManagedPolicy, prepared: None) -> ManagedPolicy:
        tags = with_tags(target.tags, self.tags, limit=work.tools.quotas.tags_per_entity)
        await work.data.policies.set_tags(target.id, tags)
        return await changed(work, target)


@operation("iam:UntagPolicy", on=POLICY, raises=(NoSuchEntity,))
class UntagPolicy(Command[ManagedPolicy]):
    """Remove the tags of the given keys from a managed policy. A key that is not there is no error."""

    policy_arn: PolicyArn
    tag_keys: TagKeys

    def context(self, caller: Caller, target: ManagedPolicy | None) -> Mapping[str, str | tuple[str, ...]]:
        return {"aws:TagKeys": self.tag_keys}

    def validate(self) -> None:
        _check_taggable(self.policy_arn, "tagKeys")
        check_tag_keys(self.tag_keys)

    async def execute(self, work: Work, target: ManagedPolicy, prepared: None) -> ManagedPolicy:
        await work.data.policies.set_tags(target.id, without_tags(target.tags, self.tag_keys))
        return await changed(work, target)


class EntityFilter(Enum):
    """Which of the entities that a policy is attached to are listed. To other policies none is attached."""

    USER = "User"
    ROLE = "Role"
    GROUP = "Group"
    LOCAL_MANAGED_POLICY = "LocalManagedPolicy"
    AWS_MANAGED_POLICY = "AWSManagedPolicy"


_KINDS = {
    EntityFilter.USER: IdentityKind.USER,
    EntityFilter.ROLE: IdentityKind.ROLE,
    EntityFilter.GROUP: IdentityKind.GROUP,
}


@operation("iam:ListEntitiesForPolicy", on=POLICY, raises=(NoSuchEntity,))
class ListEntitiesForPolicy(Query[Listed[Attachment]]):
    """List the users, groups and roles that a managed policy is attached to, or bounds."""

    policy_arn: PolicyArn | None = None
    unique_id: UniqueId | None = None
    entity_filter: Annotated[EntityFilter | None, Doc("Only entities of this kind.")] = None
    policy_usage_filter: Annotated[PolicyUsage | None, Doc("Only those that the policy is this to.")] = None
    path_prefix: PathPrefix = "/"
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListEntitiesForPolicy, ManagedPolicy]]
    ) -> Sequence[Listed[Attachment] | IamError]:
        answers: dict[int, Listed[Attachment] | IamError] = {}
        for filters, places in _alike([query for query, _ in asks]).items():
            found = await cls._filtered(work, [asks[i] for i in places], *filters)
            answers.update(zip(places, found, strict=True))
        return [answers[i] for i in range(len(asks))]

    @staticmethod
    async def _filtered(
        work: Work,
        asks: Sequence[tuple[ListEntitiesForPolicy, ManagedPolicy]],
        entity: EntityFilter | None,
        usage: PolicyUsage | None,
        path_prefix: str,
    ) -> Sequence[Listed[Attachment] | IamError]:
        async def load(ids: Sequence[str], after: tuple[str, ...] | None, limit: int) -> Mapping[str, Page[Attachment]]:
            if entity is not None and entity not in _KINDS:
                return {}
            return await work.data.attachments.targets(
                ids,
                viewer=work.caller.account_id,
                kind=_KINDS[entity] if entity else None,
                usage=usage,
                path_prefix=path_prefix,
                after=(after[0], after[1]) if after else None,
                limit=limit,
            )

        return await paged(ATTACHMENTS, asks, load, attachment_key, 2)


_Filters = tuple[EntityFilter | None, PolicyUsage | None, str]


def _alike(queries: Sequence[ListEntitiesForPolicy]) -> Mapping[_Filters, Sequence[int]]:
    """The places of the queries by what they leave out: those that are alike are one statement."""
    places: dict[_Filters, list[int]] = {}
    for i, query in enumerate(queries):
        places.setdefault((query.entity_filter, query.policy_usage_filter, query.path_prefix), []).append(i)
    return places


@operation("iam:ListPolicyTags", on=POLICY, raises=(NoSuchEntity,))
class ListPolicyTags(Query[Listed[Tag]]):
    """List the tags of a managed policy, by key."""

    policy_arn: PolicyArn
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListPolicyTags, ManagedPolicy]]
    ) -> Sequence[Listed[Tag] | IamError]:
        return pages_of_tags(TAGS, asks)
