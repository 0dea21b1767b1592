"""Managed policies and their versions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from ..domain.arn import parse_arn
from ..domain.entities import ManagedPolicy, PolicyUsage, PolicyVersion
from .named import Tagged, tags_of, tags_text
from .pages import Page, grouped
from .statements import Row, instant

POLICY_COLUMNS = (
    "e.id, e.account_id, e.name, e.path, e.description, e.default_version, e.created_at, e.updated_at, e.tags, "
    "(SELECT count(*) FROM user_attachment x WHERE x.policy_id = e.id)"
    " + (SELECT count(*) FROM group_attachment x WHERE x.policy_id = e.id)"
    " + (SELECT count(*) FROM role_attachment x WHERE x.policy_id = e.id) AS attachment_count, "
    "(SELECT count(*) FROM iam_user x WHERE x.boundary_id = e.id)"
    " + (SELECT count(*) FROM iam_role x WHERE x.boundary_id = e.id) AS boundary_count"
)
_IS_ATTACHED = (
    " AND (EXISTS (SELECT 1 FROM user_attachment x WHERE x.policy_id = e.id)"
    " OR EXISTS (SELECT 1 FROM group_attachment x WHERE x.policy_id = e.id)"
    " OR EXISTS (SELECT 1 FROM role_attachment x WHERE x.policy_id = e.id))"
)
_IS_BOUNDARY = (
    " AND (EXISTS (SELECT 1 FROM iam_user x WHERE x.boundary_id = e.id)"
    " OR EXISTS (SELECT 1 FROM iam_role x WHERE x.boundary_id = e.id))"
)
_USED: Mapping[PolicyUsage | None, str] = {
    None: "",
    PolicyUsage.PERMISSIONS_POLICY: _IS_ATTACHED,
    PolicyUsage.PERMISSIONS_BOUNDARY: _IS_BOUNDARY,
}
_VERSION_ID = re.compile(r"v([1-9][0-9]{0,8})", re.ASCII)


def policy_of(row: Row) -> ManagedPolicy:
    return ManagedPolicy(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        path=row["path"],
        description=row["description"],
        default_version=version_id(row["default_version"]),
        attachment_count=row["attachment_count"],
        boundary_count=row["boundary_count"],
        created_at=instant(row["created_at"]),
        updated_at=instant(row["updated_at"]),
        tags=tags_of(row["tags"]),
    )


def version_id(number: int) -> str:
    return f"v{number}"


def _number(version_id: str) -> int:
    """The number of a version id; 0, which no version has, where it is none."""
    found = _VERSION_ID.fullmatch(version_id)
    return int(found[1]) if found else 0


class Policies(Tagged[ManagedPolicy]):
    table = "managed_policy"
    columns = POLICY_COLUMNS

    def taken(self, name: str) -> str:
        return f"A policy called {name} already exists. Duplicate names are not allowed."

    async def read(self, rows: Sequence[Row]) -> list[ManagedPolicy]:
        return [policy_of(row) for row in rows]

    async def add(self, policy: ManagedPolicy, document: str) -> None:
        """Add a policy whose version `v1`, in force, is the document. Raises EntityAlreadyExists."""
        await self._add(
            policy,
            {
                "description": policy.description,
                "default_version": 1,
                "last_version": 1,
                "created_at": policy.created_at,
                "updated_at": policy.updated_at,
                "tags": tags_text(policy.tags),
            },
        )
        await self._insert_version(policy.id, 1, document, policy.created_at)

    async def by_arns(self, arns: Sequence[str]) -> dict[str, ManagedPolicy]:
        """Those of the ARNs that exist, of any account. The path counts."""
        parsed = [arn for arn in map(parse_arn, arns) if arn is not None and arn.kind == "policy"]
        if not parsed:
            return {}
        accounts, names = [arn.account_id for arn in parsed], [arn.name for arn in parsed]
        found = await self._where("e.account_id = ANY($1) AND e.name = ANY($2)", accounts, names)
        return {policy.arn: policy for policy in found if policy.arn in arns}

    # AWS's operation has more filters than those of users, groups and roles.
    async def page(
        self,
        account_id: str,
        *,
        path_prefix: str = "/",
        only_attached: bool = False,
        usage: PolicyUsage | None = None,
        after: str | None,
        limit: int,
    ) -> Page[ManagedPolicy]:
        """A page by name. `only_attached` leaves out policies that are attached to nothing (boundaries don't count);
        `usage` those that are nothing of the kind to anybody."""
        condition = (_IS_ATTACHED if only_attached else "") + _USED[usage]
        return await self._page(condition, account_id, path_prefix, after, limit)

    async def versions(self, policy_ids: Sequence[str]) -> dict[str, tuple[PolicyVersion, ...]]:
        """The versions of each policy, newest first, without their documents."""
        rows = await self._db.fetch(
            "SELECT v.policy_id, v.number, v.created_at, NULL AS document, p.default_version FROM policy_version v "
            "JOIN managed_policy p ON p.id = v.policy_id WHERE v.policy_id = ANY($1) ORDER BY v.number DESC",
            list(policy_ids),
        )
        return grouped(policy_ids, ((row["policy_id"], _version(row)) for row in rows))

    async def count_versions(self, account_id: str) -> int:
        """How many versions the policies of an account have together."""
        row = await self._db.one(
            "SELECT count(*) AS n FROM policy_version v JOIN managed_policy p ON p.id = v.policy_id WHERE p.account_id = $1",
            account_id,
        )
        return int(row["n"]) if row else 0

    async def version(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], PolicyVersion]:
        """Those of the versions (policy id, version id) that exist, with their documents."""
        rows = await self._db.fetch(
            "SELECT v.policy_id, v.number, v.created_at, v.document, p.default_version FROM policy_version v "
            "JOIN managed_policy p ON p.id = v.policy_id WHERE v.policy_id = ANY($1) AND v.number = ANY($2::int[])",
            list({policy_id for policy_id, _ in pairs}),
            list({_number(version) for _, version in pairs}),
        )
        found = {(version.policy_id, version.version_id): version for version in map(_version, rows)}
        return {pair: found[pair] for pair in pairs if pair in found}

    async def add_version(self, policy_id: str, document: str, at: datetime, *, default: bool) -> PolicyVersion:
        """Add a version, and put it in force if it is to be the default. KeyError where there is no such policy."""
        row = await self._db.one(
            "UPDATE managed_policy SET last_version = last_version + 1, updated_at = $2, "
            "default_version = CASE WHEN $3::boolean THEN last_version + 1 ELSE default_version END "
            "WHERE id = $1 RETURNING last_version",
            policy_id,
            at,
            default,
        )
        if row is None:
            raise KeyError(policy_id)
        number: int = row["last_version"]
        await self._insert_version(policy_id, number, document, at)
        return PolicyVersion(
            policy_id=policy_id, version_id=version_id(number), is_default=default, created_at=at, document=document
        )

    async def set_default(self, policy_id: str, version_id: str, at: datetime) -> bool:
        """Put a version in force. Whether there is such a version."""
        changed = await self._db.run(
            "UPDATE managed_policy SET default_version = $2::int, updated_at = $3 WHERE id = $1 "
            "AND EXISTS (SELECT 1 FROM policy_version v WHERE v.policy_id = $1 AND v.number = $2::int)",
            policy_id,
            _number(version_id),
            at,
        )
        return changed > 0

    async def delete_version(self, policy_id: str, version_id: str) -> bool:
        """Whether it was deleted: the version in force never is."""
        deleted = await self._db.run(
            "DELETE FROM policy_version WHERE policy_id = $1 AND number = $2::int AND NOT EXISTS "
            "(SELECT 1 FROM managed_policy p WHERE p.id = $1 AND p.default_version = $2::int)",
            policy_id,
            _number(version_id),
        )
        return deleted > 0

    async def _insert_version(self, policy_id: str, number: int, document: str, at: datetime) -> None:
        sql = "INSERT INTO policy_version (policy_id, number, document, created_at) VALUES ($1, $2, $3, $4)"
        await self._db.run(sql, policy_id, number, document, at)


def _version(row: Row) -> PolicyVersion:
    return PolicyVersion(
        policy_id=row["policy_id"],
        version_id=version_id(row["number"]),
        is_default=row["number"] == row["default_version"],
        created_at=instant(row["created_at"]),
        document=row["document"],
    )
