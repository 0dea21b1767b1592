"""`/healthz` and `/readyz`."""

from __future__ import annotations

import pytest

from iamgraph.store.unit import Database, StoreError

from ..service import Service


async def test_ready_is_more_than_alive(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def get(path: str) -> tuple[int, str]:
        async with service.http.get(service.url.replace("/graphql", path)) as response:
            return response.status, await response.text()

    assert (await get("/healthz"), await get("/readyz")) == ((200, "ok\n"), (200, "ok\n"))

    async def behind(_: Database) -> list[str]:
        return ["0002_later"]

    monkeypatch.setattr(Database, "pending", behind)
    assert (await get("/healthz"), await get("/readyz")) == ((200, "ok\n"), (503, "not ready\n"))

    async def gone(_: Database) -> list[str]:
        raise StoreError("the database does not answer at db.internal")

    monkeypatch.setattr(Database, "pending", gone)
    assert await get("/readyz") == (503, "not ready\n")
