"""The master key is changed under a server's feet: no signed request fails, and no kill leaves anything half done."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from iamgraph.app.keys import key_context
from iamgraph.app.resealer import Usage, usage_of
from iamgraph.cli.main import main
from iamgraph.domain.entities import AccessKey, KeyStatus
from iamgraph.main import (
    backed_up,
    bootstrapped,
    history_verified,
    key_prepared,
    keys_retired,
    keys_rotated,
    opened,
    restored,
)
from iamgraph.security.keyfile import MasterKeys
from iamgraph.security.keyring import KeyRing
from iamgraph.security.sealing import MasterKeyError, Sealer
from iamgraph.settings import Settings
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


def settings_of(shell: Shell) -> Settings:  # noqa: F811
    return Settings.from_env(shell.environ)


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
    settings, many = settings_of(shell), () if is_sqlite(shell) else ("--workers", "2")
    file = settings.master_key_file
    async with shell.serving("--setup", *many):
        await shell.answers()
        before = file.read_bytes()
        old = MasterKeys.load(file).current.id
        async with in_use(shell) as used:
            if not is_sqlite(shell):
                with pytest.raises(MasterKeyError, match="run `iamgraph keys prepare`"):
                    await keys_rotated(settings, is_one_machine=False, tell=print)
                assert file.read_bytes() == before
                key_prepared(settings)
            earlier = len(used.made)
            done = await shell.run("keys", "rotate")
            assert done.status == 0, done.err
            async with asyncio.timeout(60):
                while len(used.made) < earlier + 3:
                    await asyncio.sleep(0.05)
        keys = MasterKeys.load(file)
        assert keys.retired_ids == (old,) and keys.next is None and f"under master key {keys.current.id}" in done.out
        await until_all_is_under(shell, keys.current.id)
        os.utime(file, (time.time() - 60,) * 2)
        assert await keys_retired(settings) == (old,)
        async with asyncio.timeout(60):
            # What was written while others wrote is chained a round or two later.
            while (report := (await history_verified(settings, None))[0]).is_sound and report.events <= 100:
                await asyncio.sleep(0.2)
        assert report.is_sound, report.findings
        await backed_up(settings, tmp_path / "copy")

    # The backup opens with the key file as it is, and the store with no older one.
    (tmp_path / "other").mkdir()
    async with fresh("sqlite" if is_sqlite(shell) else "postgres", tmp_path / "other", migrated=False) as url:
        again = replace(settings, database_url=url)
        await restored(again, tmp_path / "copy")
        async with Database(url).snapshot() as data:
            owned = await data.keys.with_owner(used.long_term.access_key)
        assert owned is not None
        secret = KeyRing(file).sealer.unseal(owned.sealed_secret, context=key_context(owned.key.id))
        assert secret.decode() == used.long_term.secret_key
    file.write_bytes(before)
    refused = await shell.run("serve")
    assert refused.status == 1 and refused.err.count("\n") == 1, refused.err
    assert f"has key {old}; the store has secrets sealed under key {keys.current.id}" in refused.err
    with pytest.raises(MasterKeyError, match="has secrets sealed under key"):
        await keys_rotated(settings, is_one_machine=True, tell=print)
    assert file.read_bytes() == before


async def test_a_rotation_that_was_killed_is_ended_by_the_next_start(shell: Shell) -> None:  # noqa: F811
    shell.environ |= {"IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": PASSWORD, "IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT}
    settings = settings_of(shell)
    old = MasterKeys.load_or_create(settings.master_key_file).current
    await fill(settings, Sealer(old), 2000)
    rotating = await shell._start(("keys", "rotate", "--one-machine"), {})
    async with asyncio.timeout(60):
        while len((await usage(shell)).secrets) < 2:
            await asyncio.sleep(0.02)
    rotating.kill()
    await rotating.communicate()
    keys = MasterKeys.load(settings.master_key_file)
    half = await usage(shell)
    assert keys.retired == (old,) and 0 < half.of(old.id) < 2000, half
    with pytest.raises(MasterKeyError, match=f"^{half.of(old.id)} secrets and heads are still under"):
        await keys_retired(settings)
    async with shell.serving():
        await until_all_is_under(shell, keys.current.id)
    assert (await usage(shell)).secrets == {keys.current.id: 2000}
    assert (await history_verified(settings, None))[0].is_sound


async def fill(settings: Settings, sealer: Sealer, count: int) -> None:
    async with opened(settings) as database:
        await database.migrate()
        await bootstrapped(settings, database)
        async with database.writing() as data:
            for n in range(count):
                id = f"AKIA{n:016}"
                key = AccessKey(id=id, account_id=ACCOUNT, owner_id=ACCOUNT, status=KeyStatus.ACTIVE, created_at=NOW)
                await data.keys.add(key, sealer.seal(b"secret", context=key_context(id)))


def test_an_operator_is_told_what_is_under_which_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IAMGRAPH_DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match=r"^iamgraph: No such file or directory: .*master\.key$"):
        main(["keys", "status"])
    main(["bootstrap"])
    file = tmp_path / "master.key"
    first = MasterKeys.load(file).current.id

    def said(*words: str) -> str:
        capfd.readouterr()
        main(["keys", *words])
        return capfd.readouterr().out

    nothing = "0 secrets, 0 heads of the history\n"
    assert said("status") == f"{first}  current {nothing}"
    with pytest.raises(SystemExit, match=r"has no retired key$"):
        main(["keys", "retire"])
    said("prepare")
    following = MasterKeys.load(file).next
    assert following is not None and following.id in said("prepare")
    assert said("status") == f"{first}  current {nothing}{following.id}  next    {nothing}"
    assert f"retired: {first};" in said("rotate")
    assert said("status") == f"{following.id}  current {nothing}{first}  retired {nothing}"
    with pytest.raises(SystemExit, match="changed a moment ago"):
        main(["keys", "retire"])
    os.utime(file, (time.time() - 60,) * 2)
    assert "only with a copy of the file from before" in said("retire")
    assert said("status") == f"{following.id}  current {nothing}{first}  past    {nothing}"


@pytest.mark.parametrize(
    "words", ["bootstrap", "root reset-password --email root@example.com", "accounts create --email b@x.y"]
)
async def test_no_command_makes_a_key_in_place_of_one_that_is_missing(tmp_path: Path, words: str) -> None:
    environ = {"IAMGRAPH_DATA_DIR": str(tmp_path), "IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT}
    settings = Settings.from_env(environ)
    await fill(settings, Sealer(MasterKeys.load_or_create(settings.master_key_file).current), 1)
    settings.master_key_file.unlink()
    done = await Shell(os.environ | environ).run(*words.split())
    assert done.status == 1 and "is missing; the store has secrets sealed under key" in done.err, done.out
    assert not settings.master_key_file.exists()
