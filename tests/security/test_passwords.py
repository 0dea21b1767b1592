"""Passwords: verdicts, equal work for unknown users, and a queue that sheds load."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import argon2
import pytest

from iamgraph.domain.errors import Throttled
from iamgraph.security.passwords import PasswordHasher, Verdict

RIGHT, STALE, WRONG = Verdict(ok=True, rehash=False), Verdict(ok=True, rehash=True), Verdict(ok=False, rehash=False)


def make(*, time_cost: int = 1, max_waiting: int = 50) -> PasswordHasher:
    return PasswordHasher(memory_kib=64, time_cost=time_cost, parallelism=1, max_waiting=max_waiting)


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    hasher = make()
    yield hasher
    hasher.close()


async def test_a_hash_is_argon2id_with_the_given_parameters_and_its_own_salt(hasher: PasswordHasher) -> None:
    first, second = await hasher.hash("Tr0ub4dor&3"), await hasher.hash("Tr0ub4dor&3")
    assert first.startswith("$argon2id$v=19$m=64,t=1,p=1$") and first != second
    assert [await hasher.verify(each, "Tr0ub4dor&3") for each in (first, second)] == [RIGHT, RIGHT]
    assert await hasher.verify(first, "Tr0ub4dor&4") == WRONG


async def test_other_parameters_ask_for_a_rehash_of_the_right_password_alone(hasher: PasswordHasher) -> None:
    stronger = make(time_cost=2)
    hashed = await hasher.hash("secret")
    assert await stronger.verify(hashed, "secret") == STALE
    assert await stronger.verify(hashed, "Secret") == WRONG
    stronger.close()


async def test_a_password_is_its_bytes(hasher: PasswordHasher) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    hashed = await hasher.hash(composed)
    assert (await hasher.verify(hashed, composed), await hasher.verify(hashed, decomposed)) == (RIGHT, WRONG)
    assert await hasher.verify(hashed, "caf\ud800") == WRONG


async def test_an_unknown_user_costs_the_work_of_a_known_one(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = await hasher.hash("secret")
    checked: list[argon2.Parameters] = []
    real = argon2.PasswordHasher.verify

    def counting(self: argon2.PasswordHasher, hash: str, password: bytes) -> bool:
        checked.append(argon2.extract_parameters(hash))
        return real(self, hash, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counting)
    assert [await hasher.verify(None, "secret"), await hasher.verify(hashed, "wrong")] == [WRONG, WRONG]
    assert len(checked) == 2 and checked[0] == checked[1]


async def test_text_that_is_no_hash_is_an_error_not_a_wrong_password(hasher: PasswordHasher) -> None:
    with pytest.raises(argon2.exceptions.InvalidHashError):
        await hasher.verify("plain", "plain")


async def test_a_full_queue_refuses_at_once_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = make(max_waiting=2)
    gate, running = threading.Event(), threading.Event()
    real = argon2.PasswordHasher.hash

    def held(self: argon2.PasswordHasher, password: bytes) -> str:
        running.set()
        assert gate.wait(10)
        return real(self, password)

    monkeypatch.setattr(argon2.PasswordHasher, "hash", held)
    tasks = [asyncio.create_task(hasher.hash("x")) for _ in range(3)]  # one runs, two wait
    await asyncio.to_thread(running.wait, 10)
    hasher._seconds_per_hash = 1.5
    with pytest.raises(Throttled) as caught:
        await hasher.verify(None, "x")
    assert caught.value.retry_after_seconds == 5  # three places of 1.5 s, rounded up

    tasks[0].cancel()  # its hash still runs, so its place is still taken
    await asyncio.sleep(0)
    with pytest.raises(Throttled):
        await hasher.hash("x")
    tasks[2].cancel()  # it left the queue before it ran
    await asyncio.gather(tasks[0], tasks[2], return_exceptions=True)
    last = asyncio.create_task(hasher.hash("x"))
    await asyncio.sleep(0)
    gate.set()
    assert {(await task)[:9] for task in (tasks[1], last)} == {"$argon2id"}
    assert await asyncio.gather(*(hasher.verify(None, "x") for _ in range(3))) == [WRONG] * 3
    hasher.close()
    with pytest.raises(RuntimeError):
        await hasher.hash("x")
