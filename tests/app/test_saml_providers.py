"""SAML providers: each account's own, believed by their metadata, with keys that are sealed and never shown."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from iamgraph.app.saml_keys import private_key_context
from iamgraph.domain.limits import Quotas

from ..databases import STORES, fresh
from ..saml_idp import metadata, pair, sha256_of
from ..service import Service, allow, served
from .asking import OTHER, account, arn, other_root, refused

ARN, ISSUER = arn("saml-provider/Corp"), "https://idp.example.com/metadata"
PROVIDER = {"samlProviderArn": ARN}
DOCUMENT = metadata(ISSUER, pair("idp"), attributes=' validUntil="2099-01-01T00:00:00Z"')
END = "2099-01-01T00:00:00.000000Z"
PEM = pair("ours").key.decode()
WHOLE = (
    "id arn name uniqueId entityId certificates createdAt validUntil metadataXml assertionEncryptionMode "
    "privateKeys { keyId createdAt } tags { key value } account { accountId }"
)


async def create(service: Service, name: str = "Corp", token: str | None = None, **more: Any) -> Any:
    given = {"name": name, "samlMetadataDocument": DOCUMENT, **more}
    return (await service.good("createSAMLProvider", given, f"samlProvider {{ {WHOLE} }}", token))["samlProvider"]


async def read(service: Service, token: str | None = None) -> Any:
    query = f'{{ resource(arn: "{ARN}") {{ ... on SamlProvider {{ {WHOLE} }} }} }}'
    return await service.ask(query, token or await service.root())


async def test_a_provider_from_its_making_to_its_end(service: Service) -> None:
    made = await create(service, tags=[{"key": "Team", "value": "a"}])
    shown = {key: made[key] for key in made if key not in ("id", "uniqueId", "createdAt", "account")}
    assert shown == {
        "arn": ARN, "name": "Corp", "entityId": ISSUER, "certificates": [sha256_of(pair("idp"))],
        "validUntil": END, "metadataXml": DOCUMENT, "assertionEncryptionMode": None,
        "privateKeys": [], "tags": [{"key": "Team", "value": "a"}],
    }  # fmt: skip
    assert (await read(service)).only() == made
    new = metadata("urn:new", pair("old"), pair("new"))
    await service.good("updateSAMLProvider", {**PROVIDER, "samlMetadataDocument": new})
    await service.good("tagSAMLProvider", {**PROVIDER, "tags": [{"key": "team", "value": "b"}]})
    found = (await read(service)).only()
    assert (found["entityId"], found["validUntil"], found["metadataXml"]) == ("urn:new", None, new)
    assert found["certificates"] == [sha256_of(pair("old")), sha256_of(pair("new"))]
    assert (found["uniqueId"], found["tags"]) == (made["uniqueId"], [{"key": "team", "value": "b"}])
    await service.good("untagSAMLProvider", {**PROVIDER, "tagKeys": ["TEAM"]})
    gone = await service.good("deleteSAMLProvider", PROVIDER, "deletedSamlProviderId")
    assert gone["deletedSamlProviderId"] == made["id"]
    assert (await read(service)).only() is None
    for mutation in ("deleteSAMLProvider", "updateSAMLProvider"):
        error = await refused(service, mutation, PROVIDER, "NoSuchEntityError")
        assert error["message"] == f"Manifest not found for arn {ARN}"
    assert (await create(service))["uniqueId"] != made["uniqueId"]


async def test_private_keys_are_changed_one_by_one(service: Service) -> None:
    required = {"assertionEncryptionMode": "REQUIRED"}
    given = {"name": "Corp", "samlMetadataDocument": DOCUMENT, **required}
    error = await refused(service, "createSAMLProvider", given, "InvalidInputError", "field")
    assert error["field"] == "assertionEncryptionMode"
    made = await create(service, addPrivateKey=PEM, **required)
    assert made["assertionEncryptionMode"] == "REQUIRED"
    (old,) = (key["keyId"] for key in made["privateKeys"])
    error = await refused(service, "updateSAMLProvider", {**PROVIDER, "removePrivateKey": old}, "InvalidInputError")
    await service.good("updateSAMLProvider", {**PROVIDER, "addPrivateKey": pair("other").key.decode()})
    error = await refused(service, "updateSAMLProvider", {**PROVIDER, "addPrivateKey": PEM}, "LimitExceededError")
    assert error["message"] == "Cannot exceed quota for PrivateKeysPerSAMLProvider: 2"
    nobodys = {**PROVIDER, "removePrivateKey": "A" * 26}
    await refused(service, "updateSAMLProvider", nobodys, "NoSuchEntityError")
    keys = [key["keyId"] for key in (await read(service)).only()["privateKeys"]]
    assert len(keys) == 2 and keys[0] == old
    await service.good("updateSAMLProvider", {**PROVIDER, "removePrivateKey": old})
    assert [key["keyId"] for key in (await read(service)).only()["privateKeys"]] == keys[1:]
    # It can be opened, and nothing of it is in the store or the history.
    async with service.database.reading() as data:
        (kept,) = await data.saml_providers.sealed_keys(made["uniqueId"])
        plain = service.kernel.tools.sealer.unseal(kept.sealed_secret, context=private_key_context(kept.id))
        assert plain[:1] == b"0" and len(plain) > 1000
    await service.good("updateSAMLProvider", {**PROVIDER, "assertionEncryptionMode": "ALLOWED"})
    await service.good("updateSAMLProvider", {**PROVIDER, "removePrivateKey": keys[1]})
    assert (await read(service)).only()["privateKeys"] == []


async def test_the_history_has_neither_keys_nor_metadata(service: Service) -> None:
    await create(service, addPrivateKey=PEM)
    events = await account(service, "auditEvents(first: 1) { nodes { name parameters } }")
    (event,) = events["auditEvents"]["nodes"]
    assert event["name"] == "CreateSAMLProvider"
    assert json.loads(event["parameters"]) == {"name": "Corp", "samlMetadataDocument": len(DOCUMENT)}


async def test_a_list_says_no_more_than_awss(service: Service) -> None:
    await create(service)
    await create(service, "A")
    lister = await service.user("lister", allow("iam:ListSAMLProviders"))
    fields = "arn name validUntil createdAt entityId metadataXml privateKeys { keyId } tags { key }"
    query = f'{{ account(by: {{ id: "111122223333" }}) {{ samlProviders {{ {fields} }} }} }}'
    reply = await service.ask(query, lister)
    found = reply.only()["samlProviders"]
    assert [(one["arn"], one["name"], one["validUntil"]) for one in found] == [
        (arn("saml-provider/A"), "A", END), (ARN, "Corp", END)
    ]  # fmt: skip
    assert all(one["createdAt"] for one in found)
    hidden = ("entityId", "metadataXml", "privateKeys", "tags")
    assert [[one[name] for name in hidden] for one in found] == [[None] * 4] * 2
    assert set(reply.codes) == {"ACCESS_DENIED"}


async def test_accounts_do_not_meet(service: Service) -> None:
    await create(service)
    theirs = await other_root(service)
    made = await create(service, token=theirs)
    assert made["arn"] == arn("saml-provider/Corp", OTHER)
    assert (await read(service, theirs)).codes == ["ACCESS_DENIED"]
    for mutation in ("deleteSAMLProvider", "updateSAMLProvider"):
        await refused(service, mutation, PROVIDER, "AccessDeniedError", token=theirs)
    assert (await read(service)).only() is not None


async def test_what_is_refused(service: Service) -> None:
    await create(service)
    create_ = "createSAMLProvider"
    whole = {"name": "New", "samlMetadataDocument": DOCUMENT}
    for same in ("Corp", "corp"):
        error = await refused(service, create_, {**whole, "name": same}, "EntityAlreadyExistsError")
        assert error["message"] == f"Provider with name {same} already exists."
    small, odd = rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1())
    locked = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )
    keys = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() for key in (small, odd)]
    for more, field in (
        ({"name": "a/b"}, "name"),
        ({"samlMetadataDocument": "<x/>"}, "samlMetadataDocument"),
        ({"samlMetadataDocument": "<x>" + " " * 1000 + "</x>"}, "samlMetadataDocument"),
        ({"samlMetadataDocument": DOCUMENT.replace("2099", "1999")}, "samlMetadataDocument"),
        *(({"addPrivateKey": key}, "addPrivateKey") for key in (*keys, locked.decode(), "x")),
        ({"tags": [{"key": "a", "value": ""}, {"key": "A", "value": ""}]}, "tags"),
    ):
        error = await refused(service, create_, {**whole, **more}, "InvalidInputError", "field")
        assert error["field"] == field
        assert "PRIVATE" not in error["message"]
    assert len((await account(service, "samlProviders { arn }"))["samlProviders"]) == 1
    before = (await read(service)).only()
    bad = {**PROVIDER, "samlMetadataDocument": DOCUMENT.replace("SingleSignOnService", "x"), "addPrivateKey": PEM}
    await refused(service, "updateSAMLProvider", bad, "InvalidInputError")
    assert (await read(service)).only() == before


@pytest.fixture(params=STORES)
async def tight(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    quotas = Quotas(saml_providers_per_account=1)
    async with fresh(request.param, tmp_path) as url, served(url, tmp_path, quotas=quotas) as made:
        yield made


async def test_quotas(tight: Service) -> None:
    await create(tight)
    second = {"name": "B", "samlMetadataDocument": DOCUMENT}
    error = await refused(tight, "createSAMLProvider", second, "LimitExceededError", "limit")
    assert (error["message"], error["limit"]) == ("Cannot exceed quota for SAMLProvidersPerAccount: 1", 1)
