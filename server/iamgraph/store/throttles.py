"""Counters of attempts, shared by all processes, and from which addresses users have signed in before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .statements import Statements, instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many attempts a key has had in its window, this one too, and when the window ends."""

    attempts: int
    ends_at: datetime


class Throttles:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def attempt(self, key: str, at: datetime, window: timedelta) -> Count:
        """Count one more attempt under a key. The first after a window has ended begins the next."""
        rows = await self._db.fetch(
            "INSERT INTO throttle (key, attempts, ends_at) VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET "
            "attempts = CASE WHEN throttle.ends_at <= $3 THEN 1 ELSE throttle.attempts + 1 END, "
            "ends_at = CASE WHEN throttle.ends_at <= $3 THEN $2 ELSE throttle.ends_at END "
            "RETURNING attempts, ends_at",
            key,
            at + window,
            at,
        )
        return Count(attempts=rows[0]["attempts"], ends_at=instant(rows[0]["ends_at"]))

    async def forgive(self, keys: Sequence[str]) -> None:
        """Take one attempt back from each key: it was a success, and those are not counted."""
        for key in keys:  # one by one, in the order that `attempt` takes them: two transactions must not cross
            await self._db.run("UPDATE throttle SET attempts = attempts - 1 WHERE key = $1 AND attempts > 0", key)

    async def sweep(self, at: datetime) -> None:
        """Forget the windows that have ended. Those that another transaction counts in are left to it."""
        await self._db.run(
            "DELETE FROM throttle WHERE key IN "
            "(SELECT key FROM throttle WHERE ends_at <= $1 FOR NO KEY UPDATE SKIP LOCKED)",
            at,
        )

    async def is_known(self, principal_id: str, address: str, since: datetime) -> bool:
        """Whether the principal has signed in from the address since then."""
        sql = "SELECT 1 AS one FROM known_address WHERE principal_id = $1 AND address = $2 AND seen_at >= $3"
        return await self._db.one(sql, principal_id, address, since) is not None

    async def know(self, principal_id: str, address: str, at: datetime) -> None:
        """The principal has just signed in from the address."""
        await self._db.run(
            "INSERT INTO known_address (id, principal_id, address, seen_at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (id) DO UPDATE SET seen_at = $4",
            f"{principal_id} {address}",
            principal_id,
            address,
            at,
        )
