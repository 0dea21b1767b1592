"""OpenID Connect providers: each account's own, with AWS's quotas, and a URL that is kept byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from iamgraph.domain.limits import Quotas

from ..databases import STORES, fresh
from ..service import Service, allow, served
from .asking import OTHER, account, arn, other_root, refused

URL = "https://idp.example.com/app/x/"
ARN = arn("oidc-provider/idp.example.com/app/x/")
PROVIDER = {"openIdConnectProviderArn": ARN}
WHOLE = "id arn url clientIds thumbprints createdAt tags { key value } account { accountId }"


async def create(service: Service, url: str = URL, token: str | None = None, **more: Any) -> Any:
    done = await service.good("createOpenIDConnectProvider", {"url": url, **more}, f"oidcProvider {{ {WHOLE} }}", token)
    return done["oidcProvider"]


async def read(service: Service, token: str | None = None) -> Any:
    query = f'{{ resource(arn: "{ARN}") {{ ... on OidcProvider {{ {WHOLE} }} }} }}'
    return await service.ask(query, token or await service.root())


async def test_a_provider_from_its_making_to_its_end(service: Service) -> None:
    more = {
        "clientIdList": ["web", "app", "web"],
        "thumbprintList": ["A" * 40],
        "tags": [{"key": "Team", "value": "a"}],
    }
    made = await create(service, **more)
    assert {key: made[key] for key in ("arn", "url", "clientIds", "thumbprints", "tags")} == {
        "arn": ARN, "url": URL, "clientIds": ["web", "app"], "thumbprints": ["A" * 40],
        "tags": [{"key": "Team", "value": "a"}],
    }  # fmt: skip
    assert (await read(service)).only() == made
    await service.good("addClientIDToOpenIDConnectProvider", {**PROVIDER, "clientId": "cli"})
    await service.good("removeClientIDFromOpenIDConnectProvider", {**PROVIDER, "clientId": "web"})
    await service.good("removeClientIDFromOpenIDConnectProvider", {**PROVIDER, "clientId": "none"})
    await service.good("updateOpenIDConnectProviderThumbprint", {**PROVIDER, "thumbprintList": []})
    await service.good("tagOpenIDConnectProvider", {**PROVIDER, "tags": [{"key": "team", "value": "b"}]})
    found = (await read(service)).only()
    assert (found["clientIds"], found["thumbprints"]) == (["app", "cli"], [])
    assert found["tags"] == [{"key": "team", "value": "b"}]
    await service.good("untagOpenIDConnectProvider", {**PROVIDER, "tagKeys": ["TEAM"]})
    gone = await service.good("deleteOpenIDConnectProvider", PROVIDER, "deletedOidcProviderId")
    assert gone["deletedOidcProviderId"] == made["id"]
    assert (await read(service)).only() is None
    for mutation, more in (
        ("deleteOpenIDConnectProvider", {}),
        ("addClientIDToOpenIDConnectProvider", {"clientId": "a"}),
    ):
        error = await refused(service, mutation, {**PROVIDER, **more}, "NoSuchEntityError")
        assert error["message"] == f"OpenIDConnect Provider not found for arn {ARN}"
    # Made again it is another one, with nothing of the old.
    again = await create(service)
    assert again["id"] != made["id"] and (again["clientIds"], again["tags"]) == ([], [])


async def test_a_list_says_no_more_than_arns(service: Service) -> None:
    await create(service, clientIdList=["web"])
    await create(service, "https://a.example.com")
    names = [arn("oidc-provider/a.example.com"), ARN]
    found = await account(service, "oidcProviders { arn url }")
    urls = ["https://a.example.com", URL]
    assert found["oidcProviders"] == [{"arn": arn, "url": url} for arn, url in zip(names, urls, strict=True)]
    lister = await service.user("lister", allow("iam:ListOpenIDConnectProviders"))
    query = '{ account(by: { id: "111122223333" }) { oidcProviders { arn url createdAt clientIds tags { key } } } }'
    reply = await service.ask(query, lister)
    nothing = {"url": None, "createdAt": None, "clientIds": None, "tags": None}
    assert reply.only()["oidcProviders"] == [{"arn": name, **nothing} for name in names]
    assert set(reply.codes) == {"ACCESS_DENIED"}


async def test_accounts_do_not_meet(service: Service) -> None:
    await create(service, clientIdList=["web"])
    theirs = await other_root(service)
    made = await create(service, token=theirs)
    assert made["arn"] == arn("oidc-provider/idp.example.com/app/x/", OTHER)
    assert (await read(service, theirs)).codes == ["ACCESS_DENIED"]
    await service.good("deleteOpenIDConnectProvider", {"openIdConnectProviderArn": made["arn"]}, token=theirs)
    for mutation, more in (
        ("deleteOpenIDConnectProvider", {}),
        ("addClientIDToOpenIDConnectProvider", {"clientId": "a"}),
    ):
        await refused(service, mutation, {**PROVIDER, **more}, "AccessDeniedError", token=theirs)


async def test_what_is_refused(service: Service) -> None:
    await create(service)
    create_ = "createOpenIDConnectProvider"
    for same in (URL, URL.upper().replace("HTTPS", "https"), URL.replace("/app/", "/APP/")):
        error = await refused(service, create_, {"url": same}, "EntityAlreadyExistsError")
        assert error["message"] == f"Provider with url {same} already exists."
    for url in ("https://idp.example.com/?a=b", "http://idp.example.com", "https://" + "a" * 250):
        error = await refused(service, create_, {"url": url}, "InvalidInputError", "field")
        assert error["field"] == "url"
    fresh_ = {"url": "https://b.example.com"}
    for more, field in (
        ({"thumbprintList": ["0" * 39]}, "thumbprintList"),
        ({"thumbprintList": ["g" * 40]}, "thumbprintList"),
        ({"clientIdList": [""]}, "clientIdList"),
        ({"clientIdList": ["a" * 256]}, "clientIdList"),
        ({"tags": [{"key": "a", "value": ""}, {"key": "A", "value": ""}]}, "tags"),
    ):
        error = await refused(service, create_, {**fresh_, **more}, "InvalidInputError", "field")
        assert error["field"] == field
    error = await refused(service, create_, {**fresh_, "thumbprintList": ["0" * 40] * 6}, "LimitExceededError", "limit")
    assert error["limit"] == 5


@pytest.fixture(params=STORES)
async def tight(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    quotas = Quotas(oidc_providers_per_account=2, client_ids_per_oidc_provider=2)
    async with fresh(request.param, tmp_path) as url, served(url, tmp_path, quotas=quotas) as made:
        yield made


async def test_quotas(tight: Service) -> None:
    await create(tight, clientIdList=["a", "b", "a"])
    await create(tight, "https://b.example.com")
    third = {"url": "https://c.example.com"}
    error = await refused(tight, "createOpenIDConnectProvider", third, "LimitExceededError", "limit")
    assert (error["message"], error["limit"]) == ("Cannot exceed quota for OpenIdConnectProvidersPerAccount: 2", 2)
    await tight.good("addClientIDToOpenIDConnectProvider", {**PROVIDER, "clientId": "b"})
    add = {**PROVIDER, "clientId": "c"}
    error = await refused(tight, "addClientIDToOpenIDConnectProvider", add, "LimitExceededError")
    assert error["message"] == "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 2"
    await tight.good("deleteOpenIDConnectProvider", {"openIdConnectProviderArn": arn("oidc-provider/b.example.com")})
    many = {**third, "clientIdList": ["a", "b", "c"]}
    await refused(tight, "createOpenIDConnectProvider", many, "LimitExceededError")
    await create(tight, third["url"])
