"""Users' passwords."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.entities import LoginProfile
from ..domain.errors import EntityAlreadyExists
from .statements import Statements, insert, instant

_HASH = "SELECT password_hash FROM login_profile WHERE user_id = $1"
_HASH_HELD = "SELECT password_hash FROM login_profile WHERE user_id = $1 FOR NO KEY UPDATE"


class LoginProfiles:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def of(self, user_ids: Sequence[str]) -> dict[str, LoginProfile]:
        """The login profiles of those of the users that have one."""
        rows = await self._db.fetch(
            "SELECT user_id, created_at, password_reset_required FROM login_profile WHERE user_id = ANY($1)",
            list(user_ids),
        )
        return {
            row["user_id"]: LoginProfile(
                user_id=row["user_id"],
                created_at=instant(row["created_at"]),
                password_reset_required=bool(row["password_reset_required"]),
            )
            for row in rows
        }

    async def add(self, profile: LoginProfile, password_hash: str) -> None:
        """Raises EntityAlreadyExists."""
        row = {
            "user_id": profile.user_id,
            "password_hash": password_hash,
            "password_reset_required": profile.password_reset_required,
            "created_at": profile.created_at,
        }
        sql, args = insert("login_profile", row, skip_duplicates=True)
        if not await self._db.run(sql, *args):
            raise EntityAlreadyExists("Login Profile for the user already exists.")

    async def set_password(self, user_id: str, password_hash: str, *, reset_required: bool) -> None:
        sql = "UPDATE login_profile SET password_hash = $2, password_reset_required = $3 WHERE user_id = $1"
        await self._db.run(sql, user_id, password_hash, reset_required)

    async def password_hash(self, user_id: str, *, hold: bool = False) -> str | None:
        """With `hold` nobody else can change it until this transaction ends."""
        row = await self._db.one(_HASH_HELD if hold else _HASH, user_id)
        return row["password_hash"] if row else None

    async def rehash(self, user_id: str, old_hash: str, new_hash: str) -> bool:
        """Replace a hash by another of the same password. Whether it was done: a password set meanwhile stays."""
        sql = "UPDATE login_profile SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2"
        return await self._db.run(sql, user_id, old_hash, new_hash) > 0

    async def delete(self, user_id: str) -> bool:
        """Whether there was one."""
        return await self._db.run("DELETE FROM login_profile WHERE user_id = $1", user_id) > 0
