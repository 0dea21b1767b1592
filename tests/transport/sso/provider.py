"""An OpenID Connect provider at which people sign in. It holds its clients to the protocol: secret, PKCE, redirect URI,
and a code that is good once."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from ...identity_provider import IdentityProvider
from ...service import Service
from .browser import Browser, Page

CLIENT, SECRET = "iamgraph client", "s3cret/+:%"
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Corp(IdentityProvider):
    """`person` is what its tokens say of whoever signs in; `answer` changes what comes back to the client."""

    person: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "preferred_username": "Ann Example"})
    secret: str | None = SECRET
    answer: dict[str, str] = field(default_factory=dict)
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    id: str = ""
    arn: str = ""
    """Those of the provider in the account."""

    def authorized(self, url: str) -> str:
        """Where somebody is sent back to who signs in when they come with this URL."""
        asked = URL(url)
        assert str(asked.with_query(None)) == f"{self.issuer}/authorize"
        query = dict(asked.query)
        assert query["response_type"] == "code" and query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.issuer, **self.answer}
        return str(URL(query["redirect_uri"]).with_query({k: v for k, v in back.items() if v}).relative())

    async def authorization_endpoint(self, request: web.Request) -> web.Response:
        """Who comes is signed in already."""
        back = self.authorized(str(request.url))
        raise web.HTTPFound(URL(request.query["redirect_uri"]).join(URL(back)))

    async def token_endpoint(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        given = request.headers.get("Authorization", "")
        if self.secret is not None:
            client_id, _, secret = base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")
            known = (unquote_plus(client_id), unquote_plus(secret)) == (CLIENT, self.secret)
        else:
            known = not given and form.get("client_id") == CLIENT
        asked = self.codes.pop(str(form.get("code")), None)
        challenge = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        if (
            not known
            or asked is None
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        claims = {"aud": CLIENT, "nonce": asked["nonce"], **self.person}
        return web.json_response({"access_token": "unused", "token_type": "Bearer", "id_token": self.token(**claims)})

    def logout_token(self, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        claims = {
            "aud": CLIENT,
            "sub": None,
            "exp": int(time.time()) + 120,
            "jti": secrets.token_urlsafe(),
            "events": {LOGOUT: {}},
            **changes,
        }
        return self.token(header={"typ": "logout+jwt", **(header or {})}, **claims)


@asynccontextmanager
async def corporation() -> AsyncIterator[Corp]:
    corp = Corp()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", corp._answer)
    app.router.add_get("/jwks", corp._answer)
    app.router.add_get("/authorize", corp.authorization_endpoint)
    app.router.add_post("/token", corp.token_endpoint)
    async with TestServer(app) as server:
        corp.issuer = f"http://127.0.0.1:{server.port}"
        corp.discovery = {
            "authorization_endpoint": f"{corp.issuer}/authorize",
            "token_endpoint": f"{corp.issuer}/token",
            "end_session_endpoint": f"{corp.issuer}/logout",
            "authorization_response_iss_parameter_supported": True,
        }
        yield corp


async def employed(service: Service, corp: Corp) -> Corp:
    """The account trusts the provider, and people sign in with it."""
    made = await service.good(
        "createOpenIDConnectProvider",
        {"url": corp.issuer, "clientIdList": [CLIENT]},
        "oidcProvider { arn }",
    )
    corp.arn = made["oidcProvider"]["arn"]
    put = {"openIdConnectProviderArn": corp.arn, "clientId": CLIENT, "scopes": ["profile"]}
    if corp.secret is not None:
        put["clientSecret"] = corp.secret
    client = (await service.good("putOpenIDConnectClient", put, "oidcClient { loginUrl }"))["oidcClient"]
    corp.id = URL(client["loginUrl"]).parts[3]
    return corp


async def offers(service: Service, corp: Corp, *rules: Mapping[str, Any]) -> None:
    """Give the provider these rules."""
    named = [{"name": f"rule {number}", **rule} for number, rule in enumerate(rules)]
    await service.good("putMappingRules", {"providerArn": corp.arn, "rules": json.dumps(named)})


def trusts(corp: Corp, sub: str = "u-1", **condition: Any) -> str:
    """A trust policy for one person at the provider."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": corp.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{corp.name}:aud": CLIENT, f"{corp.name}:sub": sub}, **condition},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


async def sent(browser: Browser, corp: Corp, query: str = "") -> str:
    """Where the browser is sent that wants to sign in with the provider."""
    page = await browser.get(f"/sso/oidc/{corp.id}/login{query}")
    assert page.status == 302, page.text
    return page.headers["Location"]


async def signs_in(browser: Browser, corp: Corp, query: str = "") -> Page:
    """There, and back again."""
    return await browser.get(corp.authorized(await sent(browser, corp, query)))
