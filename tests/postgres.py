"""PostgreSQL databases for tests. Making and dropping one takes a third of a second, so those that are migrated are used
again: each is given back after its test, and gets new content in milliseconds when the next test takes it."""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import io
import os
import re
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from urllib.parse import urlsplit

import asyncpg
import pytest

from iamgraph.store.unit import Database

URL = os.environ.get("IAMGRAPH_TEST_POSTGRES_URL") or None
LARGE = 32 * 2**20
"""Bytes from which a database is dropped instead of emptied: what was deleted still has to be skipped over."""

# What a name says: whose run it is, so that the next one can drop what was left by a run that was killed.
_PREFIX = f"iamgraph_test_{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]}"
_NAME = re.compile(_PREFIX + r"_(\d+)_[0-9a-f]{8}")

_CATALOGUE = """
SELECT md5(string_agg(row, ',' ORDER BY row)) FROM (
    SELECT oid::text || xmin::text AS row FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT attrelid::text || attname || a.xmin::text FROM pg_attribute AS a
        JOIN pg_class AS c ON c.oid = attrelid AND relnamespace = 'public'::regnamespace
    UNION ALL SELECT oid::text || xmin::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT oid::text || xmin::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT oid::text || xmin::text FROM pg_trigger
    UNION ALL SELECT id::text || xmin::text FROM tortoise_migrations
) AS rows"""

_made: list[str] = []
_templates: list[str] = []
_idle: list[str] = []
_contents: dict[str, Content] = {}


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a migrated database holds: rows in PostgreSQL's binary form, a table after those that it refers to; where its
    sequences are, as SQL; and a digest of its tables' definitions."""

    rows: dict[str, bytes]
    sequences: str
    catalogue: str


@asynccontextmanager
async def lent(source: str | None) -> AsyncIterator[str]:
    """The URL of a database with the content of another one, by default of one that was migrated just now."""
    source = source or await template()
    if source not in _contents:
        _contents[source] = await _content(source)
    name = None
    while name is None and _idle:
        name = await _refilled(_idle.pop(), _contents[source])
    name = name or await create(source)
    try:
        yield url(name)
    finally:
        _idle.append(name)


@asynccontextmanager
async def empty() -> AsyncIterator[str]:
    """The URL of a database without tables, which is dropped at the end."""
    name = await create("template0")
    try:
        yield url(name)
    finally:
        await _drop(name)


async def template() -> str:
    """The name of this run's migrated database without content."""
    if not _templates:
        # English puts "a" before "B": what relies on the database's own order gives itself away.
        english = " LOCALE_PROVIDER icu ICU_LOCALE 'en-US'" if await _sorts_by_icu() else ""
        name = await create(f"template0 ENCODING 'UTF8'{english}")
        database = Database(url(name))
        await database.open()
        try:
            await database.migrate()
        finally:
            await database.close()
        _templates.append(name)
    return _templates[0]


async def create(source: str) -> str:
    """A database made from another one to which nobody is connected. It goes with the run."""
    if not _made:
        await drop_those_of_dead_runs()
        atexit.register(lambda: asyncio.run(drop_all()))
    name = f"{_PREFIX}_{os.getpid()}_{secrets.token_hex(4)}"
    await _ask(f"CREATE DATABASE {name} TEMPLATE {source}")
    _made.append(name)
    # No test takes the power from the database that it shares with others.
    await _ask(f"ALTER DATABASE {name} SET synchronous_commit = off")
    return name


async def drop_all() -> None:
    """Drop what this run has made."""
    for name in reversed(_made.copy()):
        await _drop(name)
    for kept in (_templates, _idle, _contents):
        kept.clear()


def url(database: str) -> str:
    return urlsplit(URL or "")._replace(path=f"/{database}").geturl()


async def _content(name: str) -> Content:
    connection = await asyncpg.connect(url(name))
    try:
        tables = await connection.fetch(
            "SELECT relname AS name, array(SELECT confrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid = c.oid AND confrelid <> c.oid) AS refers_to FROM pg_class AS c"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'tortoise_migrations'"
        )
        rows = {}
        for table in TopologicalSorter({row["name"]: row["refers_to"] for row in tables}).static_order():
            into = io.BytesIO()
            await connection.copy_from_table(table, output=into, format="binary")
            rows[table] = into.getvalue()
        sequences = await connection.fetch("SELECT sequencename AS name, last_value AS last FROM pg_sequences")
        at = (f"setval('{row['name']}', {row['last'] or 1}, {row['last'] is not None})" for row in sequences)
        return Content(rows=rows, sequences=f"SELECT {', '.join(at)}", catalogue=await connection.fetchval(_CATALOGUE))
    finally:
        await connection.close()


async def _refilled(name: str, content: Content) -> str | None:
    """The database with this content in the place of its own; None for one that is dropped, for a test has altered its
    tables or made it large."""
    connection = await asyncpg.connect(url(name))
    try:
        await connection.fetch(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        size, catalogue = await connection.fetchrow(f"SELECT pg_database_size(current_database()), ({_CATALOGUE})")
        is_fit = size < LARGE and catalogue == content.catalogue
        if is_fit:
            async with connection.transaction():
                await connection.execute("; ".join(f"DELETE FROM {table}" for table in reversed(content.rows)))
                for table, rows in content.rows.items():
                    if rows != _NO_ROWS:
                        await connection.copy_to_table(table, source=io.BytesIO(rows), format="binary")
                await connection.execute(content.sequences)
    finally:
        await connection.close()
    if is_fit:
        return name
    await _drop(name)
    return None


# PostgreSQL, "COPY", binary format: signature, flags, length of the extension; then the trailer.
_NO_ROWS = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"


async def drop_those_of_dead_runs() -> None:
    """Drop what runs on this machine that were killed have left."""
    for row in await _ask("SELECT datname FROM pg_database WHERE datname LIKE 'iamgraph_test_%'"):
        named = _NAME.fullmatch(row["datname"])
        if named and not _lives(int(named[1])):
            await _ask(f"DROP DATABASE IF EXISTS {row['datname']} WITH (FORCE)")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _drop(name: str) -> None:
    await _ask(f"DROP DATABASE {name} WITH (FORCE)")
    _made.remove(name)


async def _sorts_by_icu() -> bool:
    return bool(
        await _ask(
            "SELECT 1 FROM pg_collation WHERE collprovider = 'i' AND current_setting('server_version_num')::int >= 150000"
        )
    )


async def _ask(sql: str) -> list[asyncpg.Record]:
    if URL is None:
        pytest.skip("IAMGRAPH_TEST_POSTGRES_URL is not set (such as postgres://postgres@127.0.0.1:5432/postgres)")
    connection = await asyncpg.connect(URL)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()
