"""Inline policies: those that live in one user, group or role."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ..domain.entities import IdentityKind, InlinePolicy
from .pages import grouped
from .statements import Row, Statements

TABLES: Mapping[IdentityKind, str] = {
    IdentityKind.USER: "user_inline",
    IdentityKind.GROUP: "group_inline",
    IdentityKind.ROLE: "role_inline",
}


class Inline:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def put(self, kind: IdentityKind, owner_id: str, name: str, document: str, at: datetime) -> None:
        """Add the policy, or replace the one of that very name."""
        await self._db.run(
            f"INSERT INTO {TABLES[kind]} (owner_id, name, document, put_at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (owner_id, name) DO UPDATE SET document = excluded.document, put_at = excluded.put_at",
            owner_id,
            name,
            document,
            at,
        )

    async def get(self, kind: IdentityKind, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], InlinePolicy]:
        """Those of the policies (owner id, name) that exist."""
        rows = await self._db.fetch(
            f"SELECT owner_id, name, document FROM {TABLES[kind]} WHERE owner_id = ANY($1) AND name = ANY($2)",
            list({owner_id for owner_id, _ in pairs}),
            list({name for _, name in pairs}),
        )
        found = {(row["owner_id"], row["name"]): _policy(kind, row) for row in rows}
        return {pair: found[pair] for pair in pairs if pair in found}

    async def of(self, kind: IdentityKind, owner_ids: Sequence[str]) -> dict[str, tuple[InlinePolicy, ...]]:
        """The policies of each identity, by name."""
        rows = await self._db.fetch(
            f"SELECT owner_id, name, document FROM {TABLES[kind]} WHERE owner_id = ANY($1) ORDER BY name",
            list(owner_ids),
        )
        return grouped(owner_ids, ((row["owner_id"], _policy(kind, row)) for row in rows))

    async def delete(self, kind: IdentityKind, owner_id: str, name: str) -> bool:
        """Whether there was one."""
        sql = f"DELETE FROM {TABLES[kind]} WHERE owner_id = $1 AND name = $2"
        return await self._db.run(sql, owner_id, name) > 0


def _policy(kind: IdentityKind, row: Row) -> InlinePolicy:
    return InlinePolicy(owner_kind=kind, owner_id=row["owner_id"], name=row["name"], document=row["document"])
