"""When access keys and roles were last used, and for what. Times only move forward, whoever writes them when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.entities import Use
from .statements import Statements, instant

# A key or role that is gone by then has no row to refer to, and is passed over.
_NOTE_KEY = (
    "INSERT INTO access_key_use (access_key_id, used_at, service, region) "
    "SELECT k.id, $2, $3, $4 FROM access_key k WHERE k.id = $1 "
    "ON CONFLICT (access_key_id) DO UPDATE SET used_at = excluded.used_at, service = excluded.service, "
    "region = excluded.region WHERE excluded.used_at > access_key_use.used_at"
)
_NOTE_ROLE = (
    "INSERT INTO role_use (role_id, used_at, region) SELECT r.id, $2, $3 FROM iam_role r WHERE r.id = $1 "
    "ON CONFLICT (role_id) DO UPDATE SET used_at = excluded.used_at, region = excluded.region "
    "WHERE excluded.used_at > role_use.used_at"
)


class Uses:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def note_keys(self, uses: Mapping[str, Use]) -> None:
        """Keep the use of each key, by its id, unless a newer one is known."""
        # In one order, so that processes that note the same ones never wait for each other.
        rows = [(id, use.at, use.service, use.region) for id, use in sorted(uses.items())]
        if rows:
            await self._db.run_many(_NOTE_KEY, rows)

    async def note_roles(self, uses: Mapping[str, Use]) -> None:
        """Keep the use of each role, by its id, unless a newer one is known."""
        rows = [(id, use.at, use.region) for id, use in sorted(uses.items())]
        if rows:
            await self._db.run_many(_NOTE_ROLE, rows)

    async def of_keys(self, ids: Sequence[str]) -> dict[str, Use]:
        """The newest known use of those of the keys that were used."""
        rows = await self._db.fetch(
            "SELECT access_key_id, used_at, service, region FROM access_key_use WHERE access_key_id = ANY($1)",
            list(ids),
        )
        return {
            row["access_key_id"]: Use(at=instant(row["used_at"]), service=row["service"], region=row["region"])
            for row in rows
        }
