"""An open store of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from iamgraph.store.unit import Database

from ..databases import STORES, fresh


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture(params=STORES)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with fresh(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with opened(url) as made:
        yield made


@pytest.fixture(params=STORES)
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A store that has no tables yet."""
    async with fresh(request.param, tmp_path, migrated=False) as made:
        yield made
