"""Fresh stores for tests: a copy of a migrated SQLite file, or a PostgreSQL database made from a migrated template."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from iamgraph.store.unit import Database

STORES = ("sqlite", "postgres")
POSTGRES_URL = os.environ.get("IAMGRAPH_TEST_POSTGRES_URL")
NO_POSTGRES = "IAMGRAPH_TEST_POSTGRES_URL is not set (such as postgres://postgres@127.0.0.1:5432/postgres)"


@asynccontextmanager
async def fresh(kind: str, folder: Path, *, migrated: bool = True, source: str | None = None) -> AsyncIterator[str]:
    """The URL of a store of its own, `sqlite` in the folder or `postgres`: migrated, unless it is to be empty, or a copy of
    what `kept` made."""
    if kind == "sqlite":
        path = folder / "store.db"
        if migrated:
            shutil.copy(source or await _sqlite_template(), path)
        yield f"sqlite://{path}"
        return
    if POSTGRES_URL is None:
        pytest.skip(NO_POSTGRES)
    name = f"iamgraph_test_{secrets.token_hex(6)}"
    template = (source or await _postgres_template()) if migrated else "template0"
    await _ask(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield _url(name)
    finally:
        await _ask(f"DROP DATABASE {name} WITH (FORCE)")


async def kept(kind: str) -> tuple[str, str]:
    """The URL of a migrated store that stays until the run ends, and the source that `fresh` copies once it is closed."""
    if kind == "sqlite":
        folder = Path(tempfile.mkdtemp(prefix="iamgraph-test-"))
        atexit.register(lambda: shutil.rmtree(folder))
        path = folder / "store.db"
        shutil.copy(await _sqlite_template(), path)
        return f"sqlite://{path}", str(path)
    if POSTGRES_URL is None:
        pytest.skip(NO_POSTGRES)
    template, name = await _postgres_template(), f"iamgraph_kept_{secrets.token_hex(6)}"
    await _ask(f"CREATE DATABASE {name} TEMPLATE {template}")
    _templates.append(name)
    return _url(name), name


async def migrate(url: str) -> None:
    database = Database(url)
    await database.open()
    try:
        await database.migrate()
    finally:
        await database.close()


@cache
def _sqlite_folder() -> tempfile.TemporaryDirectory[str]:
    """Where this run's template is. It goes with the process."""
    return tempfile.TemporaryDirectory(prefix="iamgraph-template-")


async def _sqlite_template() -> Path:
    path = Path(_sqlite_folder().name) / "template.db"
    if not path.exists():
        await migrate(f"sqlite://{path}")
    return path


async def _postgres_template() -> str:
    name = f"iamgraph_template_{secrets.token_hex(6)}"
    if not _templates:
        # English puts "a" before "B": what relies on the database's own order gives itself away.
        english = " LOCALE_PROVIDER icu ICU_LOCALE 'en-US'" if await _sorts_by_icu() else ""
        await _ask(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'{english}")
        _templates.append(name)
        atexit.register(lambda: asyncio.run(drop_templates()))
        await migrate(_url(name))
    return _templates[0]


_templates: list[str] = []


async def drop_templates() -> None:
    """Remove what this run has made on the PostgreSQL server for all its tests."""
    while _templates:
        await _ask(f"DROP DATABASE {_templates.pop()} WITH (FORCE)")


async def _sorts_by_icu() -> bool:
    return bool(
        await _ask(
            "SELECT 1 FROM pg_collation WHERE collprovider = 'i' AND current_setting('server_version_num')::int >= 150000"
        )
    )


def _url(database: str) -> str:
    return urlsplit(POSTGRES_URL or "")._replace(path=f"/{database}").geturl()


async def _ask(sql: str, *args: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(POSTGRES_URL)
    try:
        return list(await connection.fetch(sql, *args))
    finally:
        await connection.close()
