"""Instance profiles, and the role that each holds."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..domain.entities import InstanceProfile
from .named import Tagged, tags_of, tags_text
from .pages import Page, grouped, pages_of
from .roles import Roles
from .statements import Row, Statements, instant


class InstanceProfiles(Tagged[InstanceProfile]):
    table: ClassVar[str] = "instance_profile"
    columns: ClassVar[str] = "e.id, e.account_id, e.name, e.path, e.created_at, e.role_id, e.tags"

    def __init__(self, statements: Statements, roles: Roles) -> None:
        super().__init__(statements)
        self._roles = roles

    def taken(self, name: str) -> str:
        return f"Instance Profile {name} already exists."

    async def read(self, rows: Sequence[Row]) -> list[InstanceProfile]:
        # Asked where there is no role too, so that counting statements does not tell which profiles exist.
        roles = await self._roles.by_ids([row["role_id"] or "" for row in rows] or [""])
        return [
            InstanceProfile(
                id=row["id"],
                account_id=row["account_id"],
                name=row["name"],
                path=row["path"],
                created_at=instant(row["created_at"]),
                role=roles.get(row["role_id"]),
                tags=tags_of(row["tags"]),
            )
            for row in rows
        ]

    async def add(self, profile: InstanceProfile) -> None:
        """Adds it empty: `set_role` gives it its role. Raises EntityAlreadyExists."""
        await self._add(profile, {"created_at": profile.created_at, "tags": tags_text(profile.tags)})

    async def set_role(self, id: str, role_id: str | None) -> None:
        """Make the role that the profile holds the one given, or none."""
        await self._db.run("UPDATE instance_profile SET role_id = $2 WHERE id = $1", id, role_id)

    async def of_roles(
        self, role_ids: Sequence[str], *, after: str | None, limit: int
    ) -> dict[str, Page[InstanceProfile]]:
        """A page of the profiles that hold each role, by name, behind the name `after`."""
        rows = await self._db.fetch(
            f"SELECT * FROM (SELECT {self.columns}, ROW_NUMBER() OVER (PARTITION BY e.role_id ORDER BY e.name) AS place "
            "FROM instance_profile e WHERE e.role_id = ANY($1) AND e.name > $2) placed "
            "WHERE place <= $3 ORDER BY role_id, place",
            list(role_ids),
            after or "",
            limit + 1,
        )
        found = await self.read(rows)
        return pages_of(
            role_ids, grouped(role_ids, ((row["role_id"], one) for row, one in zip(rows, found, strict=True))), limit
        )
