"""Signing in with a certified OpenID Connect provider, panva's oidc-provider: there and back, over a change of its key, and
out again from either side, at two processes on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession
from demo.company import Account, people
from demo.identity_provider import FOLDER, IdentityProvider, Person, issuer, providing
from demo.programs import free_port
from yarl import URL

from ..databases import fresh
from ..processes import Server
from ..service import ACCOUNT, ROOT_PASSWORD, Client, allow
from ..transport.sso.browser import credentials_of
from ..visitor import Shown, Visitor, visiting
from .program import needed

MISSING = "needs Node.js, and once `npm ci` in demo/idp"
SECRET = "a secret with % and : in it, long enough"
WHO = people() | {
    "lena": Person(password="lena's", code="123456", claims={"preferred_username": "lena", "groups": ["devs", "ops"]}),
    "mallory": Person(
        password="mallory's", claims={"email": "ann@corp.example", "email_verified": False, "groups": ["Devs"]}
    ),
}


@dataclass(kw_only=True)
class Company:
    """Two servers with one public address, `here`, and the provider that the account trusts."""

    one: Client
    other: Client
    here: URL
    login: str
    provider: IdentityProvider
    logout: str

    async def sign_in(self, visitor: Visitor, name: str, *, code: str | None = None) -> Shown:
        page = await visitor.get(self.login)
        assert page.title == "Corporate login"
        return await visitor.send(page, user=name, password=WHO[name].password, code=code or "")

    async def log_out(self, visitor: Visitor, url: str | None = None) -> Shown:
        """At the provider."""
        page = await visitor.get(url or self.logout)
        assert page.title == "Corporate logout", page.text
        return await visitor.send(page, logout="yes")

    async def role(self, visitor: Visitor) -> str | None:
        """The role and session that the visitor's cookie is for, at both processes; None for nobody."""
        servers = [self.one.url.removesuffix("/graphql"), self.other.url.removesuffix("/graphql")]
        first, second = [await visitor.query(server, "{ viewer { arn } }") for server in servers]
        assert first.get("data") == second.get("data")
        return None if "errors" in first else first["data"]["viewer"]["arn"].partition(":assumed-role/")[2]


@asynccontextmanager
async def company(folder: Path) -> AsyncIterator[Company]:
    needed(shutil.which("node") if (FOLDER / "node_modules").is_dir() else None, MISSING)
    port = free_port()
    async with fresh("postgres", folder) as url, AsyncExitStack() as stack:
        first = Server(url, folder)
        here = first.url.removesuffix("/graphql")
        second = Server(url, folder, IAMGRAPH_PUBLIC_URL=here)
        await asyncio.gather(*(stack.enter_async_context(server.running()) for server in (first, second)))
        http = await stack.enter_async_context(ClientSession())
        one, other = (Client(url=server.url, http=http) for server in (first, second))
        account = await Account.of_root(http, here, ROOT_PASSWORD)
        client, login = await account.trust(issuer(port), SECRET)
        provider = await stack.enter_async_context(providing(port, client, WHO, log=folder / "provider.log"))
        yield Company(
            one=one,
            other=other,
            here=URL(here),
            login=login,
            provider=provider,
            logout=f"{issuer(port)}/session/end",
        )


async def test_people_sign_in_and_out(tmp_path: Path) -> None:
    async with company(tmp_path) as corp:
        await _who_signs_out_there_is_out_here(corp)
        await corp.provider.rotate()
        await _roles_are_by_rules_and_trust(corp)
        await _who_signs_out_here_may_do_so_there(corp)


async def _who_signs_out_there_is_out_here(corp: Company) -> None:
    """With the keys that were chained from the sign-in, at the process that the provider does not speak to."""
    own = {"roleName": "Developer", "policyName": "chains", "policyDocument": allow("sts:AssumeRole")}
    await corp.one.good("putRolePolicy", own)
    trust = allow("sts:AssumeRole").replace('"Resource": "*"', f'"Principal": {{"AWS": "{ACCOUNT}"}}')
    await corp.one.good("createRole", {"roleName": "Chained", "assumeRolePolicyDocument": trust})
    async with visiting() as ann:
        page = await corp.sign_in(ann, "ann")
        assert (page.status, page.url, page.title) == (200, corp.here / "sso/session", "You are signed in")
        assert await corp.role(ann) == "Developer/ann"
        page = await ann.get(str(corp.here / "sso/roles"))
        role = f"arn:aws:iam::{ACCOUNT}:role/Chained"
        page = await ann.send(page, "/sso/roles", role=role, duration="900", credentials="1")
        key = credentials_of(page, corp.other)
        found = await key.ask("GetCallerIdentity", "sts")
        assert found.data["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Chained/ann"
        await corp.log_out(ann)
        assert (await key.ask("GetCallerIdentity", "sts")).code == "InvalidClientTokenId"
        assert await corp.role(ann) is None


async def _roles_are_by_rules_and_trust(corp: Company) -> None:
    async with visiting() as omar, visiting() as lena, visiting() as mallory:
        # Nobody is anybody by an address that they only claim to have, or by a name that is nearly a group's.
        page = await corp.sign_in(mallory, "mallory")
        assert page.status == 403 and "there is no role for you" in page.text and await corp.role(mallory) is None
        page = await corp.sign_in(omar, "omar")
        assert page.status == 403 and await corp.role(omar) is None
        page = await corp.sign_in(lena, "lena", code="123456")
        assert page.title == "Choose a role" and await corp.role(lena) is None
        page = await lena.send(page, role=f"arn:aws:iam::{ACCOUNT}:role/Operator", duration="900")
        assert page.title == "You are signed in" and await corp.role(lena) == "Operator/lena"


async def _who_signs_out_here_may_do_so_there(corp: Company) -> None:
    async with visiting() as omar:
        page = await corp.sign_in(omar, "omar", code=WHO["omar"].code)
        assert await corp.role(omar) == "Operator/omar"
        page = await omar.send(page, "/sso/sign-out")
        assert page.title == "You are signed out" and await corp.role(omar) is None
        # There they are logged in still.
        page = await omar.get(corp.login)
        assert page.title == "You are signed in"
        link = (await omar.send(page, "/sso/sign-out")).link("Sign out there, too")
        page = await corp.log_out(omar, link)
        assert (page.status, page.url.with_query(None)) == (200, corp.here / "sso/signed-out")
        assert (await omar.get(corp.login)).title == "Corporate login"
    # Who has the token alone has no role: each wants a tag that only the rules give.
    token = URL(link).query["id_token_hint"]
    asked = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/Operator", "roleSessionName": "omar", "webIdentityToken": token}
    assert (await corp.one.do("assumeRoleWithWebIdentity", asked))["code"] == "ACCESS_DENIED"
