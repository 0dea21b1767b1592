"""Managed policies and their versions."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from ..domain.arn import SERVICE, parse_arn
from ..domain.entities import ManagedPolicy, PolicyUsage, PolicyVersion
from .named import Tagged, tags_of, tags_text
from .pages import Page, grouped, page_of
from .statements import Row, instant

# Of the service's own policies only what one account does with them is counted. From its users' side, for there may be far
# more that others do; SQLite joins in the order written.
_ATTACHED = " + ".join(
    f"CASE WHEN e.account_id IS NULL THEN (SELECT count(*) FROM iam_{kind} o CROSS JOIN {kind}_attachment x "
    f"WHERE o.account_id = {{viewer}} AND x.owner_id = o.id AND x.policy_id = e.id) "
    f"ELSE (SELECT count(*) FROM {kind}_attachment x WHERE x.policy_id = e.id) END"
    for kind in ("user", "group", "role")
)
_BOUNDING = " + ".join(
    f"(SELECT count(*) FROM iam_{kind} x WHERE x.boundary_id = e.id "
    "AND (e.account_id IS NOT NULL OR x.account_id = {viewer}))"
    for kind in ("user", "role")
)
_USED: Mapping[PolicyUsage | None, str] = {
    None: "",
    PolicyUsage.PERMISSIONS_POLICY: f" AND {_ATTACHED} > 0",
    PolicyUsage.PERMISSIONS_BOUNDARY: f" AND {_BOUNDING} > 0",
}


@cache
def policy_columns(viewer: str) -> str:
    """The columns that `policy_of` reads, of a managed policy called `e`. `viewer` is SQL for the id of the account that
    looks. INVARIANT: what other accounts do with a policy that the service owns does not show."""
    return (
        "e.id, e.account_id, e.name, e.path, e.description, e.default_version, e.created_at, e.updated_at, e.tags, "
        f"{_ATTACHED.format(viewer=viewer)} AS attachment_count, {_BOUNDING.format(viewer=viewer)} AS boundary_count"
    )


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


def policy_key(policy: ManagedPolicy) -> str:
    """Where a policy stands in a list: by its name, and one of the service's behind the account's own of the same name.
    No name has a space, which sorts before all that a name may have."""
    return policy.name if policy.account_id is not None else f"{policy.name} "


class Policies(Tagged[ManagedPolicy]):
    """Where a method has a `viewer`, that is the account that looks: without one, nothing of what is done with a policy of
    the service's is counted."""

    table = "managed_policy"
    columns = policy_columns("NULL")

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

    async def by_ids(self, ids: Sequence[str], *, viewer: str | None = None) -> dict[str, ManagedPolicy]:
        """Those of the unique ids that exist, of any account and of the service."""
        found = await self._seen("$2::text", "e.id = ANY($1)", list(ids), viewer) if ids else []
        return {policy.id: policy for policy in found}

    async def by_arns(self, arns: Sequence[str], *, viewer: str | None = None) -> dict[str, ManagedPolicy]:
        """Those of the ARNs that exist, of any account and of the service. The path counts."""
        parsed = [arn for arn in map(parse_arn, arns) if arn is not None and arn.kind == "policy"]
        if not parsed:
            return {}
        found = await self._seen(
            "$4::text",
            "(e.account_id = ANY($1) AND e.name = ANY($2)) OR (e.account_id IS NULL AND e.name = ANY($3))",
            [arn.account_id for arn in parsed],
            [arn.name for arn in parsed],
            [arn.name for arn in parsed if arn.account_id == SERVICE],
            viewer,
        )
        return {policy.arn: policy for policy in found if policy.arn in arns}

    # AWS's operation has more filters than those of users, groups and roles.
    async def page(
        self,
        account_id: str,
        *,
        path_prefix: str = "/",
        after: str | None,
        limit: int,
        own: bool = True,
        service_owned: bool = False,
        only_attached: bool = False,
        usage: PolicyUsage | None = None,
    ) -> Page[ManagedPolicy]:
        """A page of the account's own policies, of the service's, or of both, behind the key `after` (`policy_key`).
        `only_attached` leaves out policies that the account has attached to nothing (boundaries don't count); `usage`
        those that are nothing of the kind to anybody in it."""
        used = (_USED[PolicyUsage.PERMISSIONS_POLICY] if only_attached else "") + _USED[usage]
        condition = used.format(viewer="$1::text")
        pages = []
        if own:
            pages.append(await self._page(condition, account_id, path_prefix, after, limit))
        if service_owned:
            pages.append(await self._page_of_service(condition, account_id, path_prefix, after, limit))
        items = sorted((policy for page in pages for policy in page.items), key=policy_key)
        return Page(tuple(items[:limit]), len(items) > limit or any(page.more for page in pages))

    async def _page_of_service(
        self, condition: str, account_id: str, prefix: str, after: str | None, limit: int
    ) -> Page[ManagedPolicy]:
        where = (
            "e.account_id IS NULL AND ($2::text = '/' OR substr(e.path, 1, length($2::text)) = $2::text) "
            f"AND e.name || ' ' > $3{condition} ORDER BY e.name LIMIT $4"
        )
        return page_of(await self._seen("$1::text", where, account_id, prefix, after or "", limit + 1), limit)

    async def _seen(self, viewer: str, condition: str, *args: object) -> list[ManagedPolicy]:
        sql = f"SELECT {policy_columns(viewer)} FROM managed_policy e WHERE {condition}"
        return await self.read(await self._db.fetch(sql, *args))

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
