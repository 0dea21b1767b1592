"""Guardrails, and the accounts that they are attached to."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..domain.entities import BoundAccount, Guardrail, GuardrailKind
from ..domain.errors import EntityAlreadyExists
from .accounts import JOINED_ACCOUNT, account_of
from .failures import Duplicate
from .pages import Page, grouped, page_of, pages_of
from .statements import Row, Statements, insert, instant

_COLUMNS = "g.id, g.account_id, g.kind, g.name, g.description, g.document, g.created_at, g.updated_at"


class Guardrails:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def by_ids(self, ids: Sequence[str]) -> dict[str, Guardrail]:
        """Those of the guardrails that exist."""
        rows = await self._db.fetch(f"SELECT {_COLUMNS} FROM guardrail g WHERE g.id = ANY($1)", list(ids))
        return {row["id"]: _guardrail(row) for row in rows}

    async def page(self, kind: GuardrailKind | None, after: str | None, limit: int) -> Page[Guardrail]:
        """A page by name, of one kind or of both."""
        rows = await self._db.fetch(
            f"SELECT {_COLUMNS} FROM guardrail g WHERE g.name > $1 AND ($2::text = '' OR g.kind = $2::text) "
            "ORDER BY g.name LIMIT $3",
            after or "",
            kind.value if kind else "",
            limit + 1,
        )
        return page_of([_guardrail(row) for row in rows], limit)

    async def count(self, kind: GuardrailKind) -> int:
        """How many there are, without the service's own."""
        sql = "SELECT count(*) AS n FROM guardrail WHERE kind = $1 AND account_id IS NOT NULL"
        row = await self._db.one(sql, kind)
        return int(row["n"]) if row else 0

    async def add(self, guardrail: Guardrail) -> None:
        """Raises EntityAlreadyExists."""
        row = {
            "id": guardrail.id,
            "account_id": guardrail.account_id,
            "kind": guardrail.kind,
            "name": guardrail.name,
            "name_key": guardrail.name.lower(),
            "description": guardrail.description,
            "document": guardrail.document,
            "created_at": guardrail.created_at,
            "updated_at": guardrail.updated_at,
        }
        sql, args = insert("guardrail", row, skip_duplicates=True)
        if not await self._db.run(sql, *args):
            raise EntityAlreadyExists(_taken(guardrail.name))

    async def update(self, guardrail: Guardrail) -> None:
        """Make the name, description and document those given. Raises EntityAlreadyExists."""
        try:
            await self._db.run_or_duplicate(
                "UPDATE guardrail SET name = $2, name_key = $3, description = $4, document = $5, updated_at = $6 "
                "WHERE id = $1",
                guardrail.id,
                guardrail.name,
                guardrail.name.lower(),
                guardrail.description,
                guardrail.document,
                guardrail.updated_at,
            )
        except Duplicate:
            raise EntityAlreadyExists(_taken(guardrail.name)) from None

    async def delete(self, id: str) -> None:
        """Raises DeleteConflict where it is attached."""
        await self._db.run("DELETE FROM guardrail WHERE id = $1", id)

    async def binding(self, account_ids: Sequence[str]) -> dict[str, tuple[Guardrail, ...]]:
        """The guardrails attached to each account, by name."""
        rows = await self._db.fetch(
            f"SELECT x.account_id AS bound_id, {_COLUMNS} FROM guardrail_attachment x "
            "JOIN guardrail g ON g.id = x.guardrail_id WHERE x.account_id = ANY($1) ORDER BY g.name",
            list(account_ids),
        )
        return grouped(account_ids, ((row["bound_id"], _guardrail(row)) for row in rows))

    async def bound(
        self, guardrail_ids: Sequence[str], *, after: str | None, limit: int
    ) -> dict[str, Page[BoundAccount]]:
        """A page of the accounts that each guardrail is attached to, by their ids."""
        rows = await self._db.fetch(
            f"SELECT * FROM (SELECT x.guardrail_id, x.attached_at, {JOINED_ACCOUNT}, "
            "ROW_NUMBER() OVER (PARTITION BY x.guardrail_id ORDER BY x.account_id) AS place "
            "FROM guardrail_attachment x JOIN account a ON a.id = x.account_id "
            "WHERE x.guardrail_id = ANY($1) AND x.account_id > $2) placed WHERE place <= $3 ORDER BY guardrail_id, place",
            list(guardrail_ids),
            after or "",
            limit + 1,
        )
        found = ((row["guardrail_id"], _bound(row)) for row in rows)
        return pages_of(guardrail_ids, grouped(guardrail_ids, found), limit)

    async def accounts(self, guardrail_id: str) -> list[str]:
        """The ids of all the accounts that the guardrail is attached to, in order."""
        sql = "SELECT account_id FROM guardrail_attachment WHERE guardrail_id = $1 ORDER BY account_id"
        return [row["account_id"] for row in await self._db.fetch(sql, guardrail_id)]

    async def attach(self, guardrail_id: str, account_id: str, at: datetime) -> bool:
        """Whether it was not attached before."""
        columns = "(guardrail_id, account_id, attached_at) VALUES ($1, $2, $3)"
        sql = f"INSERT INTO guardrail_attachment {columns} ON CONFLICT DO NOTHING"
        return await self._db.run(sql, guardrail_id, account_id, at) > 0

    async def detach(self, guardrail_id: str, account_id: str) -> bool:
        """Whether it was attached."""
        sql = "DELETE FROM guardrail_attachment WHERE guardrail_id = $1 AND account_id = $2"
        return await self._db.run(sql, guardrail_id, account_id) > 0


def _taken(name: str) -> str:
    return f"A guardrail called {name} already exists."


def _guardrail(row: Row) -> Guardrail:
    return Guardrail(
        id=row["id"],
        account_id=row["account_id"],
        kind=GuardrailKind(row["kind"]),
        name=row["name"],
        description=row["description"],
        document=row["document"],
        created_at=instant(row["created_at"]),
        updated_at=instant(row["updated_at"]),
    )


def _bound(row: Row) -> BoundAccount:
    return BoundAccount(account=account_of(row, "a_"), attached_at=instant(row["attached_at"]))
