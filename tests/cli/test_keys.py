"""The master key is changed under a server's feet: no signed request fails, and no kill leaves anything half done."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from iamgraph.app.keys import key_context
from iamgraph.app.resealer import Usage, usage_of
from iamgraph.domain.entities import AccessKey, KeyStatus
from iamgraph.security.keyfile import MasterKeys
from iamgraph.security.sealing import Sealer
from iamgraph.store.unit import Database

from ..databases import fresh
from ..service import ACCOUNT
from ..store.made import NOW
from .test_main import PASSWORD, Shell, shell  # noqa: F401 (a fixture)

ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"
TRUST = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:*"}}
ANY = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
KEY = "accessKey { accessKeyId } secretAccessKey"
SESSION = "credentials { accessKeyId secretAccessKey sessionToken }"


def is_sqlite(shell: Shell) -> bool:  # noqa: F811
    return shell.environ["IAMGRAPH_DATABASE_URL"].startswith("sqlite")


def key_file(shell: Shell) -> Path:  # noqa: F811
    return Path(shell.environ["IAMGRAPH_DATA_DIR"]) / "master.key"


async def usage(shell: Shell) -> Usage:  # noqa: F811
    async with Database(shell.environ["IAMGRAPH_DATABASE_URL"]).snapshot() as data:
        return await usage_of(data)


async def until_all_is_under(shell: Shell, key_id: str) -> None:  # noqa: F811
    async with asyncio.timeout(60):
        while (await usage(shell)).key_ids != {key_id}:
            await asyncio.sleep(0.1)


async def signed(shell: Shell, http: ClientSession, by: Credentials, query: str) -> Any:  # noqa: F811
    url = f"http://127.0.0.1:{shell.environ['IAMGRAPH_PORT']}/graphql"
    request = AWSRequest(method="POST", url=url, data=json.dumps({"query": query}).encode())
    request.headers["Content-Type"] = "application/json"
    SigV4Auth(by, "iamgraph", "eu-central-1").add_auth(request)
    async with http.post(url, data=request.data, headers=dict(request.headers.items())) as response:
        text = await response.text()
        assert response.status == 200 and "errors" not in text, text
        return next(iter(json.loads(text)["data"].values()))


def mutation(name: str, fields: str, **input: str) -> str:
    kind = name[0].upper() + name[1:]
    given = ", ".join(f"{field}: {json.dumps(value)}" for field, value in input.items())
    return f"mutation {{ {name}(input: {{{given}}}) {{ __typename ... on {kind}Success {{ {fields} }} }} }}"


@dataclass
class Used:
    """A key that signs without a break, and the users whose keys were made and have signed meanwhile."""

    long_term: Credentials
    made: list[str]


@asynccontextmanager
async def in_use(shell: Shell) -> AsyncIterator[Used]:  # noqa: F811
    """Requests signed with a long-term key and a temporary one, and new ones of both, without a break."""
    token = await shell.token()
    async with ClientSession() as http:

        async def root(name: str, fields: str = "__typename", **input: str) -> Any:
            done = (await shell.ask(mutation(name, fields, **input), token))["data"][name]
            assert done["__typename"].endswith("Success"), done
            return done

        async def a_key(user: str) -> Credentials:
            await root("createUser", userName=user)
            await root("putUserPolicy", userName=user, policyName="any", policyDocument=json.dumps(ANY))
            made = await root("createAccessKey", KEY, userName=user)
            return Credentials(made["accessKey"]["accessKeyId"], made["secretAccessKey"])

        async def a_session(by: Credentials) -> Credentials:
            made = await signed(shell, http, by, mutation("assumeRole", SESSION, roleArn=ROLE, roleSessionName="run"))
            return Credentials(*made["credentials"].values())

        async def ask(by: Credentials) -> None:
            while not stopping.is_set():
                await signed(shell, http, by, "{ viewer { arn } }")
                await asyncio.sleep(0.01)

        async def make() -> None:
            n = 0
            while not stopping.is_set():
                long_term = await a_key(f"made-{n}")
                await signed(shell, http, await a_session(long_term), "{ viewer { arn } }")
                used.made.append(f"made-{n}")
                n += 1
                await asyncio.sleep(0.05)

        await root("createRole", roleName="deploy", assumeRolePolicyDocument=json.dumps(TRUST))
        await root("putRolePolicy", roleName="deploy", policyName="any", policyDocument=json.dumps(ANY))
        used = Used(long_term=await a_key("ci"), made=[])
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for by in (used.long_term, await a_session(used.long_term)):
                tasks.create_task(ask(by))
            tasks.create_task(make())
            yield used
            stopping.set()


async def test_a_key_is_changed_while_requests_are_signed(shell: Shell, tmp_path: Path) -> None:  # noqa: F811
    shell.environ |= {"IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": PASSWORD, "IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT}
    file, many = key_file(shell), () if is_sqlite(shell) else ("--workers", "2")
    async with shell.serving("--setup", *many):
        await shell.answers()
        before = file.read_bytes()
        old = MasterKeys.load(file).current.id
        async with in_use(shell) as used:
            if not is_sqlite(shell):
                refused = await shell.run("keys", "rotate")
                assert refused.status == 1 and "run `iamgraph keys prepare`" in refused.err, refused.err
                assert file.read_bytes() == before
                assert "copy this file" in (await shell.run("keys", "prepare")).out
            earlier = len(used.made)
            done = await shell.run("keys", "rotate")
            assert done.status == 0, done.err
            async with asyncio.timeout(60):
                while len(used.made) < earlier + 3:
                    await asyncio.sleep(0.05)
        keys = MasterKeys.load(file)
        assert keys.retired_ids == (old,) and keys.next is None and f"under master key {keys.current.id}" in done.out
        await until_all_is_under(shell, keys.current.id)
        said = (await shell.run("keys", "status")).out
        assert re.search(rf"^{keys.current.id}  current +[1-9]\d* secrets, [1-9] heads", said, re.M), said
        assert f"\n{old}  retired 0 secrets, 0 heads" in said

        young = await shell.run("keys", "retire")
        assert young.status == 1 and "changed a moment ago" in young.err
        os.utime(file, (time.time() - 60,) * 2)
        assert (await shell.run("keys", "retire")).status == 0
        assert (await shell.run("backup", str(tmp_path / "copy"))).status == 0
    verified = await shell.run("audit", "verify")
    assert verified.status == 0, verified.out
    await restored(shell, tmp_path, used.long_term)

    now = file.read_bytes()
    file.write_bytes(before)
    refused = await shell.run("serve")
    assert refused.status == 1 and refused.err.count("\n") == 1, refused.err
    assert f"has key {old}; the store has secrets sealed under key {keys.current.id}" in refused.err
    stale = await shell.run("keys", "rotate", "--one-machine")
    assert stale.status == 1 and file.read_bytes() == before and "has secrets sealed under key" in stale.err
    file.write_bytes(now)


async def restored(shell: Shell, folder: Path, by: Credentials) -> None:  # noqa: F811
    """The backup, served with the key file as it is."""
    other = folder / "other"
    other.mkdir()
    async with (
        fresh("sqlite" if is_sqlite(shell) else "postgres", other, migrated=False) as url,
        ClientSession() as http,
    ):
        again = Shell(shell.environ | {"IAMGRAPH_DATABASE_URL": url})
        assert (await again.run("restore", str(folder / "copy"))).status == 0
        async with again.serving():
            viewer = await signed(again, http, by, "{ viewer { arn } }")
            assert viewer["arn"].endswith(":user/ci")


async def test_a_rotation_that_was_killed_is_ended_by_the_next_start(shell: Shell) -> None:  # noqa: F811
    shell.environ |= {"IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": PASSWORD, "IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT}
    assert (await shell.run("bootstrap")).status == 0
    file = key_file(shell)
    old = MasterKeys.load(file).current
    await fill(shell, Sealer(old), 3000)
    rotating = await shell._start(("keys", "rotate", "--one-machine"), {})
    async with asyncio.timeout(60):
        while len((await usage(shell)).secrets) < 2:
            await asyncio.sleep(0.02)
    rotating.kill()
    await rotating.communicate()
    keys = MasterKeys.load(file)
    half = await usage(shell)
    assert keys.retired == (old,) and 0 < half.of(old.id) < 3000, half
    refused = await shell.run("keys", "retire")
    assert refused.status == 1 and f"{half.of(old.id)} secrets and heads are still under" in refused.err
    async with shell.serving():
        await until_all_is_under(shell, keys.current.id)
    assert (await usage(shell)).secrets == {keys.current.id: 3000}
    assert (await shell.run("audit", "verify")).status == 0
    # What is ended is not gone on with: this is the next rotation, without a server.
    assert (await shell.run("keys", "rotate", "--one-machine")).status == 0
    again = MasterKeys.load(file)
    assert again.retired == (keys.current, old)
    assert (await usage(shell)).key_ids == {again.current.id}


async def fill(shell: Shell, sealer: Sealer, count: int) -> None:  # noqa: F811
    database = Database(shell.environ["IAMGRAPH_DATABASE_URL"])
    await database.open()
    async with database.writing() as data:
        for n in range(count):
            id = f"AKIA{n:016}"
            key = AccessKey(id=id, account_id=ACCOUNT, owner_id=ACCOUNT, status=KeyStatus.ACTIVE, created_at=NOW)
            await data.keys.add(key, sealer.seal(b"secret", context=key_context(id)))
    await database.close()
