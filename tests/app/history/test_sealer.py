"""The sealer: nothing that is committed stays out of its chain, however late it is and whoever else seals."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from iamgraph.app.history import sealer as sealing
from iamgraph.app.history.sealer import Backlog, BrokenChain
from iamgraph.security.chaining import ChainKeys
from iamgraph.security.sealing import MasterKey

from ...databases import fresh
from ...store.conftest import opened
from ...store.made import ACCOUNT, NOW, OTHER, event
from ..sealed import KEYS, MASTER, Sealed, sealed, told


async def order(history: Sealed, chain: str = ACCOUNT) -> list[str]:
    rows = await history.sql("SELECT event_id FROM event_link WHERE chain = $1 ORDER BY number", chain)
    return [row["event_id"] for row in rows]


async def test_each_account_and_the_server_have_a_chain(history: Sealed) -> None:
    sealer = history.sealer()
    await history.write(1, 2)
    await history.write(3, account_id=OTHER)
    await history.write(4, account_id=None)
    await history.write(5)
    assert await sealer.seal() == 5
    assert await sealer.seal() == 0
    assert await order(history) == ["event1", "event2", "event5"]
    assert (await order(history, OTHER), await order(history, "server")) == (["event3"], ["event4"])
    report = await history.verify()
    assert (report.is_sound, report.chains, report.events, report.unsealed) == (True, 3, 5, 0)


async def test_what_is_not_sealed_yet_is_counted_and_no_fault(history: Sealed) -> None:
    await history.write(1)
    assert (await history.verify()).unsealed == 1
    await history.sealer().seal()
    await history.write(2, 3)
    report = await history.verify()
    assert (report.is_sound, report.events, report.unsealed) == (True, 1, 2)


async def test_how_far_behind_it_is(history: Sealed) -> None:
    sealer = history.sealer(clock=lambda: NOW + timedelta(seconds=60))
    assert await sealer.backlog() == Backlog(events=0, seconds=0.0)
    await history.write(7, 8)
    assert await sealer.backlog() == Backlog(events=2, seconds=53.0)
    await sealer.seal()
    assert await sealer.backlog() == Backlog(events=0, seconds=0.0)
    await history.write(9)
    assert await sealer.backlog() == Backlog(events=1, seconds=51.0)


async def test_a_full_batch_is_followed_by_the_next(history: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    await history.write(*range(10))
    assert await history.sealer().seal() == 10
    assert await order(history) == [f"event{n}" for n in range(10)]
    assert (await history.verify()).is_sound


async def test_events_that_commit_late_are_linked_late(tmp_path: Path) -> None:
    """PostgreSQL numbers them first: the sealer sees 2 and 3 before 1 is committed."""
    async with fresh("postgres", tmp_path) as url, opened(url) as database:
        history = sealed(url, database, tmp_path)
        sealer, fresh_sealer = history.sealer(), history.sealer()
        async with database.writing() as late:
            await late.events.add([event(1)])
            await history.write(2)
            assert await sealer.seal() == 1
            await history.write(3)
            assert await sealer.seal() == 1
            assert await sealer.seal() == 0
            async with database.writing() as later:
                await later.events.add([event(4)])
                assert await sealer.seal() == 0
            assert await sealer.seal() == 1
        # One that starts only now goes by the horizon in the heads.
        assert await fresh_sealer.seal() == 1
        assert await order(history) == ["event2", "event3", "event4", "event1"]
        await history.write(5)
        assert await sealer.seal() == 1
        assert told(await history.verify()) == []
        heads = history.file.read().last()
        assert heads[ACCOUNT].horizon == 5


async def test_a_transaction_that_never_ends_does_not_stop_the_others(tmp_path: Path) -> None:
    async with fresh("postgres", tmp_path) as url, opened(url) as database:
        history = sealed(url, database, tmp_path)
        sealer = history.sealer()
        async with database.writing() as late:
            await late.events.add([event(1000)])
            for n in range(1, 6):
                await history.write(n)
                assert await sealer.seal() == 1
            assert history.file.read().last()[ACCOUNT].horizon == 0
        await history.write(6)
        assert await sealer.seal() == 2
        assert (await history.verify()).is_sound


async def test_writers_and_two_sealers_at_once(history: Sealed) -> None:
    sealers = [history.sealer(every_seconds=0.02) for _ in range(2)]
    for sealer in sealers:
        sealer.start()

    async def write(start: int) -> None:
        for n in range(start, start + 20):
            await history.write(n, 1000 + n, account_id=(ACCOUNT, OTHER, None)[n % 3])
            await asyncio.sleep(0.001 * (n % 3))

    async def check() -> None:
        for _ in range(5):
            assert told(await history.verify()) == []
            await asyncio.sleep(0.05)

    await asyncio.gather(check(), *(write(start) for start in range(0, 160, 20)))
    for sealer in sealers:
        await sealer.close()
    report = await history.verify()
    assert (told(report), report.events, report.unsealed) == ([], 320, 0)


async def test_a_sealer_goes_on_where_the_last_one_was_stopped(history: Sealed) -> None:
    first = history.sealer()
    await history.write(1, 2)
    await first.seal()
    await history.write(3)
    second = history.sealer(every_seconds=0.01)
    second.start()
    for _ in range(300):
        if len(await order(history)) == 3:
            break
        await asyncio.sleep(0.01)
    await history.write(4)
    await second.close()
    assert await order(history) == ["event1", "event2", "event3", "event4"]
    assert told(await history.verify()) == []


async def test_heads_that_a_crash_kept_out_of_the_file_are_written_at_the_start(history: Sealed) -> None:
    await history.write(1)
    await history.sealer().seal()
    kept = history.file.path.read_bytes()
    await history.write(2)
    await history.sealer().seal()
    history.file.path.write_bytes(kept)
    assert told(await history.verify()) == []
    await history.sealer().seal()
    assert history.file.read().last()[ACCOUNT].count == 2


async def test_heads_are_written_once_the_file_can_be(history: Sealed, caplog: pytest.LogCaptureFixture) -> None:
    sealer = history.sealer(every_seconds=0.01)
    history.file.path.mkdir()
    await history.write(1)
    with caplog.at_level(logging.ERROR):
        sealer.start()
        await asyncio.sleep(0.2)
    assert len(caplog.records) == 1
    history.file.path.rmdir()
    await sealer.close()
    assert history.file.read().last()[ACCOUNT].count == 1


async def test_what_this_server_did_not_sign_is_not_gone_on_with(history: Sealed) -> None:
    await history.write(1)
    await history.sealer().seal()
    await history.sql("UPDATE chain_head SET count = 0")
    await history.write(2)
    with pytest.raises(BrokenChain, match=f"chain {ACCOUNT} was not signed"):
        await history.sealer().seal()
    assert len(await order(history)) == 1


async def test_a_shortened_chain_is_told_at_the_start(history: Sealed, caplog: pytest.LogCaptureFixture) -> None:
    await history.write(1)
    await history.sealer().seal()
    await history.sql("DELETE FROM chain_head")
    with caplog.at_level(logging.ERROR):
        await history.sealer().seal()
    assert "was shortened" in caplog.text


async def test_a_chain_outlives_its_master_key(history: Sealed) -> None:
    await history.write(1)
    await history.sealer().seal()
    new = MasterKey(secret=b"n" * 32)
    both = ChainKeys(new, retired=[MASTER])
    await history.write(2)
    await history.sealer(both).seal()
    assert told(await history.verify(keys=both)) == []
    assert {finding.bent.value for finding in (await history.verify(keys=KEYS)).findings} == {"unknown key"}
