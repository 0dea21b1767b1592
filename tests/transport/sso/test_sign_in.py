"""Signing in with pages: what they keep, whom they refuse, and how little they tell."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from iamgraph.domain.entities import EventOutcome
from iamgraph.transport.cookies import Cookies
from iamgraph.transport.graphql.http import HEADER
from iamgraph.transport.sso.forms import own_path
from iamgraph.transport.sso.http import add_pages

from ...authenticator import Authenticator, registered
from ...phone import enrolled
from ...service import ACCOUNT, ROOT_PASSWORD, Service, allow
from .browser import Browser, Page

COOKIES = Cookies(is_secure=False)
ALICE, PASSWORD = f"arn:aws:iam::{ACCOUNT}:user/alice", "alice-Passw0rd!"
WRONG = "The account, the name, the password or the code is wrong."
WHO = {"query": "{ viewer { arn mfaAuthenticated } }"}


@pytest.fixture
async def browser(service: Service) -> Browser:
    """Alice's, who is not signed in there."""
    await service.user("alice", allow("iam:ListUsers"))
    return Browser(client=service)


async def who(service: Service, browser: Browser) -> Any:
    """Whom GraphQL takes the browser for."""
    cookie = f"{COOKIES.session}={browser.cookies.get(COOKIES.session)}"
    reply = await service.post(WHO, Cookie=cookie, **{HEADER: "1"})
    return reply.data["viewer"]["arn"] if reply.data else reply.codes


async def sessions(service: Service) -> int:
    return len((await service.snapshot())["session"])


async def test_a_user_signs_in_and_out(service: Service, browser: Browser) -> None:
    page = await browser.sign_in("alice", PASSWORD)
    assert (page.status, page.path, page.title) == (200, "/sso/session", "You are signed in")
    assert ALICE in page.text and ACCOUNT in page.text and "not shown" in page.text
    kept = next(text for text in page.set_cookies if text.startswith(f"{COOKIES.session}=igs_"))
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(kept.split("; "))
    assert await who(service, browser) == ALICE
    assert (await service.post(WHO, Cookie=kept.split(";")[0])).status == 403
    before = dict(browser.cookies)
    page = await browser.send(page, "/sso/sign-out")
    assert page.title == "You are signed out" and COOKIES.session not in browser.cookies
    browser.cookies = before
    assert await who(service, browser) == ["UNAUTHENTICATED"]
    assert (await browser.get("/sso/session")).path == "/signin?next=/sso/session"


async def test_the_root_signs_in(service: Service, browser: Browser) -> None:
    page = await browser.sign_in_as_root()
    assert page.title == "You are signed in" and f"arn:aws:iam::{ACCOUNT}:root" in page.text


async def test_a_browser_is_in_the_history(service: Service, browser: Browser) -> None:
    """AU-01: who failed is nobody until it is proven, and what was typed is not kept."""
    browser.headers |= {"X-Forwarded-For": "203.0.113.9", "User-Agent": "Lynx/2"}
    await browser.sign_in("alice", "not-her-Passw0rd")
    await browser.sign_in("PASSWORD-IN-THE-WRONG-BOX", "x")
    await browser.sign_in("alice", PASSWORD)
    events = await service.events(name="SignIn", transport="BROWSER")
    assert [(e.outcome, e.principal_arn, e.ip_address, e.user_agent) for e in events] == [
        (EventOutcome.SUCCEEDED, ALICE, "203.0.113.9", "Lynx/2"),
        (EventOutcome.FAILED, None, "203.0.113.9", "Lynx/2"),
        (EventOutcome.FAILED, None, "203.0.113.9", "Lynx/2"),
    ]
    assert not any("WRONG-BOX" in str(event) or PASSWORD in str(event) for event in events)


async def test_each_sign_in_has_a_session_of_its_own(service: Service, browser: Browser) -> None:
    """No session can be given to a browser before somebody signs in there, and none is left behind."""
    other = Browser(client=service)
    await other.sign_in_as_root()
    planted = dict(other.cookies)
    browser.cookies = dict(planted)
    await browser.sign_in("alice", PASSWORD)
    assert browser.cookies.keys() == planted.keys()
    assert not set(browser.cookies.values()) & set(planted.values())
    first = dict(browser.cookies)
    await browser.sign_in("alice", PASSWORD)
    assert not set(browser.cookies.values()) & set(first.values())
    assert await who(service, Browser(client=service, cookies=first)) == ["UNAUTHENTICATED"]
    assert await who(service, other) == ["UNAUTHENTICATED"]
    assert await who(service, browser) == ALICE


async def test_a_form_of_another_site_does_nothing(service: Service, browser: Browser) -> None:
    page = await browser.get(f"/signin/{ACCOUNT}")
    path, hidden = page.form()
    typed = {"account": ACCOUNT, "name": "alice", "password": PASSWORD}
    own, stranger = {"Origin": browser.origin}, Browser(client=service)
    before = await sessions(service)
    answers = [
        await browser.post(path, {**hidden, **typed}, headers)
        for headers in (
            {},
            {"Origin": "null"},
            {"Origin": "https://evil.example"},
            {**own, "Sec-Fetch-Site": "cross-site"},
            {**own, "Sec-Fetch-Site": "same-site"},
        )
    ]
    answers += [
        await browser.post(path, typed, own),
        await browser.post(path, {**typed, "form_token": "x"}, own),
        await browser.post(path, {**typed, "form_token": "ü"}, own),
        await stranger.post(path, {**hidden, **typed}, own),
        await browser.post(path, [*{**hidden, **typed}.items(), ("name", "bob")], own),
        await browser.post(path, b"{}", {**own, "Content-Type": "application/json"}),
        await browser.post(path, {**hidden, **typed, "name": "a" * 70_000}, own),
    ]
    assert [answer.status for answer in answers] == [403] * 9 + [400, 415, 413]
    assert all(answer.problem and COOKIES.session not in str(answer.set_cookies) for answer in answers)
    assert await sessions(service) == before and await service.events(transport="BROWSER") == []
    # The same form, once more, works: none of this was refused for another reason.
    signed_in = await browser.post(path, {**hidden, **typed}, own)
    assert signed_in.title == "You are signed in"
    assert (await browser.post(path, {**hidden, **typed}, own)).status == 403
    assert (await browser.post("/sso/sign-out", {"form_token": hidden["form_token"]}, own)).status == 403
    assert await who(service, browser) == ALICE


@pytest.mark.parametrize(
    ("given", "is_own"),
    [
        ("/graphiql", True),
        ("/a?b=/c#d", True),
        ("/", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("/a\\b", False),
        ("/\t/evil.example", False),
        ("/a\r\nSet-Cookie: a=b", False),
        ("/\u00e9", False),
        ("https://evil.example", False),
        ("javascript:alert(1)", False),
        ("evil", False),
        ("", False),
        ("/" + "a" * 2048, False),
    ],
)
def test_where_one_may_be_sent_on_to(given: str, is_own: bool) -> None:
    assert own_path(given) == (given if is_own else None)


async def test_who_signs_in_goes_on_where_it_wanted_to(service: Service, browser: Browser) -> None:
    assert (await browser.sign_in("alice", PASSWORD, query="?next=/graphiql")).path == "/graphiql"
    for evil in ("//evil.example", "/%5Cevil.example", "/%09/evil.example", "https://evil.example"):
        assert (await browser.sign_in("alice", PASSWORD, query=f"?next={evil}")).path == "/sso/session"
    page = await browser.get("/signin")
    page = await browser.send(page, account=ACCOUNT, name="alice", password=PASSWORD, next="//evil.example")
    assert page.path == "/sso/session"


async def test_a_retired_alias_is_like_one_that_never_was(service: Service, browser: Browser) -> None:
    await service.good("createAccountAlias", {"accountAlias": "retired"})
    assert (await browser.sign_in("alice", PASSWORD, account="retired")).title == "You are signed in"
    await service.good("deleteAccountAlias", {"accountAlias": "retired"})

    async def seen(alias: str) -> list[Any]:
        stranger = Browser(client=service)
        pages = [await stranger.get(f"/signin/{alias}"), await stranger.sign_in("alice", PASSWORD, account=alias)]
        masked = [re.sub(r'(name="form_token" value=")\w+', r"\1", page.text.replace(alias, "…")) for page in pages]
        headers = [{k: v for k, v in page.headers.items() if k not in ("Date", "Set-Cookie")} for page in pages]
        return [(page.status, page.problem) for page in pages] + masked + headers

    assert await seen("retired") == await seen("neverwa")
    assert (await seen("retired"))[1] == (403, WRONG)


async def test_whoever_does_not_exist_is_answered_like_whoever_does(service: Service, browser: Browser) -> None:
    pages = [
        await Browser(client=service).sign_in(name, "not-a-Passw0rd", account=account)
        for account, name in ((ACCOUNT, "alice"), (ACCOUNT, "wendy"), ("999999999999", "alice"))
    ]
    texts = {re.sub(r'value="[^"]*"', "", page.text) for page in pages}
    assert len(texts) == 1 and {(page.status, page.problem) for page in pages} == {(403, WRONG)}


async def test_too_many_attempts(service: Service, browser: Browser) -> None:
    browser.headers |= {"X-Forwarded-For": "198.51.100.7"}
    for _ in range(10):
        assert (await browser.sign_in("alice", "not-her-Passw0rd")).status == 403
    page = await browser.sign_in("alice", PASSWORD)
    assert page.status == 429 and page.title == "Sign in" and int(page.headers["Retry-After"]) > 0
    assert page.problem is not None and page.problem.startswith("Too many attempts. Try again in ")


async def test_a_second_factor(service: Service, browser: Browser) -> None:
    phone = await enrolled(service, "alice")
    page = await browser.sign_in("alice", PASSWORD, query="?next=/graphiql")
    assert (page.status, page.title, page.problem) == (200, "One more step", None)
    assert PASSWORD not in page.text and COOKIES.session not in browser.cookies
    wrong = await browser.send(page, code=phone.wrong())
    assert (wrong.status, wrong.title) == (403, "One more step")
    assert wrong.problem == "The code is wrong, or was used already."
    # The form is of no use in another browser, nor for long.
    stolen = Browser(client=service)
    own = await stolen.get("/signin")
    moved = Page(status=200, path=wrong.path, headers={}, text=own.text, set_cookies=())
    assert (await stolen.send(moved, code=phone.code(), attempt=wrong.form()[1]["attempt"])).title == "Sign in"
    done = await browser.send(wrong, code=f" {phone.code()[:3]} {phone.code()[3:]} ")
    assert (done.status, done.path) == (200, "/graphiql")
    assert "shown" in (await browser.get("/sso/session")).text
    assert (await service.events(name="SignIn", transport="BROWSER"))[0].outcome is EventOutcome.SUCCEEDED
    late = Browser(client=service)
    page = await late.sign_in("alice", PASSWORD)
    service.clock.ahead += timedelta(minutes=10)
    page = await late.send(page, code=phone.code())
    assert (page.status, page.title, page.problem) == (403, "Sign in", "That took too long. Please begin again.")


def passkey_form(page: Page) -> tuple[str, dict[str, str]]:
    """What the passkey is to sign, and the fields that go with what it signed."""
    found = re.search(r'<form method="post" id="passkey" data-options="([^"]*)">(.*?)</form>', page.text, re.S)
    assert found is not None, page.text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', found[2]))
    assert fields.pop("passkey_assertion") == ""
    return unescape(found[1]), {name: unescape(value) for name, value in fields.items()}


async def test_a_passkey(service: Service, browser: Browser) -> None:
    key, _ = await registered(service, "alice")
    headers = {"Origin": browser.origin}

    async def sends(page: Page, assertion: str) -> Page:
        return await browser.post(page.path, {**passkey_form(page)[1], "passkey_assertion": assertion}, headers)

    page = await browser.sign_in("alice", PASSWORD, query="?next=/graphiql")
    assert (page.status, page.title, page.problem) == (200, "One more step", None)
    assert 'name="code"' not in page.text and PASSWORD not in page.text
    assert page.headers["Content-Security-Policy"].endswith("; frame-ancestors 'none'; script-src 'self'")
    (script,) = re.findall(r'<script src="([^"]*)" defer></script>', page.text)
    assert (await browser.get(script)).headers["Content-Type"] == "text/javascript; charset=utf-8"
    # As a browser sends it that runs no script.
    idle = await sends(page, "")
    assert (idle.status, idle.problem) == (400, "A passkey takes JavaScript, which this browser has not run.")
    forged = await sends(idle, Authenticator(credential_id=key.credential_id).get(passkey_form(idle)[0]))
    problem = "The passkey was not accepted, or that took too long. Please try again, or begin again."
    assert (forged.status, forged.title, forged.problem) == (403, "One more step", problem)
    garbled = await sends(forged, "{}")
    assert garbled.status == 400 and (garbled.problem or "").startswith("'passkeyAssertion' is no answer of a passkey")
    done = await sends(garbled, key.get(passkey_form(garbled)[0]))
    assert (done.status, done.path) == (200, "/graphiql")
    assert "shown" in (await browser.get("/sso/session")).text


async def test_a_code_or_a_passkey(service: Service, browser: Browser) -> None:
    phone = await enrolled(service, "alice")
    key, _ = await registered(service, "alice")
    page = await browser.sign_in("alice", PASSWORD)
    data = {**passkey_form(page)[1], "passkey_assertion": key.get(passkey_form(page)[0])}
    assert (await browser.post(page.path, data, {"Origin": browser.origin})).title == "You are signed in"
    other = Browser(client=service)
    wrong = await other.send(await other.sign_in("alice", PASSWORD), code=phone.wrong())
    assert wrong.problem == "The code is wrong, or was used already." and passkey_form(wrong)
    assert (await other.send(wrong, code=phone.code())).title == "You are signed in"


async def test_a_password_that_must_be_changed(service: Service, browser: Browser) -> None:
    phone = await enrolled(service, "alice")
    new = "a-New-Passw0rd!"
    await service.good("updateLoginProfile", {"userName": "alice", "passwordResetRequired": True})
    page = await browser.sign_in("alice", PASSWORD)
    assert (page.status, page.title) == (200, "Choose a new password")
    differ = await browser.send(page, new_password=new, new_password_again=new + "?")
    assert (differ.status, differ.problem) == (400, "The two new passwords differ.")
    weak = await browser.send(differ, new_password="short", new_password_again="short")
    assert (weak.status, weak.title) == (400, "Choose a new password") and weak.problem
    page = await browser.send(weak, new_password=new, new_password_again=new)
    assert page.title == "One more step" and new not in page.text
    # Nothing is changed before the code is right.
    assert (await Browser(client=service).sign_in("alice", new)).problem == WRONG
    assert (await browser.send(page, code=phone.code())).title == "You are signed in"
    assert (await Browser(client=service).sign_in("alice", new)).title == "One more step"


async def test_all_pages_forbid_what_they_do_not_need(service: Service, browser: Browser) -> None:
    pages = [await browser.get(path) for path in ("/signin", f"/signin/{ACCOUNT}", "/sso/root", "/sso/signed-out")]
    pages += [await browser.sign_in("alice", "wrong"), await browser.post("/sso/sign-out", {}, {})]
    await browser.sign_in("alice", PASSWORD)
    pages += [await browser.get(path) for path in ("/sso/session", "/sso/roles", f"/signin/{ACCOUNT}")]
    for page in pages:
        assert page.headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        assert page.headers["Cache-Control"] == "no-store" and page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert '<html lang="en">' in page.text and "<script" not in page.text and " style=" not in page.text
        labels, shown = re.findall(r'<label for="(\w+)"', page.text), re.findall(r'<input id="(\w+)"', page.text)
        assert set(shown) <= set(labels)
        if (link := re.search(r'href="(/sso/style\.css\?\w+)"', page.text)) is not None:
            assert (await browser.get(link[1])).headers["Content-Type"].startswith("text/css")


async def test_over_https_cookies_are_held_to_it(service: Service, browser: Browser) -> None:
    app = web.Application()
    cookies = Cookies(is_secure=True)
    add_pages(app, service.kernel, public_url="https://iam.example.com", cookies=cookies, trusted_proxies=())
    async with TestServer(app) as server:
        page = await browser.get("/signin")
        client = Service(**{**vars(service), "url": str(server.make_url("/graphql"))})
        secure = Browser(client=client)
        typed = {"account": ACCOUNT, "name": "alice", "password": PASSWORD}
        page = await secure.get("/signin")
        # Behind a proxy the address that is published counts, not what the request names.
        assert (await secure.send(page, **typed)).status == 403
        done = await secure.send(page, headers={"Origin": "https://iam.example.com"}, **typed)
        assert done.title == "You are signed in"
        for text in (*page.set_cookies, *done.set_cookies):
            assert text.startswith(("__Host-iam=", "__Host-iam-form="))
            assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax"} <= set(text.split("; ")) and "Domain" not in text
        # A cookie of the other kind counts for nothing.
        other = Browser(client=client, cookies={COOKIES.session: secure.cookies["__Host-iam"]})
        assert (await other.get("/sso/session")).path == "/signin?next=/sso/session"


async def test_what_is_typed_is_shown_as_text(service: Service, browser: Browser) -> None:
    page = await browser.get("/signin")
    page = await browser.send(page, account='"><script>', name="'><b>", password="x")
    assert "<script>" not in page.text and "<b>" not in page.text and "&lt;script&gt;" in page.text
    assert (await browser.get("/signin/%3Cscript%3E")).status == 404
    assert ROOT_PASSWORD not in page.text
