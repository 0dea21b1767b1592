"""The readers of live history: what is committed reaches all who follow, once, and is read once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from iamgraph.app.history import live
from iamgraph.app.history.live import Feed, Place
from iamgraph.domain.entities import Event
from iamgraph.domain.errors import Throttled

from ...databases import fresh
from ...store.conftest import opened
from ...store.made import ACCOUNT, OTHER, event
from ..sealed import Sealed, sealed


def feed_of(history: Sealed, number: int = 0) -> Feed:
    return Feed(ACCOUNT, history.database.reading, number)


def anything(event: Event) -> bool:
    return True


async def taken(feed: Feed, place: Place, count: int) -> list[str]:
    """The ids of the next events, looked for as often as it takes."""
    found: list[str] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found += [event.id for event in await feed.next(place, 0.1)]
    return found


async def test_events_are_read_once_for_all_who_follow(history: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody looks but when there is something.
    monkeypatch.setattr(live, "POLL_SECONDS", 1000)
    feed = feed_of(history)
    places = [feed.join(anything) for _ in range(20)]
    few = feed.join(lambda event: event.id == "event25")
    assert await feed.next(few, 0) == []
    waiting = [asyncio.create_task(taken(feed, place, 30)) for place in places]
    await history.write(*range(30))
    await history.write(99, account_id=OTHER)
    await history.sealer().seal()
    before = history.database.statements
    feed.wake()
    assert await asyncio.gather(*waiting) == [[f"event{n}" for n in range(30)]] * 20
    assert await taken(feed, few, 1) == ["event25"]
    assert history.database.statements == before + 1
    feed.wake()
    assert await feed.next(few, 0) == [] and feed._window == []


async def test_what_nobody_told_of_is_found(history: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 0.05)
    feed = feed_of(history)
    place = feed.join(anything)
    assert await feed.next(place, 0) == []
    await history.write(1)
    await history.sealer().seal()
    assert await taken(feed, place, 1) == ["event1"]


async def test_who_comes_later_gets_what_is_written_from_then_on(history: Sealed) -> None:
    sealer = history.sealer()
    await history.write(1)
    await sealer.seal()
    feed = feed_of(history, 1)
    first = feed.join(anything)
    await history.write(2)
    await sealer.seal()
    feed.wake()
    assert await taken(feed, first, 1) == ["event2"]
    second = feed.join(anything)
    await history.write(3)
    await sealer.seal()
    feed.wake()
    assert (await taken(feed, first, 1), await taken(feed, second, 1)) == (["event3"], ["event3"])


async def test_an_event_that_commits_late_is_told_late(tmp_path: Path) -> None:
    """PostgreSQL gives it its `seq` first."""
    async with fresh("postgres", tmp_path) as url, opened(url) as database:
        history = sealed(url, database, tmp_path)
        sealer, feed = history.sealer(), feed_of(history)
        place = feed.join(anything)
        async with database.writing() as late:
            await late.events.add([event(1)])
            await history.write(2, 3)
            await sealer.seal()
            feed.wake()
            assert await taken(feed, place, 2) == ["event2", "event3"]
        await history.write(4)
        await sealer.seal()
        feed.wake()
        assert await taken(feed, place, 2) == ["event1", "event4"]


async def test_who_is_too_far_behind_is_told_and_holds_nothing_up(
    history: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WINDOW", 10)
    monkeypatch.setattr(live, "READ", 5)
    feed = feed_of(history)
    slow, quick = feed.join(anything), feed.join(anything)
    await history.write(*range(30))
    await history.sealer().seal()
    assert await taken(feed, quick, 10) == [f"event{n}" for n in range(10)]
    assert await feed.next(slow, 0) != []
    assert await taken(feed, quick, 20) == [f"event{n}" for n in range(10, 30)]
    assert len(feed._window) == 10
    with pytest.raises(Throttled, match="more than 10 events behind"):
        await feed.next(slow, 0)
    feed.leave(slow)
    assert feed._window == []
