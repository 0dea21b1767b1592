"""The server as a process: what it acknowledged outlives `kill -9`, in its tables and in its history."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from iamgraph.domain.entities import EventOutcome
from iamgraph.store.unit import Database

from .databases import STORES, fresh
from .processes import Server
from .service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD

KILLS = int(os.environ.get("IAMGRAPH_TEST_KILLS", "3"))
SIGN_IN = (
    "mutation($e: String!, $p: String!) { signInAsRoot(input: {email: $e, password: $p}) "
    "{ __typename ... on SignInSuccess { accessToken } } }"
)
CREATE = "mutation($n: String!) { createUser(input: {userName: $n}) { __typename } }"


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
