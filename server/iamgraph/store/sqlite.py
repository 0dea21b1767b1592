"""SQLite: one connection that writes, some that read beside it, and a lock file that keeps a second server out."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Any
from urllib.parse import quote

import aiosqlite
from tortoise.backends.sqlite.client import SqliteClient

from .failures import Duplicate, StoreBusy, StoreError, conflicting, in_use
from .hearing import Heard
from .statements import Connections, Counter, Row, Statements, for_sqlite, plain, spelt_out, storable, utc
from .uninterrupted import uninterrupted

BUSY_MILLISECONDS = 10_000
_UNUSABLE = (
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
)


class Lock:
    """The file that the one process that may use a database holds. The system lets go of it when the process ends,
    however it ends."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises StoreBusy."""
        path = f"{self._database}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise StoreBusy(
                f"{self._database} is in use by another process; SQLite serves one at a time: stop it or use PostgreSQL"
            ) from None
        self._descriptor = descriptor

    async def take_within(self, seconds: float) -> None:
        """`take`, trying again for a while. Raises StoreBusy."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.take()
            except StoreBusy:
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(0.05)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Client(SqliteClient):
    """Tortoise's client on a thread that can't keep the process from ending, with statements kept prepared."""

    async def create_connection(self, with_db: bool) -> None:
        connection = aiosqlite.connect(
            self.filename, isolation_level=None, cached_statements=512, check_same_thread=False
        )
        # aiosqlite's thread would outlive a program that dies before it has closed the connection.
        connection._thread.daemon = True
        self._connection = await connection
        self._connection._conn.row_factory = sqlite3.Row
        for pragma, value in self.pragmas.items():
            await self._connection.execute_fetchall(f"PRAGMA {pragma}={value}")
        await self._post_connect()


class SqliteStatements(Statements):
    """Statements over one connection, which runs them one after another on its thread."""

    dialect = "sqlite"

    def __init__(self, connection: aiosqlite.Connection, counter: Counter) -> None:
        super().__init__(counter)
        self._connection = connection
        self.announced: list[str] = []

    async def announce(self, texts: Sequence[str]) -> None:
        self.announced += texts

    async def run_or_duplicate(self, sql: str, *args: object) -> int:
        # SQLite takes back the refused statement alone.
        return await self.run(sql, *args)

    async def _run(self, sql: str, args: Sequence[object]) -> int:
        # To add a row is as little work as to find one.
        do = self._at_once if sql.startswith("INSERT") else self._fetch
        return len(await do(f"{sql} RETURNING 1", args))

    async def _fetch(self, sql: str, args: Sequence[object]) -> Sequence[Row]:
        try:
            rows: Any = await self._connection.execute_fetchall(for_sqlite(sql), [_value(arg) for arg in args])
        except sqlite3.Error as error:
            raise _meaning(error, sql) from error
        return rows  # type: ignore[no-any-return]

    async def seek(self, sql: str, *args: object) -> Sequence[Row]:
        self._counter.value += 1
        return await self._at_once(*spelt_out(sql, args))

    async def _at_once(self, sql: str, args: Sequence[object]) -> Sequence[Row]:
        """What would take the connection's thread less than handing it over does. INVARIANT: the thread does nothing
        meanwhile: these statements are a transaction's, whose task waits for each."""
        try:
            given = [_value(arg) for arg in args]
            rows: Sequence[Row] = self._connection._conn.execute(for_sqlite(sql), given).fetchall()
        except sqlite3.Error as error:
            raise _meaning(error, sql) from error
        return rows

    async def _run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        try:
            await self._connection.executemany(for_sqlite(sql), [[_value(arg) for arg in row] for row in rows])
        except sqlite3.Error as error:
            raise _meaning(error, sql) from error


class ReadingStatements(SqliteStatements):
    """Statements that read, over a connection on its thread; and over another one on this thread what is found at once."""

    def __init__(self, connection: aiosqlite.Connection, here: sqlite3.Connection, counter: Counter) -> None:
        super().__init__(connection, counter)
        self._here = here

    async def _at_once(self, sql: str, args: Sequence[object]) -> Sequence[Row]:
        try:
            rows: Sequence[Row] = self._here.execute(for_sqlite(sql), [_value(arg) for arg in args]).fetchall()
        except sqlite3.Error:
            # Somebody who must be waited for, most likely; and if not, the thread says what it is.
            return await self._fetch(sql, args)
        return rows


def _value(arg: object) -> object:
    kind = type(arg)
    if kind is str:
        return storable(arg)  # type: ignore[arg-type]
    if kind is NoneType or kind is int:
        return arg
    if isinstance(arg, datetime):
        return utc(arg).isoformat(timespec="microseconds")
    if isinstance(arg, (list, tuple)):
        return json.dumps([plain(one) for one in arg], ensure_ascii=False)
    return plain(arg)


def _meaning(error: sqlite3.Error, sql: str) -> Exception:
    """The error in the store's or the domain's words; a bug of ours stays what it is."""
    name = getattr(error, "sqlite_errorname", "")
    if name in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"):
        return Duplicate()
    if name == "SQLITE_CONSTRAINT_FOREIGNKEY" or name == "SQLITE_CONSTRAINT_TRIGGER":
        return in_use() if sql.startswith("DELETE") else conflicting()
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return conflicting()
    if name.startswith(_UNUSABLE):
        return StoreError(f"the database file can't be used: {error}")
    return error


class SqliteEngine:
    """One SQLite file, opened."""

    dialect = "sqlite"

    def __init__(self, url: str, counter: Counter) -> None:
        name = url.removeprefix("sqlite://")
        if not name or ":memory:" in name or "?" in name:
            raise StoreError(f"{url!r} names no SQLite file: write sqlite://relative/path or sqlite:///absolute/path")
        self.path = Path(os.path.realpath(name))
        self._counter = counter
        self._lock = Lock(self.path)
        self._writing = asyncio.Lock()
        self._writer: Client | None = None
        self._reader: Client | None = None
        self._here: sqlite3.Connection | None = None
        self._hearing: set[Heard] = set()

    async def open(self, wait_seconds: float) -> None:
        try:
            await self._lock.take_within(wait_seconds)
        except OSError as error:
            raise StoreError(f"the database file {self.path} can't be used: {error.strerror}") from None
        try:
            # Made here, so that nobody but its owner can read it. SQLite gives its other files the same mode.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._writer = await self._connect(foreign_keys="ON")
            self._reader = await self._connect(query_only="ON")
            self._here = sqlite3.connect(self.path, timeout=0, isolation_level=None, cached_statements=512)
            self._here.row_factory = sqlite3.Row
            self._here.execute("PRAGMA query_only=ON")
        except (OSError, sqlite3.Error) as error:
            await self.close()
            raise StoreError(f"the database file {self.path} can't be used: {error}") from None

    async def _connect(self, **pragmas: str) -> Client:
        # FULL: what was acknowledged is on the disk, and survives a power cut.
        client = Client(
            str(self.path), connection_name="default", busy_timeout=BUSY_MILLISECONDS, synchronous="FULL", **pragmas
        )
        await client.create_connection(with_db=True)
        return client

    async def close(self) -> None:
        if self._here is not None:
            self._here.close()
            self._here = None
        for client in (self._reader, self._writer):
            if client is not None:
                await client.close()
        self._reader = self._writer = None
        self._lock.release()

    @property
    def connections(self) -> Connections:
        """Those on threads: the one that writes and one that reads. Readers share theirs, so only the writer's is ever
        taken."""
        is_open = 2 if self._writer is not None else 0
        return Connections(limit=2, open=is_open, in_use=int(self._writing.locked()), waiting=self._counter.waiting)

    @asynccontextmanager
    async def _writers_turn(self) -> AsyncIterator[None]:
        self._counter.waiting += 1
        try:
            await self._writing.acquire()
        finally:
            self._counter.waiting -= 1
        try:
            yield
        finally:
            self._writing.release()

    def reading(self) -> Statements:
        reader = _opened(self._reader)
        assert self._here is not None
        return ReadingStatements(reader, self._here, self._counter)

    @asynccontextmanager
    async def writing(self, turn: str | None = None) -> AsyncIterator[Statements]:
        """Whatever turn they want, there is one for all."""
        connection = _opened(self._writer)
        async with self._writers_turn():
            statements = SqliteStatements(connection, self._counter)
            try:
                await _send(connection, "BEGIN IMMEDIATE")
                yield statements
                await uninterrupted(_send(connection, "COMMIT"))
                self._tell(statements.announced)
            except BaseException:
                # INVARIANT: the thread runs statements in their order, so even a BEGIN whose wait was cancelled is over
                # when this runs. Outside a transaction it does nothing.
                await uninterrupted(connection.rollback())
                raise

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Statements]:
        """Statements that all see the same moment and change nothing, beside the process that has the store or without
        one. WAL lets a reader stand beside a writer, so the lock file is not asked."""
        try:
            # aiosqlite's thread would trip over a file that can't be opened.
            os.close(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            raise StoreError(f"the database file {self.path} can't be read: {error.strerror}") from None
        connection = aiosqlite.connect(
            f"file:{quote(str(self.path))}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        connection._thread.daemon = True
        try:
            async with connection as opened:
                opened._conn.row_factory = sqlite3.Row
                # What somebody has put into the file may be no text at all, and is to be found.
                opened._conn.text_factory = lambda octets: octets.decode("utf-8", "surrogateescape")
                await opened.execute_fetchall(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
                await opened.execute_fetchall("BEGIN")
                yield SqliteStatements(opened, self._counter)
        except sqlite3.Error as error:
            raise StoreError(f"the database file {self.path} can't be read: {error}") from None

    @asynccontextmanager
    async def hearing(self, heard: Heard) -> AsyncIterator[None]:
        """The one process that has the store need ask nobody else."""
        self._hearing.add(heard)
        try:
            yield
        finally:
            self._hearing.discard(heard)

    def _tell(self, texts: Sequence[str]) -> None:
        for heard in self._hearing:
            for text in texts:
                heard(text)

    def migration_credentials(self) -> tuple[str, dict[str, object]]:
        """Tortoise's engine and credentials for migrating: SQLite remakes a table to change it, and dropping the old
        one would delete every row that refers to it if foreign keys were on."""
        credentials: dict[str, object] = {"file_path": str(self.path), "foreign_keys": "OFF", "synchronous": "FULL"}
        return "iamgraph.store.sqlite", credentials

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[None]:
        """Keep other processes from migrating: the lock file, held since `open`, does; and writers of this one."""
        async with self._writing:
            yield


client_class = Client
"""Tortoise makes clients of this class for the engine `iamgraph.store.sqlite`."""


def _opened(client: Client | None) -> aiosqlite.Connection:
    if client is None or client._connection is None:
        raise StoreError("the database is not open")
    return client._connection


async def _send(connection: aiosqlite.Connection, sql: str) -> None:
    try:
        await connection.execute_fetchall(sql)
    except sqlite3.Error as error:
        raise _meaning(error, sql) from error
