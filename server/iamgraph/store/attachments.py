"""Which managed policies are attached to which users, groups and roles, or bound them."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ..domain.entities import Attached, Attachment, Group, IdentityKind, PolicyUsage, Role, User
from .groups import Groups
from .pages import Page, grouped, pages_of
from .policies import policy_columns, policy_of
from .roles import Roles
from .statements import Row, Statements, instant
from .users import Users

TABLES: Mapping[IdentityKind, str] = {
    IdentityKind.USER: "user_attachment",
    IdentityKind.GROUP: "group_attachment",
    IdentityKind.ROLE: "role_attachment",
}

# Behind a target's own key, so that what is attached to a target and bounds it too has two places in the list.
_AS_BOUNDARY = "/boundary"
_TARGETS = " UNION ALL ".join(
    [
        f"SELECT x.policy_id, x.owner_id, x.owner_id AS sort_id, '{kind.value}' AS kind, "
        f"'{PolicyUsage.PERMISSIONS_POLICY.value}' AS usage, x.attached_at, e.name, e.path "
        f"FROM {table} x JOIN iam_{kind.value} e ON e.id = x.owner_id "
        "WHERE x.policy_id = ANY($1) AND e.account_id = $8::text"
        for kind, table in TABLES.items()
    ]
    + [
        f"SELECT e.boundary_id AS policy_id, e.id AS owner_id, e.id || '{_AS_BOUNDARY}' AS sort_id, '{kind.value}' AS kind, "
        f"'{PolicyUsage.PERMISSIONS_BOUNDARY.value}' AS usage, e.created_at AS attached_at, e.name, e.path "
        f"FROM iam_{kind.value} e WHERE e.boundary_id = ANY($1) AND e.account_id = $8::text"
        for kind in (IdentityKind.USER, IdentityKind.ROLE)
    ]
)
_FILTERS = (
    "($5::text = '' OR kind = $5::text) AND ($6::text = '' OR usage = $6::text)"
    " AND substr(path, 1, length($7::text)) = $7::text"
)


def attachment_key(attachment: Attachment) -> tuple[str, str]:
    """Where an attachment stands among its policy's: what `Attachments.targets` takes as `after`."""
    unique_id = attachment.target.id
    return attachment.target.name, unique_id + _AS_BOUNDARY if attachment.as_boundary else unique_id


class Attachments:
    def __init__(self, statements: Statements, users: Users, groups: Groups, roles: Roles) -> None:
        self._db = statements
        self._users, self._groups, self._roles = users, groups, roles

    async def attach(self, kind: IdentityKind, owner_id: str, policy_id: str, at: datetime) -> bool:
        """Whether the policy was not attached before: to be attached already is no error."""
        columns = "(owner_id, policy_id, attached_at) VALUES ($1, $2, $3)"
        sql = f"INSERT INTO {TABLES[kind]} {columns} ON CONFLICT DO NOTHING"
        return await self._db.run(sql, owner_id, policy_id, at) > 0

    async def detach(self, kind: IdentityKind, owner_id: str, policy_id: str) -> bool:
        """Whether the policy was attached."""
        sql = f"DELETE FROM {TABLES[kind]} WHERE owner_id = $1 AND policy_id = $2"
        return await self._db.run(sql, owner_id, policy_id) > 0

    async def of(self, kind: IdentityKind, owner_ids: Sequence[str]) -> dict[str, tuple[Attached, ...]]:
        """The policies attached to each identity, by name."""
        rows = await self._db.fetch(
            f"SELECT x.owner_id, x.attached_at, {policy_columns('w.account_id')} FROM {TABLES[kind]} x "
            f"JOIN iam_{kind.value} w ON w.id = x.owner_id "
            "JOIN managed_policy e ON e.id = x.policy_id WHERE x.owner_id = ANY($1) ORDER BY e.name, e.id",
            list(owner_ids),
        )
        attached = ((row["owner_id"], _attached(row)) for row in rows)
        return grouped(owner_ids, attached)

    async def targets(
        self,
        policy_ids: Sequence[str],
        *,
        viewer: str,
        kind: IdentityKind | None = None,
        usage: PolicyUsage | None = None,
        path_prefix: str = "/",
        after: tuple[str, str] | None,
        limit: int,
    ) -> dict[str, Page[Attachment]]:
        """A page of each policy's attachments in the account `viewer`, by the target's name and id, behind the key `after`
        (`attachment_key`). Where the policy is a boundary, `attached_at` is when its target was made."""
        name, sort_id = after or ("", "")
        rows = await self._db.fetch(
            "SELECT * FROM (SELECT t.*, ROW_NUMBER() OVER (PARTITION BY policy_id ORDER BY name, sort_id) AS place "
            f"FROM ({_TARGETS}) t WHERE (name > $2 OR (name = $2 AND sort_id > $3)) AND {_FILTERS}) placed "
            "WHERE place <= $4 ORDER BY policy_id, place",
            list(policy_ids),
            name,
            sort_id,
            limit + 1,
            kind.value if kind else "",
            usage.value if usage else "",
            path_prefix,
            viewer,
        )
        targets = await self._load([row["owner_id"] for row in rows])
        found = ((row["policy_id"], _attachment(row, targets)) for row in rows if row["owner_id"] in targets)
        return pages_of(policy_ids, grouped(policy_ids, found), limit)

    async def _load(self, ids: Sequence[str]) -> dict[str, User | Group | Role]:
        wanted = sorted(set(ids))
        users = await self._users.by_ids([one for one in wanted if one.startswith("AIDA")])
        groups = await self._groups.by_ids([one for one in wanted if one.startswith("AGPA")])
        roles = await self._roles.by_ids([one for one in wanted if one.startswith("AROA")])
        return {**users, **groups, **roles}


def _attached(row: Row) -> Attached:
    return Attached(policy=policy_of(row), attached_at=instant(row["attached_at"]))


def _attachment(row: Row, targets: Mapping[str, User | Group | Role]) -> Attachment:
    return Attachment(
        target=targets[row["owner_id"]],
        attached_at=instant(row["attached_at"]),
        as_boundary=row["sort_id"] != row["owner_id"],
    )
