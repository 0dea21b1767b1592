"""A storm of sign-ins: who finds no place is told so at once, who has one is let in, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import argon2
import pytest

from ...databases import STORES, fresh
from ...service import ACCOUNT, Reply, Service, served

QUEUE = 20
HOME, WORK = "198.51.100.7", "198.51.100.8"
SIGN_IN = """mutation($input: SignInInput!) { signIn(input: $input) {
  __typename ... on SignInSuccess { accessToken } ... on ThrottledError { code message retryAfterSeconds } } }"""


@pytest.fixture(params=STORES)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    async with fresh(request.param, tmp_path) as url, served(url, tmp_path, hash_queue=QUEUE - 1) as made:
        yield made


class Gate:
    """Holds up whatever checks a password, and knows once something does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_open, self.reached = threading.Event(), threading.Event()
        real = argon2.PasswordHasher.verify

        def held(hasher: argon2.PasswordHasher, hash: str, password: bytes) -> bool:
            self.reached.set()
            assert self.is_open.wait(30)
            return real(hasher, hash, password)

        monkeypatch.setattr(argon2.PasswordHasher, "verify", held)


async def sign_in(service: Service, name: str, password: str, address: str) -> Reply:
    input = {"account": ACCOUNT, "userName": name, "password": password}
    return await service.post({"query": SIGN_IN, "variables": {"input": input}}, **{"X-Forwarded-For": address})


def kind(reply: Reply) -> str:
    found: str = reply.only()["__typename"]
    return found


async def test_two_hundred_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await service.user("alice")
    for address in (HOME, WORK):
        assert kind(await sign_in(service, "alice", "alice-Passw0rd!", address)) == "SignInSuccess"
    sessions = len((await service.snapshot())["session"])
    gate = Gate(monkeypatch)
    addresses = [HOME, WORK] * 100
    storm = [asyncio.create_task(sign_in(service, "alice", "alice-Passw0rd!", address)) for address in addresses]
    while sum(task.done() for task in storm) < len(storm) - QUEUE:
        await asyncio.sleep(0.01)
    assert await asyncio.to_thread(gate.reached.wait, 30)

    shed = [task.result() for task in storm if task.done()]
    for reply in shed:
        told = reply.only()
        assert (reply.status, told["__typename"], told["code"]) == (503, "ThrottledError", "THROTTLED")
        assert int(reply.headers["Retry-After"]) == told["retryAfterSeconds"] > 0
    # Nor does it tell who there is; and what needs no password goes on.
    assert (await sign_in(service, "nobody", "x", "203.0.113.5")).body == shed[-1].body
    assert (await service.ask("{ viewer { arn } }", token)).status == 200
    both = """mutation { createUser(input: {userName: "bob"}) { __typename }
      createLoginProfile(input: {userName: "bob", password: "bobs-Passw0rd!"}) { __typename } }"""
    half = await service.ask(both, await service.root())
    assert (half.status, [done["__typename"] for done in half.data.values()]) == (
        200,
        ["CreateUserSuccess", "ThrottledError"],
    )

    gate.is_open.set()
    let_in = [reply for task in storm if (reply := await task) not in shed]
    assert [(reply.status, kind(reply)) for reply in let_in] == [(200, "SignInSuccess")] * QUEUE
    assert len((await service.snapshot())["session"]) == sessions + QUEUE
    async with service.database.reading() as data:
        failed = await data.events._db.fetch("SELECT name FROM event WHERE error_code = 'Overloaded'")
        counted = await data.throttles._db.fetch("SELECT key FROM throttle WHERE attempts > 0")
    assert Counter(row["name"] for row in failed) == {"SignIn": 200 - QUEUE + 1, "CreateLoginProfile": 1}
    assert counted == []
    assert kind(await sign_in(service, "alice", "alice-Passw0rd!", HOME)) == "SignInSuccess"


async def test_strangers_hammering_a_name_keep_nobody_out(service: Service) -> None:
    """Whoever is known where they are gets in, at the latest when trying again as they were told."""
    await service.user("alice")
    assert kind(await sign_in(service, "alice", "alice-Passw0rd!", HOME)) == "SignInSuccess"
    strangers = [asyncio.create_task(sign_in(service, "alice", "wrong", f"192.0.2.{i % 20}")) for i in range(200)]
    known: list[Reply] = []
    while not known or known[-1].status == 503:
        await asyncio.sleep(0.01)
        known.append(await sign_in(service, "alice", "alice-Passw0rd!", HOME))
    assert kind(known[-1]) == "SignInSuccess"
    found = Counter((reply.status, kind(reply)) for reply in await asyncio.gather(*strangers))
    assert found.keys() <= {(200, "InvalidCredentialsError"), (200, "ThrottledError"), (503, "ThrottledError")}
    assert found[200, "InvalidCredentialsError"] <= 30
    assert kind(await sign_in(service, "alice", "alice-Passw0rd!", HOME)) == "SignInSuccess"
