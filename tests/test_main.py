"""The server as a process: what it acknowledged outlives `kill -9`, in its tables and in its history."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from iamgraph.domain.entities import EventOutcome
from iamgraph.main import history_exported, history_verified, opened, running
from iamgraph.settings import Settings
from iamgraph.store.unit import Database

from .databases import STORES, fresh
from .processes import Server
from .service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD
from .store.made import event

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


async def test_a_server_told_to_takes_old_events_away(tmp_path: Path) -> None:
    """`IAMGRAPH_RETENTION_DAYS`: at its start, and what is left verifies."""
    async with fresh("sqlite", tmp_path) as url:
        given = {"IAMGRAPH_DATABASE_URL": url, "IAMGRAPH_DATA_DIR": str(tmp_path)}
        kept, keeping = (Settings.from_env({**given, **more}) for more in ({}, {"IAMGRAPH_RETENTION_DAYS": "1"}))
        async with opened(kept) as database, running(kept, database), database.writing() as data:
            await data.events.add([event(1), event(2, at=datetime.now(UTC))])
        report, _ = await history_verified(kept, None)
        assert (report.events, report.pruned, report.is_sound) == (2, 0, True)
        async with opened(keeping) as database, running(keeping, database), database.reading() as data:
            async with asyncio.timeout(30):
                while await data.events.by_ids(["event1"]):
                    await asyncio.sleep(0.02)
        report, heads = await history_verified(keeping, None)
        assert (report.events, report.pruned, report.unsealed, report.is_sound) == (2, 1, 0, True)
        assert heads == tmp_path / "heads.jsonl"
        exported = [json.loads(line) async for line in history_exported(kept, account_id=None, since=None)]
        assert [(one["eventName"], one["eventID"] == "event2") for one in exported] == [
            ("CreateUser", True),
            ("ApplyRetention", False),
        ]
