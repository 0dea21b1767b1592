"""Pages over two processes on PostgreSQL: any of them takes the next page, and what is ended at one is so at both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from aiohttp import ClientSession
from yarl import URL

from iamgraph.transport.cookies import Cookies

from ...databases import fresh
from ...phone import enrolled
from ...processes import Server
from ...service import Client, allow
from ...wire import AwsKey
from .browser import Browser, credentials_of
from .provider import corporation, employed, offers, sent, trusts
from .test_roles import role, trust
from .test_sign_in import ALICE, PASSWORD


@asynccontextmanager
async def two(tmp_path: Path) -> AsyncIterator[tuple[Client, Client]]:
    """Two servers with one public address."""
    async with fresh("postgres", tmp_path) as url, AsyncExitStack() as stack:
        servers = [Server(url, tmp_path) for _ in range(2)]
        for server in servers:
            server.environment["IAMGRAPH_PUBLIC_URL"] = servers[0].url.removesuffix("/graphql")
        await asyncio.gather(*(stack.enter_async_context(server.running()) for server in servers))
        http = await stack.enter_async_context(ClientSession())
        one, other = (Client(url=server.url, http=http) for server in servers)
        yield one, other


async def test_whoever_signs_out_ends_all_that_was_chained_on_every_process(tmp_path: Path) -> None:
    async with two(tmp_path) as (one, other):
        await _a_person_signs_out(one, other)
        await _a_provider_signs_somebody_out(one, other)


async def _a_person_signs_out(one: Client, other: Client) -> None:
    await one.user("alice")
    phone = await enrolled(one, "alice")
    await one.good("createRole", {"roleName": "first", "assumeRolePolicyDocument": trust(ALICE)})
    await one.good("createRole", {"roleName": "second", "assumeRolePolicyDocument": trust(role("first"))})
    allowed = {"roleName": "first", "policyName": "own", "policyDocument": allow("sts:AssumeRole")}
    await one.good("putRolePolicy", allowed)

    here = Browser(client=one)
    there = Browser(client=other, cookies=here.cookies)
    page = await here.sign_in("alice", PASSWORD)
    assert page.title == "One more step"
    page = await there.send(page, code=phone.code())
    assert page.title == "You are signed in"
    page = await here.get("/sso/roles")
    page = await there.send(page, "/sso/roles", role=role("first"), duration="900", credentials="1")
    first = credentials_of(page, other)
    assumed = await first.ask("AssumeRole", "sts", RoleArn=role("second"), RoleSessionName="chained")
    made = assumed.data["Credentials"]
    second = AwsKey(service=one, id=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"])
    page = await here.get("/sso/roles")
    await here.send(page, "/sso/roles", role=role("first"), duration="900", switch="1")
    in_role = dict(here.cookies)

    async def good() -> list[bool]:
        """Whether the credentials, and then the cookies, speak for somebody at either process."""
        keys = [replace(key, service=client) for key in (first, second) for client in (one, other)]
        answers = [(await key.ask("GetCallerIdentity", "sts")).status == 200 for key in keys]
        pages = [await Browser(client=client, cookies=dict(in_role)).get("/sso/session") for client in (one, other)]
        return answers + [page.title == "You act as a role" for page in pages]

    assert await good() == [True] * 6
    await here.send(await here.get("/sso/session"), "/sso/sign-out")
    assert await good() == [False] * 6
    own = {
        "Cookie": f"{Cookies(is_secure=False).session}={in_role['iam-own-development']}",
        "Iamgraph-Request": "1",
    }
    assert (await other.post({"query": "{ viewer { arn } }"}, **own)).status == 401


async def _a_provider_signs_somebody_out(one: Client, other: Client) -> None:
    """Begun at one, finished at the other, and over by the provider's word to the first."""
    async with corporation() as corp:
        await employed(one, corp)
        await one.good("createRole", {"roleName": "dev", "assumeRolePolicyDocument": trusts(corp)})
        await offers(one, corp, {"roles": [role("dev")]})
        here = Browser(client=one)
        there = Browser(client=other, cookies=here.cookies)
        page = await there.get(corp.authorized(await sent(here, corp)))
        assert page.title == "You are signed in" and "assumed-role/dev/" in page.text
        page = await here.get("/sso/roles")
        assert page.title == "Take on a role"
        url = str(URL(one.url).with_path(f"/sso/oidc/{corp.id}/backchannel-logout"))
        async with one.http.post(url, data={"logout_token": corp.logout_token(sub="u-1")}) as answer:
            assert answer.status == 200
        for browser in (here, there):
            assert (await browser.get("/sso/session")).path == "/signin?next=/sso/session"
