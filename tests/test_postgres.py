"""The databases that tests share in turn: one is given out as new, whatever the test before has done to it."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE

import asyncpg
import pytest

from iamgraph.store.unit import Database

from . import postgres
from .store.made import add_account, event


async def _filled(url: str) -> int:
    """Write to a migrated store; the number that its first event got."""
    database = Database(url)
    await database.open()
    try:
        async with database.writing() as data:
            await add_account(data)
            await data.events.add([event(1)])
            page = await data.chains.unsealed(0, 1)
    finally:
        await database.close()
    return page[0].seq


async def test_a_database_is_as_new_for_the_next_test() -> None:
    async with postgres.lent(None) as first:
        assert await _filled(first) == 1
        left_open = await asyncpg.connect(first)
        await left_open.execute("BEGIN; LOCK TABLE account")
    async with postgres.lent(None) as second:
        assert second == first and await _filled(second) == 1
    with pytest.raises(asyncpg.InterfaceError, match="closed"):
        await left_open.execute("COMMIT")


async def test_one_with_other_tables_is_not_lent_again() -> None:
    for change in ("ALTER TABLE account ALTER root_email DROP NOT NULL", "DELETE FROM tortoise_migrations"):
        async with postgres.lent(None) as url:
            connection = await asyncpg.connect(url)
            await connection.execute(change)
            await connection.close()
        async with postgres.lent(None) as other:
            assert other != url, change
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await asyncpg.connect(url)


async def test_what_a_killed_run_left_is_dropped() -> None:
    mine = await postgres.create("template0")
    program = (
        "import asyncio, os\n"
        "from tests import postgres\n"
        "print(asyncio.run(postgres.create('template0')), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
    out, _ = await killed.communicate()
    name = out.decode().strip()
    assert (await _names()) >= {name, mine}
    await postgres.drop_those_of_dead_runs()
    assert mine in await _names() and name not in await _names()


async def _names() -> set[str]:
    connection = await asyncpg.connect(postgres.URL)
    try:
        return {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
    finally:
        await connection.close()
