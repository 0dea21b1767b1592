"""Attempts to come in with an identity provider: what is kept of them, for how long, and rules that are asked again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from iamgraph.domain.mapping.attempt import Attempt
from iamgraph.store.sign_in_attempts import KEPT_PROVEN, KEPT_UNPROVEN

from ..identity_provider import IdentityProvider
from ..service import Service
from .test_web_identity import POD, arn_of, assume, provider, role, trusted  # noqa: F401

ATTEMPTS = """query ($arn: ARN!, $first: Int!, $after: String) { resource(arn: $arn) { ... on OidcProvider {
  signInAttempts(first: $first, after: $after) {
    nodes { id outcome reason subject said requestId ipAddress } pageInfo { hasNextPage endCursor } } } } }"""


async def attempts(service: Service, corp: IdentityProvider, first: int = 10, after: str | None = None) -> Any:
    reply = await service.ask(ATTEMPTS, await service.root(), arn=arn_of(corp), first=first, after=after)
    return reply.only()["signInAttempts"]


async def test_an_attempt_is_kept_without_what_could_be_used(service: Service, provider: IdentityProvider) -> None:  # noqa: F811
    await trusted(service, provider)
    web = await role(service, provider, {"StringEquals": {"sub": POD, "aud": "sts.amazonaws.com"}})
    token = provider.token(groups=["devs"], nonce="n-1", jti="j-1", nested={"access_token": "t-1", "team": "a"})
    assert "credentials" in await assume(service, web, token)
    stranger = provider.token(sub="system:serviceaccount:web:other")
    assert (await assume(service, web, stranger))["__typename"] == "NotTrustedError"
    # What is not proven is told of in the history alone: anybody may have made it up.
    forged = token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)
    assert (await assume(service, web, forged))["__typename"] == "InvalidIdentityTokenError"
    refused, done = (await attempts(service, provider))["nodes"]
    assert (refused["outcome"], refused["subject"]) == ("DENIED", "system:serviceaccount:web:other")
    assert web in refused["reason"] and refused["ipAddress"] == "127.0.0.1"
    said = json.loads(done["said"])
    assert (done["outcome"], done["reason"], done["subject"]) == ("SUCCEEDED", None, POD)
    assert said["claims"]["groups"] == ["devs"] and said["claims"]["nested"] == {"team": "a"}
    assert not {"nonce", "jti"} & set(said["claims"])
    assert said["authn"] == {"mfa": False, "issuer": provider.issuer, "subject": POD, "provider": arn_of(provider)}
    for row in (await service.snapshot())["sign_in_attempt"]:
        assert not any(secret in row for secret in ("n-1", "j-1", "t-1", token))
    # The rules are asked about it again, in a draft.
    draft = [{"name": "r", "if": {"ForAnyValue:StringEquals": {"claims.groups": "devs"}}, "roles": [web]}]
    input = {"provider": arn_of(provider), "rules": json.dumps(draft), "attempt": done["id"]}
    query = (
        "query ($input: ExplainMappingInput!) { explainMapping(input: $input) { offers { arn } verdicts { holds } } }"
    )
    again = await service.ask(query, await service.root(), input=input)
    assert again.only() == {"offers": [{"arn": web}], "verdicts": [{"holds": True}]}
    for other in (done["id"][:-2], arn_of(provider)):
        reply = await service.ask(query, await service.root(), input={**input, "attempt": other})
        assert reply.codes in (["NO_SUCH_ENTITY"], ["INVALID_INPUT"])
    # A provider takes them along.
    await service.good("deleteOpenIDConnectProvider", {"openIdConnectProviderArn": arn_of(provider)})
    assert (await service.snapshot())["sign_in_attempt"] == []


async def test_strangers_push_out_nothing_that_was_proven(service: Service, provider: IdentityProvider) -> None:  # noqa: F811
    """The newest of each kind are kept, and a page goes on where the one before ended."""
    await trusted(service, provider)
    web = await role(service, provider, {"StringEquals": {"sub": POD, "aud": "sts.amazonaws.com"}})
    await assume(service, web, provider.token())
    (event,) = await service.events(name="AssumeRoleWithWebIdentity")
    (kept,) = await service.events(name="CreateOpenIDConnectProvider")
    provider_id = (await attempts_of(service))[0].attempt.provider_id
    assert kept.attempt is None
    subjects = [*[None] * (KEPT_UNPROVEN + 5), *["s"] * (KEPT_PROVEN - 1)]
    many = [
        replace(
            event,
            id=f"{n:032x}",
            at=event.at + timedelta(seconds=n),
            attempt=Attempt(provider_id=provider_id, subject=subject),
        )
        for n, subject in enumerate(subjects, 1)
    ]
    async with service.database.writing() as data:
        await data.events.add(many)
    found, after = [], None
    while True:
        page = await attempts(service, provider, 100, after)
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(found) == len({one["id"] for one in found}) == KEPT_PROVEN + KEPT_UNPROVEN
    assert sum(one["subject"] is None for one in found) == KEPT_UNPROVEN
    assert found[-1]["subject"] == POD


async def attempts_of(service: Service) -> Any:
    async with service.database.reading() as data:
        provider_id = next(iter(await data.oidc_providers.of_account("111122223333"))).id
        return (await data.sign_in_attempts.page(provider_id, after=None, limit=9)).items
