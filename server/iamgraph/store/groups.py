"""The groups of accounts."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.entities import Group
from .named import NamedEntities
from .statements import Row, instant

GROUP_COLUMNS = "e.id, e.account_id, e.name, e.path, e.created_at"


def group_of(row: Row) -> Group:
    return Group(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        path=row["path"],
        created_at=instant(row["created_at"]),
    )


class Groups(NamedEntities[Group]):
    table = "iam_group"
    columns = GROUP_COLUMNS

    def taken(self, name: str) -> str:
        return f"Group with name {name} already exists."

    async def read(self, rows: Sequence[Row]) -> list[Group]:
        return [group_of(row) for row in rows]

    async def add(self, group: Group) -> None:
        """Raises EntityAlreadyExists."""
        await self._add(group, {"created_at": group.created_at})
