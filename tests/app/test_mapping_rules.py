"""Mapping rules of an identity provider: put, read and deleted with it."""

from __future__ import annotations

import json
from typing import Any

from ..saml_idp import metadata, pair
from ..service import Service
from .asking import arn, refused

URL = "https://idp.example.com"
ARN = arn("oidc-provider/idp.example.com")
RULES = json.dumps([{"name": "夜勤", "if": {"StringEquals": {"claims.groups": "当番"}}, "roles": [arn("role/R")]}])


async def test_rules_are_put_read_and_deleted(service: Service) -> None:
    await service.good("createOpenIDConnectProvider", {"url": URL})
    put = await service.good(
        "putMappingRules", {"providerArn": ARN, "rules": RULES}, "mappingRules { rules updatedAt }"
    )
    assert put["mappingRules"]["rules"] == RULES
    assert await read(service) == put["mappingRules"]
    # What is no rule changes nothing, and says where it is wrong.
    wrong = {"providerArn": ARN, "rules": '[\n {"name": "r"}]'}
    error = await refused(service, "putMappingRules", wrong, "MalformedPolicyDocumentError", "findings { line column }")
    assert error["findings"] == [{"line": 2, "column": 2}]
    assert await read(service) == put["mappingRules"]
    done = await service.good("deleteMappingRules", {"providerArn": ARN}, "providerArn")
    assert (done["providerArn"], await read(service)) == (ARN, None)
    error = await refused(service, "deleteMappingRules", {"providerArn": ARN}, "NoSuchEntityError")
    assert error["message"] == f"The mapping rules of the identity provider {ARN} cannot be found."


async def test_a_provider_takes_its_rules_along(service: Service) -> None:
    await service.good("createOpenIDConnectProvider", {"url": URL})
    await service.good("putMappingRules", {"providerArn": ARN, "rules": RULES})
    await service.good("deleteOpenIDConnectProvider", {"openIdConnectProviderArn": ARN})
    assert (await service.snapshot())["mapping_rules"] == []
    await service.good("createOpenIDConnectProvider", {"url": URL})
    assert await read(service) is None


async def read(service: Service) -> object:
    query = f'{{ resource(arn: "{ARN}") {{ ... on OidcProvider {{ mappingRules {{ rules updatedAt }} }} }} }}'
    return (await service.ask(query, await service.root())).only()["mappingRules"]


async def test_a_dry_run_says_what_each_rule_makes_of_somebody(service: Service) -> None:
    await service.good("createOpenIDConnectProvider", {"url": URL})
    await service.good(
        "createSAMLProvider", {"name": "corp", "samlMetadataDocument": metadata("https://idp", pair("idp"))}
    )
    await service.good("putMappingRules", {"providerArn": ARN, "rules": RULES})
    assert await explained(service, claims=json.dumps({"groups": ["当番"]})) == {
        "offers": [{"arn": arn("role/R"), "tags": [], "maxSessionSeconds": None, "rules": ["夜勤"]}],
        "verdicts": [{"rule": "夜勤", "holds": True, "reason": "offers its roles", "roles": [arn("role/R")]}],
        "refusal": None,
    }
    reason = 'claims.groups is missing, which is not StringEquals "当番"'
    nothing = await explained(service, claims="{}")
    assert (nothing["offers"], nothing["verdicts"][0]["reason"]) == ([], reason)
    # A draft in their place, of a SAML provider, that reads what the server has worked out itself.
    block = {"StringEquals": {"attributes.team": "a", "authn.mfa": "true"}}
    draft = json.dumps([{"name": "r", "if": block, "roles": [arn("role/S")], "tags": {"t": "=attributes.team"}}])
    saml = {"provider": arn("saml-provider/corp"), "rules": draft, "attributes": json.dumps({"team": ["a"]})}
    assert (await explained(service, **saml))["offers"] == []
    found = await explained(service, **saml, mfa=True)
    assert [offer["tags"] for offer in found["offers"]] == [[{"key": "t", "value": "a"}]]
    overage = json.dumps({"_claim_names": {"groups": "src1"}})
    assert "claims.groups out" in (await explained(service, claims=overage))["refusal"]


async def test_what_is_pasted_is_in_no_error_and_no_event(service: Service) -> None:
    await service.good("createOpenIDConnectProvider", {"url": URL})
    for wrong in ({}, {"claims": "hunter2"}, {"claims": "[]"}, {"claims": "{}", "attributes": "{}"}, {"attempt": "x"}):
        reply = await service.ask(EXPLAIN, await service.root(), input={"provider": ARN, **wrong})
        assert reply.codes == ["INVALID_INPUT"] and "hunter2" not in str(reply.data)
    await explained(service, claims='{"email": "hunter2"}')
    assert "hunter2" not in str(await service.events())


EXPLAIN = """query ($input: ExplainMappingInput!) { explainMapping(input: $input) {
  refusal offers { arn tags { key value } maxSessionSeconds rules } verdicts { rule holds reason roles } } }"""


async def explained(service: Service, **input: object) -> dict[str, Any]:
    reply = await service.ask(EXPLAIN, await service.root(), input={"provider": ARN, **input})
    found: dict[str, Any] = reply.only()
    return found
