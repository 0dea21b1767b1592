"""When each principal's budget will be full again, shared by all processes. What has no row is full."""

from __future__ import annotations

from .statements import Statements


class Budgets:
    """Instants are whole microseconds since 1970."""

    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def full_at(self, principal_id: str) -> int:
        """When a principal's budget is full again; 0 where nothing was taken from it."""
        row = await self._db.one("SELECT full_at FROM budget WHERE principal_id = $1", principal_id)
        return 0 if row is None else int(row["full_at"])

    async def swap(self, principal_id: str, old: int, new: int) -> bool:
        """Replace `old` by `new`, unless somebody else has replaced it: then nothing happens, and the answer is no."""
        sql = (
            "INSERT INTO budget (principal_id, full_at) VALUES ($1, $3) "
            "ON CONFLICT (principal_id) DO UPDATE SET full_at = $3 WHERE budget.full_at = $2"
        )
        return await self._db.run(sql, principal_id, old, new) == 1

    async def sweep(self, now: int) -> None:
        """Forget the budgets that are full."""
        await self._db.run("DELETE FROM budget WHERE full_at <= $1", now)
