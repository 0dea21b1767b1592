"""Pages do not know which store there is: one is enough."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ...databases import fresh
from ...service import Service, served


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with one account."""
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path) as made:
        yield made
