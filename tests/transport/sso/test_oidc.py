"""Signing in with an OpenID Connect provider: as which roles, whom it lets in, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from yarl import URL

from iamgraph.domain.entities import EventOutcome, Tag
from iamgraph.domain.throttling import WINDOW, web_identity_limit
from iamgraph.security.tokens import token_hash
from iamgraph.transport.cookies import Cookies

from ...service import ACCOUNT, PUBLIC_URL, Service, allow
from .browser import Browser, credentials_of
from .provider import CLIENT, SECRET, Corp, corporation, employed, offers, sent, signs_in, trusts
from .test_roles import offered, role, session, trust
from .test_sign_in import who

SESSION = Cookies(is_secure=False).session
NAME = "Ann-Example"


@pytest.fixture
async def corp(service: Service) -> AsyncIterator[Corp]:
    async with corporation() as made:
        yield await employed(service, made)


@pytest.fixture
def browser(service: Service) -> Browser:
    return Browser(client=service)


async def roles(service: Service, corp: Corp, **documents: str) -> None:
    """New roles, which the provider's rules offer to everybody."""
    for name, document in documents.items():
        await service.good("createRole", {"roleName": name, "assumeRolePolicyDocument": document})
    await offers(service, corp, {"roles": [role(name) for name in documents]})


def as_role(name: str) -> str:
    return session(name).replace("/alice", f"/{NAME}")


async def sessions(service: Service) -> list[str]:
    return (await service.snapshot())["session"]


async def test_the_one_role_that_trusts_a_person(service: Service, browser: Browser, corp: Corp) -> None:
    await roles(
        service, corp, dev=trusts(corp), others=trusts(corp, sub="u-2"), users=trust(f"arn:aws:iam::{ACCOUNT}:root")
    )
    page = await signs_in(browser, corp, "?next=/sso/roles")
    assert (page.status, page.path, offered(page)) == (200, "/sso/roles", [])
    assert await who(service, browser) == as_role("dev")
    # Once more: the browser's session is a new one, and the one before has ended.
    before = browser.cookies[SESSION]
    assert (await signs_in(browser, corp)).title == "You are signed in"
    assert await who(service, Browser(client=service, cookies={SESSION: before})) == ["UNAUTHENTICATED"]
    events = [
        (event.name, event.outcome, event.principal_arn)
        for event in await service.events(transport="BROWSER")
        if event.name != "ListAssumableRoles"
    ]
    begun, back = ("BeginOidcSignIn", None), ("FinishOidcSignIn", corp.arn)
    signed_in, out = ("SignInWithWebIdentity", corp.arn), ("SignOut", as_role("dev"))
    wanted = [out, signed_in, back, begun, signed_in, back, begun]
    assert events == [(name, EventOutcome.SUCCEEDED, arn) for name, arn in wanted]
    assert all(SECRET not in str(event) for event in await service.events())


async def test_a_person_chooses_among_roles(service: Service, browser: Browser, corp: Corp) -> None:
    await roles(service, corp, dev=trusts(corp), ops=trusts(corp), others=trusts(corp, sub="u-2"))
    page = await signs_in(browser, corp, "?next=/graphiql")
    action = f"/sso/oidc/{corp.id}/roles"
    assert (page.status, page.title, offered(page)) == (200, "Choose a role", ["dev", "ops"])
    assert "u-1" in page.text and SESSION not in browser.cookies
    before = await sessions(service)
    for wrong in ({"role": role("others"), "duration": "3600"}, {"role": role("ops"), "duration": "7200"}, {}):
        again = await browser.send(page, action, **wrong)
        assert (again.status, again.title) == (400, "Choose a role") and again.problem, wrong
    stranger = Browser(client=service)
    own = await stranger.get("/signin")
    stolen = {"choice": page.form(action)[1]["choice"], "role": role("ops"), "duration": "3600"}
    token = {"form_token": own.form()[1]["form_token"]}
    assert (await stranger.post(action, {**stolen, **token}, {"Origin": stranger.origin})).status == 403
    assert await sessions(service) == before
    done = await browser.send(page, action, role=role("ops"), duration="3600")
    assert (done.status, done.path) == (200, "/graphiql") and await who(service, browser) == as_role("ops")


async def test_rules_offer_and_roles_agree(service: Service, browser: Browser, corp: Corp) -> None:
    """Both must say yes; who is told no is told who they are, and the history why."""
    await roles(service, corp, others=trusts(corp, sub="u-2"), mfa=trusts(corp, Null={f"{corp.name}:amr": "false"}))
    await service.good("createRole", {"roleName": "dev", "assumeRolePolicyDocument": trusts(corp)})
    before = await sessions(service)
    page = await signs_in(browser, corp)
    assert (page.status, page.problem) == (403, f"{corp.name} says that you are u-1, and there is no role for you.")
    assert "<button" not in page.text and await sessions(service) == before
    corp.person |= {"amr": ["pwd", "otp"]}
    await signs_in(browser, corp)
    assert await who(service, browser) == as_role("mfa")
    strict = {"Bool": {"authn.mfa": "true"}, "ForAnyValue:StringEquals": {"claims.groups": "devs"}}
    await offers(service, corp, {"if": strict, "roles": [role("dev"), role("nowhere")]})
    corp.person |= {"groups": ["devs"]}
    before = await sessions(service)
    assert (await signs_in(browser, corp)).status == 403
    put = {"openIdConnectProviderArn": corp.arn, "clientId": CLIENT, "clientSecret": SECRET, "mfaValues": ["otp"]}
    await service.good("putOpenIDConnectClient", put)
    assert (await signs_in(browser, corp)).title == "You are signed in"
    await service.good("deleteMappingRules", {"providerArn": corp.arn})
    assert (await signs_in(Browser(client=service), corp)).status == 403
    why = [event.error_message for event in await service.events(name="FinishOidcSignIn", outcome=EventOutcome.DENIED)]
    assert "it has no rules that offer one" in why[0]
    assert "rule rule 0: authn.mfa is" in why[1]
    assert "User" not in why[2] and role("others") in why[2] and role("mfa") in why[2]


async def test_an_offer_has_tags_and_a_time(service: Service, browser: Browser, corp: Corp) -> None:
    trusted = json.loads(trusts(corp))
    trusted["Statement"][0]["Action"] = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    await service.good("createRole", {"roleName": "dev", "assumeRolePolicyDocument": json.dumps(trusted)})
    await service.good("createRole", {"roleName": "untagged", "assumeRolePolicyDocument": trusts(corp)})
    tagged = {"roles": [role("dev"), role("untagged")], "tags": {"team": "=claims.department"}, "max_session": 900}
    await offers(service, corp, tagged)
    corp.person |= {"department": "platform"}
    assert (await signs_in(browser, corp)).title == "You are signed in"
    async with service.database.reading() as data:
        found = await data.sessions.by_token(token_hash(browser.cookies[SESSION]))
    assert found is not None and found.session.arn == as_role("dev")
    assert found.session.tags == (Tag(key="team", value="platform"),)
    assert found.session.expires_at - found.session.issued_at == timedelta(seconds=900)


async def test_what_is_not_offered_any_more_is_refused(service: Service, browser: Browser, corp: Corp) -> None:
    await roles(service, corp, dev=trusts(corp), ops=trusts(corp))
    page = await signs_in(browser, corp)
    await offers(service, corp, {"roles": [role("ops")]})
    before = await sessions(service)
    action = f"/sso/oidc/{corp.id}/roles"
    refused = await browser.send(page, action, role=role("dev"), duration="3600")
    assert refused.status == 403 and await sessions(service) == before
    assert (await browser.send(page, action, role=role("ops"), duration="3600")).title == "You are signed in"


async def test_coming_back_is_worth_something_once_and_in_one_browser(
    service: Service, browser: Browser, corp: Corp
) -> None:
    await roles(service, corp, dev=trusts(corp))
    before = await sessions(service)

    async def refused(path: str, by: Browser = browser) -> str:
        page = await by.get(path)
        assert (page.status, page.title) == (403, "That did not work"), page.text
        assert SESSION not in by.cookies and await sessions(service) == before
        return page.problem or ""

    async def told_little(path: str) -> str:
        """The reason, which the history has, and the person has not."""
        shown = await refused(path)
        event = (await service.events(name="FinishOidcSignIn"))[0]
        assert shown == (
            f"{corp.name} has not signed you in here. Begin again; if that does not help, tell your administrator this id: "
            f"{event.request_id}."
        )
        return event.error_message or ""

    over = "this sign-in was not begun here, was finished already, or took too long"
    assert await refused(f"/sso/oidc/{corp.id}/callback?code=x&state=y") == over
    assert await refused(f"/sso/oidc/{corp.id}/callback") == over
    stranger = Browser(client=service)
    await stranger.get("/signin")
    back = corp.authorized(await sent(browser, corp))
    assert await refused(back, stranger) == "this sign-in was begun in another browser"
    # It is gone with that, for whom it was meant, too.
    assert await refused(back) == over
    back = corp.authorized(await sent(browser, corp))
    service.clock.ahead += timedelta(minutes=10)
    assert await refused(back) == over
    service.clock.ahead = timedelta()
    for answer, why in (
        ({"iss": "https://evil.example"}, "another provider's"),
        ({"iss": ""}, "another provider's"),
        ({"code": "", "error": "access_denied"}, "access_denied"),
        ({"code": ""}, "has no code"),
        ({"code": "made-up"}, "gave no token"),
    ):
        corp.answer = answer
        assert why in await told_little(corp.authorized(await sent(browser, corp))), answer
    corp.answer = {"code": "", "error": "a\nb"}
    assert "must match" in await refused(corp.authorized(await sent(browser, corp)))
    corp.answer = {}
    # Somebody else's code is good for their verifier alone.
    theirs = URL(corp.authorized(await sent(stranger, corp))).query["code"]
    corp.answer = {"code": theirs}
    assert "gave no token" in await told_little(corp.authorized(await sent(browser, corp)))
    corp.answer = {}
    for person, why in (
        ({"nonce": "another"}, "nonce"),
        ({"aud": "other"}, "audience"),
        ({"aud": [CLIENT, "other"], "azp": CLIENT}, "audience"),
        ({"iss": "https://evil.example"}, "not by who was asked"),
        ({"exp": int(time.time()) - 90}, "expired"),
    ):
        corp.person = {"sub": "u-1", **person}
        assert why in await told_little(corp.authorized(await sent(browser, corp))), person
    assert (await browser.get(f"/sso/oidc/{'0' * 32}/login")).status == 403
    assert (await browser.get("/sso/oidc/nonsense/login")).status == 404


async def test_who_only_makes_work_is_throttled(service: Service, browser: Browser, corp: Corp) -> None:
    """Who signs in is not counted: a whole house may come from one address."""
    await roles(service, corp, dev=trusts(corp))
    counted = web_identity_limit(address="127.0.0.1", known_as=None)
    async with service.database.writing() as data:
        for _ in range(counted.attempts - 1):
            await data.throttles.attempt(counted.key, service.clock(), WINDOW)
    for _ in range(3):
        assert (await signs_in(browser, corp)).title == "You are signed in"
    assert (await browser.get(f"/sso/oidc/{corp.id}/callback?state=made-up")).status == 403
    for path in ("callback?state=made-up", "login"):
        page = await browser.get(f"/sso/oidc/{corp.id}/{path}")
        assert page.status == 429 and int(page.headers["Retry-After"]) > 0


async def test_an_answer_of_one_provider_is_none_of_another(service: Service, browser: Browser, corp: Corp) -> None:
    async with corporation() as evil:
        await employed(service, evil)
        await roles(service, corp, dev=trusts(corp))
        back = corp.authorized(await sent(browser, corp)).replace(corp.id, evil.id)
        assert (await browser.get(back)).problem == "this sign-in was begun with another provider"


async def test_a_client_without_a_secret(service: Service, browser: Browser) -> None:
    async with corporation() as corp:
        corp.secret = None
        await employed(service, corp)
        await roles(service, corp, dev=trusts(corp))
        assert (await signs_in(browser, corp)).title == "You are signed in"


async def test_a_provider_that_is_away(service: Service, browser: Browser, corp: Corp) -> None:
    corp.is_down = True
    page = await browser.get(f"/sso/oidc/{corp.id}/login")
    assert page.title == "That did not work"
    assert (page.problem or "").startswith(f"{corp.name} does not answer as it should.")
    (event,) = await service.events(name="BeginOidcSignIn")
    assert "503" in event.error_message and event.request_id in (page.problem or "")


async def test_who_signs_out_is_told_where_else_to(service: Service, browser: Browser, corp: Corp) -> None:
    await roles(service, corp, dev=trusts(corp))
    page = await signs_in(browser, corp)
    page = await browser.send(page, "/sso/sign-out")
    assert page.title == "You are signed out" and SESSION not in browser.cookies
    (link,) = [part.split('"')[0] for part in page.text.split('class="button" href="')[1:]]
    url = URL(link.replace("&amp;", "&"))
    assert str(url.with_query(None)) == f"{corp.issuer}/logout"
    assert url.query["client_id"] == CLIENT and url.query["id_token_hint"].count(".") == 2
    assert url.query["post_logout_redirect_uri"] == f"{PUBLIC_URL}/sso/signed-out"


async def told(service: Service, corp: Corp, token: str, **more: Any) -> tuple[int, str | None]:
    url = str(URL(service.url).with_path(f"/sso/oidc/{corp.id}/backchannel-logout"))
    async with service.http.post(url, data={"logout_token": token}, **more) as answer:
        return answer.status, answer.headers.get("Cache-Control")


async def test_a_provider_ends_sessions(service: Service, browser: Browser, corp: Corp) -> None:
    """With all that was chained from them; those of one of its sign-ins, or all of a person's."""
    await roles(service, corp, dev=trusts(corp), chained=trust(f"arn:aws:iam::{ACCOUNT}:root"))
    own = {"roleName": "dev", "policyName": "own", "policyDocument": allow("sts:AssumeRole")}
    await service.good("putRolePolicy", own)
    desk, phone, other = browser, Browser(client=service), Browser(client=service)
    for one, person in ((desk, {"sid": "s-1"}), (phone, {"sid": "s-2"}), (other, {"sid": "s-3"})):
        corp.person |= person
        await signs_in(one, corp)
    page = await desk.get("/sso/roles")
    page = await desk.send(page, "/sso/roles", role=role("chained"), duration="900", credentials="1")
    key = credentials_of(page, service)

    async def alive() -> list[bool]:
        people = [await who(service, one) == as_role("dev") for one in (desk, phone, other)]
        return [(await key.ask("GetCallerIdentity", "sts")).status == 200, *people]

    assert await alive() == [True] * 4
    for token in (
        corp.logout_token(sid="s-1", aud="other"),
        corp.logout_token(sid="s-1", iss="https://evil.example"),
        corp.logout_token(sid="s-1", iat=int(time.time()) - 400),
        corp.logout_token(sid="s-1", nonce="n"),
        corp.logout_token(sid="s-1", events={}),
        corp.logout_token(sid="s-1", jti=None),
        corp.logout_token(),
        corp.token(aud=CLIENT, sid="s-1", jti="j"),
        corp.logout_token(sid="s-1")[:-4] + "AAAA",
        "nonsense",
    ):
        assert await told(service, corp, token) == (400, "no-store")
    assert await alive() == [True] * 4
    once = corp.logout_token(sid="s-1")
    assert await told(service, corp, once) == (200, "no-store")
    assert await alive() == [False, False, True, True]
    assert await told(service, corp, once) == (400, "no-store")
    assert await told(service, corp, corp.logout_token(sid="s-1")) == (200, "no-store")
    assert await told(service, corp, corp.logout_token(sub="u-2")) == (200, "no-store")
    assert await alive() == [False, False, True, True]
    assert await told(service, corp, corp.logout_token(header={"typ": "JWT"}, sub="u-1")) == (200, "no-store")
    assert await alive() == [False] * 4


async def test_a_client_that_is_gone_signs_nobody_in(service: Service, browser: Browser, corp: Corp) -> None:
    await roles(service, corp, dev=trusts(corp))
    back = corp.authorized(await sent(browser, corp))
    await service.good("deleteOpenIDConnectClient", {"openIdConnectProviderArn": corp.arn})
    assert (await browser.get(back)).status == 403
    assert (await browser.get(f"/sso/oidc/{corp.id}/login")).problem == (
        "There is no such identity provider to sign in with."
    )


async def test_an_attempt_that_proves_nothing_is_kept_with_its_reason(
    service: Service, browser: Browser, corp: Corp
) -> None:
    await roles(service, corp, dev=trusts(corp))
    await signs_in(browser, corp)
    assert (await browser.get(f"/sso/oidc/{corp.id}/callback?state=made-up&code=x")).status == 403
    query = "{ resource(arn: %s) { ... on OidcProvider { signInAttempts(first: 9) { nodes { outcome reason subject } } } } }"
    found = await service.ask(query % json.dumps(corp.arn), await service.root())
    strange = "this sign-in was not begun here, was finished already, or took too long"
    assert [(one["outcome"], one["reason"], one["subject"]) for one in found.only()["signInAttempts"]["nodes"]] == [
        ("FAILED", strange, None),
        ("SUCCEEDED", None, "u-1"),
        ("SUCCEEDED", None, "u-1"),
    ]
