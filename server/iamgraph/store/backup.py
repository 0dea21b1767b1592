"""Copies of a whole store, and stores made of them: SQLite's online backup, PostgreSQL's pg_dump and pg_restore.

Sealed secrets stay sealed: a copy is of no use without the master key, which is not in it.
"""

# ruff: noqa: ASYNC240 (a command in a process of its own: nothing else waits meanwhile)

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tortoise.backends.base.config_generator import expand_db_url

from .failures import StoreError
from .sqlite import Lock


async def backup(url: str, path: Path) -> None:
    """Write a consistent copy of the store at `url` to the new file `path`, mode 0600, while it is served or not. It is
    there whole or not at all. Raises StoreError."""
    if path.exists():
        raise StoreError(f"{path} is there already; name a new file")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.touch(mode=0o600, exist_ok=False)
        if url.startswith("sqlite://"):
            await asyncio.to_thread(_copy_sqlite, _sqlite_path(url), draft)
        else:
            await _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={draft}"], url)
        _settle(draft, path)
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


async def restore(url: str, path: Path) -> None:
    """Make the store at `url`, which must not be there yet (on PostgreSQL: be an empty database), out of a copy. It is
    there whole or not at all. Raises StoreError."""
    if not path.is_file():
        raise StoreError(f"there is no backup at {path}")
    if url.startswith("sqlite://"):
        await asyncio.to_thread(_restore_sqlite, path, _sqlite_path(url))
        return
    found = await _run(
        "psql", ["--no-psqlrc", "-Atc", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"], url
    )
    if found.strip() != "0":
        raise StoreError("the database has tables already; restore into an empty one")
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    await _run("pg_restore", [*options, f"--dbname={_environment(url)['PGDATABASE']}", str(path)], url)


def _sqlite_path(url: str) -> Path:
    return Path(url.removeprefix("sqlite://"))


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise StoreError(f"there is no store at {source}")
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(target)) as write,
        ):
            read.backup(write)
            # One file, whatever the store's own way of writing is.
            write.execute("PRAGMA journal_mode = DELETE")
        _check_sqlite(target)
    except sqlite3.Error as error:
        raise StoreError(f"{source} can't be copied: {error}") from None


def _check_sqlite(path: Path) -> None:
    """Raise StoreError for a file that is no sound store."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as read:
            (verdict,) = read.execute("PRAGMA integrity_check").fetchone()
            found = read.execute("SELECT count(*) FROM tortoise_migrations").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path} is no copy of a store: {error}") from None
    if verdict != "ok" or not found[0]:
        raise StoreError(f"{path} is no sound copy of a store")


def _restore_sqlite(source: Path, target: Path) -> None:
    _check_sqlite(source)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = Lock(target)
    lock.take()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        left = [beside for beside in (target, Path(f"{target}-wal"), Path(f"{target}-shm")) if beside.exists()]
        if left:
            raise StoreError(f"{left[0]} is there already; move it away first")
        draft.touch(mode=0o600, exist_ok=False)
        shutil.copyfile(source, draft)
        _settle(draft, target)
    except OSError as error:
        raise StoreError(f"{target} can't be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
        lock.release()


def _settle(draft: Path, path: Path) -> None:
    """Give a finished draft its name, never replacing a file, and have both on the disk."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    os.link(draft, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def _run(program: str, arguments: list[str], url: str) -> str:
    """What one of PostgreSQL's programs prints. Raises StoreError with its first complaint."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            env={**os.environ, **_environment(url)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        raise StoreError(f"{program} is not installed: it comes with PostgreSQL's client") from None
    out, err = await process.communicate()
    if process.returncode != 0:
        first = err.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise StoreError(f"{program} failed: {first[0]}")
    return out.decode()


def _environment(url: str) -> Mapping[str, str]:
    """The database for PostgreSQL's programs. Arguments would show the password to everybody on the machine."""
    found: dict[str, Any] = expand_db_url("asyncpg://" + url.partition("://")[2])["credentials"]
    named = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "database"}
    return {name: str(found[key]) for name, key in named.items() if found.get(key)}
