"""Two processes on PostgreSQL: what is changed or revoked at one is so at the other, and outlives `kill -9`."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from aiohttp import ClientSession

from ..databases import fresh
from ..processes import Server
from ..service import ACCOUNT, Client, allow
from ..test_contract import run
from ..wire import AwsKey, aws_key


async def test_the_main_job_over_two_processes_one_of_which_is_killed(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    async with fresh("postgres", tmp_path) as url, AsyncExitStack() as stack:
        one, other = (Server(url, tmp_path) for _ in range(2))
        await asyncio.gather(*(stack.enter_async_context(server.running()) for server in (one, other)))
        await run(one.url, state, "--peer-url", other.url)
        await one.end(signal.SIGKILL)
        await run(other.url, state, "--after-restart")
        await one.start()
        await run(one.url, state, "--after-restart")


async def test_revoking_a_session_at_one_process_ends_at_each_what_came_of_it(tmp_path: Path) -> None:
    """Chained here and there, with tokens and with keys: the next request of each is refused, wherever it goes."""
    trust = allow("sts:AssumeRole").replace('"Resource": "*"', f'"Principal": {{"AWS": "{ACCOUNT}"}}')
    asked = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/ops"}
    async with fresh("postgres", tmp_path) as url, AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession())
        servers = [Server(url, tmp_path) for _ in range(2)]
        await asyncio.gather(*(stack.enter_async_context(server.running()) for server in servers))
        here, there = (Client(url=server.url, http=http) for server in servers)
        there.tokens = here.tokens
        ci = await aws_key(here, "ci", allow("sts:AssumeRole"))
        root = await aws_key(here)
        await root.ask("CreateRole", RoleName="ops", AssumeRolePolicyDocument=trust)
        await root.ask("PutRolePolicy", RoleName="ops", PolicyName="own", PolicyDocument=allow("sts:AssumeRole"))

        chain: list[AwsKey] = [ci]
        for number, at in enumerate((here, there, here)):
            answer = await replace(chain[-1], service=at).ask(
                "AssumeRole", "sts", **asked, RoleSessionName=f"s{number}"
            )
            assert answer.status == 200, answer.text
            chain.append(ci.holding(answer.data["Credentials"]))
        both = [replace(key, service=at) for key in chain for at in (here, there)]
        assert [(await key.ask("GetCallerIdentity", "sts")).status for key in both] == [200] * 8

        sessions = "sessions(first: 9) { nodes { id name } }"
        query = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ role(name: "ops") {{ {sessions} }} }} }}'
        nodes = (await there.ask(query, await there.root())).only()["role"]["sessions"]["nodes"]
        (first,) = (node["id"] for node in nodes if node["name"] == "s0")
        await there.good("revokeSession", {"sessionId": first})
        found = [(await key.ask("GetCallerIdentity", "sts")).code for key in both]
        # The key that began it is the user's own.
        assert found == [None, None, *["InvalidClientTokenId"] * 6]
