"""The users of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..domain.entities import User
from .named import BOUNDARY_ARN, Principals, tags_of, tags_text
from .statements import Row, instant, instant_or_none

USER_COLUMNS = (
    f"e.id, e.account_id, e.name, e.path, e.created_at, e.password_last_used_at, e.boundary_id, e.tags, {BOUNDARY_ARN}"
)


def user_of(row: Row) -> User:
    return User(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        path=row["path"],
        created_at=instant(row["created_at"]),
        password_last_used_at=instant_or_none(row["password_last_used_at"]),
        boundary_id=row["boundary_id"],
        boundary_arn=row["boundary_arn"],
        tags=tags_of(row["tags"]),
    )


class Users(Principals[User]):
    table = "iam_user"
    columns = USER_COLUMNS

    def taken(self, name: str) -> str:
        return f"User with name {name} already exists."

    async def read(self, rows: Sequence[Row]) -> list[User]:
        return [user_of(row) for row in rows]

    async def add(self, user: User) -> None:
        """Raises EntityAlreadyExists."""
        await self._add(
            user,
            {
                "created_at": user.created_at,
                "password_last_used_at": user.password_last_used_at,
                "boundary_id": user.boundary_id,
                "tags": tags_text(user.tags),
            },
        )

    async def used_password(self, id: str, at: datetime) -> None:
        await self._db.run("UPDATE iam_user SET password_last_used_at = $2 WHERE id = $1", id, at)
