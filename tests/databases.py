"""Fresh stores for tests: a copy of a migrated SQLite file, or a PostgreSQL database (`postgres`)."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from iamgraph.store.unit import Database

from . import postgres

STORES = ("sqlite", "postgres")


@asynccontextmanager
async def fresh(kind: str, folder: Path, *, migrated: bool = True, source: str | None = None) -> AsyncIterator[str]:
    """The URL of a store that nobody else uses, `sqlite` in the folder or `postgres`: migrated, unless it is to be empty,
    or with the content of what `kept` made."""
    if kind == "postgres":
        async with postgres.lent(source) if migrated else postgres.empty() as url:
            yield url
        return
    path = folder / "store.db"
    if migrated:
        shutil.copy(source or await _sqlite_template(), path)
    yield f"sqlite://{path}"


async def kept(kind: str) -> tuple[str, str]:
    """The URL of a migrated store that stays until the run ends, and the source that `fresh` copies once it is closed."""
    if kind == "postgres":
        name = await postgres.create(await postgres.template())
        return postgres.url(name), name
    folder = Path(tempfile.mkdtemp(prefix="iamgraph-test-"))
    atexit.register(lambda: shutil.rmtree(folder))
    path = folder / "store.db"
    shutil.copy(await _sqlite_template(), path)
    return f"sqlite://{path}", str(path)


@cache
def _sqlite_folder() -> tempfile.TemporaryDirectory[str]:
    """Where this run's template is. It goes with the process."""
    return tempfile.TemporaryDirectory(prefix="iamgraph-template-")


async def _sqlite_template() -> Path:
    path = Path(_sqlite_folder().name) / "template.db"
    if not path.exists():
        database = Database(f"sqlite://{path}")
        await database.open()
        try:
            await database.migrate()
        finally:
            await database.close()
    return path
