"""Versions of managed policies: the texts that a policy has had, one of which is in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ..domain.entities import ManagedPolicy, PolicyVersion
from ..domain.errors import DeleteConflict, IamError, LimitExceeded, MalformedPolicyDocument, NoSuchEntity
from ..domain.names import Doc, PolicyArn, PolicyText, VersionId
from .changes import GONE, shown_version
from .operation import Command, Query, operation
from .policies import changed, check_managed, current
from .targets import CHANGED_POLICY, POLICY
from .users import UniqueId
from .work import Work


def _missing(policy: ManagedPolicy, version_id: str) -> NoSuchEntity:
    return NoSuchEntity(f"Policy {policy.arn} version {version_id} does not exist or is not attachable.")


async def _version(work: Work, policy: ManagedPolicy, version_id: str) -> PolicyVersion:
    key = (policy.id, version_id)
    version = (await work.data.policies.version([key])).get(key)
    if version is None:
        raise _missing(policy, version_id)
    return version


@operation("iam:CreatePolicyVersion", on=CHANGED_POLICY, raises=(NoSuchEntity, LimitExceeded, MalformedPolicyDocument))
class CreatePolicyVersion(Command[PolicyVersion]):
    """Give a managed policy a new text. Its number is one that the policy never had before."""

    policy_arn: PolicyArn
    policy_document: PolicyText
    set_as_default: Annotated[bool, Doc("Whether the new version is in force at once.")] = False

    async def look(self, work: Work, target: ManagedPolicy) -> None:
        check_managed(work, self.policy_document)

    async def execute(self, work: Work, target: ManagedPolicy, prepared: None) -> PolicyVersion:
        limit = work.tools.quotas.versions_per_policy
        versions = (await work.data.policies.versions([target.id])).get(target.id, ())
        if len(versions) >= limit:
            raise LimitExceeded(
                f"A managed policy can have up to {limit} versions. Before you create a new version, you must delete "
                "an existing version.",
                limit=limit,
            )
        version = await work.data.policies.add_version(
            target.id, self.policy_document, work.now, default=self.set_as_default
        )
        work.changed(GONE, {"versionId": version.version_id})
        if self.set_as_default:
            work.changed({"defaultVersionId": target.default_version}, {"defaultVersionId": version.version_id})
        return version


@operation("iam:GetPolicyVersion", on=POLICY, raises=(NoSuchEntity,))
class GetPolicyVersion(Query[PolicyVersion]):
    """Read one version of a managed policy, with its text."""

    policy_arn: PolicyArn | None = None
    unique_id: UniqueId | None = None
    version_id: VersionId

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetPolicyVersion, ManagedPolicy]]
    ) -> Sequence[PolicyVersion | IamError]:
        keys = list(dict.fromkeys((policy.id, query.version_id) for query, policy in asks))
        found = await work.data.policies.version(keys)
        return [
            found.get((policy.id, query.version_id)) or _missing(policy, query.version_id) for query, policy in asks
        ]


@operation("iam:ListPolicyVersions", on=POLICY, raises=(NoSuchEntity,))
class ListPolicyVersions(Query[tuple[PolicyVersion, ...]]):
    """List the versions of a managed policy, newest first, without their texts."""

    policy_arn: PolicyArn | None = None
    unique_id: UniqueId | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListPolicyVersions, ManagedPolicy]]
    ) -> Sequence[tuple[PolicyVersion, ...] | IamError]:
        found = await work.data.policies.versions(list(dict.fromkeys(policy.id for _, policy in asks)))
        return [tuple(sorted(found.get(policy.id, ()), key=_number, reverse=True)) for _, policy in asks]


def _number(version: PolicyVersion) -> int:
    return int(version.version_id.removeprefix("v"))


@operation("iam:SetDefaultPolicyVersion", on=CHANGED_POLICY, raises=(NoSuchEntity,))
class SetDefaultPolicyVersion(Command[ManagedPolicy]):
    """Put a version of a managed policy in force, wherever the policy is attached."""

    policy_arn: PolicyArn
    version_id: VersionId

    async def execute(self, work: Work, target: ManagedPolicy, prepared: None) -> ManagedPolicy:
        version = await _version(work, target, self.version_id)
        await work.data.policies.set_default(target.id, version.version_id, work.now)
        return await changed(work, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedPolicyVersion:
    """A policy, and the number of a version that it has no longer."""

    policy: ManagedPolicy
    deleted_version_id: str


@operation("iam:DeletePolicyVersion", on=CHANGED_POLICY, raises=(NoSuchEntity, DeleteConflict))
class DeletePolicyVersion(Command[DeletedPolicyVersion]):
    """Delete a version of a managed policy that is not in force."""

    policy_arn: PolicyArn
    version_id: VersionId

    async def execute(self, work: Work, target: ManagedPolicy, prepared: None) -> DeletedPolicyVersion:
        version = await _version(work, target, self.version_id)
        if version.is_default:
            raise DeleteConflict("Cannot delete the default version of a policy.", blocked_by=[version])
        await work.data.policies.delete_version(target.id, version.version_id)
        work.changed(shown_version(version), GONE)
        return DeletedPolicyVersion(policy=await current(work, target.id), deleted_version_id=version.version_id)
