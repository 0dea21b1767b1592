"""docs/identity-providers.md: its mutations run as written, and its rules make of each provider's claims what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .databases import fresh
from .service import ACCOUNT, Service, served

GUIDE = Path(__file__).parents[1] / "docs/identity-providers.md"
OKTA = "acme.okta.com"
ENTRA = "login.microsoftonline.com/833ced3d-cb2e-41de-92f1-29e2af035ddc/v2.0"
KEYCLOAK = "keycloak.example.com/realms/acme"
GOOGLE = "accounts.google.com"

PEOPLE: tuple[tuple[str, dict[str, Any], bool, list[str]], ...] = (
    (OKTA, {"groups": ["Everyone", "iam-developers"]}, False, ["OktaDeveloper"]),
    (OKTA, {"groups": ["iam-admins"]}, False, []),
    (OKTA, {"groups": ["iam-admins", "iam-developers"]}, True, ["OktaAdmin", "OktaDeveloper"]),
    (OKTA, {}, True, []),
    (ENTRA, {"roles": ["developer"], "email": "ann@corp.example"}, False, ["EntraDeveloper"]),
    (ENTRA, {"_claim_names": {"groups": "src1"}, "roles": ["developer"]}, False, ["EntraDeveloper"]),
    (KEYCLOAK, {"resource_access": {"iamgraph": {"roles": ["developer", "admin"]}}}, False, ["KeycloakDeveloper"]),
    (KEYCLOAK, {"resource_access": {"iamgraph": {"roles": ["admin"]}}}, True, ["KeycloakAdmin"]),
    (KEYCLOAK, {"resource_access": {"Iamgraph": {"roles": ["admin"]}}, "roles": ["admin"]}, True, []),
    (GOOGLE, {"hd": "corp.example", "email": "ann@corp.example", "email_verified": True}, False, ["GoogleDeveloper"]),
    (GOOGLE, {"hd": "corp.example", "email": "eve@corp.example", "email_verified": True}, False, []),
    (GOOGLE, {"email": "ann@corp.example", "email_verified": True}, False, []),
)
"""Provider, what its token says, whether with a second factor, and the roles that are offered."""

EXPLAIN = "query($input: ExplainMappingInput!) { explainMapping(input: $input) { offers { arn } refusal } }"


def arn(provider: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"


async def offered(service: Service, provider: str, claims: dict[str, Any], **more: Any) -> tuple[list[str], str | None]:
    asked = {"provider": arn(provider), "claims": json.dumps(claims), **more}
    found = (await service.ask(EXPLAIN, await service.root(), input=asked)).only()
    return [offer["arn"].rpartition("/")[2] for offer in found["offers"]], found["refusal"]


async def test_the_guide_does_what_it_says(tmp_path: Path) -> None:
    mutations = re.findall(r"```graphql\n(.*?)```", GUIDE.read_text(), re.S)
    assert [re.match(r"mutation (\w+)", text)[1] for text in mutations] == [  # type: ignore[index]
        "Okta", "Entra", "Keycloak", "Google", "GitHub"
    ]  # fmt: skip
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path) as service:
        for text in mutations:
            done = (await service.ask(text, await service.root())).data
            assert done and all("code" not in result for result in done.values()), done
        for provider, claims, mfa, roles in PEOPLE:
            assert await offered(service, provider, claims, mfa=mfa) == (roles, None), (provider, claims)
        rules = json.dumps([{"name": "g", "if": {"ForAnyValue:StringEquals": {"claims.groups": "x"}}, "roles": [
            f"arn:aws:iam::{ACCOUNT}:role/EntraDeveloper"]}])  # fmt: skip
        for overage in ({"_claim_names": {"groups": "src1"}}, {"hasgroups": True}):
            roles, refusal = await offered(service, ENTRA, overage, rules=rules)
            assert roles == [] and "only groups that are assigned to this application" in (refusal or "")
