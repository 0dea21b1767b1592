"""Which users are in which groups."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..domain.entities import Group, User
from .groups import GROUP_COLUMNS, group_of
from .pages import Page, grouped, pages_of
from .statements import Statements
from .users import USER_COLUMNS, user_of


class Memberships:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, group_id: str, user_id: str, at: datetime) -> bool:
        """Whether the user was not in the group before: to be in it already is no error."""
        sql = "INSERT INTO membership (group_id, user_id, attached_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        return await self._db.run(sql, group_id, user_id, at) > 0

    async def remove(self, group_id: str, user_id: str) -> bool:
        """Whether the user was in the group."""
        return await self._db.run("DELETE FROM membership WHERE group_id = $1 AND user_id = $2", group_id, user_id) > 0

    async def groups_of(self, user_ids: Sequence[str]) -> dict[str, tuple[Group, ...]]:
        """The groups of each user, by name."""
        rows = await self._db.fetch(
            f"SELECT m.user_id, {GROUP_COLUMNS} FROM membership m JOIN iam_group e ON e.id = m.group_id "
            "WHERE m.user_id = ANY($1) ORDER BY e.name",
            list(user_ids),
        )
        return grouped(user_ids, ((row["user_id"], group_of(row)) for row in rows))

    async def members_of(self, group_ids: Sequence[str], *, after: str | None, limit: int) -> dict[str, Page[User]]:
        """A page of each group's users, by name, behind the name `after`."""
        rows = await self._db.fetch(
            f"SELECT m.group_id, {USER_COLUMNS} FROM (SELECT m.group_id, m.user_id, "
            "ROW_NUMBER() OVER (PARTITION BY m.group_id ORDER BY u.name) AS place FROM membership m "
            "JOIN iam_user u ON u.id = m.user_id WHERE m.group_id = ANY($1) AND u.name > $2) m "
            "JOIN iam_user e ON e.id = m.user_id WHERE m.place <= $3 ORDER BY m.group_id, m.place",
            list(group_ids),
            after or "",
            limit + 1,
        )
        members = grouped(group_ids, ((row["group_id"], user_of(row)) for row in rows))
        return pages_of(group_ids, members, limit)
