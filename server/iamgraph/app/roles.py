"""Roles: create, read, list, change, delete, tag and bound them, and say whom they trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, get_args

from ..domain.entities import IdentityKind, Role, Tag
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
from ..domain.names import (
    ArnText,
    Between,
    Description,
    Doc,
    Match,
    PathName,
    PathPrefix,
    PolicyArn,
    PolicyText,
    RoleName,
)
from ..domain.policy.principals import SERVICE_LINKED_PATH
from ..domain.tags import check_tag_keys, check_tags, with_tags, without_tags
from ..domain.unset import UNSET, Unset
from ..store.pages import Page
from .boundaries import boundary_context, boundary_id, boundary_of
from .caller import Caller
from .changes import GONE, shown_role
from .conflicts import in_use
from .listing import Listed, Marker, MaxItems, by_name
from .operation import Command, Need, Query, operation
from .quotas import ensure
from .tagging import TagKeys, Tags, pages_of_tags, request_tags
from .targets import ROLE, Listing, New
from .trusts import bound, check_trust_policy
from .users import UniqueId
from .work import Work

LISTING = "roles"
TAGS = "role-tags"
SHOWN_BLOCKERS = 100
SessionSeconds = Annotated[int, Between(3600, 43200), Doc("How long a session of the role may be, in seconds.")]


@operation(
    "iam:CreateRole",
    on=New(kind="role", parameter="role_name"),
    raises=(EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument, NoSuchEntity),
)
class CreateRole(Command[Role]):
    """Create a role, which the principals that its trust policy names can assume."""

    role_name: RoleName
    assume_role_policy_document: PolicyText
    path: PathName = "/"
    description: Description | None = None
    max_session_duration: SessionSeconds = 3600
    permissions_boundary: PolicyArn | None = None
    tags: Tags = ()

    moves_revision = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        tagging = (self.need(caller, target, "iam:TagRole"),) if self.tags else ()
        return (self.need(caller, target), *tagging)

    def context(self, caller: Caller, target: None) -> Mapping[str, str | tuple[str, ...]]:
        return {**request_tags(self.tags), **boundary_context(self.permissions_boundary)}

    def validate(self) -> None:
        if self.path.startswith(SERVICE_LINKED_PATH):
            # INVARIANT: guardrails spare service-linked roles, so nobody makes one.
            raise InvalidInput(f"{self.path!a} at 'path' is for the roles of services: choose another", field="path")
        check_tags(self.tags)

    async def look(self, work: Work, target: None) -> None:
        check_trust_policy(work, self.assume_role_policy_document)

    async def execute(self, work: Work, target: None, prepared: None) -> Role:
        account_id = work.caller.account_id
        ensure(await work.data.roles.count(account_id), "RolesPerAccount", work.tools.quotas.roles_per_account)
        text, bindings = await bound(work, self.assume_role_policy_document)
        role = Role(
            id=work.tools.new_id(IdPrefix.ROLE),
            account_id=account_id,
            name=self.role_name,
            path=self.path,
            description=self.description,
            max_session_seconds=self.max_session_duration,
            trust_policy=text,
            bindings=bindings,
            created_at=work.now,
            boundary_id=await boundary_id(work, self.permissions_boundary),
            tags=with_tags((), self.tags, limit=work.tools.quotas.tags_per_entity),
        )
        await work.data.roles.add(role)
        return await _again(work, role.id)


async def _again(work: Work, role_id: str) -> Role:
    """The role as the store has it now."""
    return (await work.data.roles.by_ids([role_id]))[role_id]


async def _changed(work: Work, before: Role) -> Role:
    """The role as the store has it now, the change noted."""
    role = await _again(work, before.id)
    work.changed(shown_role(before), shown_role(role))
    return role


@operation("iam:GetRole", on=ROLE, raises=(NoSuchEntity,))
class GetRole(Query[Role]):
    """Read one role."""

    role_name: RoleName | None = None
    unique_id: UniqueId | None = None
    arn: ArnText | None = None

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetRole, Role]]) -> Sequence[Role | IamError]:
        return [role for _, role in asks]


@operation("iam:ListRoles", on=Listing(kind="role"))
class ListRoles(Query[Listed[Role]]):
    """List the roles of the account, by name."""

    path_prefix: PathPrefix = "/"
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[ListRoles, None]]) -> Sequence[Listed[Role] | IamError]:
        return [await cls._page(work, query) for query, _ in asks]

    @staticmethod
    async def _page(work: Work, query: ListRoles) -> Listed[Role] | IamError:
        async def load(after: str | None) -> Page[Role]:
            return await work.data.roles.page(
                work.caller.account_id, path_prefix=query.path_prefix, after=after, limit=query.max_items
            )

        return await by_name(LISTING, query.marker, lambda role: role.name, load)


@operation("iam:UpdateRole", on=ROLE, raises=(NoSuchEntity,))
class UpdateRole(Command[Role]):
    """Change a role's description or the longest session that it gives. What is absent stays as it is; a description of
    null is cleared."""

    role_name: RoleName
    description: Annotated[str, Doc("What it is for.")] | Unset | None = UNSET
    max_session_duration: SessionSeconds | None = None

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    def validate(self) -> None:
        if isinstance(self.description, str):
            for note in get_args(Description):
                if isinstance(note, Match):
                    note.check("description", self.description)

    async def execute(self, work: Work, target: Role, prepared: None) -> Role:
        await work.data.roles.update(
            target.id,
            description=target.description if self.description is UNSET else self.description,
            max_session_seconds=self.max_session_duration or target.max_session_seconds,
        )
        return await _changed(work, target)


@operation("iam:UpdateRoleDescription", on=ROLE, raises=(NoSuchEntity,))
class UpdateRoleDescription(Command[Role]):
    """Change a role's description: what `UpdateRole` does too, under an action of its own."""

    role_name: RoleName
    description: Description

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    async def execute(self, work: Work, target: Role, prepared: None) -> Role:
        await work.data.roles.update(
            target.id, description=self.description, max_session_seconds=target.max_session_seconds
        )
        return await _changed(work, target)


@operation("iam:UpdateAssumeRolePolicy", on=ROLE, raises=(NoSuchEntity, MalformedPolicyDocument, LimitExceeded))
class UpdateAssumeRolePolicy(Command[Role]):
    """Replace a role's trust policy: who can assume it. Its sessions go on."""

    role_name: RoleName
    policy_document: PolicyText

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    async def look(self, work: Work, target: Role) -> None:
        check_trust_policy(work, self.policy_document)

    async def execute(self, work: Work, target: Role, prepared: None) -> Role:
        text, bindings = await bound(work, self.policy_document)
        await work.data.roles.set_trust(target.id, text, bindings)
        return await _changed(work, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedRole:
    """The unique id of a role that is gone."""

    deleted_role_id: str


@operation("iam:DeleteRole", on=ROLE, raises=(NoSuchEntity, DeleteConflict))
class DeleteRole(Command[DeletedRole]):
    """Delete a role that has no policies left and that no instance profile holds."""

    role_name: RoleName

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    async def execute(self, work: Work, target: Role, prepared: None) -> DeletedRole:
        profiles = (await work.data.instance_profiles.of_roles([target.id], after=None, limit=SHOWN_BLOCKERS))[
            target.id
        ]
        blocking = [*profiles.items, *await _blocking(work, target)]
        if blocking:
            raise in_use(blocking)
        await work.data.roles.delete(target.id)
        work.changed(shown_role(target), GONE)
        return DeletedRole(deleted_role_id=target.id)


async def _blocking(work: Work, role: Role) -> list[object]:
    """The policies that must go before the role can (IAM API Reference, DeleteRole)."""
    ids = [role.id]
    inline = await work.data.inline.of(IdentityKind.ROLE, ids)
    attached = await work.data.attachments.of(IdentityKind.ROLE, ids)
    return [*inline.get(role.id, ()), *(item.policy for item in attached.get(role.id, ()))]


@operation("iam:TagRole", on=ROLE, raises=(NoSuchEntity, LimitExceeded))
class TagRole(Command[Role]):
    """Add tags to a role. A tag of the same key, whatever its case, is replaced."""

    role_name: RoleName
    tags: Tags

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def execute(self, work: Work, target: Role, prepared: None) -> Role:
        tags = with_tags(target.tags, self.tags, limit=work.tools.quotas.tags_per_entity)
        await work.data.roles.set_tags(target.id, tags)
        return await _changed(work, target)


@operation("iam:UntagRole", on=ROLE, raises=(NoSuchEntity,))
class UntagRole(Command[Role]):
    """Remove the tags of the given keys from a role. A key that is not there is no error."""

    role_name: RoleName
    tag_keys: TagKeys

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return {"aws:TagKeys": self.tag_keys}

    def validate(self) -> None:
        check_tag_keys(self.tag_keys)

    async def execute(self, work: Work, target: Role, prepared: None) -> Role:
        await work.data.roles.set_tags(target.id, without_tags(target.tags, self.tag_keys))
        return await _changed(work, target)


@operation("iam:PutRolePermissionsBoundary", on=ROLE, raises=(NoSuchEntity,))
class PutRolePermissionsBoundary(Command[Role]):
    """Bound what a role's policies can allow by a managed policy."""

    role_name: RoleName
    permissions_boundary: PolicyArn

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_context(self.permissions_boundary)

    async def execute(self, work: Work, target: Role, prepared: None) -> Role:
        await work.data.roles.set_boundary(target.id, await boundary_id(work, self.permissions_boundary))
        return await _changed(work, target)


@operation("iam:DeleteRolePermissionsBoundary", on=ROLE, raises=(NoSuchEntity,))
class DeleteRolePermissionsBoundary(Command[Role]):
    """Lift the permissions boundary of a role."""

    role_name: RoleName

    def context(self, caller: Caller, target: Role | None) -> Mapping[str, str | tuple[str, ...]]:
        return boundary_of(target)

    async def execute(self, work: Work, target: Role, prepared: None) -> Role:
        if target.boundary_id is None:
            raise NoSuchEntity(f"The role with name {target.name} has no permissions boundary.")
        await work.data.roles.set_boundary(target.id, None)
        return await _changed(work, target)


@operation("iam:ListRoleTags", on=ROLE, raises=(NoSuchEntity,))
class ListRoleTags(Query[Listed[Tag]]):
    """List the tags of a role, by key."""

    role_name: RoleName
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[ListRoleTags, Role]]) -> Sequence[Listed[Tag] | IamError]:
        return pages_of_tags(TAGS, asks)
