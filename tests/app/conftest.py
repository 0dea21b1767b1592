"""A sealed store of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ..databases import STORES, fresh
from ..store.conftest import opened
from .sealed import Sealed, sealed


@pytest.fixture(params=STORES)
async def history(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sealed]:
    async with fresh(request.param, tmp_path) as url, opened(url) as database:
        yield sealed(url, database, tmp_path)
