"""AssumeRoleWithWebIdentity: the right bearer of the right provider's token in, everybody else out, and told nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from iamgraph.app.history.export import record
from iamgraph.domain.entities import EventOutcome
from iamgraph.transport.graphql.ids import parse_node_id

from ..identity_provider import IdentityProvider, providing, rsa_key
from ..service import ACCOUNT, Service, allow
from .asking import OTHER, account, arn, document, other_root, statement

ASSUME = "sts:AssumeRoleWithWebIdentity"
MAIN, PULL = "repo:Acme/app:ref:refs/heads/main", "repo:Acme/app:pull_request"
POD = "system:serviceaccount:apps:web"
MADE = (
    "credentials { accessKeyId secretAccessKey sessionToken expiration } accessToken assumedRoleArn packedPolicySize "
    "subjectFromWebIdentityToken audience provider sourceIdentity session { id source arn federation { providerArn issuer "
    "subject } }"
)
DENIED = {
    "__typename": "NotTrustedError",
    "code": "ACCESS_DENIED",
    "message": f"Not authorized to perform {ASSUME}",
}


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with providing("/team") as made:
        yield made


def arn_of(provider: IdentityProvider, account_id: str = ACCOUNT) -> str:
    return arn(f"oidc-provider/{provider.name}", account_id)


async def trusted(service: Service, provider: IdentityProvider, *client_ids: str, token: str | None = None) -> None:
    """An account, the first if no other's token is given, has the provider."""
    input = {"url": provider.issuer, "clientIdList": list(client_ids or ("sts.amazonaws.com",))}
    await service.good("createOpenIDConnectProvider", input, token=token)


async def role(
    service: Service,
    provider: IdentityProvider,
    conditions: dict[str, dict[str, Any]] | None = None,
    name: str = "web",
    *,
    actions: Any = ASSUME,
    principal: str | None = None,
    token: str | None = None,
    **more: Any,
) -> str:
    """A role that trusts the provider under conditions, each of its keys a claim; and its ARN."""
    block = {
        operator: {f"{provider.name}:{claim}" if ":" not in claim else claim: value for claim, value in keys.items()}
        for operator, keys in (conditions or {}).items()
    }
    trust = {"Effect": "Allow", "Principal": {"Federated": principal or arn_of(provider)}, "Action": actions}
    policy = document(trust | ({"Condition": block} if block else {}))
    input = {"roleName": name, "assumeRolePolicyDocument": policy, **more}
    done = await service.good("createRole", input, "role { arn }", token)
    made: str = done["role"]["arn"]
    return made


async def assume(service: Service, role_arn: str, token: str, **more: Any) -> Any:
    """Ask without any credentials."""
    input = {"roleArn": role_arn, "roleSessionName": "ci", "webIdentityToken": token, **more}
    kind = "AssumeRoleWithWebIdentity"
    query = (
        f"mutation ($input: {kind}Input!) {{ assumeRoleWithWebIdentity(input: $input) {{ __typename "
        f"... on {kind}Success {{ {MADE} }} ... on Error {{ code message }} }} }}"
    )
    return (await service.ask(query, input=input)).only()


async def is_in(service: Service, role_arn: str, token: str) -> bool:
    done = await assume(service, role_arn, token)
    assert done["__typename"] in ("AssumeRoleWithWebIdentitySuccess", "NotTrustedError"), done
    return bool(done["__typename"] == "AssumeRoleWithWebIdentitySuccess")


async def last_reason(service: Service) -> tuple[EventOutcome, str | None, str | None]:
    """How the last attempt ended, as the account's history has it."""
    event = (await service.events(name="AssumeRoleWithWebIdentity"))[0]
    assert event.account_id == ACCOUNT
    return event.outcome, event.error_code, event.error_message


async def test_a_pod_gets_its_role(service: Service, provider: IdentityProvider) -> None:
    await trusted(service, provider)
    web = await role(service, provider, {"StringEquals": {"sub": POD, "aud": "sts.amazonaws.com"}})
    done = await assume(service, web, provider.token())
    assert done["assumedRoleArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/web/ci"
    assert (done["subjectFromWebIdentityToken"], done["audience"], done["provider"]) == (
        POD, "sts.amazonaws.com", provider.issuer
    )  # fmt: skip
    assert done["session"]["source"] == "OIDC"
    origin = {"providerArn": arn_of(provider), "issuer": provider.issuer, "subject": POD}
    assert done["session"]["federation"] == origin
    viewer = await service.ask("{ viewer { arn } }", done["accessToken"])
    assert viewer.only()["arn"] == done["assumedRoleArn"]

    # Its administrators see where the session came from, and end it.
    listed = await account(
        service,
        'role(name: "web") { sessions(first: 9) { nodes { source federation { providerArn issuer subject } } } }',
    )
    assert listed["role"]["sessions"]["nodes"] == [{"source": "OIDC", "federation": origin}]
    (event,) = await service.events(name="AssumeRoleWithWebIdentity")
    assert (event.outcome, event.principal_arn) == (EventOutcome.SUCCEEDED, arn_of(provider))
    assert event.resources == (web,) and "eyJ" not in event.parameters
    assert record(event)["userIdentity"] == {
        "type": "WebIdentityUser", "principalId": f"{arn_of(provider)}:sts.amazonaws.com:{POD}", "userName": POD,
        "identityProvider": arn_of(provider),
    }  # fmt: skip
    await service.good("revokeSession", {"sessionId": done["session"]["id"]})
    assert (await service.ask("{ viewer { arn } }", done["accessToken"])).codes == ["UNAUTHENTICATED"]


async def test_only_the_subject_that_is_named(service: Service, provider: IdentityProvider) -> None:
    """OI-01, and what people get wrong with it."""
    await trusted(service, provider)
    only = await role(service, provider, {"StringEquals": {"sub": MAIN, "aud": "sts.amazonaws.com"}}, "only")
    glob = await role(service, provider, {"StringEquals": {"sub": "repo:Acme/*"}}, "glob")
    like = await role(service, provider, {"StringLike": {"sub": "repo:Acme/*"}}, "like")
    small = await role(service, provider, {"StringLike": {"sub": "repo:acme/*"}}, "small")
    branch = await role(service, provider, {"StringLike": {"sub": "repo:Acme/app:ref:refs/heads/*"}}, "branch")

    async def who(role_arn: str) -> list[str]:
        subjects = [
            MAIN, PULL, MAIN + "-evil", "x" + MAIN, "repo:Acme/app:ref:refs/heads/*", "repo:Acme/*", "*",
            "repo:Acme-evil/app:ref:refs/heads/main", "repo:acme/app:ref:refs/heads/main",
        ]  # fmt: skip
        return [subject for subject in subjects if await is_in(service, role_arn, provider.token(sub=subject))]

    assert await who(only) == [MAIN]
    # A star is no wildcard for StringEquals, and a star in a token is none anywhere.
    assert await who(glob) == ["repo:Acme/*"]
    acmes = [MAIN, PULL, MAIN + "-evil", "repo:Acme/app:ref:refs/heads/*", "repo:Acme/*"]
    assert await who(like) == acmes
    assert await who(small) == ["repo:acme/app:ref:refs/heads/main"]
    assert await who(branch) == [MAIN, MAIN + "-evil", "repo:Acme/app:ref:refs/heads/*"]
    outcome, code, reason = await last_reason(service)
    assert (outcome, code) == (EventOutcome.DENIED, "NotTrusted")
    assert reason == (
        f"'repo:acme/app:ref:refs/heads/main' of {arn_of(provider)} for 'sts.amazonaws.com' is not authorized to perform: "
        f"{ASSUME} on resource: {branch} because no role trust policy allows the {ASSUME} action"
    )

    # A token without a subject is none, whatever the policy makes of a missing key.
    every = await role(service, provider, {"ForAllValues:StringLike": {"sub": "repo:Acme/*"}}, "every")
    done = await assume(service, every, provider.token(sub=None))
    assert (done["__typename"], done["message"]) == ("InvalidIdentityTokenError", "Missing a required claim: sub")


async def test_what_else_a_trust_policy_sees(service: Service, provider: IdentityProvider) -> None:
    await trusted(service, provider, "web", "cli", "api")
    audience = await role(service, provider, {"StringEquals": {"aud": "cli"}}, "audience")
    original = await role(service, provider, {"ForAnyValue:StringEquals": {"oaud": "api"}}, "original")
    several = await role(service, provider, {"StringEquals": {"oaud": "api"}}, "several")
    factor = await role(service, provider, {"ForAnyValue:StringEquals": {"amr": "otp"}}, "factor")
    named = await role(service, provider, {"StringLike": {"sts:RoleSessionName": "ci-*"}}, "named")
    wrong_action = await role(service, provider, name="wrong", actions="sts:AssumeRole")
    everyone = await role(service, provider, name="everyone")

    async def to(*roles: str, **claims: Any) -> list[str]:
        return [one for one in roles if await is_in(service, one, provider.token(**claims))]

    assert await to(audience, original, several, aud=["web", "api"], azp="cli") == [audience, original]
    assert await to(audience, original, several, aud="api") == [original, several]
    assert await to(factor, everyone, wrong_action, named, aud="web", amr=["pwd", "otp"]) == [factor, everyone]
    assert await to(factor, aud="web", amr=["pwd"]) == []
    assert await to(factor, aud="web", amr={"otp": 1}) == []
    done = await assume(service, named, provider.token(aud="web"), roleSessionName="ci-1")
    assert done["__typename"] == "AssumeRoleWithWebIdentitySuccess"

    # A role that trusts somebody else, a provider of the same URL in another account, or everybody in AWS.
    other = await role(service, provider, name="other", principal=arn_of(provider, OTHER))
    assert not await is_in(service, other, provider.token(aud="web"))
    trust = document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ASSUME})
    await service.good("createRole", {"roleName": "public", "assumeRolePolicyDocument": trust})
    assert not await is_in(service, arn("role/public"), provider.token(aud="web"))
    # A deny in the trust policy, and in a guardrail on the role's account, wins.
    trust = document(
        {"Effect": "Allow", "Principal": {"Federated": arn_of(provider)}, "Action": ASSUME},
        {"Effect": "Deny", "Principal": {"Federated": arn_of(provider)}, "Action": ASSUME,
         "Condition": {"StringEquals": {f"{provider.name}:sub": "eve"}}},
    )  # fmt: skip
    await service.good("createRole", {"roleName": "but-eve", "assumeRolePolicyDocument": trust})
    assert [await is_in(service, arn("role/but-eve"), provider.token(aud="web", sub=who)) for who in ("eve", "bob")] == [
        False, True
    ]  # fmt: skip


async def test_an_address_that_nobody_vouches_for(service: Service, provider: IdentityProvider) -> None:
    """OI-04: an e-mail address names nobody unless the provider says itself, in the token, that it is verified; and even
    then the identity is the provider's subject, not the address."""
    await trusted(service, provider)
    mail = await role(service, provider, {"StringEquals": {"email": "alice@corp.example"}}, "mail")
    await service.user("alice@corp.example")
    alice = {"email": "alice@corp.example", "sub": "mallory"}
    for claims in (
        {"email_verified": False},
        {},
        {"email_verified": True, "email": "mallory@corp.example", "userinfo": alice},
        {"email_verified": "true"},
        {"email_verified": "false"},
        {"email_verified": 1},
    ):
        assert not await is_in(service, mail, provider.token(**{**alice, **claims})), claims
    done = await assume(service, mail, provider.token(**alice, email_verified=True))
    # Whose address it is makes nobody that user.
    assert done["session"]["federation"]["subject"] == "mallory"
    assert done["assumedRoleArn"].endswith(":assumed-role/mail/ci")


async def test_the_session_brings_who_that_is(service: Service, provider: IdentityProvider) -> None:
    await trusted(service, provider)
    web = await role(service, provider, {"StringEquals": {"sub": POD}})
    by_subject = {"StringEquals": {f"{provider.name}:sub": POD, "aws:FederatedProvider": arn_of(provider)}}
    policy = document(
        statement("Allow", "iam:ListUsers", Condition=by_subject),
        statement("Allow", "iam:ListGroups", Condition={"StringEquals": {f"{provider.name}:email": "a@b.example"}}),
        statement("Allow", "iam:ListRoles", Condition={"ForAnyValue:StringEquals": {f"{provider.name}:amr": "otp"}}),
    )
    await service.good("putRolePolicy", {"roleName": "web", "policyName": "own", "policyDocument": policy})
    token = (
        await assume(service, web, provider.token(email="a@b.example", email_verified=True, amr=["otp"]))
    )["accessToken"]  # fmt: skip

    async def may(field: str) -> bool:
        query = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ {field}(first: 1) {{ nodes {{ id }} }} }} }}'
        return (await service.ask(query, token)).codes == []

    # AWS keeps the subject, the audience and the methods in the session, and no address.
    assert [await may(field) for field in ("users", "groups", "roles")] == [True, False, True]


async def test_tags_and_a_source_identity_from_claims(service: Service, provider: IdentityProvider) -> None:
    await trusted(service, provider)
    further = ["sts:TagSession", "sts:SetSourceIdentity"]
    plain = await role(service, provider, name="plain")
    conditions = {"StringEquals": {"aws:RequestTag/team": "red"}}
    tagged = await role(service, provider, conditions, "tagged", actions=[ASSUME, *further])
    nested = {"principal_tags": {"team": ["red"], "cost": "7"}, "transitive_tag_keys": ["team"]}
    flat = {
        "https://aws.amazon.com/tags/principal_tags/team": ["red"],
        "https://aws.amazon.com/tags/transitive_tag_keys": ["team"],
    }
    source = {"https://aws.amazon.com/source_identity": "kim@corp"}
    both = provider.token(**{"https://aws.amazon.com/tags": nested}, **source)
    # What the trust policy does not allow beside, it does not allow.
    assert not await is_in(service, plain, both)
    outcome, _, reason = await last_reason(service)
    assert outcome is EventOutcome.DENIED and "is not authorized to perform: sts:TagSession on" in (reason or "")
    assert not await is_in(service, plain, provider.token(**source))
    done = await assume(service, tagged, both)
    assert done["sourceIdentity"] == "kim@corp"
    async with service.database.reading() as data:
        session = (await data.sessions.by_ids([_key(done["session"]["id"])]))[_key(done["session"]["id"])]
    assert [(tag.key, tag.value) for tag in session.tags] == [("team", "red"), ("cost", "7")]
    assert (session.transitive_tag_keys, session.source_identity) == (("team",), "kim@corp")
    assert await is_in(service, tagged, provider.token(**flat))
    wrong = {**nested, "principal_tags": {"team": ["blue"]}}
    assert not await is_in(service, tagged, provider.token(**{"https://aws.amazon.com/tags": wrong}))
    for claims in (
        {"https://aws.amazon.com/tags": []},
        {"https://aws.amazon.com/tags": {"principal_tags": []}},
        {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["red", "blue"]}}},
        {"https://aws.amazon.com/tags": {"principal_tags": {"team": 7}}},
        {"https://aws.amazon.com/tags": {"principal_tags": {"aws:team": "red"}}},
        {"https://aws.amazon.com/tags": {"principal_tags": {"team": "r" * 257}}},
        {"https://aws.amazon.com/tags": {"principal_tags": {"team": "red", "Team": "red"}}},
        {"https://aws.amazon.com/tags": {"principal_tags": {f"t{n}": "" for n in range(51)}}},
        {"https://aws.amazon.com/tags": {"principal_tags": {"team": "red"}, "transitive_tag_keys": ["other"]}},
        {"https://aws.amazon.com/tags": {"principal_tags": {"team": "red"}, "transitive_tag_keys": [7]}},
        {"https://aws.amazon.com/source_identity": 7},
        {"https://aws.amazon.com/source_identity": "k"},
        {"https://aws.amazon.com/source_identity": "kim corp"},
    ):
        done = await assume(service, tagged, provider.token(**claims))
        assert (done["__typename"], done["code"]) == ("IdpRejectedClaimError", "IDP_REJECTED_CLAIM"), claims


def _key(node: str) -> str:
    parsed = parse_node_id(node)
    assert parsed is not None
    return parsed[1][0]


async def test_a_session_is_narrowed_and_ends(service: Service, provider: IdentityProvider) -> None:
    await trusted(service, provider)
    web = await role(service, provider, maxSessionDuration=7200)
    await service.good("putRolePolicy", {"roleName": "web", "policyName": "own", "policyDocument": allow("iam:List*")})
    token = provider.token()
    narrow = (await assume(service, web, token, policy=allow("iam:ListUsers"), durationSeconds=900))["accessToken"]
    for field, codes in (("users", []), ("groups", ["ACCESS_DENIED"])):
        query = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ {field}(first: 1) {{ nodes {{ id }} }} }} }}'
        assert (await service.ask(query, narrow)).codes == codes
    done = await assume(service, web, token, durationSeconds=7201)
    assert (done["__typename"], "MaxSessionDuration" in done["message"]) == ("InvalidInputError", True)
    done = await assume(service, web, token, policy="{")
    assert done["__typename"] == "MalformedPolicyDocumentError"
    for wrong in ("arn:aws:iam::x", arn("user/web"), "arn:aws:sts::111122223333:assumed-role/web/ci"):
        assert (await assume(service, wrong, token))["__typename"] == "InvalidInputError"
    assert (await assume(service, web, "eyJ"))["code"] == "INVALID_INPUT"


async def test_a_stranger_learns_nothing(service: Service, provider: IdentityProvider) -> None:
    """A role that does not exist, one that trusts somebody else, and another account's answer alike; and so do an account
    without the provider, without the application, and one that there is not."""
    await trusted(service, provider)
    theirs = await other_root(service)
    web = await role(service, provider, {"StringEquals": {"sub": "nobody"}})
    good = provider.token()
    for one in (web, arn("role/none"), arn("role/a/web")):
        assert await assume(service, one, good) == DENIED
    evil = provider.token(rsa_key("evil"))
    async with providing() as unknown:
        alike = [
            await assume(service, one, token)
            for one, token in (
                (web, evil),
                (web, provider.token(header={"kid": "x"})),
                (web, provider.token(aud="elsewhere")),
                (web, unknown.token()),
                (arn("role/web", OTHER), good),
                (arn("role/web", "999999999999"), good),
                (web, provider.token(iss=provider.issuer + "/")),
            )
        ]
        assert unknown.asked == {}
    assert alike[0]["code"] == "INVALID_IDENTITY_TOKEN" and alike == alike[:1] * 7, alike
    reasons = [event.error_message for event in await service.events(name="AssumeRoleWithWebIdentity")]
    # The account's own history has the reasons, the other's its own, newest first.
    assert reasons[:4] == [
        f"No OpenIDConnect provider found in account {ACCOUNT} for '{provider.issuer}/'; it has '{provider.issuer}', which "
        "is another one",
        f"No OpenIDConnect provider found in account {ACCOUNT} for '{unknown.issuer}'",
        "Incorrect token audience: 'elsewhere' is no client id of the provider",
        f"the provider '{provider.issuer}' has no key 'x' for RS256",
    ]
    events = "auditEvents(first: 9) { nodes { name errorMessage } }"
    reply = await service.ask(f'{{ account(by: {{ id: "{OTHER}" }}) {{ {events} }} }}', theirs)
    texts = [node["errorMessage"] for node in reply.only()["auditEvents"]["nodes"] if "WebIdentity" in node["name"]]
    assert texts == [f"No OpenIDConnect provider found in account {OTHER} for '{provider.issuer}'"]


async def test_two_accounts_that_trust_one_provider_never_mix(service: Service, provider: IdentityProvider) -> None:
    theirs = await other_root(service)
    await trusted(service, provider, "ours")
    await trusted(service, provider, "theirs", token=theirs)
    ours_arn = await role(service, provider, name="same")
    theirs_arn = await role(service, provider, name="same", principal=arn_of(provider, OTHER), token=theirs)
    # A role that trusts the other account's provider trusts nobody.
    crossed = await role(service, provider, name="crossed", principal=arn_of(provider, OTHER))
    for audience, good, bad in (("ours", ours_arn, theirs_arn), ("theirs", theirs_arn, ours_arn)):
        token = provider.token(aud=audience)
        done = await assume(service, good, token)
        assert done["session"]["federation"]["providerArn"].split(":")[4] == good.split(":")[4]
        viewer = await service.ask("{ viewer { account { accountId } } }", done["accessToken"])
        assert viewer.only()["account"]["accountId"] == good.split(":")[4]
        assert (await assume(service, bad, token))["code"] == "INVALID_IDENTITY_TOKEN"
    assert await assume(service, crossed, provider.token(aud="ours")) == DENIED


async def test_a_provider_that_is_gone_speaks_for_nobody(service: Service, provider: IdentityProvider) -> None:
    await trusted(service, provider)
    web, token = await role(service, provider), provider.token()
    session = (await assume(service, web, token))["accessToken"]
    await service.good("removeClientIDFromOpenIDConnectProvider", {
        "openIdConnectProviderArn": arn_of(provider), "clientId": "sts.amazonaws.com"
    })  # fmt: skip
    assert (await assume(service, web, token))["code"] == "INVALID_IDENTITY_TOKEN"
    await service.good("deleteOpenIDConnectProvider", {"openIdConnectProviderArn": arn_of(provider)})
    assert (await assume(service, web, token))["code"] == "INVALID_IDENTITY_TOKEN"
    # As on AWS, a session goes on until it ends; and the same provider, made again, is trusted again.
    assert (await service.ask("{ viewer { arn } }", session)).codes == []
    await trusted(service, provider)
    assert await is_in(service, web, token)


async def test_when_a_provider_does_not_answer(service: Service, provider: IdentityProvider) -> None:
    await trusted(service, provider)
    web = await role(service, provider)
    provider.is_down = True
    done = await assume(service, web, provider.token())
    assert (done["__typename"], done["code"], done["message"]) == (
        "IdpCommunicationError", "IDP_COMMUNICATION_ERROR", "Couldn't retrieve verification key from your identity provider"
    )  # fmt: skip
    outcome, code, reason = await last_reason(service)
    assert (outcome, code) == (EventOutcome.FAILED, "IdpCommunicationError")
    assert reason == f"'{provider.issuer}/.well-known/openid-configuration' answered with status 503"


async def test_a_token_runs_out(service: Service, provider: IdentityProvider) -> None:
    await trusted(service, provider)
    web = await role(service, provider)
    done = await assume(service, web, provider.token(exp=int(time.time()) - 70))
    assert (done["__typename"], done["code"]) == ("ExpiredIdentityTokenError", "EXPIRED_IDENTITY_TOKEN")
    assert done["message"].startswith("Token expired: current date/time ")
    done = await assume(service, web, provider.token(header={"alg": "none"}))
    assert done["message"].startswith(
        "The ID Token provided is not a valid JWT: its algorithm 'none' is none of RS256,"
    )


async def test_floods_are_bounded(service: Service, provider: IdentityProvider) -> None:
    """Tokens with keys that nobody knows: the provider is asked once, the address is stopped, and who is known at it, and
    everybody elsewhere, is not."""
    await trusted(service, provider)
    web = await role(service, provider)
    service.clock.stop()
    assert await is_in(service, web, provider.token(sub="known"))
    evil = rsa_key("evil")
    kinds = []
    for start in range(0, 304, 76):
        tokens = [provider.token(evil, header={"kid": f"k{n}"}) for n in range(start, start + 76)]
        kinds += [(await done)["code"] for done in asyncio.as_completed([assume(service, web, t) for t in tokens])]
    assert provider.asked == {"openid-configuration": 1, "jwks": 2}
    assert (kinds.count("INVALID_IDENTITY_TOKEN"), kinds.count("THROTTLED")) == (300, 4)
    assert (await assume(service, web, provider.token(sub="new")))["code"] == "THROTTLED"
    assert await is_in(service, web, provider.token(sub="known"))
    input = {"roleArn": web, "roleSessionName": "ci", "webIdentityToken": provider.token(sub="new")}
    query = (
        "mutation ($input: AssumeRoleWithWebIdentityInput!) { assumeRoleWithWebIdentity(input: $input) { __typename } }"
    )
    reply = await service.post({"query": query, "variables": {"input": input}}, **{"X-Forwarded-For": "198.51.100.7"})
    assert reply.only()["__typename"] == "AssumeRoleWithWebIdentitySuccess"
    service.clock.ahead += timedelta(minutes=16)
    assert await is_in(service, web, provider.token(sub="new", exp=int(time.time()) + 4000))


@pytest.mark.parametrize("path", ["/app/x/", "/app/x"])
async def test_the_issuer_is_compared_to_the_letter(service: Service, path: str) -> None:
    """OI-02: with a slash at the end or without, as the provider has it; and the history shows both where they differ."""
    async with providing(path) as provider:
        await trusted(service, provider)
        web = await role(service, provider)
        assert await is_in(service, web, provider.token())
        other = provider.issuer.rstrip("/") + ("" if path.endswith("/") else "/")
        assert (await assume(service, web, provider.token(iss=other)))["code"] == "INVALID_IDENTITY_TOKEN"
        outcome, code, reason = await last_reason(service)
        assert (outcome, code) == (EventOutcome.FAILED, "InvalidIdentityToken")
        assert reason is not None and f"'{other}'; it has '{provider.issuer}', which is another one" in reason


async def test_a_closed_account_trusts_nobody(service: Service, provider: IdentityProvider) -> None:
    theirs = await other_root(service)
    await trusted(service, provider, token=theirs)
    web = await role(service, provider, principal=arn_of(provider, OTHER), token=theirs)
    assert await is_in(service, web, provider.token())
    await service.good("closeAccount", {"accountId": OTHER})
    assert (await assume(service, web, provider.token()))["code"] == "INVALID_IDENTITY_TOKEN"


async def test_it_stands_alone_in_its_request(service: Service, provider: IdentityProvider) -> None:
    fields = '(input: {roleArn: "x", roleSessionName: "ci", webIdentityToken: "x"}) { __typename }'
    both = f"mutation {{ a: assumeRoleWithWebIdentity{fields} b: assumeRoleWithWebIdentity{fields} }}"
    reply = await service.ask(both)
    assert "must be the only mutation" in json.dumps(reply.body)
