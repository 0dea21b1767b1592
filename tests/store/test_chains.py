"""What the store says of links, heads and those who are writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamgraph.domain.chain import Head
from iamgraph.store.unit import Database, SchemaError, StoreError

from ..databases import fresh
from .conftest import opened
from .made import ACCOUNT, NOW, OTHER, add_account, event


async def test_an_event_says_the_same_on_both_stores(tmp_path: Path) -> None:
    """A history that is moved to the other store keeps its links."""
    said = []
    for kind in ("sqlite", "postgres"):
        async with fresh(kind, tmp_path) as url, opened(url) as database:
            async with database.writing() as data:
                await data.events.add(
                    [event(1, user_agent='é"\\\x00\ud800'), event(2, account_id=None, error_code="x")]
                )
            async with database.reading() as data:
                said.append(await data.chains.unsealed(0, 10))
    assert said[0] == said[1]
    assert [(content.event_id, content.chain) for content in said[0]] == [("event1", ACCOUNT), ("event2", "server")]


async def test_a_head_is_replaced(database: Database) -> None:
    def head(count: int, chain: str = ACCOUNT) -> Head:
        return Head(chain=chain, count=count, link="a", at=NOW, horizon=2**40, key_id="01234567", signature="s" * 64)

    async with database.writing() as data:
        for each in (head(1), head(1, OTHER), head(2)):
            await data.chains.set_head(each)
    async with database.reading() as data:
        assert await data.chains.all_heads() == {ACCOUNT: head(2), OTHER: head(1, OTHER)}
        assert await data.chains.heads([OTHER, "x"]) == {OTHER: head(1, OTHER)}


async def test_one_transaction_seals_at_a_time(tmp_path: Path) -> None:
    async with fresh("postgres", tmp_path) as url, opened(url) as database:
        async with database.writing() as one, database.writing() as other:
            assert await one.chains.take_turn()
            assert not await other.chains.take_turn()
        async with database.writing() as other:
            assert await other.chains.take_turn()


async def test_those_who_are_writing_events(tmp_path: Path) -> None:
    async with fresh("postgres", tmp_path) as url, opened(url) as database, database.reading() as reading:
        before = await reading.chains.writers()
        assert (before.last, before.transactions) == (0, frozenset())
        async with database.writing() as data:
            await add_account(data)
            assert (await reading.chains.writers()).transactions == frozenset()
            await data.events.add([event(1), event(2)])
            during = await reading.chains.writers()
            assert during.last == 2 and len(during.transactions) == 1
        after = await reading.chains.writers()
        assert (after.last, after.transactions) == (2, frozenset())


async def test_a_snapshot_sees_one_moment_and_changes_nothing(url: str, database: Database) -> None:
    async with database.writing() as data:
        await data.events.add([event(1)])
    async with Database(url).snapshot() as snapshot:
        assert len(await snapshot.chains.unsealed(0, 10)) == 1
        async with database.writing() as data:
            await data.events.add([event(2)])
        assert len(await snapshot.chains.unsealed(0, 10)) == 1
    with pytest.raises(Exception, match=r"read.?only"):
        async with Database(url).snapshot() as snapshot:
            await snapshot.events.add([event(3)])
    async with database.reading() as data:
        assert len(await data.chains.unsealed(0, 10)) == 2


async def test_a_snapshot_of_no_store_or_an_old_one_is_refused(empty_url: str) -> None:
    with pytest.raises(StoreError):
        async with Database("sqlite:///no/such/store.db").snapshot():
            pass
    async with opened(empty_url):
        pass
    with pytest.raises(SchemaError, match="run `iamgraph migrate`"):
        async with Database(empty_url).snapshot():
            pass
