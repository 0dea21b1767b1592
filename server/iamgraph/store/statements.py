"""Sending SQL: the one place where the two dialects are told apart, and where values are made fit for a database."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any

Row = Mapping[str, Any]
"""One row of an answer, by column name. Repos turn it into an entity at once."""


class Counter:
    """How many statements a database was sent, and how many tasks wait for a connection now."""

    def __init__(self) -> None:
        self.value = 0
        self.waiting = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """A database's connections at one moment: `open` of at most `limit` are, `in_use` of them are taken, and `waiting`
    tasks want one."""

    limit: int
    open: int
    in_use: int
    waiting: int

    @property
    def idle(self) -> int:
        return self.open - self.in_use


class Statements(ABC):
    """Sends statements over one connection, or over any of a pool.

    SQL is written for PostgreSQL: `$1` for parameters, `= ANY($1)` with a sequence, `$1::text` for a cast, `FOR SHARE`
    and `FOR NO KEY UPDATE`, with or without `SKIP LOCKED`.
    SQLite gets its own way of saying the same.
    """

    dialect: str

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    async def fetch(self, sql: str, *args: object) -> Sequence[Row]:
        """The rows of a query, or of a change that ends in RETURNING."""
        self._counter.value += 1
        return await self._fetch(*spelt_out(sql, args))

    async def seek(self, sql: str, *args: object) -> Sequence[Row]:
        """`fetch`, for what finds a few rows by an index: that takes less than handing it to a thread does."""
        return await self.fetch(sql, *args)

    async def look_up(self, sql: str, key: str, *within: object) -> Row | None:
        """The row of a query that `= ANY(…)` finds by a key, which the row has as `key`; None where there is none. The key
        is its last argument, behind `within`. What was committed before this was called is seen."""
        rows = await self.seek(sql, *within, [key])
        return rows[0] if rows else None

    async def one(self, sql: str, *args: object) -> Row | None:
        """The first row, or None."""
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def run(self, sql: str, *args: object) -> int:
        """Change rows; how many were changed. Raises Duplicate where a unique constraint refuses, after which the
        transaction is of no use; ConcurrentModification, DeleteConflict."""
        self._counter.value += 1
        return await self._run(*spelt_out(sql, args))

    async def run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """The same change for each of the rows, in their order: the statement is prepared once, however many they are."""
        self._counter.value += 1
        await self._run_many(sql, rows)

    async def release(self) -> None:  # noqa: B027 (most have nothing to give back)
        """Give the connection back, where there is one to give."""

    @abstractmethod
    async def announce(self, texts: Sequence[str]) -> None:
        """Tell all who listen to this store, in any process, once the transaction is committed. See `Database.hearing`."""

    @abstractmethod
    async def run_or_duplicate(self, sql: str, *args: object) -> int:
        """`run`, after whose Duplicate the transaction goes on."""

    @abstractmethod
    async def _fetch(self, sql: str, args: Sequence[object]) -> Sequence[Row]: ...

    @abstractmethod
    async def _run(self, sql: str, args: Sequence[object]) -> int: ...

    @abstractmethod
    async def _run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None: ...


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with what no database keeps (NUL, half a surrogate pair) replaced by U+FFFD. Names never have such
    characters, so a look-up for one finds nothing."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def utc(at: datetime) -> datetime:
    """The same instant in UTC. A time without a zone is refused: it would mean whatever the host's zone is."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone can't be stored")
    return at.astimezone(UTC)


def instant(value: Any) -> datetime:
    """The instant that a column holds."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    at: datetime = value
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def instant_or_none(value: Any) -> datetime | None:
    return None if value is None else instant(value)


def plain(value: object) -> object:
    """An argument as both drivers take it, but for times, which each takes differently."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Enum):
        return value.value
    return value


_PARAMETER = re.compile(r"\$(\d+)(?:::[a-z]+(?:\[\])?)?")
_ANY = re.compile(r"= ANY\(\$(\d+)(?:::[a-z]+(?:\[\])?)?\)")


@lru_cache(maxsize=1024)
def for_sqlite(sql: str) -> str:
    """The statement in SQLite's words. A sequence arrives there as a JSON array."""
    sql = _ANY.sub(r"IN (SELECT value FROM json_each(?\1))", sql)
    return (
        _PARAMETER.sub(r"?\1", sql)
        .replace(" FOR SHARE", "")
        .replace(" FOR NO KEY UPDATE", "")
        .replace(" SKIP LOCKED", "")
    )


_LISTED = re.compile(r"= ANY\(\$(\d+)\)")
_SPELT_OUT = (1, 2, 4, 8, 16, 32)


def spelt_out(sql: str, args: Sequence[object]) -> tuple[str, Sequence[object]]:
    """The statement with its short lists written out: `= ANY($1)` of one item is `= $1`, of three `IN ($1, $3, $4, $5)`.
    PostgreSQL plans such a statement once, and one with an array anew each time, since it can't know how long that is."""
    widths, more = [0] * len(args), list(args)
    for i, arg in enumerate(args):
        if type(arg) is list and 0 < len(arg) <= _SPELT_OUT[-1] and i + 1 in _lists(sql):
            widths[i] = next(width for width in _SPELT_OUT if width >= len(arg))
            more[i] = arg[0]
            more += [*arg[1:], *arg[-1:] * (widths[i] - len(arg))]
    return (_written_out(sql, tuple(widths)), more) if len(more) > len(args) or any(widths) else (sql, args)


@lru_cache(maxsize=1024)
def _lists(sql: str) -> frozenset[int]:
    """The parameters that are compared with all items of a list, and used for nothing else."""
    found = [int(number) for number in _LISTED.findall(sql)]
    used = [int(number) for number in re.findall(r"\$(\d+)", sql)]
    return frozenset(number for number in found if found.count(number) == used.count(number))


@lru_cache(maxsize=4096)
def _written_out(sql: str, widths: tuple[int, ...]) -> str:
    following = len(widths) + 1
    for i, width in enumerate(widths):
        if width:
            names = ", ".join(f"${number}" for number in (i + 1, *range(following, following + width - 1)))
            sql = sql.replace(f"= ANY(${i + 1})", f"= {names}" if width == 1 else f"IN ({names})")
            following += width - 1
    return sql


def values(count: int, width: int) -> str:
    """`($1, $2), ($3, $4)` for two rows of two columns."""
    rows = (", ".join(f"${row * width + column + 1}" for column in range(width)) for row in range(count))
    return ", ".join(f"({row})" for row in rows)


def insert(table: str, row: Mapping[str, object], *, skip_duplicates: bool = False) -> tuple[str, tuple[object, ...]]:
    """The statement that adds a row, and its arguments. `skip_duplicates` makes a taken key change nothing."""
    sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES {values(1, len(row))}"  # noqa: S608 (names of ours)
    return sql + (" ON CONFLICT DO NOTHING" if skip_duplicates else ""), tuple(row.values())
