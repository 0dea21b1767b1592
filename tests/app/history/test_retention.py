"""Retention: what is too old goes, the rest verifies, and nothing else can go in its name."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iamgraph.app.history import retention
from iamgraph.app.history.heads import HeadsFile
from iamgraph.app.history.verify import verify
from iamgraph.domain.chain import Head
from iamgraph.security.chaining import ChainKeys
from iamgraph.security.sealing import MasterKey
from iamgraph.store.events import COLUMNS, LATER_COLUMNS
from iamgraph.store.unit import Database

from ...databases import fresh
from ...store.conftest import opened
from ...store.made import ACCOUNT, NOW, OTHER
from ..sealed import KEYS, Sealed, keeping, sealed, told


async def ids(history: Sealed) -> list[str]:
    rows = await history.sql("SELECT id FROM event WHERE name <> 'ApplyRetention' ORDER BY seq")
    return [row["id"] for row in rows]


async def filled(history: Sealed) -> None:
    """Twelve events, of which two accounts take turns; and two of the server's."""
    sealer = history.sealer()
    for n in range(12):
        await history.write(n, account_id=OTHER if n % 2 else ACCOUNT)
        if n % 3 == 0:
            await sealer.seal()
    await history.write(12, 13, account_id=None)
    await sealer.seal()


async def test_what_is_too_old_goes_and_the_rest_verifies(history: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    await filled(history)
    assert await keeping(history, 0).apply() == 0
    assert await keeping(history, 7).apply() == 7
    assert await ids(history) == [f"event{n}" for n in range(7, 14)]
    assert (await history.sql("SELECT count(*) AS n FROM event_link"))[0]["n"] == 7
    report = await history.verify()
    assert (report.events, report.pruned, report.unsealed, told(report)) == (7, 7, 2, [])
    told_of = await history.sql("SELECT * FROM event WHERE name = 'ApplyRetention' ORDER BY seq")
    assert [json.loads(row["parameters"]) for row in told_of] == [
        {"events": 4, "before": (NOW + timedelta(seconds=7)).isoformat(), "chains": [ACCOUNT]},
        {"events": 3, "before": (NOW + timedelta(seconds=7)).isoformat(), "chains": [OTHER]},
    ]
    assert {(row["account_id"], row["action"]) for row in told_of} == {(None, "iamgraph:ApplyRetention")}
    # The chains go on, and are taken from again, to their very ends.
    await history.write(20, account_id=ACCOUNT)
    await history.sealer().seal()
    assert told(await history.verify()) == []
    assert await keeping(history, 20).apply() == 7
    assert await ids(history) == ["event20"]
    await history.sealer().seal()
    assert (told(await history.verify()), told(await history.verify(with_file=False))) == ([], [])
    await history.write(21, account_id=OTHER)
    await history.sealer().seal()
    report = await history.verify()
    assert (report.events, report.pruned, report.unsealed, told(report)) == (6, 14, 0, [])


async def test_what_has_no_link_stays_however_old_it_is(history: Sealed) -> None:
    await history.write(0, 1)
    await history.sealer().seal()
    await history.write(2, 3)
    assert await keeping(history, 1000).apply() == 2
    assert await ids(history) == ["event2", "event3"]
    assert await keeping(history, 1000).apply() == 0
    await history.sealer().seal()
    assert told(await history.verify()) == []


async def test_a_younger_event_in_front_keeps_what_is_behind_it(history: Sealed) -> None:
    """A chain has no holes: it is taken from up to the first event that is young enough."""
    await history.write(5, 1, 2)
    await history.sealer().seal()
    assert await keeping(history, 3).apply() == 0
    assert await keeping(history, 6).apply() == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET parameters = '{}' WHERE id = 'event2'",
        "UPDATE event_link SET link = 'no link' WHERE event_id = 'event2'",
        "DELETE FROM event WHERE id = 'event2'",
        "DELETE FROM event_link WHERE event_id = 'event2'",
        "UPDATE event_link SET event_id = 'event9' WHERE event_id = 'event2'",
    ],
)
async def test_what_was_bent_is_not_cleared_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    async with fresh("sqlite", tmp_path) as url, opened(url) as database:
        history = sealed(url, database, tmp_path)
        await filled(history)
        await history.sql(statement)
        before = told(await history.verify())
        with caplog.at_level(logging.ERROR):
            await keeping(history, 12).apply()
        assert f"old events of chain {ACCOUNT} are not taken away" in caplog.text
        kept = await ids(history)
        assert {"event0", "event4", "event10"} <= set(kept) and not {"event1", "event11"} & set(kept)
        assert told(await history.verify()) == before != []


@dataclass(frozen=True)
class Taken:
    """A store from which retention has taken the numbers 1 to 4 of ACCOUNT's chain; its beginning as it was when only 1 and
    2 were gone; and a signed head of five events."""

    folder: Path
    earlier: tuple[Any, ...]
    head: Head


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    folder = tmp_path_factory.mktemp("taken")

    async def make() -> Taken:
        async with fresh("sqlite", folder) as url, opened(url) as database:
            history = sealed(url, database, folder)
            await filled(history)
            await keeping(history, 3).apply()
            (earlier,) = await history.sql("SELECT * FROM chain_anchor WHERE chain = $1", ACCOUNT)
            await keeping(history, 7).apply()
            await history.sealer().seal()
            assert told(await history.verify()) == []
            head = next(one for one in history.file.read().heads if (one.chain, one.count) == (ACCOUNT, 5))
            return Taken(folder, tuple(earlier), head)

    return asyncio.run(make())


async def found(taken: Taken, folder: Path, *deeds: tuple[str, tuple[object, ...]]) -> list[str]:
    """What is found once somebody with the database's password has done these things."""
    for file in ("store.db", "heads.jsonl"):
        shutil.copy(taken.folder / file, folder / file)
    db = sqlite3.connect(folder / "store.db")
    for statement, args in deeds:
        assert db.execute(statement, args).rowcount > 0
    db.commit()
    db.close()
    async with Database(f"sqlite://{folder}/store.db").snapshot() as data:
        return told(await verify(data, KEYS, HeadsFile(folder / "heads.jsonl").read()))


DROP = (
    ("DELETE FROM event WHERE id = 'event8'", ()),
    ("DELETE FROM event_link WHERE event_id = 'event8'", ()),
)
MOVE = f"UPDATE chain_anchor SET number = ?, link = ?, key_id = ?, signature = ? WHERE chain = '{ACCOUNT}'"
GAP = f"dropped: chain {ACCOUNT}, number 5: the links with the numbers 5 are gone"


async def test_an_event_that_retention_did_not_take_is_missed(taken: Taken, tmp_path: Path) -> None:
    assert await found(taken, tmp_path) == []
    assert await found(taken, tmp_path, *DROP) == [GAP]


async def test_a_beginning_takes_the_servers_own_signature(taken: Taken, tmp_path: Path) -> None:
    """Not its head's, nor another's; a head says the same of a number and its link, but not that what is before may go."""
    head = taken.head
    strange = ChainKeys(MasterKey(secret=b"x" * 32)).anchor(chain=ACCOUNT, number=5, link=head.link, at=head.at)
    altered = f"altered: chain {ACCOUNT}, number 5: where the chain begins does not have this server's signature"
    unknown = (
        f"unknown key: chain {ACCOUNT}, number 5: where the chain begins was made under master key {strange.key_id}"
    )
    for key_id, signature, told_first in (
        (head.key_id, head.signature, altered),
        (strange.key_id, strange.signature, unknown),
    ):
        move = (MOVE, (5, head.link, key_id, signature))
        assert (await found(taken, tmp_path, *DROP, move))[0].startswith(told_first)
        assert (await found(taken, tmp_path, move))[0].startswith(told_first)


async def test_a_beginning_can_be_put_back_or_taken_away_no_more(taken: Taken, tmp_path: Path) -> None:
    gone = ("DELETE FROM chain_anchor", ())
    assert f"dropped: chain {ACCOUNT}, number 1: the links with the numbers 1 to 4 are gone" in await found(
        taken, tmp_path, gone
    )
    back = ("REPLACE INTO chain_anchor VALUES (?, ?, ?, ?, ?, ?)", taken.earlier)
    assert f"dropped: chain {ACCOUNT}, number 3: the links with the numbers 3 to 4 are gone" in await found(
        taken, tmp_path, back
    )
    other = (f"UPDATE chain_anchor SET chain = 'server' WHERE chain = '{OTHER}'", ())
    assert any(line.startswith("altered: chain server, number 3") for line in await found(taken, tmp_path, other))


@pytest.mark.parametrize("number", [4, 1, 0, -7])
async def test_nothing_stands_before_a_beginning(taken: Taken, tmp_path: Path, number: int) -> None:
    """A link there is checked with no chain, so that an event could be slipped in behind the sealer's back."""
    columns = ", ".join((*COLUMNS[1:], *LATER_COLUMNS))
    event = (f"INSERT INTO event (seq, id, {columns}) SELECT 2, 'forged', {columns} FROM event WHERE id = 'event8'", ())
    link = (
        "INSERT INTO event_link SELECT 2, 'forged', chain, ?, link, key_id FROM event_link WHERE seq = 9",
        (number,),
    )
    assert await found(taken, tmp_path, event, link) == [
        f"inserted: chain {ACCOUNT}, number {number}, event forged: it stands before the place where the chain begins"
    ]


async def test_the_rest_taken_away_whole_is_missed(taken: Taken, tmp_path: Path) -> None:
    deeds = [(f"DELETE FROM {table}", ()) for table in ("event", "event_link", "chain_head", "chain_anchor")]
    assert any(
        line.startswith(f"truncated: chain {ACCOUNT}, number 5: a head of ")
        for line in await found(taken, tmp_path, *deeds[:2])
    )
    assert any(line.startswith(f"truncated: chain {ACCOUNT}") for line in await found(taken, tmp_path, *deeds))
