"""Fixtures that every test may use: a service on each store."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

# Each operation is declared once one of these is imported: tests ask for all of them, whichever a process runs first.
import iamgraph.transport.aws.table
import iamgraph.transport.graphql.schema
import iamgraph.transport.sso.http  # noqa: F401

from .databases import STORES, fresh
from .service import Service, served


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where a run may skip nothing, what would be skipped fails."""
    if os.environ.get("IAMGRAPH_TEST_NO_SKIPS") == "1" and not os.environ.get("IAMGRAPH_TEST_POSTGRES_URL"):
        raise pytest.UsageError("IAMGRAPH_TEST_NO_SKIPS is set, but IAMGRAPH_TEST_POSTGRES_URL is not")


@pytest.fixture(params=STORES)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    """A service with one account, on a fresh store."""
    async with fresh(request.param, tmp_path) as url, served(url, tmp_path) as made:
        yield made
