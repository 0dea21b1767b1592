"""What is made of statements on their way to a database, and of the rows that come back."""

from __future__ import annotations

import asyncio
import json
import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from iamgraph.store.remembered import Remembered
from iamgraph.store.statements import for_sqlite, spelt_out
from iamgraph.store.unit import Database

from .made import ACCOUNT, add_account, session, user

names = st.lists(st.sampled_from("abcdefgh"), max_size=40)


@given(names, names, st.sampled_from("abc"))
def test_a_list_that_is_spelt_out_means_the_same(first: list[str], second: list[str], one: str) -> None:
    store = sqlite3.connect(":memory:")
    store.execute("CREATE TABLE t (x, y)")
    rows = [(x, y) for x in "abcdefghi" for y in "abcdefghi"]
    store.executemany("INSERT INTO t VALUES (?, ?)", rows)
    sql = "SELECT x, y FROM t WHERE x = ANY($1) AND y <> $2 AND (y = ANY($3) OR y = ANY($3)) ORDER BY x, y"
    spelt, args = spelt_out(sql, (first, one, second))
    assert len(args) <= 3 + 2 * 31 and (0 < len(first) <= 32) == ("= ANY($1)" not in spelt)
    as_text = [arg if isinstance(arg, str) else json.dumps(arg) for arg in args]
    expected = [row for row in rows if row[0] in first and row[1] in second and row[1] != one]
    assert store.execute(for_sqlite(spelt), as_text).fetchall() == expected


def test_what_uses_a_list_in_another_way_keeps_it() -> None:
    for sql in ("SELECT unnest($1) FROM t WHERE x = ANY($1)", "SELECT 1 FROM t WHERE x = ANY($1::int[])", "SELECT $1"):
        assert spelt_out(sql, (["a"],)) == (sql, (["a"],))


async def test_lists_of_any_length_find_what_they_name(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        for number in range(40):
            await data.users.add(user(number, f"u{number:02}"))
    async with database.reading() as data:
        for length in (0, 1, 2, 3, 31, 32, 33, 40):
            wanted = [f"u{number:02}" for number in range(length)]
            assert sorted(await data.users.named(ACCOUNT, [*wanted, "none"])) == wanted


async def test_what_is_looked_up_at_the_same_time_comes_apart_again(database: Database) -> None:
    """Several keys, some of them there, some twice; and a change is seen by who asks after it."""
    async with database.writing() as data:
        await add_account(data)
        for number in range(3):
            await data.users.add(user(number))
            await data.sessions.add(
                session(f"s{number}", user(number)),
                token_hash=f"t{number}",
                sealed_secret=None,
                session_token_hash=None,
            )

    async def found(token: str) -> tuple[str, bool] | None:
        async with database.reading() as data:
            one = await data.sessions.by_token(token)
        return (one.session.id, one.session.revoked_at is None) if one else None

    tokens = ["t0", "t2", "none", "t1", "t0"]
    expected = [("s0", True), ("s2", True), None, ("s1", True), ("s0", True)]
    assert await asyncio.gather(*map(found, tokens)) == expected
    async with database.writing() as data:
        await data.sessions.revoke("s0", user(0).created_at)
    assert await asyncio.gather(*map(found, tokens[:3])) == [("s0", False), ("s2", True), None]


def test_only_the_same_row_is_not_read_again() -> None:
    read: list[dict[str, object]] = []

    def made(row: dict[str, object]) -> object:
        read.append(row)
        return object()

    remembered = Remembered(made)  # type: ignore[arg-type]
    first = remembered.of("a", {"x": 1})
    assert remembered.of("a", {"x": 1}) is first
    assert remembered.of("b", {"x": 1}) is not first
    second = remembered.of("a", {"x": 2})
    assert second is not first and remembered.of("a", {"x": 2}) is second
    assert remembered.of("a", {"x": 1}) not in (first, second)
    assert read == [{"x": 1}, {"x": 1}, {"x": 2}, {"x": 1}]
