"""Announcements: heard in every process of a store, after the commit, and again after the connection was lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from iamgraph.store import hearing
from iamgraph.store.unit import Database

from ..databases import fresh
from .conftest import opened


async def test_what_is_committed_is_heard_and_what_is_not_is_not(database: Database) -> None:
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    async with database.hearing(heard.put_nowait), asyncio.timeout(30):
        if database._engine.dialect == "postgres":
            assert await heard.get() is None
        with pytest.raises(LookupError):
            async with database.writing() as data:
                await data.chains.announce(["lost"])
                raise LookupError
        async with database.writing() as data:
            await data.chains.announce(["one", "two"])
            assert heard.empty()
        assert [await heard.get(), await heard.get()] == ["one", "two"]
    async with database.writing() as data:
        await data.chains.announce(["late"])
    assert heard.empty()


async def test_another_process_is_heard_also_after_the_connection_was_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "AGAIN_SECONDS", 0.05)
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    async with fresh("postgres", tmp_path) as url, opened(url) as database, opened(url) as other, asyncio.timeout(30):
        async with database.hearing(heard.put_nowait):
            for round in ("one", "two"):
                # Whoever hears this looks for what it has missed.
                assert await heard.get() is None
                async with other.writing() as data:
                    await data.chains.announce([round])
                assert await heard.get() == round
                async with other.reading() as data:
                    await data.chains._db.fetch(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
                    )
            assert await heard.get() is None
        async with other.reading() as data:
            sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            while await data.chains._db.fetch(sql):
                await asyncio.sleep(0.05)
