"""What users, groups, roles and managed policies have in common: a name that is unique in the account, and a path."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar

import orjson

from ..domain.arn import SERVICE
from ..domain.entities import Tag
from ..domain.errors import EntityAlreadyExists
from .failures import Duplicate
from .pages import Page, page_of
from .statements import Row, Statements, insert


class Named(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def account_id(self) -> str | None: ...
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...


E = TypeVar("E", bound=Named)

FEW = 32

BOUNDARY_ARN = (
    f"(SELECT 'arn:aws:iam::' || COALESCE(b.account_id, '{SERVICE}') || ':policy' || b.path || b.name FROM managed_policy b "
    "WHERE b.id = e.boundary_id) AS boundary_arn"
)
"""The column of a user or role, called `e`, that names its permissions boundary."""


class NamedEntities(Generic[E]):
    """One kind of entity. To look a name up is exact; to add or rename is not: names that differ in case collide."""

    table: ClassVar[str]
    columns: ClassVar[str]
    """What a row is read from: columns of the table, which is called `e`."""

    def __init__(self, statements: Statements) -> None:
        self._db = statements

    @abstractmethod
    def taken(self, name: str) -> str:
        """What to say where the name is taken."""

    @abstractmethod
    async def read(self, rows: Sequence[Row]) -> list[E]:
        """The entities of rows of `columns`, in their order, with a constant number of statements."""

    async def named(self, account_id: str, names: Sequence[str]) -> dict[str, E]:
        """Those of the names that exist, by name."""
        found = await self._among("e.name", names, "e.account_id = $1 AND e.name = ANY($2)", account_id)
        return {entity.name: entity for entity in found}

    async def by_ids(self, ids: Sequence[str]) -> dict[str, E]:
        """Those of the unique ids that exist, of any account."""
        return {entity.id: entity for entity in await self._among("e.id", ids, "e.id = ANY($1)")} if ids else {}

    async def page(self, account_id: str, *, path_prefix: str = "/", after: str | None, limit: int) -> Page[E]:
        """A page by name (its bytes), behind the name `after`. The prefix is plain text: `/a` is one of `/ab/`."""
        return await self._page("", account_id, path_prefix, after, limit)

    async def _page(self, condition: str, account_id: str, prefix: str, after: str | None, limit: int) -> Page[E]:
        where = (
            "e.account_id = $1 AND ($2::text = '/' OR substr(e.path, 1, length($2::text)) = $2::text) AND e.name > $3"
            f"{condition} ORDER BY e.name LIMIT $4"
        )
        # The empty text is before every name.
        return page_of(await self._where(where, account_id, prefix, after or "", limit + 1), limit)

    async def count(self, account_id: str) -> int:
        row = await self._db.one(f"SELECT count(*) AS n FROM {self.table} WHERE account_id = $1", account_id)
        return int(row["n"]) if row else 0

    async def rename(self, id: str, *, name: str, path: str) -> None:
        """Raises EntityAlreadyExists. The unique id, and all that hangs on it, stays."""
        sql = f"UPDATE {self.table} SET name = $2, name_key = $3, path = $4 WHERE id = $1"
        try:
            await self._db.run_or_duplicate(sql, id, name, name.lower(), path)
        except Duplicate:
            raise EntityAlreadyExists(self.taken(name)) from None

    async def delete(self, id: str) -> bool:
        """Whether there was one. Raises DeleteConflict where something refers to it that must be removed first."""
        return await self._db.run(f"DELETE FROM {self.table} WHERE id = $1", id) > 0

    async def _add(self, entity: E, columns: Mapping[str, object]) -> None:
        """Raises EntityAlreadyExists."""
        common = {
            "id": entity.id,
            "account_id": entity.account_id,
            "name": entity.name,
            "name_key": entity.name.lower(),
            "path": entity.path,
        }
        sql, args = insert(self.table, {**common, **columns}, skip_duplicates=True)
        if not await self._db.run(sql, *args):
            raise EntityAlreadyExists(self.taken(entity.name))

    async def _where(self, condition: str, *args: object) -> list[E]:
        rows = await self._db.fetch(f"SELECT {self.columns} FROM {self.table} e WHERE {condition}", *args)
        return await self.read(rows)

    async def _among(self, by: str, wanted: Sequence[str], condition: str, *args: object) -> list[E]:
        """Those of the entities that the condition finds by an index, on the column `by`. The ones wanted are its last
        argument."""
        sql = f"SELECT {by} AS key, {self.columns} FROM {self.table} e WHERE {condition}"
        if len(wanted) == 1:
            row = await self._db.look_up(sql, wanted[0], *args)
            return await self.read([row] if row is not None else [])
        find = self._db.seek if len(wanted) <= FEW else self._db.fetch
        return await self.read(await find(sql, *args, list(wanted)))


class Tagged(NamedEntities[E]):
    """Named entities that carry tags."""

    async def set_tags(self, id: str, tags: Iterable[Tag]) -> None:
        await self._db.run(f"UPDATE {self.table} SET tags = $2 WHERE id = $1", id, tags_text(tags))


class Principals(Tagged[E]):
    """Named entities that act, and so may have a permissions boundary."""

    async def set_boundary(self, id: str, policy_id: str | None) -> None:
        await self._db.run(f"UPDATE {self.table} SET boundary_id = $2 WHERE id = $1", id, policy_id)


def tags_text(tags: Iterable[Tag]) -> str:
    """Tags as a column holds them: JSON pairs, in the order given."""
    return json_text([[tag.key, tag.value] for tag in tags])


def tags_of(text: str) -> tuple[Tag, ...]:
    if text == "[]":
        return ()
    return tuple(Tag(key=key, value=value) for key, value in orjson.loads(text))


json_text = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
"""A value as columns hold it. Made once: `json.dumps` would make an encoder for each."""
