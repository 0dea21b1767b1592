"""Copies of a store, and stores made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamgraph.store.unit import Database, StoreBusy, StoreError

from ..databases import STORES, fresh
from .made import ACCOUNT, account, user


async def filled(url: str, name: str) -> None:
    """Open the store and add one user, in the account that is made first."""
    database = Database(url)
    await database.open()
    try:
        async with database.writing() as data:
            if not await data.accounts.get([ACCOUNT]):
                await data.accounts.add(account(), root_password_hash="hash")
            await data.users.add(user(len(name), name))
    finally:
        await database.close()


async def names(url: str) -> list[str]:
    database = Database(url)
    await database.open()
    try:
        async with database.reading() as data:
            return [user.name for user in (await data.users.page(ACCOUNT, after=None, limit=9)).items]
    finally:
        await database.close()


@pytest.mark.parametrize("kind", STORES)
async def test_a_store_comes_back_as_it_was(kind: str, tmp_path: Path) -> None:
    copy, there = tmp_path / "copy", tmp_path / "there"
    there.mkdir()
    async with fresh(kind, tmp_path) as url, fresh(kind, there, migrated=False) as other:
        await filled(url, "kept")
        await Database.backup(url, copy)
        assert copy.stat().st_mode & 0o777 == 0o600
        await filled(url, "later")
        with pytest.raises(StoreError, match="is there already; name a new file"):
            await Database.backup(url, copy)
        with pytest.raises(StoreError, match="already"):
            await Database.restore(url, copy)
        assert await names(url) == ["kept", "later"]

        await Database.restore(other, copy)
        assert await names(other) == ["kept"]


async def test_a_copy_is_made_beside_the_server_and_none_over_it(tmp_path: Path) -> None:
    async with fresh("sqlite", tmp_path) as url:
        await filled(url, "kept")
        database = Database(url)
        await database.open()
        try:
            await Database.backup(url, tmp_path / "copy")
            with pytest.raises(StoreBusy):
                await Database.restore(url, tmp_path / "copy")
        finally:
            await database.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
async def test_what_is_no_backup_is_not_restored(tmp_path: Path, content: bytes) -> None:
    copy, target = tmp_path / "copy", tmp_path / "store.db"
    copy.write_bytes(content)
    with pytest.raises(StoreError, match="copy"):
        await Database.restore(f"sqlite://{target}", copy)
    assert not target.exists()
    with pytest.raises(StoreError, match="there is no backup at"):
        await Database.restore(f"sqlite://{target}", tmp_path / "nothing")
