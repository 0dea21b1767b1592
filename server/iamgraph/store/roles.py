"""The roles of accounts, with trust policies that keep meaning the principals that they meant when they were saved."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.arn import assumed_role_arn, iam_arn, parse_arn
from ..domain.entities import Role
from ..domain.trust import rewrite
from .named import BOUNDARY_ARN, FEW, Principals, tags_of, tags_text
from .pages import grouped
from .statements import Row, instant, instant_or_none, values

_BOUND = (
    "t.text AS bound_text, t.principal_id AS bound_id, COALESCE(u.path, r.path) AS bound_path, "
    "COALESCE(u.name, r.name) AS bound_name"
)
_PRINCIPALS = (
    "(trust_principal t LEFT JOIN iam_user u ON u.id = t.principal_id LEFT JOIN iam_role r ON r.id = t.principal_id)"
)


class Roles(Principals[Role]):
    table = "iam_role"
    columns = (
        "e.id, e.account_id, e.name, e.path, e.description, e.max_session_seconds, e.trust_policy, e.created_at, "
        f"e.boundary_id, e.tags, {BOUNDARY_ARN}, "
        "(SELECT n.used_at FROM role_use n WHERE n.role_id = e.id) AS last_used_at, "
        "(SELECT n.region FROM role_use n WHERE n.role_id = e.id) AS last_used_region"
    )

    def taken(self, name: str) -> str:
        return f"Role with name {name} already exists."

    async def read(self, rows: Sequence[Row]) -> list[Role]:
        bound = await self._bound([row["id"] for row in rows])
        return [_role(row, bound[row["id"]]) for row in rows]

    async def _among(self, by: str, wanted: Sequence[str], condition: str, *args: object) -> list[Role]:
        """With the principals in the same statement: a role of many is read once for each."""
        sql = f"SELECT {self.columns}, {_BOUND} FROM iam_role e LEFT JOIN {_PRINCIPALS} ON t.role_id = e.id"
        find = self._db.seek if len(wanted) <= FEW else self._db.fetch
        rows = await find(f"{sql} WHERE {condition} ORDER BY t.id", *args, list(wanted))
        roles: dict[str, list[Row]] = {}
        for row in rows:
            roles.setdefault(row["id"], []).append(row)
        return [_role(bound[0], [row for row in bound if row["bound_id"] is not None]) for bound in roles.values()]

    async def _bound(self, role_ids: Sequence[str]) -> dict[str, tuple[Row, ...]]:
        """The principals that each role's trust policy names, as they are now: without a name if they are gone."""
        # Asked where there is no role too, so that counting statements does not tell which roles exist.
        rows = await self._db.fetch(
            f"SELECT t.role_id, {_BOUND} FROM {_PRINCIPALS} WHERE t.role_id = ANY($1) ORDER BY t.id",
            list(role_ids),
        )
        return grouped(role_ids, ((row["role_id"], row) for row in rows))

    async def add(self, role: Role) -> None:
        """Keeps `trust_policy` and `bindings` as they are given. Raises EntityAlreadyExists."""
        await self._add(
            role,
            {
                "description": role.description,
                "max_session_seconds": role.max_session_seconds,
                "trust_policy": role.trust_policy,
                "created_at": role.created_at,
                "boundary_id": role.boundary_id,
                "tags": tags_text(role.tags),
            },
        )
        await self._bind(role.id, role.bindings)

    async def update(self, id: str, *, description: str | None, max_session_seconds: int) -> None:
        sql = "UPDATE iam_role SET description = $2, max_session_seconds = $3 WHERE id = $1"
        await self._db.run(sql, id, description, max_session_seconds)

    async def set_trust(self, id: str, text: str, bindings: Mapping[str, str]) -> None:
        """Replace the trust policy. `bindings` gives the unique id that each principal named in `text` means."""
        await self._db.run("UPDATE iam_role SET trust_policy = $2 WHERE id = $1", id, text)
        await self._db.run("DELETE FROM trust_principal WHERE role_id = $1", id)
        await self._bind(id, bindings)

    async def _bind(self, id: str, bindings: Mapping[str, str]) -> None:
        if bindings:
            args = [part for text, principal_id in bindings.items() for part in (id, text, principal_id)]
            rows = values(len(bindings), 3)
            await self._db.run(f"INSERT INTO trust_principal (role_id, text, principal_id) VALUES {rows}", *args)


def _role(row: Row, bound: Sequence[Row]) -> Role:
    shown = {one["bound_text"]: _shown(one, row["account_id"]) for one in bound}
    changed = {text: now for text, now in shown.items() if now != text}
    trust: str = row["trust_policy"]
    return Role(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        path=row["path"],
        description=row["description"],
        max_session_seconds=row["max_session_seconds"],
        trust_policy=rewrite(trust, changed) if changed else trust,
        bindings={shown[one["bound_text"]]: one["bound_id"] for one in bound},
        created_at=instant(row["created_at"]),
        boundary_id=row["boundary_id"],
        boundary_arn=row["boundary_arn"],
        tags=tags_of(row["tags"]),
        last_used_at=instant_or_none(row["last_used_at"]),
        last_used_region=row["last_used_region"],
    )


def _shown(bound: Row, account_id: str) -> str:
    """How a principal is written now: by its ARN today, by its unique id when it is gone. One of another account stays
    as it was written: whether it lives, and under which name, is not this account's to know."""
    text: str = bound["bound_text"]
    unique_id: str = bound["bound_id"]
    written = parse_arn(text)
    if written is None or written.account_id != account_id:
        return text
    if bound["bound_name"] is None:
        return unique_id
    if written.kind == "assumed-role":
        return assumed_role_arn(account_id, bound["bound_name"], written.name)
    return iam_arn(account_id, written.kind, bound["bound_path"], bound["bound_name"])
