"""Applications with stock boto3 and no credentials in them: a server, agents and boto3, each a process of its own, in a time
that moves when a test says so (libfaketime)."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from ..agents import enrolment
from ..databases import fresh
from ..processes import PROGRAM, Server
from ..service import ACCOUNT, Client

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
pytestmark = pytest.mark.skipif(not LIBRARIES, reason="needs libfaketime (Debian's package libfaketime)")

TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
}
APPLICATION = """
import boto3, json, sys
from botocore.exceptions import ClientError
sts = boto3.client("sts")
for _ in sys.stdin:
    try:
        arn = sts.get_caller_identity()["Arn"]
        said = [sts._request_signer._credentials.get_frozen_credentials().access_key, arn]
    except ClientError as error:
        said = [None, error.response["Error"]["Code"]]
    except Exception as error:
        said = [None, type(error).__name__]
    print(json.dumps(said), flush=True)
"""
"""Asks who it is for each line that comes in, with one client for as long as it lives."""


@dataclass
class World:
    """A server with its own time, and where agents are enrolled."""

    server: Server
    client: Client
    folder: Path
    clock: Path
    minutes: int = 0

    @property
    def origin(self) -> str:
        return self.server.url.removesuffix("/graphql")

    async def later(self, minutes: int) -> None:
        """Move everybody's time. The library looks for it each second."""
        self.minutes += minutes
        new = self.clock.with_name("clock.new")
        new.write_text(f"+{self.minutes * 60}")
        new.replace(self.clock)
        await asyncio.sleep(1.1)

    async def start(self, *arguments: str, **environment: str) -> Process:
        """A Python program in this time; with nothing of this process's own AWS configuration."""
        kept = {
            name: value for name, value in self.server.environment.items() if not name.startswith(("AWS_", "IAMGRAPH"))
        }
        own = {"HOME": str(self.folder), "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.origin}
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={**kept, **own, **environment}
        )

    async def command(self, *arguments: str, stdin: str = "") -> tuple[int | None, str, str]:
        process = await self.start(PROGRAM, *arguments)
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
        return process.returncode, out.decode(), err.decode()

    async def enrol(self, name: str) -> None:
        """A role and an instance profile of that name, and an agent of it."""
        await self.client.good("createRole", {"roleName": name, "assumeRolePolicyDocument": json.dumps(TRUST)})
        await self.client.good("createInstanceProfile", {"instanceProfileName": name})
        await self.client.good("addRoleToInstanceProfile", {"instanceProfileName": name, "roleName": name})
        token = await enrolment(self.client, name)
        enrolled = await self.command("enrol", "--server", self.origin, "--instance-profile", name, stdin=token + "\n")
        assert enrolled[0] == 0 and f"arn:aws:iamgraph::{ACCOUNT}:agent/ag-" in enrolled[1], enrolled

    @asynccontextmanager
    async def agent(self, name: str) -> AsyncIterator[dict[str, str]]:
        """The agent, serving; gives the variables that it says applications need."""
        process = await self.start(PROGRAM, "agent", "--instance-profile", name, "--port", "0")
        assert process.stdout is not None
        try:
            lines = [(await asyncio.wait_for(process.stdout.readline(), 60)).decode() for _ in range(4)]
            exports = (line.removeprefix("export ").strip().split("=", 1) for line in lines if "=" in line)
            yield dict(exports)  # type: ignore[arg-type]
        finally:
            process.terminate()
            await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0

    @asynccontextmanager
    async def application(self, **environment: str) -> AsyncIterator[Application]:
        process = await self.start(APPLICATION, **environment)
        try:
            yield Application(process)
        finally:
            process.kill()
            await process.wait()

    async def sessions(self, name: str) -> list[Any]:
        query = f'{{ viewer {{ account {{ role(name: "{name}") {{ sessions(first: 9) {{ nodes {{ id }} }} }} }} }} }}'
        reply = await self.client.ask(query, await self.client.root())
        nodes: list[Any] = reply.only()["account"]["role"]["sessions"]["nodes"]
        return nodes


@dataclass
class Application:
    process: Process

    async def who(self) -> tuple[str | None, str]:
        """Its access key and ARN; or None, and the error."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(b"\n")
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        key, said = json.loads(line)
        return key, said


@asynccontextmanager
async def made(folder: Path) -> AsyncIterator[World]:
    clock = folder / "clock"
    clock.write_text("+0")
    time = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "0",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    async with fresh("sqlite", folder) as url:
        server = Server(url, folder, **time)
        async with server.running(), ClientSession() as http:
            yield World(server, Client(url=server.url, http=http), folder, clock)


async def test_applications_have_credentials_for_as_long_as_they_may(tmp_path: Path) -> None:
    """By each of the three ways: past two renewals, until the session is revoked, and with the next one until the role is
    deleted."""
    async with made(tmp_path) as world:
        for name in ("imds", "container", "process"):
            await world.enrol(name)
        config = tmp_path / "aws-config"
        command = f"{Path(sys.executable).parent / 'iamgraph'} credential-process --instance-profile process"
        config.write_text(f"[default]\ncredential_process = {command}\n")
        off = {"AWS_EC2_METADATA_DISABLED": "true"}
        async with (
            world.agent("imds") as of_imds,
            world.agent("container") as of_container,
            world.application(
                AWS_EC2_METADATA_SERVICE_ENDPOINT=of_imds["AWS_EC2_METADATA_SERVICE_ENDPOINT"],
                AWS_EC2_METADATA_V1_DISABLED="true",
            ) as by_imds,
            world.application(
                AWS_CONTAINER_CREDENTIALS_FULL_URI=of_container["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
                AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=of_container["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"],
                **off,
            ) as by_container,
            world.application(AWS_CONFIG_FILE=str(config), **off) as by_process,
        ):
            applications = {"imds": by_imds, "container": by_container, "process": by_process}
            assert [path for path in tmp_path.rglob("*") if path.is_file() and b"AKIA" in path.read_bytes()] == []
            keys: dict[str, list[str | None]] = {name: [] for name in applications}

            async def all_say() -> dict[str, tuple[str | None, str]]:
                said = await asyncio.gather(*(one.who() for one in applications.values()))
                return dict(zip(applications, said, strict=True))

            for _ in range(3):
                for name, (key, arn) in (await all_say()).items():
                    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/ag-" in arn
                    keys[name].append(key)
                await world.later(50)
            for name, found in keys.items():
                assert len(set(found)) == 3 and None not in found, name

            # The next credentials, and no more than these: what is not there any more is not used again.
            assert {key is None for key, _ in (await all_say()).values()} == {False}
            for name in applications:
                for session in await world.sessions(name):
                    await world.client.good("revokeSession", {"sessionId": session["id"]})
            assert set((await all_say()).values()) == {(None, "InvalidClientTokenId")}
            await world.later(50)
            again = await all_say()
            assert {key is None for key, _ in again.values()} == {False}, again
            for name in applications:
                held = {"instanceProfileName": name, "roleName": name}
                await world.client.good("removeRoleFromInstanceProfile", held)
                await world.client.good("deleteRole", {"roleName": name})
            assert set((await all_say()).values()) == {(None, "InvalidClientTokenId")}
            await world.later(50)
            assert {key for key, _ in (await all_say()).values()} == {None}
            # Nothing is left of them where they were kept.
            kept = [path.name for path in (tmp_path / ".iamgraph").rglob("credentials.json")]
            assert kept == []
