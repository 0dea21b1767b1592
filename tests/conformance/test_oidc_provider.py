"""Signing in with a real OpenID Connect provider, panva's oidc-provider, each side in a process of its own: there and back,
over a change of its key, and out again from either side."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from yarl import URL

from ..databases import fresh
from ..processes import Server
from ..service import ACCOUNT, Client

FOLDER = Path(__file__).with_name("oidc-provider")
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules").is_dir(),
    reason="needs Node.js, and once `npm ci` in tests/conformance/oidc-provider",
)
CLIENT, SECRET = "iamgraph", "a secret with % and : in it, long enough"
_FORM = re.compile("<form([^>]*)>(.*?)</form>", re.S)
_FIELD = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')


@asynccontextmanager
async def provider() -> AsyncIterator[URL]:
    process = await asyncio.create_subprocess_exec("node", "provider.mjs", cwd=FOLDER, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None and process.stderr is not None
    try:
        issuer = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
        assert issuer, (await process.stderr.read()).decode()
        yield URL(issuer)
    finally:
        process.kill()
        await process.communicate()


@dataclass
class Browser:
    """Somebody's: it follows redirects from one side to the other, and sends the forms that it is shown."""

    http: ClientSession
    url: URL = field(default_factory=URL)
    text: str = ""

    @property
    def title(self) -> str:
        found = re.search("<h1>(.*?)</h1>", self.text)
        return unescape(found[1]) if found else ""

    async def go(self, url: URL, form: dict[str, str] | None = None) -> None:
        headers = {} if form is None else {"Origin": str(url.origin())}
        async with self.http.request("GET" if form is None else "POST", url, data=form, headers=headers) as answer:
            self.url, self.text = answer.url, await answer.text()

    async def send(self, action: str | None = None, **typed: str) -> None:
        """Send the form with that action, or the first there is."""
        forms = [(re.findall(' action="([^"]*)"', head), body) for head, body in _FORM.findall(self.text)]
        to, body = next(((to, body) for to, body in forms if action is None or action in "".join(to)), ([], ""))
        assert body, self.text
        hidden = {name: unescape(value) for name, value in _FIELD.findall(body)}
        await self.go(self.url.join(URL(unescape("".join(to)))), hidden | typed)

    async def signs_in(self, login: URL, name: str) -> None:
        """Go to the provider, say who one is, agree, and come back."""
        await self.go(login)
        await self.send(login=name, password="any")
        if 'name="prompt" value="consent"' in self.text:
            await self.send()


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        yield Browser(http=http)


@dataclass
class Company:
    """A server whose account trusts the provider: it offers `dev` to everybody in `eng` and `ops` to those in `ops`, and the
    roles trust alice and bob."""

    client: Client
    issuer: URL
    login: URL

    async def sessions(self) -> dict[str, str]:
        """Whom the live sessions are of, by the role."""
        query = (
            f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ roles(first: 9) {{ nodes {{ name sessions(first: 9) {{ nodes '
            "{ federation { subject } } } } } } }"
        )
        reply = await self.client.ask(query, await self.client.root())
        return {
            role["name"]: " ".join(one["federation"]["subject"] for one in role["sessions"]["nodes"])
            for role in reply.only()["roles"]["nodes"]
        }

    async def ended(self, role: str) -> None:
        """Wait until the role has no session: the provider says so a moment later."""
        for _ in range(250):
            if not (await self.sessions())[role]:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"the session of {role} did not end")


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with fresh("sqlite", tmp_path) as url, provider() as issuer, ClientSession() as http:
        server = Server(url, tmp_path)
        async with server.running():
            client = Client(url=server.url, http=http)
            made = await client.good(
                "createOpenIDConnectProvider",
                {"url": str(issuer).rstrip("/"), "clientIdList": [CLIENT]},
                "oidcProvider { arn }",
            )
            arn = made["oidcProvider"]["arn"]
            put = {
                "openIdConnectProviderArn": arn,
                "clientId": CLIENT,
                "clientSecret": SECRET,
                "scopes": ["email", "groups"],
            }
            fields = "oidcClient { loginUrl redirectUri backchannelLogoutUri postLogoutRedirectUri }"
            ours = (await client.good("putOpenIDConnectClient", put, fields))["oidcClient"]
            registration = {
                "client_id": CLIENT,
                "client_secret": SECRET,
                "redirect_uris": [ours["redirectUri"]],
                "post_logout_redirect_uris": [ours["postLogoutRedirectUri"]],
                "backchannel_logout_uri": ours["backchannelLogoutUri"],
                "backchannel_logout_session_required": True,
            }
            async with http.post(issuer / "_test/client", json=registration) as answer:
                assert answer.status == 200
            await roles(client, arn)
            yield Company(client=client, issuer=issuer, login=URL(ours["loginUrl"]))


async def roles(client: Client, arn: str) -> None:
    name = arn.partition(":oidc-provider/")[2]
    people = {f"{name}:aud": CLIENT, f"{name}:sub": ["alice", "bob"]}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": people},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
    for role in ("dev", "ops"):
        await client.good("createRole", {"roleName": role, "assumeRolePolicyDocument": trust})
    rules = [
        {
            "name": role,
            "if": {"ForAnyValue:StringEquals": {"claims.groups": group}},
            "roles": [f"arn:aws:iam::{ACCOUNT}:role/{role}"],
        }
        for role, group in (("dev", "eng"), ("ops", "ops"))
    ]
    await client.good("putMappingRules", {"providerArn": arn, "rules": json.dumps(rules)})


async def test_people_sign_in_and_out(company: Company) -> None:
    async with browsing() as bob, browsing() as alice, browsing() as mallory:
        await bob.signs_in(company.login, "bob")
        assert bob.title == "You are signed in" and "assumed-role/dev/" in bob.text, bob.text
        assert await company.sessions() == {"dev": "bob", "ops": ""}
        # Who signs out at the provider is signed out here, by its word.
        await bob.go(company.issuer / "session/end")
        await bob.send(logout="yes")
        await company.ended("dev")
        await bob.go(company.login.with_path("/sso/session"))
        assert bob.title != "You are signed in"

        # The provider signs with another key from now on, which this server has not seen.
        async with company.client.http.post(company.issuer / "_test/rotate") as answer:
            assert answer.status == 200
        await alice.signs_in(company.login, "alice")
        await alice.send("/roles", role=f"arn:aws:iam::{ACCOUNT}:role/ops", duration="900")
        assert alice.title == "You are signed in" and "assumed-role/ops/" in alice.text, alice.text
        # Whose address somebody claims to have makes nobody that one.
        await mallory.signs_in(company.login, "mallory")
        assert "there is no role for you" in unescape(mallory.text), mallory.text
        assert await company.sessions() == {"dev": "", "ops": "alice"}

        # Who signs out here is shown the way to do so there, and comes back.
        await alice.send("/sso/sign-out")
        (link,) = re.findall(rf'href="({re.escape(str(company.issuer))}[^"]*)"', alice.text)
        await alice.go(URL(unescape(link)))
        await alice.send(logout="yes")
        assert alice.url.path == "/sso/signed-out"
        assert await company.sessions() == {"dev": "", "ops": ""}
        await alice.go(company.login)
        assert 'name="login"' in alice.text
