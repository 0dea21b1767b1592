"""PostgreSQL is stopped under load, and crashes: refused clearly meanwhile, served again after, and nothing lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from iamgraph.store.unit import Database

from ..cluster import Cluster, cluster
from ..processes import Server
from ..service import ACCOUNT, Client, Reply

OUTAGE_SECONDS = float(os.environ.get("IAMGRAPH_TEST_OUTAGE_SECONDS", "2"))
READ = "{ viewer { account { users(first: 5) { nodes { name } } } } }"
CREATE = "mutation($n: String!) { createUser(input: {userName: $n}) { __typename } }"
SILENT = "SERVICE_UNAVAILABLE"


class Load:
    """Clients that write, read and are refused without a pause, and what they were told."""

    def __init__(self, client: Client, tokens: dict[str, str]) -> None:
        self._client, self._tokens = client, tokens
        self.told: Counter[str] = Counter()
        self.made: set[str] = set()
        self.unsure: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = False

    def start(self) -> None:
        loops: list[Callable[[], Coroutine[Any, Any, None]]] = [self._read, self._denied, self._nobody, self._probes]
        self._tasks = [asyncio.create_task(loop()) for loop in loops]
        self._tasks += [asyncio.create_task(self._write(f"w{n}")) for n in range(4)]

    async def stop(self) -> None:
        self._stop = True
        await asyncio.gather(*self._tasks)

    async def until_all(self, *kinds: str, times: int = 3) -> None:
        """Return once each was told so often more. What went wrong in a client is raised."""
        before = self.told.copy()
        async with asyncio.timeout(30):
            while any(self.told[kind] - before[kind] < times for kind in kinds):
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.02)

    async def _heard(self, kind: str, reply: Reply) -> bool:
        """Whether the service did what it was asked for; otherwise it must have said that it can't, and when to return."""
        assert "Traceback" not in reply.text and "asyncpg" not in reply.text, reply.text
        if SILENT not in reply.codes:
            self.told[kind] += 1
            return True
        assert set(reply.codes) == {SILENT}, reply.text
        assert (reply.status, reply.headers.get("Retry-After")) == (503, "1") or kind == "read", reply.text
        self.told[f"{kind} silent"] += 1
        await asyncio.sleep(0.02)
        return False

    async def _write(self, name: str) -> None:
        n = 0
        while not self._stop:
            n += 1
            self.unsure.add(f"{name}-{n}")
            reply = await self._client.ask(CREATE, self._tokens["root"], n=f"{name}-{n}")
            if await self._heard("write", reply):
                assert reply.only() == {"__typename": "CreateUserSuccess"}, reply.text
                self.made.add(f"{name}-{n}")

    async def _read(self) -> None:
        while not self._stop:
            reply = await self._client.ask(READ, self._tokens["root"])
            if await self._heard("read", reply):
                assert reply.codes == [], reply.text

    async def _denied(self) -> None:
        while not self._stop:
            reply = await self._client.ask(CREATE, self._tokens["powerless"], n="x")
            if await self._heard("denied", reply):
                assert reply.only() == {"__typename": "AccessDeniedError"}, reply.text

    async def _nobody(self) -> None:
        while not self._stop:
            reply = await self._client.ask(READ)
            if await self._heard("nobody", reply):
                assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"]), reply.text

    async def _probes(self) -> None:
        while not self._stop:
            for path in ("/healthz", "/readyz"):
                async with self._client.http.get(self._client.url.replace("/graphql", path)) as response:
                    self.told[f"{path} {response.status}"] += 1
            await asyncio.sleep(0.05)


KINDS = ("write", "read", "denied", "nobody")


async def stopped_for_a_while(made: Cluster, load: Load, mode: str) -> None:
    await load.until_all(*KINDS, "/readyz 200", times=10)
    await made.stop(mode)
    await load.until_all(*(f"{kind} silent" for kind in KINDS), "/readyz 503")
    before = load.told.copy()
    await asyncio.sleep(OUTAGE_SECONDS)
    meanwhile = load.told - before
    assert not {*KINDS, "/readyz 200", "/healthz 503"} & set(meanwhile), meanwhile
    assert meanwhile["/readyz 503"] and meanwhile["/healthz 200"], meanwhile
    await made.start()
    await load.until_all(*KINDS, "/readyz 200")


async def test_postgres_stops_and_crashes_under_load(tmp_path: Path) -> None:
    async with cluster() as made, ClientSession() as http:
        server = Server(made.url, tmp_path)
        async with server.running():
            assert server.process is not None
            client = Client(url=server.url, http=http)
            tokens = {"powerless": await client.user("powerless"), "root": await client.root()}
            load = Load(client, tokens)
            load.start()
            for mode in ("fast", "immediate"):
                await stopped_for_a_while(made, load, mode)
            await load.stop()
            assert server.process.returncode is None
            await server.end(signal.SIGTERM)
        said = server.log.read_text()
        assert "Traceback" not in said and "never retrieved" not in said, said[said.find("Traceback") :]
        await nothing_is_lost(made.url, load)
        status, out, err = await server.command("audit", "verify")
        assert status == 0 and ", 0 not sealed yet" in out, (out, err)


async def nothing_is_lost(url: str, load: Load) -> None:
    """What was acknowledged is there, with its event; what was not known is there whole or not at all."""
    async with Database(url).snapshot() as data:
        users = {row["name"] for row in await data.users._db.fetch("SELECT name FROM iam_user")} - {"powerless"}
        events = await data.events._db.fetch("SELECT name, outcome, resources, error_code, account_id FROM event")

    def named(outcome: str, code: str | None = None) -> list[str]:
        return [
            row["resources"].rpartition("/")[2].strip('"]')
            for row in events
            if (row["name"], row["outcome"], row["error_code"]) == ("CreateUser", outcome, code)
        ]

    assert load.made <= users <= load.unsure
    assert sorted(named("SUCCEEDED")) == sorted([*users, "powerless"])
    assert not users & set(named("FAILED", "ServiceUnavailable"))
    assert len(named("DENIED", "AccessDenied")) >= load.told["denied"]
    counts = Counter((row["name"], row["account_id"]) for row in events)
    assert counts["ListUsers", ACCOUNT] >= load.told["read"], (counts, load.told)
    assert counts["Viewer", None] >= load.told["nobody"], (counts, load.told)
