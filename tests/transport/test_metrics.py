"""`/metrics`: what was done is counted by names that are declared, and nobody is named."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from iamgraph.app.history.sealer import HistorySealer
from iamgraph.domain.errors import Throttled
from iamgraph.main import bootstrapped, opened, running
from iamgraph.security.passwords import PasswordHasher
from iamgraph.settings import Settings
from iamgraph.store.unit import Database, StoreError

from ..databases import STORES, fresh
from ..service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD

BOOTSTRAP = {"IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT, "IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": ROOT_PASSWORD}
SIGN_IN = (
    'mutation($p: String!) { signInAsRoot(input: {email: "root@example.com", password: $p}) '
    "{ ... on SignInSuccess { accessToken } } }"
)


@dataclass
class Watched:
    """A server as it is composed for real, and its metrics."""

    database: Database
    url: str
    metrics_url: str
    http: ClientSession

    async def post(self, path: str, query: str, token: str | None = None, **variables: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        async with self.http.post(self.url + path, json=body, headers=headers) as response:
            return response.status, await response.text()

    async def scrape(self) -> dict[str, float]:
        """The samples by name and labels."""
        async with self.http.get(self.metrics_url) as response:
            assert (response.status, response.headers["Cache-Control"]) == (200, "no-store")
            return samples(await response.text())


def samples(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


@asynccontextmanager
async def watched(kind: str, folder: Path, port: int) -> AsyncIterator[Watched]:
    async with fresh(kind, folder) as url:
        given = {
            "IAMGRAPH_DATABASE_URL": url,
            "IAMGRAPH_DATA_DIR": str(folder),
            "IAMGRAPH_HASH_QUEUE": "1",
            **BOOTSTRAP,
        }
        settings = Settings.from_env({**given, "IAMGRAPH_METRICS_ADDRESS": f"127.0.0.1:{port}"})
        async with opened(settings) as database:
            await bootstrapped(settings, database)
            async with running(settings, database) as app, TestServer(app) as server, ClientSession() as http:
                yield Watched(database, str(server.make_url("")).rstrip("/"), f"http://127.0.0.1:{port}/metrics", http)


@pytest.mark.parametrize("kind", STORES)
async def test_what_is_counted(
    kind: str, tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(kind, tmp_path, unused_tcp_port) as server:
        _, text = await server.post("/graphql", SIGN_IN, p=ROOT_PASSWORD)
        (token,) = re.findall(r'"accessToken":"([^"]+)"', text)
        await server.post("/graphql", SIGN_IN, p="wrong")
        await server.post(
            "/graphql", '{ account(by: {id: "111122223333"}) { users(first: 5) { nodes { name } } } }', token
        )
        await server.post("/graphql", '{ account(by: {id: "111122223333"}) { users(first: 5) { nodes { name } } } }')
        await server.post(
            "/graphql", '{ account(by: {id: "111122223333"}) { users(first: 5) { nodes { name } } } }', "no-token"
        )
        assert (await server.post("/secret-of-a-client", "{ a }"))[0] == 404
        found = await server.scrape()

        def operations(name: str, outcome: str) -> float:
            return found.get(f'iamgraph_operations_total{{operation="{name}",outcome="{outcome}"}}', 0)

        assert operations("SignInAsRoot", "succeeded") == 1
        assert operations("SignInAsRoot", "failed") == 1
        assert operations("ListUsers", "succeeded") == 1
        # What nobody was let in to ask is under no name of the client's.
        assert operations("undeclared", "denied") == 2
        assert found['iamgraph_http_requests_total{route="/graphql",status="200"}'] == 3
        assert found['iamgraph_http_requests_total{route="/graphql",status="401"}'] == 2
        assert found['iamgraph_http_requests_total{route="unmatched",status="404"}'] == 1
        assert found['iamgraph_http_request_seconds_count{route="/graphql"}'] == 5
        assert found["iamgraph_decision_seconds_count"] >= 1
        assert found['iamgraph_decision_seconds_bucket{le="+Inf"}'] == found["iamgraph_decision_seconds_count"]
        limit, is_open, in_use, idle, waiting = (
            found[f"iamgraph_database_connections_{what}"] for what in ("limit", "open", "in_use", "idle", "waiting")
        )
        # The sealer may have one just then.
        assert (limit, waiting) == (2 if kind == "sqlite" else 10, 0) and in_use <= 1 and in_use + idle == is_open >= 1
        assert found["iamgraph_processes"] == found["iamgraph_store_answers"] == 1
        assert not [name for name in found if "secret" in name or ACCOUNT in name or ROOT_EMAIL in name]

        async with server.http.get(server.url + "/metrics") as response:
            assert response.status == 404, "metrics are not for whom the API is for"

        async def gone(_: HistorySealer) -> None:
            raise StoreError("the database does not answer")

        monkeypatch.setattr(HistorySealer, "backlog", gone)
        assert (await server.scrape())["iamgraph_store_answers"] == 0


@pytest.mark.parametrize("kind", STORES)
async def test_what_waits_shows(kind: str, tmp_path: Path) -> None:
    async with fresh(kind, tmp_path) as url:
        database = Database(url)
        await database.open()
        try:
            limit = database.connections.limit
            holding, free = asyncio.Event(), asyncio.Event()

            async def write() -> None:
                async with database.writing() as data:
                    await data.chains.all_heads()
                    holding.set()
                    await free.wait()

            writers = [asyncio.create_task(write()) for _ in range(limit + 2)]
            await holding.wait()
            async with asyncio.timeout(30):
                while database.connections.waiting != (3 if kind == "sqlite" else 2):
                    await asyncio.sleep(0.01)
            busy = database.connections
            assert (busy.in_use, busy.idle) == ((1, 1) if kind == "sqlite" else (10, 0))
            writers[-1].cancel()
            await asyncio.wait(writers[-1:])
            assert database.connections.waiting == busy.waiting - 1
            free.set()
            await asyncio.gather(*writers[:-1])
            assert (database.connections.in_use, database.connections.waiting) == (0, 0)
        finally:
            await database.close()


async def test_a_hasher_tells_its_load() -> None:
    hasher = PasswordHasher(memory_kib=8, time_cost=1, parallelism=1, max_waiting=1)
    blocked, free = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def block() -> None:
        loop.call_soon_threadsafe(blocked.set)
        asyncio.run_coroutine_threadsafe(free.wait(), loop).result()

    first = asyncio.create_task(hasher._run(block))
    await blocked.wait()
    second = asyncio.create_task(hasher.hash("b"))
    await asyncio.sleep(0)
    with pytest.raises(Throttled):
        await hasher.hash("c")
    assert (hasher.load.running, hasher.load.waiting, hasher.load.shed) == (1, 1, 1)
    free.set()
    await asyncio.gather(first, second)
    hasher.close()
    assert (hasher.load.running, hasher.load.waiting, hasher.load.shed) == (0, 0, 1)
