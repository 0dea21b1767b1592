"""What tasks of a process do to the store together: nobody is given what was read before it asked, or waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from iamgraph.store import together
from iamgraph.store.failures import StoreError
from iamgraph.store.postgres import PostgresEngine
from iamgraph.store.statements import Row
from iamgraph.store.together import Together, Turns
from iamgraph.store.unit import Database

from ..databases import fresh
from .conftest import opened
from .made import ACCOUNT, add_account, user


class Table:
    """What a statement finds: each waits until it is let go, and then says what was there when it was sent."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.sent: list[list[str]] = []
        self.let_go = asyncio.Event()

    async def fetch(self, keys: list[str]) -> Sequence[Row]:
        self.sent.append(keys)
        seen = dict(self.rows)
        await self.let_go.wait()
        return [{"key": key, "value": seen[key]} for key in keys if key in seen]


async def test_what_is_asked_meanwhile_waits_for_the_next_statement() -> None:
    table = Table()
    asked = Together(table.fetch)
    table.rows = {"a": "valid", "b": "valid"}
    first = [asyncio.create_task(asked.ask(key)) for key in ("a", "b", "a", "none")]
    await asyncio.sleep(0.01)
    assert table.sent == [["a", "b", "none"]]
    table.rows["a"] = "revoked"
    later = asyncio.create_task(asked.ask("a"))
    await asyncio.sleep(0.01)
    table.let_go.set()
    assert [row and row["value"] for row in await asyncio.gather(*first)] == ["valid", "valid", "valid", None]
    assert (await later) == {"key": "a", "value": "revoked"}
    assert table.sent[1:] == [["a"]]


async def test_who_gives_up_takes_nobody_along_and_an_error_is_everybodys() -> None:
    table = Table()
    table.rows = {"a": "valid"}
    asked = Together(table.fetch)
    gone, waiting = (asyncio.create_task(asked.ask("a")) for _ in range(2))
    await asyncio.sleep(0.01)
    gone.cancel()
    table.let_go.set()
    assert (await waiting) == {"key": "a", "value": "valid"}

    async def silent(keys: list[str]) -> Sequence[Row]:
        raise StoreError("the database does not answer")

    failing = Together(silent)
    found = await asyncio.gather(*(failing.ask(key) for key in "abc"), return_exceptions=True)
    assert [type(one) for one in found] == [StoreError] * 3


async def test_more_keys_than_a_statement_takes_are_found_too() -> None:
    table = Table()
    table.let_go.set()
    table.rows = {str(i): f"value {i}" for i in range(100)}
    asked = Together(table.fetch)
    found = await asyncio.gather(*(asked.ask(str(i)) for i in range(100)))
    assert [row and row["value"] for row in found] == list(table.rows.values())
    assert max(map(len, table.sent)) == together.MAX_KEYS


async def test_one_has_the_turn_at_a_time_and_who_gives_up_leaves_it_to_the_next() -> None:
    turns, log, over = Turns(), list[str](), asyncio.Event()

    async def one(name: str) -> None:
        async with turns.of("x") as turn:
            log.append(f"{name} begins")
            await over.wait()
            log.append(f"{name} ends, awaited: {turn.is_awaited}")

    tasks = [asyncio.create_task(one(name)) for name in "abc"]
    await asyncio.sleep(0.01)
    async with turns.of("y") as other:
        assert not other.is_awaited
    tasks[1].cancel()
    over.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert log == ["a begins", "a ends, awaited: True", "c begins", "c ends, awaited: False"]
    assert not turns._turns


async def test_of_those_who_wait_for_a_turn_all_are_kept(database: Database) -> None:
    """The commits of all but the last may return before they are on the disk; none is told so before."""

    async def add(number: int) -> None:
        async with database.writing(ACCOUNT) as data:
            await data.accounts.hold(ACCOUNT)
            assert await data.users.count(ACCOUNT) == number
            await data.users.add(user(number + 1))

    async with database.writing() as data:
        await add_account(data)
    await asyncio.gather(*(add(number) for number in range(5)))
    async with database.reading() as data:
        assert await data.users.count(ACCOUNT) == 5


async def test_nobody_is_told_before_the_disk_has_it(tmp_path: Path) -> None:
    """Who has somebody behind it in turn commits for others to see, and returns once the log is flushed."""
    async with fresh("postgres", tmp_path) as url, opened(url) as database:
        engine, let_go = database._engine, asyncio.Event()
        assert isinstance(engine, PostgresEngine)
        flush = engine._flush

        async def held(keys: list[str]) -> Sequence[Row]:
            await let_go.wait()
            return await flush(keys)

        engine._flushed = Together(held)
        async with database.writing() as data:
            await add_account(data)

        async def add(number: int) -> None:
            async with database.writing(ACCOUNT) as data:
                await data.accounts.hold(ACCOUNT)
                await data.users.add(user(number))

        tasks = [asyncio.create_task(add(number)) for number in range(3)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert done == {tasks[2]}
        async with database.reading() as data:
            assert await data.users.count(ACCOUNT) == 3
        assert not tasks[0].done() and not tasks[1].done()
        let_go.set()
        await asyncio.gather(*tasks)


async def test_who_has_a_connection_waits_for_no_other(tmp_path: Path) -> None:
    """With one connection for all: readers that have read something look a key up with what they have."""
    async with fresh("postgres", tmp_path) as url, opened(f"{url}?maxsize=1") as database:
        async with database.writing() as data:
            await add_account(data)
            await data.users.add(user(1, "ann"))

        async def both() -> tuple[int, list[str]]:
            async with database.reading() as data:
                count = await data.users.count(ACCOUNT)
                return count, list(await data.users.named(ACCOUNT, ["ann"]))

        async with asyncio.timeout(30):
            assert await asyncio.gather(*(both() for _ in range(5))) == [(1, ["ann"])] * 5
        assert isinstance(database._engine, PostgresEngine)
        assert not database._engine._look_ups
