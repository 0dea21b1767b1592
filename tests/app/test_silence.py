"""The store falls silent: what callers are told, and what the history has once it answers again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from iamgraph.app.budget import Budgets
from iamgraph.domain.budget import Bucket
from iamgraph.domain.entities import EventOutcome
from iamgraph.store.failures import CommitUnknown, StoreError

from ..service import ROOT_PASSWORD, Service
from .asking import account, arn

Writing = Callable[[str | None], AbstractAsyncContextManager[Any]]
CREATE = "mutation($n: String!) { createUser(input: {userName: $n}) { __typename } }"
SIGN_IN = 'mutation($p: String!) { signInAsRoot(input: {email: "root@example.com", password: $p}) { __typename } }'
READ = "{ viewer { account { users(first: 5) { nodes { name } } } } }"


def silence(service: Service, monkeypatch: pytest.MonkeyPatch, wrap: Callable[[Writing], Writing]) -> None:
    engine = service.database._engine
    monkeypatch.setattr(engine, "writing", wrap(engine.writing))


def falling(is_committed: bool) -> Callable[[Writing], Writing]:
    """The first transaction ends in silence."""

    def wrap(real: Writing) -> Writing:
        falls = iter([True])

        @asynccontextmanager
        async def writing(turn: str | None) -> AsyncIterator[Any]:
            falling = next(falls, False)
            async with real(turn) as statements:
                yield statements
                if falling and not is_committed:
                    raise CommitUnknown("the database does not answer")
            if falling:
                raise CommitUnknown("the database does not answer")

        return writing

    return wrap


@pytest.mark.parametrize("is_committed", [True, False])
async def test_a_commit_of_which_nothing_is_known(
    service: Service, monkeypatch: pytest.MonkeyPatch, is_committed: bool
) -> None:
    """The caller is told just that, and the history has what really became of it, once."""
    root = await service.root()
    silence(service, monkeypatch, falling(is_committed))
    reply = await service.ask(CREATE, root, n="u")
    assert (reply.status, reply.codes, reply.data) == (503, ["SERVICE_UNAVAILABLE"], None), reply.text
    assert reply.body["errors"][0]["message"] == (
        "The store stopped answering at the end. Whether the change was made is not known: look before trying again."
    )
    assert reply.headers["Retry-After"] == "1"
    users = (await account(service, "users(first: 9) { nodes { name } }"))["users"]["nodes"]
    assert users == ([{"name": "u"}] if is_committed else [])
    async with asyncio.timeout(5):
        while not (events := await service.events(name="CreateUser")):
            await asyncio.sleep(0.02)
    await service.good("createUser", {"userName": "later"})
    events = (await service.events(name="CreateUser"))[1:]
    ended = (EventOutcome.SUCCEEDED, None) if is_committed else (EventOutcome.FAILED, "ServiceUnavailable")
    assert [(event.outcome, event.error_code) for event in events] == [ended]
    assert events[0].resources == (arn("user/u"),)


@pytest.mark.parametrize("first", ["a try is counted", "a budget is charged"])
@pytest.mark.parametrize("is_committed", [True, False])
async def test_what_has_not_begun_has_changed_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, is_committed: bool, first: str
) -> None:
    """Whatever became of what is committed before the command itself."""
    query, token = SIGN_IN, None
    if first == "a budget is charged":
        query, token = CREATE, await service.root()
        bucket = Bucket(limit=10_000, restore_rate=100)
        budgets = Budgets(bucket, writing=service.database.writing, clock=service.clock)
        monkeypatch.setattr(service.kernel, "_budgets", budgets)
    silence(service, monkeypatch, falling(is_committed))
    reply = await service.ask(query, token, n="u", p=ROOT_PASSWORD)
    assert (reply.status, reply.codes, reply.data) == (503, ["SERVICE_UNAVAILABLE"], None), reply.text
    assert reply.body["errors"][0]["message"].endswith("Nothing was changed; try again later.")
    reply = await service.ask(query, token, n="u", p=ROOT_PASSWORD)
    assert reply.only()["__typename"].endswith("Success"), reply.text


async def test_what_happens_meanwhile_is_written_later(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that can't be recorded is none yet; but nothing that was tried is missing in the end."""
    powerless = await service.user("powerless")
    silent = True

    def wrap(real: Writing) -> Writing:
        @asynccontextmanager
        async def writing(turn: str | None) -> AsyncIterator[Any]:
            if silent:
                raise StoreError("the database does not answer")
            async with real(turn) as statements:
                yield statements

        return writing

    silence(service, monkeypatch, wrap)
    read = await service.ask(READ, await service.root())
    assert read.codes == []
    for token, n in ((powerless, "denied"), (await service.root(), "failed")):
        reply = await service.ask(CREATE, token, n=n)
        assert (reply.status, reply.codes) == (503, ["SERVICE_UNAVAILABLE"]), reply.text
        assert reply.body["errors"][0]["message"].endswith("Nothing was changed; try again later.")
    nobody = await service.ask(READ)
    assert (nobody.status, nobody.codes) == (503, ["SERVICE_UNAVAILABLE"])
    silent = False
    async with asyncio.timeout(5):
        while len(events := await service.events(name="CreateUser")) < 3:
            await asyncio.sleep(0.02)
    ends = {event.resources[0].rpartition("/")[2]: (event.outcome, event.error_code) for event in events}
    assert ends == {
        "powerless": (EventOutcome.SUCCEEDED, None),
        "denied": (EventOutcome.DENIED, "AccessDenied"),
        "failed": (EventOutcome.FAILED, "ServiceUnavailable"),
    }
    root = await service.events(name="ListUsers", principal_arn=arn("root"))
    assert [event.outcome for event in root] == [EventOutcome.SUCCEEDED]
    assert (await service.ask(READ)).status == 401


async def test_a_server_stops_although_the_store_is_silent(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = await service.root()

    def wrap(real: Writing) -> Writing:
        @asynccontextmanager
        async def writing(turn: str | None) -> AsyncIterator[Any]:
            raise StoreError("the database does not answer")
            yield

        return writing

    silence(service, monkeypatch, wrap)
    assert (await service.ask(READ, root)).codes == []
    await asyncio.wait_for(service.kernel.close(), 5)
    assert "events are lost to the history" in caplog.text
