"""The server as a process: what it acknowledged outlives `kill -9`, in its tables and in its history."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from iamgraph.domain.entities import EventOutcome
from iamgraph.store.unit import Database

from .databases import STORES, fresh
from .service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD

KILLS = int(os.environ.get("IAMGRAPH_TEST_KILLS", "3"))
PROGRAM = "import sys; from iamgraph.cli.main import main; main(sys.argv[1:])"
SIGN_IN = (
    "mutation($e: String!, $p: String!) { signInAsRoot(input: {email: $e, password: $p}) "
    "{ __typename ... on SignInSuccess { accessToken } } }"
)
CREATE = "mutation($n: String!) { createUser(input: {userName: $n}) { __typename } }"


class Server:
    """`iamgraph` on one store, started and killed as often as a test wants."""

    def __init__(self, url: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IAMGRAPH_")},
            "IAMGRAPH_DATABASE_URL": url,
            "IAMGRAPH_DATA_DIR": str(folder / "data"),
            "IAMGRAPH_PORT": str(self.port),
            "IAMGRAPH_QUOTA_USERS_PER_ACCOUNT": "1000000",
            "IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT,
            "IAMGRAPH_BOOTSTRAP_ROOT_EMAIL": ROOT_EMAIL,
            "IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": ROOT_PASSWORD,
        }
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await self._run("serve", "--setup")
        assert self.process.stdout is not None
        first = await asyncio.wait_for(self.process.stdout.readline(), 60)
        assert first, await self.process.communicate()

    async def end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        await asyncio.wait_for(self.process.communicate(), 30)

    async def command(self, *arguments: str) -> tuple[int | None, str, str]:
        process = await self._run(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode(), err.decode()

    async def _run(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, *arguments, stdout=-1, stderr=-1, env=self.environment
        )

    async def ask(self, http: ClientSession, query: str, token: str | None = None, **variables: Any) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        body = {"query": query, "variables": variables}
        async with http.post(f"http://127.0.0.1:{self.port}/graphql", json=body, headers=headers) as response:
            return (await response.json())["data"]


@pytest.mark.parametrize("kind", STORES)
async def test_killed_in_a_storm_of_writes(kind: str, tmp_path: Path) -> None:
    async with fresh(kind, tmp_path) as url, ClientSession() as http:
        server = Server(url, tmp_path)
        acknowledged: set[str] = set()
        token = ""

        async def write(name: str) -> None:
            for n in range(100_000):
                done = await server.ask(http, CREATE, token, n=f"{name}-{n}")
                assert done["createUser"]["__typename"] == "CreateUserSuccess", done
                acknowledged.add(f"{name}-{n}")

        for kill in range(KILLS):
            await server.start()
            if not token:
                signed_in = await server.ask(http, SIGN_IN, e=ROOT_EMAIL, p=ROOT_PASSWORD)
                token = signed_in["signInAsRoot"]["accessToken"]
            before = len(acknowledged)
            writers = [asyncio.create_task(write(f"k{kill}-w{n}")) for n in range(6)]
            await asyncio.sleep(1.2 + 0.17 * (kill % 7))
            await server.end(signal.SIGKILL)
            ended = await asyncio.gather(*writers, return_exceptions=True)
            assert all(isinstance(one, ClientError | OSError) for one in ended), ended
            assert len(acknowledged) > before
            status, out, err = await server.command("audit", "verify")
            assert status == 0, (out, err)

        users, told = await users_and_events(url)
        assert acknowledged <= users
        assert sorted(users) == sorted(told), "a user without its event, or an event without its user"

        await server.start()
        for _ in range(20):
            status, out, err = await server.command("audit", "verify")
            assert status == 0, (out, err)
            if ", 0 not sealed yet" in out:
                break
        else:
            raise AssertionError(out)
        assert int(re.findall(r"^(\d+) events", out, re.M)[0]) > len(users)
        status, out, err = await server.command("audit", "export", "--account", ACCOUNT)
        assert status == 0, err
        assert sum(json.loads(line)["eventName"] == "CreateUser" for line in out.splitlines()) == len(users)
        await server.end(signal.SIGTERM)

        await bend(url)
        status, out, err = await server.command("audit", "verify")
        assert status == 1
        assert re.search(rf"^altered: chain {ACCOUNT}, number \d+, event [0-9a-f]{{32}}: ", out, re.M), out
        assert err.startswith("iamgraph: the history is not what was sealed")


async def users_and_events(url: str) -> tuple[set[str], list[str]]:
    """The names of the users, and those of the users that the history says were made."""
    async with Database(url).snapshot() as data:
        rows = await data.users._db.fetch("SELECT name FROM iam_user")
        events = await data.events._db.fetch(
            "SELECT resources FROM event WHERE name = 'CreateUser' AND outcome = $1", EventOutcome.SUCCEEDED
        )
    return {row["name"] for row in rows}, [json.loads(row["resources"])[0].rpartition("/")[2] for row in events]


async def bend(url: str) -> None:
    database = Database(url)
    await database.open()
    async with database.writing() as data:
        await data.events._db.run("UPDATE event SET ip_address = '192.0.2.66' WHERE seq = 40")
    await database.close()
