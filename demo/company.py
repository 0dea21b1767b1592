"""The company of the demo: its people, and the account that trusts its identity provider with two roles."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession

from .identity_provider import Client, Person
from .programs import Failed

CLIENT_ID = "iamgraph"
ROOT_EMAIL = "root@example.com"
READING = ("iam:Get*", "iam:List*")


def password() -> str:
    return secrets.token_hex(4)


def people() -> dict[str, Person]:
    """Ann is in the group devs, and Omar in ops. Each has a new password, and he codes."""

    def claims(name: str, group: str, department: str) -> dict[str, Any]:
        return {
            "name": f"{name.capitalize()} Example",
            "preferred_username": name,
            "email": f"{name}@corp.example",
            "email_verified": True,
            "groups": [group],
            "department": department,
        }

    return {
        "ann": Person(password=password(), claims=claims("ann", "devs", "engineering")),
        "omar": Person(
            password=password(), code=f"{secrets.randbelow(10**6):06}", claims=claims("omar", "ops", "operations")
        ),
    }


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account, as its root sees it."""

    http: ClientSession
    url: str
    id: str
    token: str = field(repr=False)

    @classmethod
    async def of_root(cls, http: ClientSession, url: str, root_password: str) -> Account:
        """The account of the server at `url`. Raises Failed."""
        given = {"email": ROOT_EMAIL, "password": root_password}
        wanted = "accessToken viewer { account { accountId } }"
        done = await _mutate(http, f"{url}/graphql", {}, "signInAsRoot", given, "SignIn", wanted)
        return cls(http=http, url=url, id=done["viewer"]["account"]["accountId"], token=done["accessToken"])

    async def do(self, mutation: str, given: Mapping[str, Any], wanted: str = "__typename") -> Any:
        """Run a mutation that must succeed. Raises Failed."""
        headers, result = {"Authorization": f"Bearer {self.token}"}, mutation[0].upper() + mutation[1:]
        return await _mutate(self.http, f"{self.url}/graphql", headers, mutation, given, result, wanted)

    async def trust(self, issuer: str, secret: str) -> tuple[Client, str]:
        """Let people sign in with the provider, whose client has that secret. Gives what the provider is to know of it, and
        where they begin."""
        made = await self.do(
            "createOpenIDConnectProvider", {"url": issuer, "clientIdList": [CLIENT_ID]}, "oidcProvider { arn }"
        )
        arn = made["oidcProvider"]["arn"]
        put = {
            "openIdConnectProviderArn": arn,
            "clientId": CLIENT_ID,
            "clientSecret": secret,
            "scopes": ["profile", "email", "groups"],
            "mfaValues": ["otp"],
        }
        wanted = "oidcClient { loginUrl redirectUri postLogoutRedirectUri backchannelLogoutUri }"
        made = (await self.do("putOpenIDConnectClient", put, wanted))["oidcClient"]
        client = Client(
            client_id=CLIENT_ID,
            client_secret=secret,
            redirect_uris=(made["redirectUri"],),
            post_logout_redirect_uris=(made["postLogoutRedirectUri"],),
            backchannel_logout_uri=made["backchannelLogoutUri"],
        )
        await self._roles(arn)
        return client, made["loginUrl"]

    async def _roles(self, provider: str) -> None:
        """Developer for who is in devs, and Operator for who is in ops and has shown a second factor."""
        name = provider.partition("/")[2]
        with_code = {"ForAnyValue:StringEquals": {f"{name}:amr": "otp"}}
        for role, team, condition, actions in (
            ("Developer", "devs", {}, READING),
            ("Operator", "ops", with_code, (*READING, "iam:CreateUser", "iam:DeleteUser")),
        ):
            statement = {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
                # The tag comes from the rules alone: who has only a token, and comes without them, is not let in.
                "Condition": {"StringEquals": {f"{name}:aud": CLIENT_ID, "aws:RequestTag/team": team}, **condition},
            }
            await self.do("createRole", {"roleName": role, "assumeRolePolicyDocument": _document(statement)})
            allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            policy = {"roleName": role, "policyName": "own", "policyDocument": _document(allowed)}
            await self.do("putRolePolicy", policy)
        rules = [
            {
                "name": "developers",
                "if": {"ForAnyValue:StringEquals": {"claims.groups": "devs"}},
                "roles": [f"arn:aws:iam::{self.id}:role/Developer"],
                "tags": {"team": "devs", "department": "=claims.department"},
            },
            {
                "name": "operators, with a second factor",
                "if": {"ForAnyValue:StringEquals": {"claims.groups": "ops"}, "Bool": {"authn.mfa": "true"}},
                "roles": [f"arn:aws:iam::{self.id}:role/Operator"],
                "tags": {"team": "ops", "department": "=claims.department"},
            },
        ]
        await self.do("putMappingRules", {"providerArn": provider, "rules": json.dumps(rules)})


def _document(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


async def _mutate(
    http: ClientSession,
    url: str,
    headers: Mapping[str, str],
    mutation: str,
    given: Mapping[str, Any],
    result: str,
    wanted: str,
) -> Any:
    query = (
        f"mutation($input: {mutation[0].upper()}{mutation[1:]}Input!) {{ {mutation}(input: $input) "
        f"{{ __typename ... on {result}Success {{ {wanted} }} ... on Error {{ code message }} }} }}"
    )
    async with http.post(url, headers=headers, json={"query": query, "variables": {"input": given}}) as answer:
        body = await answer.json()
    done = (body.get("data") or {}).get(mutation)
    if done is None or "code" in done:
        raise Failed(f"{mutation} failed: {done or body}")
    return done
