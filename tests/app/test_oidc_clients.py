"""As which client people sign in with a provider: one for each provider, with a secret that nobody sees again."""

from __future__ import annotations

from typing import Any

from ..service import PUBLIC_URL, Service, allow
from .asking import arn

URL, SECRET = "https://idp.example.com", "a-client-s3cret"
ARN = arn("oidc-provider/idp.example.com")
PROVIDER = {"openIdConnectProviderArn": ARN}
WHOLE = "clientId isConfidential scopes loginUrl redirectUri backchannelLogoutUri postLogoutRedirectUri"


async def read(service: Service, token: str | None = None) -> Any:
    query = f'{{ resource(arn: "{ARN}") {{ ... on OidcProvider {{ client {{ {WHOLE} }} }} }} }}'
    return await service.ask(query, token or await service.root())


async def test_a_client_from_its_making_to_its_end(service: Service) -> None:
    made = await service.good(
        "createOpenIDConnectProvider", {"url": URL, "clientIdList": ["web", "cli"]}, "oidcProvider { id }"
    )
    assert (await read(service)).only() == {"client": None}
    put = {**PROVIDER, "clientId": "web", "clientSecret": SECRET, "scopes": ["email", "openid"]}
    client = (await service.good("putOpenIDConnectClient", put, f"oidcClient {{ {WHOLE} }}"))["oidcClient"]
    base = client["loginUrl"].removesuffix("/login")
    assert base.startswith(f"{PUBLIC_URL}/sso/oidc/")
    assert client == {
        "clientId": "web",
        "isConfidential": True,
        "scopes": ["openid", "email"],
        "loginUrl": f"{base}/login",
        "redirectUri": f"{base}/callback",
        "backchannelLogoutUri": f"{base}/backchannel-logout",
        "postLogoutRedirectUri": f"{PUBLIC_URL}/sso/signed-out",
    }
    assert (await read(service)).only() == {"client": client}
    before = await service.snapshot()
    for wrong in (
        {"clientId": "other"},
        {"clientId": "web", "scopes": ["a b"]},
        {"clientId": "web", "clientSecret": ""},
    ):
        done = await service.do("putOpenIDConnectClient", {**PROVIDER, **wrong}, token=await service.root())
        assert done["__typename"] == "InvalidInputError", done
    assert await service.snapshot() == before
    public = await service.good("putOpenIDConnectClient", {**PROVIDER, "clientId": "cli"}, f"oidcClient {{ {WHOLE} }}")
    assert public["oidcClient"] == client | {"clientId": "cli", "isConfidential": False, "scopes": ["openid"]}
    gone = await service.good("deleteOpenIDConnectClient", PROVIDER, "oidcProviderId")
    assert gone["oidcProviderId"] == made["oidcProvider"]["id"]
    assert (await read(service)).only() == {"client": None}
    again = await service.do("deleteOpenIDConnectClient", PROVIDER, token=await service.root())
    assert again["__typename"] == "NoSuchEntityError"
    stored = str(await service.snapshot()) + str(await service.events())
    assert SECRET not in stored


async def test_it_takes_a_permission_of_its_own(service: Service) -> None:
    await service.good("createOpenIDConnectProvider", {"url": URL, "clientIdList": ["web"]})
    await service.good("putOpenIDConnectClient", {**PROVIDER, "clientId": "web"})
    token = await service.user("reader", allow("iam:GetOpenIDConnectProvider"))
    reply = await read(service, token)
    assert reply.only() == {"client": None} and reply.codes == ["ACCESS_DENIED"]
