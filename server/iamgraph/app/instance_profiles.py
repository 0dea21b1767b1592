"""Instance profiles: create, read, list, delete and tag them, and give each the role that its machines act as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..domain.entities import InstanceProfile, Role, Tag
from ..domain.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    IamError,
    LimitExceeded,
    NoSuchEntity,
)
from ..domain.ids import IdPrefix
from ..domain.names import ArnText, InstanceProfileName, PathName, PathPrefix, RoleName
from ..domain.tags import check_tag_keys, check_tags, with_tags, without_tags
from ..store.pages import Page
from ..store.session import StoreSession
from .caller import Caller
from .changes import GONE, shown_instance_profile
from .conflicts import IN_PROFILE, in_use
from .edges import paged
from .listing import Listed, Marker, MaxItems, by_name
from .operation import Command, Need, Place, Query, Target, operation
from .passing import no_such_role, pass_role
from .quotas import ensure
from .tagging import TagKeys, Tags, pages_of_tags, request_tags
from .targets import INSTANCE_PROFILE, ROLE, Listing, New
from .users import UniqueId
from .work import Work

LISTING, OF_ROLE, TAGS = "instance-profiles", "instance-profiles-of-role", "instance-profile-tags"


async def _again(work: Work, profile_id: str) -> InstanceProfile:
    """The profile as the store has it now."""
    return (await work.data.instance_profiles.by_ids([profile_id]))[profile_id]


async def _changed(work: Work, before: InstanceProfile) -> InstanceProfile:
    """The profile as the store has it now, the change noted."""
    profile = await _again(work, before.id)
    work.changed(shown_instance_profile(before), shown_instance_profile(profile))
    return profile


@operation(
    "iam:CreateInstanceProfile",
    on=New(kind="instance-profile", parameter="instance_profile_name"),
    raises=(EntityAlreadyExists, LimitExceeded),
)
class CreateInstanceProfile(Command[InstanceProfile]):
    """Create an instance profile, which hands a role to the applications of a machine once it holds one."""

    instance_profile_name: InstanceProfileName
    path: PathName = "/"
    tags: Tags = ()

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        tagging = (self.need(caller, target, "iam:TagInstanceProfile"),) if self.tags else ()
        return (self.need(caller, target), *tagging)

    def context(self, caller: Caller, target: None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def execute(self, work: Work, target: None, prepared: None) -> InstanceProfile:
        account_id, quotas = work.caller.account_id, work.tools.quotas
        used = await work.data.instance_profiles.count(account_id)
        ensure(used, "InstanceProfilesPerAccount", quotas.instance_profiles_per_account)
        profile = InstanceProfile(
            id=work.tools.new_id(IdPrefix.INSTANCE_PROFILE),
            account_id=account_id,
            name=self.instance_profile_name,
            path=self.path,
            created_at=work.now,
            tags=with_tags((), self.tags, limit=quotas.tags_per_entity),
        )
        await work.data.instance_profiles.add(profile)
        return profile


@operation("iam:GetInstanceProfile", on=INSTANCE_PROFILE, raises=(NoSuchEntity,))
class GetInstanceProfile(Query[InstanceProfile]):
    """Read one instance profile, and which role it holds."""

    instance_profile_name: InstanceProfileName | None = None
    unique_id: UniqueId | None = None
    arn: ArnText | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetInstanceProfile, InstanceProfile]]
    ) -> Sequence[InstanceProfile | IamError]:
        return [profile for _, profile in asks]


@operation("iam:ListInstanceProfiles", on=Listing(kind="instance-profile"))
class ListInstanceProfiles(Query[Listed[InstanceProfile]]):
    """List the instance profiles of the account, by name."""

    path_prefix: PathPrefix = "/"
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListInstanceProfiles, None]]
    ) -> Sequence[Listed[InstanceProfile] | IamError]:
        return [await cls._page(work, query) for query, _ in asks]

    @staticmethod
    async def _page(work: Work, query: ListInstanceProfiles) -> Listed[InstanceProfile] | IamError:
        async def load(after: str | None) -> Page[InstanceProfile]:
            return await work.data.instance_profiles.page(
                work.caller.account_id, path_prefix=query.path_prefix, after=after, limit=query.max_items
            )

        return await by_name(LISTING, query.marker, lambda profile: profile.name, load)


@operation("iam:ListInstanceProfilesForRole", on=ROLE, raises=(NoSuchEntity,))
class ListInstanceProfilesForRole(Query[Listed[InstanceProfile]]):
    """List the instance profiles that hold a role, by name."""

    role_name: RoleName | None = None
    unique_id: UniqueId | None = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListInstanceProfilesForRole, Role]]
    ) -> Sequence[Listed[InstanceProfile] | IamError]:
        async def load(
            ids: Sequence[str], after: tuple[str, ...] | None, limit: int
        ) -> Mapping[str, Page[InstanceProfile]]:
            return await work.data.instance_profiles.of_roles(ids, after=after[0] if after else None, limit=limit)

        return await paged(OF_ROLE, asks, load, lambda profile: (profile.name,), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedInstanceProfile:
    """The unique id of an instance profile that is gone."""

    deleted_instance_profile_id: str


@operation("iam:DeleteInstanceProfile", on=INSTANCE_PROFILE, raises=(NoSuchEntity, DeleteConflict))
class DeleteInstanceProfile(Command[DeletedInstanceProfile]):
    """Delete an instance profile that holds no role, and its agents."""

    instance_profile_name: InstanceProfileName

    async def execute(self, work: Work, target: InstanceProfile, prepared: None) -> DeletedInstanceProfile:
        if target.role is not None:
            raise in_use([target.role], IN_PROFILE)
        await work.data.agents.delete_of(target.id)
        await work.data.instance_profiles.delete(target.id)
        work.changed(shown_instance_profile(target), GONE)
        return DeletedInstanceProfile(deleted_instance_profile_id=target.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileAndRole:
    """An instance profile, and the role that is put into it or taken out. `role` is None where there is no such role."""

    instance_profile: InstanceProfile
    role: Role | None


class _ProfileAndRole(Target):
    """The profile that an operation acts on, and the role that it names beside."""

    know = INSTANCE_PROFILE.know

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[ProfileAndRole | None]:
        profiles = await INSTANCE_PROFILE.load(caller, data, ops)
        roles = await ROLE.load(caller, data, ops)
        return [
            ProfileAndRole(instance_profile=profile, role=role) if profile is not None else None
            for profile, role in zip(profiles, roles, strict=True)
        ]

    def place(self, caller: Caller, op: Any, entity: ProfileAndRole | None) -> Place:
        return INSTANCE_PROFILE.place(caller, op, entity.instance_profile if entity is not None else None)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return INSTANCE_PROFILE.missing(caller, op)


PROFILE_AND_ROLE = _ProfileAndRole()


@operation("iam:AddRoleToInstanceProfile", on=PROFILE_AND_ROLE, raises=(NoSuchEntity, LimitExceeded))
class AddRoleToInstanceProfile(Command[ProfileAndRole]):
    """Put a role into an instance profile that holds none. It takes `iam:PassRole` on the role as well."""

    instance_profile_name: InstanceProfileName
    role_name: RoleName

    def needs(self, caller: Caller, target: ProfileAndRole | None) -> Sequence[Need]:
        role = target.role if target is not None else None
        return (self.need(caller, target), pass_role(caller, self, role))

    async def execute(self, work: Work, target: ProfileAndRole, prepared: None) -> ProfileAndRole:
        profile, role = target.instance_profile, target.role
        if role is None:
            raise no_such_role(self.role_name)
        ensure(0 if profile.role is None else 1, "InstanceSessionsPerInstanceProfile", 1)
        await work.data.instance_profiles.set_role(profile.id, role.id)
        return ProfileAndRole(instance_profile=await _changed(work, profile), role=role)


@operation("iam:RemoveRoleFromInstanceProfile", on=PROFILE_AND_ROLE, raises=(NoSuchEntity,))
class RemoveRoleFromInstanceProfile(Command[ProfileAndRole]):
    """Take the role that it holds out of an instance profile."""

    instance_profile_name: InstanceProfileName
    role_name: RoleName

    async def execute(self, work: Work, target: ProfileAndRole, prepared: None) -> ProfileAndRole:
        profile, role = target.instance_profile, target.role
        if role is None or profile.role is None or profile.role.id != role.id:
            # Alike, whether there is such a role elsewhere or not.
            raise no_such_role(self.role_name)
        await work.data.instance_profiles.set_role(profile.id, None)
        return ProfileAndRole(instance_profile=await _changed(work, profile), role=role)


@operation("iam:TagInstanceProfile", on=INSTANCE_PROFILE, raises=(NoSuchEntity, LimitExceeded))
class TagInstanceProfile(Command[InstanceProfile]):
    """Add tags to an instance profile. A tag of the same key, whatever its case, is replaced."""

    instance_profile_name: InstanceProfileName
    tags: Tags

    def context(self, caller: Caller, target: InstanceProfile | None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def execute(self, work: Work, target: InstanceProfile, prepared: None) -> InstanceProfile:
        tags = with_tags(target.tags, self.tags, limit=work.tools.quotas.tags_per_entity)
        await work.data.instance_profiles.set_tags(target.id, tags)
        return await _changed(work, target)


@operation("iam:UntagInstanceProfile", on=INSTANCE_PROFILE, raises=(NoSuchEntity,))
class UntagInstanceProfile(Command[InstanceProfile]):
    """Remove the tags of the given keys from an instance profile. A key that is not there is no error."""

    instance_profile_name: InstanceProfileName
    tag_keys: TagKeys

    def context(self, caller: Caller, target: InstanceProfile | None) -> Mapping[str, str | tuple[str, ...]]:
        return {"aws:TagKeys": self.tag_keys}

    def validate(self) -> None:
        check_tag_keys(self.tag_keys)

    async def execute(self, work: Work, target: InstanceProfile, prepared: None) -> InstanceProfile:
        await work.data.instance_profiles.set_tags(target.id, without_tags(target.tags, self.tag_keys))
        return await _changed(work, target)


@operation("iam:ListInstanceProfileTags", on=INSTANCE_PROFILE, raises=(NoSuchEntity,))
class ListInstanceProfileTags(Query[Listed[Tag]]):
    """List the tags of an instance profile, by key."""

    instance_profile_name: InstanceProfileName
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListInstanceProfileTags, InstanceProfile]]
    ) -> Sequence[Listed[Tag] | IamError]:
        return pages_of_tags(TAGS, asks)
