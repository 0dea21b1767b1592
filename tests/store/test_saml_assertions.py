"""Assertions in the store: each is used once, whoever else uses it at the same moment, and is not kept for ever."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from iamgraph.store.unit import Database

from .made import NOW

END = NOW + timedelta(minutes=6)
HOUR = timedelta(hours=1)


async def test_one_of_many_uses_it(database: Database) -> None:
    async def use(key: str) -> bool:
        async with database.writing() as data:
            return await data.saml_assertions.use(key, believed_until=END, now=NOW)

    assert sorted(await asyncio.gather(*(use("a") for _ in range(8)))) == [*[False] * 7, True]
    assert await use("b")


async def test_what_is_rolled_back_was_not_used(database: Database) -> None:
    with pytest.raises(RuntimeError, match="refused"):
        async with database.writing() as data:
            assert await data.saml_assertions.use("a", believed_until=END, now=NOW)
            raise RuntimeError("refused")
    async with database.writing() as data:
        assert await data.saml_assertions.use("a", believed_until=END, now=NOW)


async def test_it_is_forgotten_well_after_it_would_be_believed(database: Database) -> None:
    async with database.writing() as data:
        for key in ("a", "b"):
            assert await data.saml_assertions.use(key, believed_until=END, now=NOW)
        # Another server's clock may be behind.
        assert not await data.saml_assertions.use("a", believed_until=END, now=END + HOUR)
        later = END + HOUR + timedelta(seconds=1)
        assert await data.saml_assertions.use("c", believed_until=later, now=later)
        rows = await data.saml_assertions._db.fetch("SELECT id FROM saml_assertion")
        assert [row["id"] for row in rows] == ["c"]
