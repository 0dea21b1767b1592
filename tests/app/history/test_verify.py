"""Checking the history: whatever is done to a sealed one is found, and where."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from iamgraph.app.history.heads import HeadsFile
from iamgraph.app.history.verify import Report, verify
from iamgraph.store.events import COLUMNS, LATER_COLUMNS
from iamgraph.store.unit import Database

from ...databases import STORES, fresh
from ...store.conftest import opened
from ...store.made import ACCOUNT, OTHER
from ..sealed import KEYS, Sealed, sealed, told

COUNT = 12


@pytest.fixture(params=STORES)
async def bent(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sealed]:
    """Twelve events sealed in four rounds, of which two accounts take turns."""
    async with fresh(request.param, tmp_path) as url, opened(url) as database:
        history = sealed(url, database, tmp_path)
        await filled(history)
        yield history


async def filled(history: Sealed) -> None:
    sealer = history.sealer()
    for n in range(1, COUNT + 1):
        await history.write(n, account_id=ACCOUNT if n % 2 else OTHER)
        if n % 3 == 0:
            await sealer.seal()
    assert told(await history.verify()) == []


@pytest.mark.parametrize(
    ("statements", "finding"),
    [
        (
            ["UPDATE event SET parameters = '{}' WHERE seq = 5"],
            f"altered: chain {ACCOUNT}, number 3, event event5: the event, its link",
        ),
        (["DELETE FROM event WHERE seq = 6"], f"dropped: chain {OTHER}, number 3, event event6: the event is gone"),
        (
            ["DELETE FROM event WHERE seq = 6", "DELETE FROM event_link WHERE seq = 6"],
            f"dropped: chain {OTHER}, number 3: the links with the numbers 3 are gone",
        ),
        (
            [
                "UPDATE event SET seq = -3 WHERE seq = 3",
                "UPDATE event SET seq = 3 WHERE seq = 5",
                "UPDATE event SET seq = 5 WHERE seq = -3",
            ],
            f"reordered: chain {ACCOUNT}, number 2, event event3: the event event5 is in its place",
        ),
        (
            [
                f"INSERT INTO event (seq, {', '.join(COLUMNS)}) "
                f"SELECT 0, 'forged', {', '.join(COLUMNS[1:])} FROM event WHERE seq = 1"
            ],
            f"inserted: chain {ACCOUNT}, event forged: it stands at 0",
        ),
        (
            ["DELETE FROM event WHERE seq > 8", "DELETE FROM event_link WHERE seq > 8"],
            f"truncated: chain {ACCOUNT}, number 5: a head of ",
        ),
        (
            ["UPDATE chain_head SET count = 5 WHERE chain = '444455556666'"],
            f"altered: chain {OTHER}, number 5: the store's head does not have",
        ),
        (["DELETE FROM chain_head"], f"truncated: chain {ACCOUNT}: the store has no head of this chain any more"),
        (
            ["UPDATE event_link SET link = 'no link' WHERE seq = 5"],
            f"altered: chain {ACCOUNT}, number 3, event event5",
        ),
        (
            ["DELETE FROM event", "DELETE FROM event_link", "DELETE FROM chain_head"],
            f"truncated: chain {ACCOUNT}, number 1: a head of ",
        ),
    ],
)
async def test_what_was_done_is_told_with_its_place(bent: Sealed, statements: list[str], finding: str) -> None:
    for statement in statements:
        await bent.sql(statement)
    found = told(await bent.verify())
    assert any(line.startswith(finding) for line in found), found


async def test_the_file_of_heads_finds_a_history_put_back_whole(bent: Sealed) -> None:
    """An older head with a sound signature in the store's place: without the file nothing would be wrong."""
    older = next(head for head in reversed(bent.file.read().heads) if head.chain == ACCOUNT and head.count == 5)
    await bent.sql("DELETE FROM event WHERE seq > 9 AND account_id = $1", ACCOUNT)
    await bent.sql("DELETE FROM event_link WHERE seq > 9 AND chain = $1", ACCOUNT)
    async with bent.database.writing() as data:
        await data.chains.set_head(older)
    assert told(await bent.verify(with_file=False)) == []
    (found,) = told(await bent.verify())
    assert found.startswith(f"truncated: chain {ACCOUNT}, number 6: a head of ")


async def test_a_line_of_the_file_that_was_altered(bent: Sealed) -> None:
    lines = bent.file.path.read_text().splitlines(keepends=True)
    bent.file.path.write_text("".join([lines[0].replace('"count":', '"count":1'), "{}\n", *lines[2:]]))
    found = told(await bent.verify())
    assert any("a head of the file does not have this server's signature" in line for line in found)
    assert any("line 2 is no head" in line for line in found)


async def test_one_deed_is_told_once(bent: Sealed) -> None:
    await bent.sql("UPDATE event SET user_agent = NULL WHERE seq = 3")
    assert len((await bent.verify()).findings) == 1


# ------------------------------------------------------------ any alteration


@pytest.fixture(scope="module")
def template() -> Path:
    """A sealed SQLite store with its heads, to copy."""
    folder = Path(tempfile.mkdtemp(prefix="iamgraph-sealed-"))

    async def make() -> None:
        async with fresh("sqlite", folder) as url, opened(url) as database:
            await filled(sealed(url, database, folder))

    asyncio.run(make())
    return folder


async def checked(folder: Path) -> Report:
    heads = HeadsFile(folder / "heads.jsonl").read()
    async with Database(f"sqlite://{folder}/store.db").snapshot() as data:
        return await verify(data, KEYS, heads)


SEQ = st.integers(1, COUNT)
TABLE = st.sampled_from(["event", "event_link"])
HEAD = st.sampled_from(["count", "link", "horizon", "at", "key_id", "signature"])
WORTH = st.one_of(st.none(), st.text(max_size=5), st.integers(-5, 20), st.binary(max_size=3))
ALTERATION = st.one_of(
    st.tuples(st.just("field"), SEQ, st.sampled_from((*COLUMNS, *LATER_COLUMNS)), WORTH),
    st.tuples(st.just("link"), SEQ, st.sampled_from(["event_id", "chain", "number", "link", "key_id"]), WORTH),
    st.tuples(st.just("head"), st.sampled_from([ACCOUNT, OTHER]), HEAD, WORTH),
    st.tuples(st.just("drop"), SEQ, TABLE),
    st.tuples(st.just("drop both"), SEQ),
    st.tuples(st.just("swap"), TABLE, SEQ, SEQ),
    st.tuples(st.just("insert"), SEQ, st.integers(-20, 0), st.booleans()),
    st.tuples(st.just("truncate"), SEQ, st.booleans(), st.booleans()),
)


def alter(db: sqlite3.Connection, kind: str, *how: Any) -> None:
    """Do one thing to the store."""
    if kind == "field":
        db.execute(f"UPDATE event SET {how[1]} = ? WHERE seq = ?", (how[2], how[0]))
    elif kind == "link":
        db.execute(f"UPDATE event_link SET {how[1]} = ? WHERE seq = ?", (how[2], how[0]))
    elif kind == "head":
        db.execute(f"UPDATE chain_head SET {how[1]} = ? WHERE chain = ?", (how[2], how[0]))
    elif kind == "drop":
        db.execute(f"DELETE FROM {how[1]} WHERE seq = ?", (how[0],))
    elif kind == "drop both":
        for table in ("event", "event_link"):
            db.execute(f"DELETE FROM {table} WHERE seq = ?", how)
    elif kind == "swap":
        table, one, other = how
        for old, new in ((one, -1), (other, one), (-1, other)):
            db.execute(f"UPDATE {table} SET seq = ? WHERE seq = ?", (new, old))
    elif kind == "insert":
        like, seq, with_link = how
        columns = ", ".join(COLUMNS[1:])
        db.execute(
            f"INSERT INTO event (seq, id, {columns}) SELECT ?, 'forged', {columns} FROM event WHERE seq = ?",
            (seq, like),
        )
        if with_link:
            db.execute(
                "INSERT INTO event_link SELECT ?, 'forged', chain, number + 100, link, key_id FROM event_link WHERE seq = ?",
                (seq, like),
            )
    else:
        start, events, heads = how
        db.execute("DELETE FROM event_link WHERE seq >= ?", (start,))
        if events:
            db.execute("DELETE FROM event WHERE seq >= ?", (start,))
        if heads:
            db.execute("DELETE FROM chain_head")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(alteration=ALTERATION)
@example(alteration=("link", 1, "key_id", ""))
async def test_any_single_alteration_is_found(template: Path, alteration: tuple[Any, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("store.db", "heads.jsonl"):
            shutil.copy(template / file, folder / file)
        db = sqlite3.connect(folder / "store.db")
        before = list(db.iterdump())
        try:
            alter(db, *alteration)
            db.commit()
        except sqlite3.IntegrityError:
            db.rollback()
        changed = list(db.iterdump()) != before
        db.close()
        report = await checked(folder)
        assert report.is_sound is not changed, (alteration, told(report))


@pytest.mark.parametrize("number", [0, -3])
async def test_nothing_stands_before_the_first(template: Path, tmp_path: Path, number: int) -> None:
    """An event slipped in with a link of its own, where no link is looked for."""
    for file in ("store.db", "heads.jsonl"):
        shutil.copy(template / file, tmp_path / file)
    db = sqlite3.connect(tmp_path / "store.db")
    alter(db, "insert", 3, -5, True)
    db.execute("UPDATE event_link SET number = ? WHERE event_id = 'forged'", (number,))
    db.commit()
    db.close()
    assert [line for line in told(await checked(tmp_path)) if line.startswith("inserted: ")] == [
        f"inserted: chain {ACCOUNT}, number {number}, event forged: it stands before the place where the chain begins"
    ]


async def test_what_is_no_text_is_found(template: Path, tmp_path: Path) -> None:
    for file in ("store.db", "heads.jsonl"):
        shutil.copy(template / file, tmp_path / file)
    db = sqlite3.connect(tmp_path / "store.db")
    db.execute("UPDATE event SET name = CAST(x'ff' AS TEXT), id = CAST(x'fe' AS TEXT) WHERE seq = 3")
    db.commit()
    db.close()
    (found,) = told(await checked(tmp_path))
    assert found.startswith(f"reordered: chain {ACCOUNT}, number 2, event event3")
