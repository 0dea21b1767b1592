"""Users' passwords: the one in use, and the hashes of those before, where the account wants them kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..domain.entities import LoginProfile
from ..domain.errors import EntityAlreadyExists
from .statements import Row, Statements, insert, instant

_HASH = "SELECT password_hash FROM login_profile WHERE user_id = $1"
_HASH_HELD = "SELECT password_hash FROM login_profile WHERE user_id = $1 FOR NO KEY UPDATE"
_PROFILES = (
    "SELECT l.user_id, l.created_at, l.password_reset_required, COALESCE(l.password_set_at, l.created_at) AS set_at, "
    "p.max_age_days FROM login_profile l JOIN iam_user u ON u.id = l.user_id "
    "LEFT JOIN password_policy p ON p.account_id = u.account_id WHERE l.user_id = ANY($1)"
)
MAX_PAST = 24
"""The most that a policy can ask for."""


class LoginProfiles:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def of(self, user_ids: Sequence[str]) -> dict[str, LoginProfile]:
        """The login profiles of those of the users that have one."""
        return {row["user_id"]: _profile(row) for row in await self._db.fetch(_PROFILES, list(user_ids))}

    async def add(self, profile: LoginProfile, password_hash: str) -> None:
        """Raises EntityAlreadyExists."""
        row = {
            "user_id": profile.user_id,
            "password_hash": password_hash,
            "password_reset_required": profile.password_reset_required,
            "created_at": profile.created_at,
            "password_set_at": profile.password_set_at,
        }
        sql, args = insert("login_profile", row, skip_duplicates=True)
        if not await self._db.run(sql, *args):
            raise EntityAlreadyExists("Login Profile for the user already exists.")

    async def set_password(
        self, user_id: str, password_hash: str, *, reset_required: bool, at: datetime, past: int
    ) -> None:
        """Replace the password. Of those before, the hashes of the last `past` are kept, the one that this replaces
        included."""
        if past:
            await self._db.run(
                "INSERT INTO past_password (user_id, password_hash) "
                "SELECT user_id, password_hash FROM login_profile WHERE user_id = $1",
                user_id,
            )
        await self._db.run(
            "DELETE FROM past_password WHERE user_id = $1 AND id NOT IN "
            "(SELECT id FROM past_password WHERE user_id = $1 ORDER BY id DESC LIMIT $2)",
            user_id, past,
        )  # fmt: skip
        await self._db.run(
            "UPDATE login_profile SET password_hash = $2, password_reset_required = $3, password_set_at = $4 "
            "WHERE user_id = $1",
            user_id, password_hash, reset_required, at,
        )  # fmt: skip

    async def require_reset(self, user_id: str, is_required: bool) -> None:
        """Say whether the password must be changed at the next sign-in."""
        await self._db.run(
            "UPDATE login_profile SET password_reset_required = $2 WHERE user_id = $1", user_id, is_required
        )

    async def password_hash(self, user_id: str, *, hold: bool = False) -> str | None:
        """With `hold` nobody else can change it until this transaction ends."""
        row = await self._db.one(_HASH_HELD if hold else _HASH, user_id)
        return row["password_hash"] if row else None

    async def past_hashes(self, user_id: str) -> tuple[str, ...]:
        """The hashes of the passwords before the one in use that are kept, newest first."""
        rows = await self._db.fetch(
            "SELECT password_hash FROM past_password WHERE user_id = $1 ORDER BY id DESC LIMIT $2", user_id, MAX_PAST
        )
        return tuple(row["password_hash"] for row in rows)

    async def rehash(self, user_id: str, old_hash: str, new_hash: str) -> bool:
        """Replace a hash by another of the same password. Whether it was done: a password set meanwhile stays."""
        sql = "UPDATE login_profile SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2"
        return await self._db.run(sql, user_id, old_hash, new_hash) > 0

    async def delete(self, user_id: str) -> bool:
        """Whether there was one. The passwords before it are forgotten, too."""
        await self._db.run("DELETE FROM past_password WHERE user_id = $1", user_id)
        return await self._db.run("DELETE FROM login_profile WHERE user_id = $1", user_id) > 0


def _profile(row: Row) -> LoginProfile:
    set_at, days = instant(row["set_at"]), row["max_age_days"]
    return LoginProfile(
        user_id=row["user_id"],
        created_at=instant(row["created_at"]),
        password_reset_required=bool(row["password_reset_required"]),
        password_set_at=set_at,
        password_expires_at=set_at + timedelta(days=days) if days is not None else None,
    )
