"""Many who follow the history at once: each gets what it may see, in order and once, from any process of the store."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from iamgraph.app.history.live import StreamLimits
from iamgraph.domain.entities import Event, EventOutcome

from .databases import STORES, fresh
from .processes import Server
from .service import ACCOUNT, Client, Service, allow, served
from .store.made import OTHER, event
from .streams import Stream, following

EVENTS = int(os.environ.get("IAMGRAPH_TEST_LIVE_EVENTS", "300"))
FOLLOWERS = int(os.environ.get("IAMGRAPH_TEST_LIVE_FOLLOWERS", "10"))
FOLLOW = """subscription($n: [String!]!, $p: ARN, $o: AuditOutcome) {
  events(names: $n, principal: $p, outcome: $o) { name parameters } }"""
WHO = f"arn:aws:iam::{ACCOUNT}:user/who"


@dataclass(kw_only=True)
class Follower:
    """One who follows, what it asks for, and what it has got: events by their number. The number EVENTS is the last."""

    token: str
    account: str = ACCOUNT
    variables: dict[str, Any]
    got: list[int] = field(default_factory=list)
    code: str | None = None

    def wants(self, event: Event) -> bool:
        return (
            event.account_id == self.account
            and event.name in self.variables["n"]
            and ("p" not in self.variables or event.principal_arn == self.variables["p"])
            and ("o" not in self.variables or event.outcome.value == self.variables["o"])
        )

    async def follow(self, service: Service, ready: asyncio.Semaphore) -> None:
        async with following(service.http, service.url, FOLLOW, self.token, **self.variables) as stream:
            ready.release()
            await self._read(stream)

    async def _read(self, stream: Stream) -> None:
        while True:
            result = await stream.next()
            if "errors" in result:
                self.code = result["errors"][0]["extensions"]["code"]
                assert await stream.rest() == []
                return
            if result["data"]["events"]["name"] == "Last":
                return
            self.got.append(int(result["data"]["events"]["parameters"]))


def tick(n: int, drawn: random.Random) -> Event:
    return event(
        n,
        name=drawn.choice(["Tick", "Tock"]),
        account_id=drawn.choice([ACCOUNT, ACCOUNT, OTHER]),
        principal_arn=drawn.choice([WHO, None]),
        outcome=drawn.choice([EventOutcome.SUCCEEDED, EventOutcome.DENIED]),
        transport="GRAPHQL",
        parameters=str(n),
    )


async def write(service: Service, events: Sequence[Event], drawn: random.Random) -> None:
    """Several transactions at once, of different sizes: on PostgreSQL they take numbers in one order, and commit in
    another."""
    waiting = list(events)

    async def one() -> None:
        while waiting:
            size = drawn.randint(1, 40)
            some, waiting[:] = waiting[:size], waiting[size:]
            async with service.database.writing() as data:
                for start in range(0, size, 10):
                    await data.events.add(some[start : start + 10])

    await asyncio.gather(*(one() for _ in range(4)))


async def all_linked(service: Service) -> None:
    """Wait until no event is without its link: only then is one that is written next the last."""
    async with asyncio.timeout(60), service.database.reading() as data:
        while await data.chains.count_unsealed(0):
            await asyncio.sleep(0.05)


async def cast(service: Service) -> tuple[list[Follower], list[Follower]]:
    """Those who may follow to the end, and those who are stopped midway."""
    password = "another-Passw0rd!"
    other = {"email": "other@example.com", "rootPassword": password, "accountId": OTHER}
    await service.good("createAccount", other)
    signed_in = await service.do("signInAsRoot", {"email": "other@example.com", "password": password}, "accessToken")
    root, alice = await service.root(), await service.user("alice", allow("cloudtrail:LookupEvents"))
    all_of_it = ["Tick", "Tock", "Last"]
    kinds = [
        lambda: Follower(token=root, variables={"n": all_of_it}),
        lambda: Follower(token=root, variables={"n": ["Tick", "Last"], "o": "DENIED"}),
        lambda: Follower(token=root, variables={"n": all_of_it, "p": WHO}),
        lambda: Follower(token=signed_in["accessToken"], account=OTHER, variables={"n": all_of_it}),
        lambda: Follower(token=alice, variables={"n": all_of_it}),
    ]
    made = [kinds[n % 5]() for n in range(FOLLOWERS)]
    return [one for one in made if one.token != alice], [one for one in made if one.token == alice]


@pytest.mark.parametrize("kind", STORES)
async def test_each_gets_what_it_may_see_in_order_and_once(kind: str, tmp_path: Path) -> None:
    drawn = random.Random(EVENTS)
    events = [tick(n, drawn) for n in range(EVENTS)]
    limits = StreamLimits(per_principal=FOLLOWERS)
    async with fresh(kind, tmp_path) as url, served(url, tmp_path, streams=limits, seals=True) as service:
        allowed, stopped = await cast(service)
        ready = asyncio.Semaphore(0)
        following = [asyncio.create_task(one.follow(service, ready)) for one in allowed + stopped]
        for _ in following:
            await ready.acquire()
        await write(service, events[: EVENTS // 2], drawn)
        await service.good("deleteUserPolicy", {"userName": "alice", "policyName": "own"})
        await write(service, events[EVENTS // 2 :], drawn)
        await all_linked(service)
        for n, account in enumerate((ACCOUNT, OTHER), EVENTS):
            last = replace(tick(n, drawn), name="Last", account_id=account, principal_arn=WHO)
            await write(service, [replace(last, outcome=EventOutcome.DENIED)], drawn)
        await asyncio.gather(*following)

        async with service.database.reading() as data:
            rows = await data.events._db.fetch("SELECT event_id FROM event_link ORDER BY chain, number")
        by_id = {one.id: one for one in events}
        chained = [by_id[row["event_id"]] for row in rows if row["event_id"] in by_id]
        assert len(chained) == EVENTS
        for one in allowed:
            assert one.got == [int(event.parameters) for event in chained if one.wants(event)]
            assert one.got and one.code is None
        for one in stopped:
            may = [int(event.parameters) for event in chained if one.wants(event)]
            assert one.got == may[: len(one.got)] and one.code == "ACCESS_DENIED"
            assert all(n < EVENTS // 2 for n in one.got)


async def test_a_follower_of_one_server_hears_what_another_does(tmp_path: Path) -> None:
    made = 'subscription { events(names: ["CreateUser"]) { resources } }'
    async with fresh("postgres", tmp_path) as url, ClientSession() as http:
        key = str(tmp_path / "master.key")
        here, there = (Server(url, tmp_path / name, IAMGRAPH_MASTER_KEY_FILE=key) for name in ("here", "there"))
        for server in (here, there):
            server.log.parent.mkdir()
        async with here.running(), there.running():
            one, other = (Client(url=there.url, http=http) for _ in range(2))
            async with (
                following(http, here.url, made, await one.root()) as ended,
                following(http, here.url, made, await other.root()) as stopped,
            ):
                for n in range(5):
                    await other.good("createUser", {"userName": f"u{n}"})
                wanted = [[f"arn:aws:iam::{ACCOUNT}:user/u{n}"] for n in range(5)]
                for stream in (ended, stopped):
                    assert [await stream.field("resources") for _ in range(5)] == wanted
                await one.good("signOut", None)
                assert await ended.code() == "UNAUTHENTICATED"
                await asyncio.gather(here.end(signal.SIGTERM), drained(stopped))
            assert here.process is not None and here.process.returncode == 0


async def drained(stream: Stream) -> None:
    assert await stream.rest() == []
