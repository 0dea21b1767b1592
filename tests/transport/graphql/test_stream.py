"""Subscriptions over server-sent events: the protocol, and who is told what for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iamgraph.app.history import live
from iamgraph.app.history.live import StreamLimits
from iamgraph.domain.entities import EventOutcome
from iamgraph.transport.graphql import sse

from ...databases import STORES, fresh
from ...service import ACCOUNT, Service, allow, served
from ...store.made import event
from ...streams import ACCEPT, Stream, following, opened
from .test_signed import key_of

FOLLOW = """subscription($n: [String!], $p: ARN, $r: ARN, $o: AuditOutcome) {
  events(names: $n, principal: $p, resource: $r, outcome: $o) { name outcome resources } }"""
RIGHT = allow("cloudtrail:LookupEvents")


@pytest.fixture(params=STORES)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    """A service whose history is chained at once, and which looks at its callers often."""
    limits = StreamLimits(per_principal=3, per_process=5)
    async with fresh(request.param, tmp_path) as url, served(url, tmp_path, streams=limits, seals=True) as made:
        yield made


def follow(
    service: Service, token: str | None, query: str = FOLLOW, **variables: Any
) -> AbstractAsyncContextManager[Stream]:
    return following(service.http, service.url, query, token, **variables)


def arn(rest: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{rest}"


async def test_events_come_in_order_as_they_are_committed(service: Service) -> None:
    root = await service.root()
    async with follow(service, root, n=["CreateUser", "CreateGroup"]) as stream:
        assert stream.response.status == 200 and stream.response.headers["Cache-Control"] == "no-store"
        for n in range(5):
            await service.good("createUser", {"userName": f"u{n}"})
            await service.good("tagUser", {"userName": f"u{n}", "tags": [{"key": "team", "value": "red"}]})
            await service.good("createGroup", {"groupName": f"g{n}"})
        found = [(await stream.field("resources"))[0] for _ in range(10)]
    assert found == [arn(f"{kind}{n}") for n in range(5) for kind in ("user/u", "group/g")]
    assert len(await service.settled("WatchEvents", arn("root"))) == 1


async def test_every_filter_holds(service: Service) -> None:
    alice = await service.user("alice", allow("cloudtrail:LookupEvents", "iam:CreateUser"))
    root = await service.root()
    async with (
        follow(service, root, p=arn("user/alice"), n=["CreateUser", "DeleteUser"]) as hers,
        follow(service, root, r=arn("user/new")) as about,
        follow(service, root, n=["CreateUser", "DeleteUser"], p=arn("user/alice"), o="DENIED") as refused,
    ):
        await service.do("createUser", {"userName": "new"}, token=alice)
        await service.do("deleteUser", {"userName": "new"}, token=alice)
        await service.good("deleteUser", {"userName": "new"})
        assert [await hers.field() for _ in range(2)] == ["CreateUser", "DeleteUser"]
        made = [(await about.next())["data"]["events"] for _ in range(3)]
        assert [(one["name"], one["outcome"]) for one in made] == [
            ("CreateUser", "SUCCEEDED"), ("DeleteUser", "DENIED"), ("DeleteUser", "SUCCEEDED"),
        ]  # fmt: skip
        assert (await refused.next())["data"]["events"]["name"] == "DeleteUser"


async def test_nobody_is_told_of_another_account(service: Service) -> None:
    other = {"email": "other@example.com", "rootPassword": "another-Passw0rd!", "accountId": "444455556666"}
    await service.good("createAccount", other)
    signing = {"email": "other@example.com", "password": "another-Passw0rd!"}
    theirs = (await service.do("signInAsRoot", signing, "accessToken"))["accessToken"]
    async with follow(service, theirs, n=["CreateUser"]) as stream:
        await service.good("createUser", {"userName": "ours"})
        await service.good("createUser", {"userName": "theirs"}, token=theirs)
        assert await stream.field("resources") == ["arn:aws:iam::444455556666:user/theirs"]


async def test_what_is_refused_at_the_start_is_told_in_the_stream_and_recorded(service: Service) -> None:
    token = await service.user("eve")
    async with follow(service, token) as stream:
        assert stream.response.status == 200
        assert await stream.code() == "ACCESS_DENIED"
    denied = await service.events(name="WatchEvents", principal_arn=arn("user/eve"))
    assert [one.outcome for one in denied] == [EventOutcome.DENIED]
    async with follow(service, None) as stream:
        assert stream.response.status == 401
        assert await stream.code() == "UNAUTHENTICATED"
    async with follow(service, token, "subscription { events { nope } }") as stream:
        assert await stream.code() == "BAD_REQUEST"
    async with follow(service, token, "subscription { a: events { name } b: events { name } }") as stream:
        assert await stream.code() == "BAD_REQUEST"
    async with follow(service, token, "subscription { events @skip(if: true) { name } }") as stream:
        assert await stream.code() == "BAD_REQUEST"
    deep = "principal { account { root { account { " * 4
    async with follow(service, token, f"subscription {{ events {{ {deep} arn {'}' * deep.count('{')} }} }}") as stream:
        assert await stream.code() == "TOO_COMPLEX"
    wide = "principal { account { users(first: 100) { nodes { id arn name path uniqueId } } } }"
    async with follow(service, token, f"subscription {{ events {{ {wide} }} }}") as stream:
        assert await stream.code() == "TOO_COMPLEX"
    async with follow(service, token, n=["x"] * 51) as stream:
        assert await stream.code() == "ACCESS_DENIED"


async def test_a_subscription_needs_a_stream_and_the_rest_may_have_one(service: Service) -> None:
    root = await service.root()
    reply = await service.ask("subscription { events { name } }", root)
    assert (reply.status, reply.codes) == (406, ["BAD_REQUEST"])
    both = await service.post({"query": "{ viewer { arn } }"}, root, Accept=f"application/json, {ACCEPT}")
    assert both.data == {"viewer": {"arn": arn("root")}}
    async with follow(service, root, "{ viewer { arn } }") as stream:
        assert await stream.rest() == [{"data": {"viewer": {"arn": arn("root")}}}]
    async with follow(service, root, 'mutation { createUser(input: {userName: "u"}) { __typename } }') as stream:
        assert await stream.rest() == [{"data": {"createUser": {"__typename": "CreateUserSuccess"}}}]
    async with service.http.get(service.url, headers={"Accept": ACCEPT}) as response:
        assert response.status == 405


async def end(service: Service, how: str, token: str, key: str) -> set[str]:
    """Take from alice what allows her stream; the codes that it may end with."""
    user = {"userName": "alice"}
    if how == "signed out":
        await service.good("signOut", None, token=token)
    elif how == "key inactive":
        await service.good("updateAccessKey", {**user, "accessKeyId": key, "status": "INACTIVE"})
    elif how == "expired":
        service.clock.ahead = timedelta(hours=12)
    else:
        await service.good("deleteUserPolicy", {**user, "policyName": "own"})
        if how == "withdrawn":
            return {"ACCESS_DENIED"}
        await service.good("deleteLoginProfile", user)
        await service.good("deleteAccessKey", {**user, "accessKeyId": key})
        await service.good("deleteUser", user)
        return {"ACCESS_DENIED", "UNAUTHENTICATED"}
    return {"UNAUTHENTICATED"}


@pytest.mark.parametrize("how", ["signed out", "key inactive", "expired", "withdrawn", "deleted"])
async def test_a_stream_ends_with_what_allowed_it(service: Service, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.3)
    token, root = await service.user("alice", RIGHT), await service.root()
    key = await key_of(service, "alice")
    hers = follow(service, token, n=["CreateGroup"])
    if how == "key inactive":
        request = key.sign(FOLLOW, {"n": ["CreateGroup"]}, Accept=ACCEPT)
        hers = opened(service.http, request.url, request.headers, request.body)
    async with hers as stream, follow(service, root, n=["CreateGroup"]) as roots:
        await service.good("createGroup", {"groupName": "before"})
        assert await stream.field("resources") == [arn("group/before")]
        codes = await end(service, how, token, key.id)
        # Nothing further happens in the account.
        assert await stream.code() in codes
        if how != "expired":
            await service.good("createGroup", {"groupName": "after"})
            assert [await roots.field("resources") for _ in range(2)] == [[arn("group/before")], [arn("group/after")]]
    ended = await service.events(name="WatchEvents", principal_arn=arn("user/alice"), outcome=EventOutcome.DENIED)
    assert len(ended) == 1


async def test_reading_about_events_makes_no_more_of_them(service: Service) -> None:
    root = await service.root()
    query = """subscription { events(names: ["GetUser", "CreateUser"]) {
      name principal { arn ... on User { createdAt } } } }"""
    alice = await service.user("alice", allow("iam:CreateUser"))
    async with follow(service, root, query) as stream:
        seen = []
        for n in range(3):
            await service.good("createUser", {"userName": f"u{n}"}, token=alice)
            while (name := await stream.field()) == "GetUser":
                seen.append(name)
            seen.append(name)
        assert seen.count("CreateUser") == 3 and seen.count("GetUser") <= 1
    async with asyncio.timeout(5):  # reads are written a moment later
        while not await service.events(name="GetUser"):
            await asyncio.sleep(0.02)
    assert len(await service.events(name="GetUser")) == 1


async def test_streams_are_counted(service: Service) -> None:
    root, alice = await service.root(), await service.user("alice", RIGHT)
    async with follow(service, alice) as first, follow(service, alice), follow(service, alice):
        async with follow(service, alice) as fourth:
            errors = (await fourth.next())["errors"]
            assert errors[0]["extensions"]["code"] == "THROTTLED" and "3 streams" in errors[0]["message"]
        async with follow(service, root), follow(service, root), follow(service, root) as sixth:
            assert await sixth.code() == "THROTTLED"
        first.response.close()
        async with asyncio.timeout(10):
            while service.kernel._live._open.total() != 2:
                await asyncio.sleep(0.05)
        async with follow(service, alice, n=["CreateUser"]) as again:
            await service.good("createUser", {"userName": "u"})
            assert await again.field() == "CreateUser"
    async with asyncio.timeout(10):
        while service.kernel._live._feeds or service.kernel._live._open:
            await asyncio.sleep(0.05)


async def test_a_stop_completes_the_streams(service: Service) -> None:
    async with follow(service, await service.root(), n=["CreateUser"]) as stream:
        await service.good("createUser", {"userName": "u"})
        assert await stream.field() == "CreateUser"
        service.kernel.end_streams()
        assert await stream.rest() == []


async def test_silence_is_broken(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "COMMENT_SECONDS", 0.1)
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.1)
    async with follow(service, await service.root(), n=["Nothing"]) as stream:
        async with asyncio.timeout(10):
            assert [await stream.response.content.readuntil(b"\n\n") for _ in range(3)] == [b":\n\n"] * 3


async def test_who_reads_too_slowly_is_told(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WINDOW", 50)
    monkeypatch.setattr(live, "READ", 25)
    root = await service.root()
    query = 'subscription { events(names: ["Loud"]) { name parameters } }'
    loud = [
        event(n, name="Loud", transport="GRAPHQL", account_id=ACCOUNT, parameters="x" * 100_000) for n in range(300)
    ]
    async with follow(service, root, query) as slow, follow(service, root, query) as quick:
        for start in range(0, 300, 20):
            async with service.database.writing() as data:
                await data.events.add(loud[start : start + 20])
            for _ in range(20):
                assert await quick.field() == "Loud"
        results = await slow.rest()
    assert results[-1]["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert len(results) < 300
