"""Taking on roles with pages: which are offered, in the browser and back, and as credentials."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from iamgraph.domain.entities import EventOutcome
from iamgraph.transport.cookies import Cookies

from ...phone import enrolled
from ...service import ACCOUNT, Service, allow
from .browser import Browser, Page, credentials_of
from .test_sign_in import ALICE, PASSWORD, who

COOKIES = Cookies(is_secure=False)


def trust(principal: str, **condition: object) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{**statement, **({"Condition": condition} if condition else {})}]}
    )


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def session(name: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/alice"


ROLES = {
    "ops": trust(ALICE),
    "audit": trust(f"arn:aws:iam::{ACCOUNT}:root"),
    "mfa": trust(ALICE, Bool={"aws:MultiFactorAuthPresent": "true"}),
    "partner": trust(ALICE, StringEquals={"sts:ExternalId": "x"}),
    "others": trust(f"arn:aws:iam::{ACCOUNT}:user/bob"),
    "forbidden": trust(ALICE),
}


@pytest.fixture
async def browser(service: Service) -> Browser:
    """Alice's, who may assume `ops` and, since her own policy says so, `audit`; `mfa` with a code."""
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [role("audit"), role("others")]}
    denied = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": role("forbidden")}
    await service.user("alice", json.dumps({"Version": "2012-10-17", "Statement": [allowed, denied]}))
    await service.user("bob")
    for name, document in ROLES.items():
        await service.good("createRole", {"roleName": name, "assumeRolePolicyDocument": document})
    return Browser(client=service)


def offered(page: Page) -> list[str]:
    return re.findall(r'<input type="radio" name="role" value="[^"]*role/(\w+)"', page.text)


async def act_as(browser: Browser, name: str) -> Page:
    page = await browser.get("/sso/roles")
    return await browser.send(page, "/sso/roles", role=role(name), duration="3600", switch="1")


async def test_those_are_offered_that_may_be_assumed(service: Service, browser: Browser) -> None:
    assert (await browser.get("/sso/roles")).path == "/signin?next=/sso/roles"
    page = await browser.sign_in("alice", PASSWORD, query="?next=/sso/roles")
    assert page.title == "Take on a role" and offered(page) == ["audit", "ops"]
    for name in ROLES:
        done = await act_as(Browser(client=service, cookies=dict(browser.cookies)), name)
        assert (done.status, done.title) == (
            (200, "You act as a role") if name in offered(page) else (403, "Take on a role")
        )
    phone = await enrolled(service, "alice")
    page = await browser.send(await browser.sign_in("alice", PASSWORD), code=phone.code())
    assert offered(await browser.get("/sso/roles")) == ["audit", "mfa", "ops"]
    await browser.sign_in_as_root()
    assert offered(await browser.get("/sso/roles")) == []


async def test_graphql_lists_them_page_by_page(service: Service, browser: Browser) -> None:
    query = """query($after: String) { viewer { assumableRoles(first: 1, after: $after) {
      nodes { name arn } pageInfo { hasNextPage endCursor } } } }"""
    token = service.tokens["alice"]
    first = (await service.ask(query, token)).data["viewer"]["assumableRoles"]
    assert first["nodes"] == [{"name": "audit", "arn": role("audit")}] and first["pageInfo"]["hasNextPage"]
    last = (await service.ask(query, token, after=first["pageInfo"]["endCursor"])).data["viewer"]["assumableRoles"]
    assert last["nodes"] == [{"name": "ops", "arn": role("ops")}] and not last["pageInfo"]["hasNextPage"]


async def test_a_browser_switches_to_a_role_and_back(service: Service, browser: Browser) -> None:
    await browser.sign_in("alice", PASSWORD)
    own = browser.cookies[COOKIES.session]
    page = await act_as(browser, "ops")
    assert page.title == "You act as a role" and session("ops") in page.text and ALICE in page.text
    assert await who(service, browser) == session("ops")
    in_ops = dict(browser.cookies)
    # From one role to the next it is alice who assumes: `ops` could not.
    assert offered(await browser.get("/sso/roles")) == ["audit", "ops"]
    page = await act_as(browser, "audit")
    assert await who(service, browser) == session("audit")
    assert await who(service, Browser(client=service, cookies=in_ops)) == ["UNAUTHENTICATED"]
    page = await browser.send(page, "/sso/roles/back")
    assert page.title == "You are signed in" and browser.cookies[COOKIES.session] == own
    assert COOKIES.own not in browser.cookies and await who(service, browser) == ALICE
    events = await service.events(name="AssumeRole", transport="BROWSER", outcome=EventOutcome.SUCCEEDED)
    assert [(event.principal_arn, event.resources) for event in events] == [
        (ALICE, (role("audit"),)),
        (ALICE, (role("ops"),)),
    ]


async def test_a_role_session_that_ends_leaves_who_switched(service: Service, browser: Browser) -> None:
    await browser.sign_in("alice", PASSWORD)
    page = await browser.send(
        await browser.get("/sso/roles"),
        "/sso/roles",
        role_arn=role("ops"),
        role=role("audit"),
        duration="900",
        switch="1",
    )
    assert await who(service, browser) == session("ops")
    service.clock.stop()
    service.clock.ahead += timedelta(minutes=16)
    page = await browser.get("/sso/session")
    assert page.title == "You are signed in" and await who(service, browser) == ALICE
    assert (await browser.send(page, "/sso/sign-out")).title == "You are signed out"


@pytest.mark.parametrize("where", ["page", "GraphQL"])
async def test_signing_out_of_a_role_ends_all_of_it(service: Service, browser: Browser, where: str) -> None:
    await browser.sign_in("alice", PASSWORD)
    own = {COOKIES.session: browser.cookies[COOKIES.session]}
    page = await act_as(browser, "ops")
    in_role = dict(browser.cookies)
    if where == "page":
        await browser.send(page, "/sso/sign-out")
    else:
        cookie = "; ".join(f"{name}={value}" for name, value in in_role.items())
        query = {"query": "mutation { signOut { ... on SignOutSuccess { signedOut } } }"}
        reply = await service.post(query, Cookie=cookie, **{"Iamgraph-Request": "1"})
        assert reply.only() == {"signedOut": True}
        assert {text.split("=")[0] for text in reply.headers.getall("Set-Cookie")} == {COOKIES.session, COOKIES.own}
    for cookies in (own, in_role):
        assert await who(service, Browser(client=service, cookies=cookies)) == ["UNAUTHENTICATED"]
        page = await Browser(client=service, cookies=cookies).get("/sso/session")
        assert page.path == "/signin?next=/sso/session"


async def test_credentials_for_programs(service: Service, browser: Browser) -> None:
    await browser.sign_in("alice", PASSWORD)
    page = await browser.get("/sso/roles")
    page = await browser.send(page, "/sso/roles", role=role("ops"), duration="900", credentials="1")
    assert page.title == "Temporary credentials" and page.headers["Cache-Control"] == "no-store"
    key = credentials_of(page, service)
    answer = await key.ask("GetCallerIdentity", "sts")
    assert answer.data["Arn"] == session("ops")
    assert await who(service, browser) == ALICE
    # They are chained from the browser's session.
    await browser.send(await browser.get("/sso/session"), "/sso/sign-out")
    assert (await key.ask("GetCallerIdentity", "sts")).status == 403


async def test_what_is_refused_leaves_one_where_one_was(service: Service, browser: Browser) -> None:
    await browser.sign_in("alice", PASSWORD)
    page = await browser.get("/sso/roles")
    before = (await service.snapshot())["session"]
    for typed, status in (
        ({"role_arn": role("nowhere"), "duration": "3600"}, 403),
        ({"role_arn": "ops", "duration": "3600"}, 400),
        ({"role": role("ops"), "duration": "43200"}, 400),
        ({"role": role("ops"), "duration": "1"}, 400),
        ({"duration": "3600"}, 400),
    ):
        page = await browser.send(page, "/sso/roles", switch="1", **typed)
        assert (page.status, page.title) == (status, "Take on a role") and page.problem, typed
    assert (await service.snapshot())["session"] == before and await who(service, browser) == ALICE
    denied = await service.events(name="AssumeRole", outcome=EventOutcome.DENIED, principal_arn=ALICE)
    assert len(denied) == 2


async def test_a_single_letter_is_a_name(service: Service, browser: Browser) -> None:
    await service.user("x", allow("sts:AssumeRole"))
    page = await browser.sign_in("x", "x-Passw0rd!", query="?next=/sso/roles")
    assert offered(page) == ["audit"]
    await act_as(browser, "audit")
    assert await who(service, browser) == f"arn:aws:sts::{ACCOUNT}:assumed-role/audit/x-session"
