"""The services that accounts register for themselves."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.services import Service, parts_of
from .pages import Page, page_of
from .statements import Row, Statements, instant

_SELECT = "SELECT account_id, prefix, definition, created_at, updated_at FROM service "


class Services:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def put(self, service: Service) -> None:
        """Add the service, or replace all but the time of making of the one that has its prefix."""
        await self._db.run(
            "INSERT INTO service (account_id, prefix, definition, created_at, updated_at) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (account_id, prefix) DO UPDATE SET definition = excluded.definition, "
            "updated_at = excluded.updated_at",
            service.account_id,
            service.prefix,
            service.definition,
            service.created_at,
            service.updated_at,
        )

    async def named(self, account_id: str, prefixes: Sequence[str]) -> dict[str, Service]:
        """Those of the prefixes that the account has registered."""
        rows = await self._db.fetch(_SELECT + "WHERE account_id = $1 AND prefix = ANY($2)", account_id, list(prefixes))
        return {row["prefix"]: _service(row) for row in rows}

    async def all(self, account_id: str) -> tuple[Service, ...]:
        """All services of the account, by prefix: a quota bounds them."""
        rows = await self._db.fetch(_SELECT + "WHERE account_id = $1 ORDER BY prefix", account_id)
        return tuple(_service(row) for row in rows)

    async def page(self, account_id: str, *, after: str | None, limit: int) -> Page[Service]:
        """A page by prefix, behind the prefix `after`."""
        rows = await self._db.fetch(
            _SELECT + "WHERE account_id = $1 AND prefix > $2 ORDER BY prefix LIMIT $3",
            account_id,
            after or "",
            limit + 1,
        )
        return page_of([_service(row) for row in rows], limit)

    async def count(self, account_id: str) -> int:
        row = await self._db.one("SELECT count(*) AS n FROM service WHERE account_id = $1", account_id)
        return int(row["n"]) if row else 0

    async def delete(self, account_id: str, prefix: str) -> bool:
        """Whether there was one."""
        sql = "DELETE FROM service WHERE account_id = $1 AND prefix = $2"
        return await self._db.run(sql, account_id, prefix) > 0


def _service(row: Row) -> Service:
    actions, resource_types, condition_keys = parts_of(row["definition"])
    return Service(
        account_id=row["account_id"],
        prefix=row["prefix"],
        actions=actions,
        resource_types=resource_types,
        condition_keys=condition_keys,
        created_at=instant(row["created_at"]),
        updated_at=instant(row["updated_at"]),
    )
