"""Budgets: what a request costs is taken before it runs, from one bucket a principal, whatever process it comes to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iamgraph.app.budget import Budgets
from iamgraph.domain.budget import Bucket
from iamgraph.domain.errors import Throttled

from ..databases import STORES, fresh
from ..service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Reply, Service, served
from ..store.conftest import opened

BUCKET = Bucket(limit=1_000, restore_rate=1)
VIEWER = "{ viewer { arn } }"
USERS = f'query($n: Int!) {{ account(by: {{id: "{ACCOUNT}"}}) {{ users(first: $n) {{ nodes {{ name }} }} }} }}'
CREATE = "mutation($n: String!) { createUser(input: {userName: $n}) { __typename } }"


@pytest.fixture(params=STORES)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    async with fresh(request.param, tmp_path) as url, served(url, tmp_path, bucket=BUCKET) as made:
        yield made


def cost(reply: Reply) -> dict[str, int]:
    found: dict[str, int] = reply.body["extensions"]["cost"]
    return found


async def spent(service: Service, token: str, points: int) -> None:
    """Spend so many points, in pages of 100."""
    for _ in range(points // 121):
        assert cost(await service.ask(USERS, token, n=100))["requested"] == 121


async def test_every_response_of_a_caller_says_what_it_cost(service: Service) -> None:
    token = await service.root()
    assert "extensions" not in (await service.ask(VIEWER)).body
    for query, variables, points in (
        (VIEWER, {}, 1),
        (USERS, {"n": 1}, 1),
        (USERS, {"n": 50}, 61),
        (USERS, {"n": 20}, 25),
        (CREATE, {"n": "bob"}, 11),
        (CREATE, {"n": "bob"}, 11),
        ("{ nonsense }", {}, 1),
        ("{", {}, 1),
    ):
        reply = await service.ask(query, token, **variables)
        assert cost(reply)["requested"] == points, reply.text
    left = 1_000 - 1 - 1 - 61 - 25 - 11 - 11 - 1 - 1
    reply = await service.ask("{ limits { cost limit remaining restoreRate resetAt } }", token)
    told = reply.only()
    full = datetime.fromisoformat(told.pop("resetAt"))
    assert cost(reply) == {"requested": 1, "remaining": told["remaining"], "limit": 1_000, "restoreRate": 1}
    assert told == {"cost": 1, "limit": 1_000, "remaining": told["remaining"], "restoreRate": 1}
    assert left - 1 <= told["remaining"] <= left + 20  # some come back while this runs
    # The bucket is missing what the process holds besides.
    assert 0 < (full - service.clock()).total_seconds() <= 300


async def test_a_budget_is_the_principals_whatever_it_shows(service: Service) -> None:
    first, alice = await service.root(), await service.user("alice")
    await spent(service, first, 484)
    done = await service.do("signInAsRoot", {"email": ROOT_EMAIL, "password": ROOT_PASSWORD}, "accessToken")
    assert cost(await service.ask(VIEWER, done["accessToken"]))["remaining"] < 500
    assert cost(await service.ask(VIEWER, alice))["remaining"] == 999


async def test_out_of_points(service: Service) -> None:
    """Nothing runs, the answer says for how long, and the history has one event of it a minute."""
    token = await service.root()
    await spent(service, token, 968)
    before = await service.snapshot()
    replies = [await service.ask(USERS, token, n=100) for _ in range(4)]
    ten = " ".join(f'm{i}: createUser(input: {{userName: "mallory-{i}"}}) {{ __typename }}' for i in range(10))
    replies.append(await service.ask(f"mutation {{ {ten} }}", token))
    assert [(reply.status, reply.codes, reply.data) for reply in replies] == [(429, ["THROTTLED"], None)] * 5
    assert [cost(reply)["requested"] for reply in replies] == [121] * 4 + [103]
    assert all(32 <= cost(reply)["remaining"] < 100 for reply in replies)
    waits = int(replies[3].headers["Retry-After"])
    assert 60 <= waits <= 121 - 32 and f"try again in {waits} s" in replies[3].text
    assert await service.snapshot() == before
    noted = await service.events(error_code="Throttled")
    assert [(event.name, event.principal_arn) for event in noted] == [("Account", f"arn:aws:iam::{ACCOUNT}:root")]

    service.clock.ahead += timedelta(seconds=waits)
    assert (await service.ask(USERS, token, n=100)).status == 200
    service.clock.ahead += timedelta(seconds=1_000)
    assert cost(await service.ask(VIEWER, token))["remaining"] == 999


async def test_more_than_there_ever_is(service: Service) -> None:
    token = await service.root()
    nested = USERS.replace("name", "groups(first: 10) { nodes { name } }")
    reply = await service.ask(nested, token, n=100)
    assert (reply.status, reply.codes) == (200, ["LIMIT_EXCEEDED"]) and "Retry-After" not in reply.headers
    assert "1000" in reply.text and cost(reply)["requested"] > 1_000
    assert cost(reply)["remaining"] == 1_000


class _Frozen:
    now = datetime(2026, 11, 25, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize("store", STORES)
async def test_two_processes_admit_no_more_than_one_would(store: str, tmp_path: Path) -> None:
    """Nor do they write for each request, nor for each refusal."""
    bucket, clock = Bucket(limit=1_000, restore_rate=10), _Frozen()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh(store, tmp_path))
        first = await stack.enter_async_context(opened(url))
        # SQLite is one process's: there two share the file through one connection.
        second = first if store == "sqlite" else await stack.enter_async_context(opened(url))
        both = [Budgets(bucket, writing=database.writing, clock=clock) for database in (first, second)]

        async def ask(times: int) -> int:
            """How many points are admitted of so many requests at each, all at once."""

            async def one(budgets: Budgets, points: int) -> int:
                try:
                    return (await budgets.spend("AIDAEXAMPLE", points)).requested
                except Throttled:
                    return 0

            asked = [one(budgets, 1 + i % 7) for i in range(times) for budgets in both]
            return sum(await asyncio.gather(*asked))

        admitted = await ask(300)
        assert bucket.limit - 2 * bucket.chunk < admitted <= bucket.limit
        sent = first.statements + second.statements
        assert sent < 60
        assert await ask(300) <= bucket.limit - admitted
        clock.now += timedelta(seconds=20)
        total = admitted + await ask(300)
        assert bucket.limit + 200 - 2 * bucket.chunk < total <= bucket.limit + 200
        assert first.statements + second.statements - sent < 40


async def test_a_hundred_at_once_take_a_chunk_once(tmp_path: Path) -> None:
    async with fresh("sqlite", tmp_path) as url, opened(url) as database:
        clock = _Frozen()
        budgets = Budgets(BUCKET, writing=database.writing, clock=clock)
        found = await asyncio.gather(*(budgets.spend("AIDAEXAMPLE", 1) for _ in range(100)))
        assert sorted(spent.remaining for spent in found) == list(range(900, 1_000))
        async with database.reading() as data:
            assert await data.budgets.full_at("AIDAEXAMPLE") == int((clock.now.timestamp() + 100) * 1_000_000)
            assert await data.budgets.full_at("AIDANOBODY") == 0


async def test_without_a_bucket_nothing_is_counted(tmp_path: Path) -> None:
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path) as service:
        reply = await service.ask("{ limits { cost } }", await service.root())
        assert reply.body == {"data": {"limits": None}}
