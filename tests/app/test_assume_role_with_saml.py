"""AssumeRoleWithSAML: whom the right provider speaks for, for us, once; everybody else out, and told nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import etree

from iamgraph.app.history.export import record
from iamgraph.domain.entities import EventOutcome

from ..saml_idp import Pair, Said, assertion_of, encrypt, metadata, pair, posted, sign
from ..service import ACCOUNT, PUBLIC_URL, Service, allow
from .asking import OTHER, account, arn, document, other_root

ISSUER = "https://idp.example.com/metadata"
ASSUME = "sts:AssumeRoleWithSAML"
CORP = arn("saml-provider/Corp")
AWS = "https://aws.amazon.com/SAML/Attributes/"
MADE = (
    "credentials { accessKeyId secretAccessKey sessionToken expiration } accessToken assumedRoleArn packedPolicySize "
    "subject subjectType issuer audience nameQualifier sourceIdentity session { id source arn issuedAt expiresAt "
    "federation { providerArn issuer subject } }"
)
DENIED = {"__typename": "NotTrustedError", "code": "ACCESS_DENIED", "message": f"Not authorized to perform {ASSUME}"}
INVALID = {
    "__typename": "InvalidIdentityTokenError",
    "code": "INVALID_IDENTITY_TOKEN",
    "message": "The SAML response could not be validated: it is not by the identity provider that is named, or not meant "
    "for it here.",
}


def base(provider: str = CORP) -> str:
    parts = provider.split(":")
    return f"{PUBLIC_URL}/sso/saml/{parts[4]}/{parts[5].partition('/')[2]}"


async def trusted(service: Service, *, token: str | None = None, name: str = "Corp", **more: Any) -> None:
    """An account, the first if no other's token is given, has the provider."""
    given = {"name": name, "samlMetadataDocument": metadata(ISSUER, pair("idp")), **more}
    await service.good("createSAMLProvider", given, token=token)


async def role(
    service: Service,
    conditions: Mapping[str, Any] | None = None,
    name: str = "dev",
    *,
    actions: Any = ASSUME,
    principal: str = CORP,
    token: str | None = None,
    **more: Any,
) -> str:
    """A role that trusts the provider under conditions; and its ARN."""
    trust = {"Effect": "Allow", "Principal": {"Federated": principal}, "Action": actions}
    policy = document(trust | ({"Condition": conditions} if conditions else {}))
    done = await service.good(
        "createRole", {"roleName": name, "assumeRolePolicyDocument": policy, **more}, "role { arn }", token
    )
    made: str = done["role"]["arn"]
    return made


def says(
    service: Service,
    role_arn: str,
    provider: str = CORP,
    *,
    attributes: Mapping[str, Sequence[str]] | None = None,
    by: Pair | None = None,
    is_encrypted: bool = False,
    signs_response: bool = False,
    **what: Any,
) -> str:
    """A response that offers the role, signed."""
    mine = {AWS + "Role": [f"{role_arn},{provider}"], AWS + "RoleSessionName": ["alice.a"]}
    given = {
        "recipient": f"{base(provider)}/acs", "audiences": [f"{base(provider)}/metadata"], "issuer": ISSUER,
        "now": service.clock(), "attributes": {**mine, **{AWS + key: value for key, value in (attributes or {}).items()}},
        **what,
    }  # fmt: skip
    response = Said(**given).xml()
    signed = response if signs_response else assertion_of(response)
    sign(signed, by or pair("idp"))
    if is_encrypted:
        encrypt(assertion_of(response), pair("ours"))
    return posted(etree.tostring(response))


async def assume(service: Service, role_arn: str, response: str, provider: str = CORP, **more: Any) -> Any:
    """Ask without any credentials."""
    input = {"roleArn": role_arn, "principalArn": provider, "samlAssertion": response, **more}
    kind = "AssumeRoleWithSAML"
    query = (
        f"mutation ($input: {kind}Input!) {{ assumeRoleWithSAML(input: $input) {{ __typename "
        f"... on {kind}Success {{ {MADE} }} ... on Error {{ code message }} }} }}"
    )
    return (await service.ask(query, input=input)).only()


async def is_in(service: Service, role_arn: str, **what: Any) -> bool:
    done = await assume(service, role_arn, says(service, role_arn, **what))
    assert done["__typename"] == "AssumeRoleWithSAMLSuccess" or done == DENIED, done
    return bool(done != DENIED)


async def reason(service: Service) -> tuple[EventOutcome, str | None, str]:
    """How the last attempt ended, as the account's history has it."""
    event = (await service.events(name="AssumeRoleWithSAML"))[0]
    assert event.account_id == ACCOUNT
    return event.outcome, event.error_code, event.error_message or ""


async def test_somebody_gets_the_role_that_the_provider_offers(service: Service) -> None:
    await trusted(service)
    dev = await role(service, {"StringEquals": {"SAML:aud": f"{base()}/acs", "SAML:sub_type": "persistent"}})
    response = says(service, dev, attributes={"SourceIdentity": ["alice"]})
    denied = await assume(service, dev, response)
    assert denied == DENIED  # It sets a source identity, which takes an action of its own.
    allowed = document(
        {"Effect": "Allow", "Principal": {"Federated": CORP}, "Action": [ASSUME, "sts:SetSourceIdentity"]}
    )
    await service.good("updateAssumeRolePolicy", {"roleName": "dev", "policyDocument": allowed})
    # What was refused has not been used.
    done = await assume(service, dev, response)
    assert done["assumedRoleArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/alice.a"
    assert {key: done[key] for key in ("subject", "subjectType", "issuer", "audience", "sourceIdentity")} == {
        "subject": "alice", "subjectType": "persistent", "issuer": ISSUER, "audience": f"{base()}/acs",
        "sourceIdentity": "alice",
    }  # fmt: skip
    origin = {"providerArn": CORP, "issuer": ISSUER, "subject": "alice"}
    assert (done["session"]["source"], done["session"]["federation"]) == ("SAML", origin)
    assert (await service.ask("{ viewer { arn } }", done["accessToken"])).only()["arn"] == done["assumedRoleArn"]

    # Its administrators see where the session came from, and end it.
    listed = await account(
        service, 'role(name: "dev") { sessions(first: 9) { nodes { source federation { subject } } } }'
    )
    assert listed["role"]["sessions"]["nodes"] == [{"source": "SAML", "federation": {"subject": "alice"}}]
    event = (await service.events(name="AssumeRoleWithSAML"))[0]
    assert (event.outcome, event.principal_arn, event.resources) == (EventOutcome.SUCCEEDED, CORP, (dev,))
    assert json.loads(event.parameters).keys() == {"roleArn", "principalArn", "durationSeconds"}
    assert record(event)["userIdentity"] == {
        "type": "SAMLUser", "principalId": f"{done['nameQualifier']}:alice", "userName": "alice",
        "identityProvider": done["nameQualifier"],
    }  # fmt: skip
    await service.good("revokeSession", {"sessionId": done["session"]["id"]})
    assert (await service.ask("{ viewer { arn } }", done["accessToken"])).codes == ["UNAUTHENTICATED"]


async def test_policies_see_who_it_is(service: Service) -> None:
    """The trust policy by all that the assertion says, the session's by who that is."""
    await trusted(service)
    affiliation = "urn:oid:1.3.6.1.4.1.5923.1.1.1.1"
    dev = await role(
        service,
        {
            "StringEquals": {"saml:sub": "alice", "saml:iss": ISSUER, "saml:doc": f"{ACCOUNT}/Corp"},
            "ForAnyValue:StringEquals": {"saml:edupersonaffiliation": "staff"},
            "StringLike": {"sts:RoleSessionName": "alice.*"},
        },
    )
    policy = json.loads(allow("iam:GetRole"))
    policy["Statement"][0]["Condition"] = {"StringEquals": {"saml:sub": "alice", "saml:sub_type": "persistent"}}
    inline = {"roleName": "dev", "policyName": "own", "policyDocument": json.dumps(policy)}
    await service.good("putRolePolicy", inline)
    staff = {AWS + "Role": [f"{dev},{CORP}"], AWS + "RoleSessionName": ["alice.a"], affiliation: ["faculty", "staff"]}

    def response(**what: Any) -> str:
        made = Said(
            recipient=f"{base()}/acs", audiences=[f"{base()}/metadata"], issuer=ISSUER, now=service.clock(), **what
        )
        return posted(sign(made.xml(), pair("idp")))

    done = await assume(service, dev, response(attributes=staff))
    assert done["__typename"] == "AssumeRoleWithSAMLSuccess", done
    read = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ role(name: "dev") {{ path }} }} }}'
    assert (await service.ask(read, done["accessToken"])).codes == []
    for other in (
        {"attributes": {**staff, affiliation: ["student"]}},
        {"attributes": {**staff, AWS + "RoleSessionName": ["bob"]}},
        {"attributes": staff, "name_id": "bob"},
    ):
        assert await assume(service, dev, response(**other)) == DENIED


async def test_a_response_is_used_once(service: Service) -> None:
    await trusted(service)
    dev = await role(service)
    response = says(service, dev)
    found = await asyncio.gather(*(assume(service, dev, response) for _ in range(6)))
    kinds = sorted(one["__typename"] for one in found)
    assert kinds == ["AssumeRoleWithSAMLSuccess", *["InvalidIdentityTokenError"] * 5]
    again = await assume(service, dev, response)
    assert again["message"] == "The SAML response was used already: get a new one from the identity provider."
    # Also by a provider that has been made again of the same metadata.
    await service.good("deleteSAMLProvider", {"samlProviderArn": CORP})
    await trusted(service)
    assert (await assume(service, dev, response))["__typename"] == "InvalidIdentityTokenError"
    assert await is_in(service, dev)


async def test_accounts_and_providers_do_not_meet(service: Service) -> None:
    """Two accounts and two providers with one identity provider behind them, which names one subject."""
    root = await other_root(service)
    theirs, second = arn("saml-provider/Corp", OTHER), arn("saml-provider/Second")
    await trusted(service)
    await trusted(service, name="Second")
    await trusted(service, token=root)
    dev, other = await role(service), await role(service, principal=theirs, token=root)
    # What is for one account's provider is not for another's, whatever it offers.
    for response in (says(service, dev), says(service, other), says(service, other, second)):
        assert await assume(service, other, response, theirs) == INVALID
    assert (await assume(service, other, says(service, other, theirs), theirs))["subject"] == "alice"
    # Nor is it for another provider of the account, though one key signs for both, and the role is offered with that one.
    for_second = {"recipient": f"{base(second)}/acs", "audiences": [f"{base(second)}/metadata"]}
    assert await assume(service, dev, says(service, dev, **for_second)) == INVALID
    assert f"{base(second)}/acs" in (await reason(service))[2]
    # The other provider speaks for it, and the role does not trust that one.
    assert await assume(service, dev, says(service, dev, second), second) == DENIED


async def test_strangers_are_told_nothing(service: Service) -> None:
    await trusted(service)
    dev = await role(service)
    nobody = arn("saml-provider/Nobody")
    elsewhere = arn("saml-provider/Corp", "999999999999")
    wrong = {
        "none of the certificates": says(service, dev, by=pair("mallory")),
        "the Recipient is": says(service, dev, recipient="https://signin.aws.amazon.com/saml", destination=None),
        "the Audience is": says(service, dev, audiences=["urn:amazon:webservices"]),
        "the Issuer is": says(service, dev, issuer="https://mallory.example.com"),
        "it is not base64": "%%%%",
        "well-formed": posted(b"<x"),
        "Conditions": says(service, dev, has_conditions=False),
    }
    for why, response in wrong.items():
        assert await assume(service, dev, response) == INVALID
        outcome, code, text = await reason(service)
        assert (outcome, code) == (EventOutcome.FAILED, "InvalidIdentityToken")
        assert why in text
    assert await assume(service, dev, says(service, dev, nobody), nobody) == INVALID
    assert (await reason(service))[2] == "The SAML response is refused: there is no such provider"
    far = dev.replace(ACCOUNT, "999999999999")
    assert await assume(service, far, says(service, far, elsewhere), elsewhere) == INVALID


async def test_a_role_that_does_not_exist_answers_like_one_that_trusts_somebody_else(service: Service) -> None:
    await trusted(service)
    other = await role(service, principal=arn("saml-provider/Other"), name="other")
    assert not await is_in(service, other)
    assert "'alice' (persistent)" in (await reason(service))[2]
    assert not await is_in(service, arn("role/none"))
    assert not await is_in(service, arn("role/path/other"))
    web = await role(
        service, actions="sts:AssumeRoleWithWebIdentity", name="web", principal=CORP.replace("saml", "oidc")
    )
    assert not await is_in(service, web)


async def test_what_the_provider_has_signed_is_told(service: Service) -> None:
    await trusted(service)
    dev = await role(service)
    late = says(service, dev)
    service.clock.ahead = timedelta(minutes=6, seconds=1)
    done = await assume(service, dev, late)
    assert (done["__typename"], done["message"]) == (
        "ExpiredIdentityTokenError", "Token must be redeemed within 5 minutes of issuance"
    )  # fmt: skip
    failed = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    done = await assume(service, dev, says(service, dev, status=failed, signs_response=True))
    assert done["__typename"] == "IdpRejectedClaimError"
    assert failed in (await reason(service))[2]
    # Anybody may have written this.
    assert await assume(service, dev, says(service, dev, status=failed)) == INVALID
    for attributes, message in (
        ({"Role": [f"{dev},{arn('role/x')}"]}, "does not offer this role"),
        ({"RoleSessionName": []}, f"The attribute {AWS}RoleSessionName has 0 values"),
        ({"PrincipalTag:aws:x": ["a"]}, "The tags of the SAML assertion"),
    ):
        done = await assume(service, dev, says(service, dev, attributes=attributes))
        assert done["__typename"] == "InvalidIdentityTokenError" and message in done["message"], done


async def test_tags_take_an_action_of_their_own_and_stay(service: Service) -> None:
    await trusted(service)
    tagging = {"StringEquals": {"aws:RequestTag/Team": "red"}}
    plain = await role(service, name="plain")
    tagged = await role(service, tagging, actions=[ASSUME, "sts:TagSession"], name="tagged")
    red = {"PrincipalTag:Team": ["red"], "TransitiveTagKeys": ["Team"]}
    assert not await is_in(service, plain, attributes=red)
    assert await is_in(service, tagged, attributes=red)
    assert not await is_in(service, tagged, attributes={"PrincipalTag:Team": ["blue"]})
    async with service.database.reading() as data:
        rows = await data.sessions._db.fetch("SELECT tags, transitive_tag_keys FROM session WHERE source = 'SAML'")
    assert [(json.loads(row["tags"]), json.loads(row["transitive_tag_keys"])) for row in rows] == [
        ([["Team", "red"]], ["Team"])
    ]


@pytest.mark.parametrize(
    ("what", "asked", "seconds"),
    [
        ({}, {}, 3600),
        ({}, {"durationSeconds": 7200}, 7200),
        ({"attributes": {"SessionDuration": ["1800"]}}, {"durationSeconds": 7200}, 1800),
        # It does not make a session longer.
        ({"attributes": {"SessionDuration": ["7200"]}}, {}, 3600),
        ({"session_until": timedelta(minutes=20)}, {}, 1200),
        ({"session_until": timedelta(minutes=20), "attributes": {"SessionDuration": ["900"]}}, {}, 900),
    ],
)
async def test_a_session_is_as_short_as_anybody_wants_it(
    service: Service, what: dict[str, Any], asked: dict[str, Any], seconds: int
) -> None:
    service.clock.stopped_at = datetime.now(UTC).replace(microsecond=0)
    await trusted(service)
    dev = await role(service, maxSessionDuration=7200)
    session = (await assume(service, dev, says(service, dev, **what), **asked))["session"]
    begun, end = (datetime.fromisoformat(session[key]) for key in ("issuedAt", "expiresAt"))
    assert (end - begun).total_seconds() == seconds


async def test_what_is_asked_for_must_be_sound(service: Service) -> None:
    await trusted(service)
    dev = await role(service)
    response = says(service, dev)
    longer = await assume(service, dev, response, durationSeconds=7200)
    assert longer["message"] == "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    for role_arn, provider in (("x" * 20, CORP), (dev, dev), (CORP, CORP), (dev, arn("saml-provider/Corp", OTHER))):
        done = await assume(service, role_arn, response, provider)
        assert done["__typename"] == "InvalidInputError", done
    policy = await assume(service, dev, response, policy="{")
    assert policy["__typename"] == "MalformedPolicyDocumentError"
    # Nothing of this has used it up, and a session policy narrows.
    done = await assume(service, dev, response, policy=allow("s3:*"))
    assert done["packedPolicySize"] > 0


async def test_assertions_may_have_to_be_encrypted(service: Service) -> None:
    key = pair("ours").key.decode()
    await trusted(service, addPrivateKey=key, assertionEncryptionMode="REQUIRED")
    dev = await role(service)
    assert await assume(service, dev, says(service, dev)) == INVALID
    assert "not encrypted" in (await reason(service))[2]
    assert await is_in(service, dev, is_encrypted=True)
    await service.good("updateSAMLProvider", {"samlProviderArn": CORP, "assertionEncryptionMode": "ALLOWED"})
    assert await is_in(service, dev)
    assert await is_in(service, dev, is_encrypted=True)


async def test_a_key_that_is_taken_away_signs_nothing_any_more(service: Service) -> None:
    await trusted(service)
    dev = await role(service)
    assert await is_in(service, dev)
    both = {"samlProviderArn": CORP, "samlMetadataDocument": metadata(ISSUER, pair("new"), pair("idp"))}
    await service.good("updateSAMLProvider", both)
    assert await is_in(service, dev) and await is_in(service, dev, by=pair("new"))
    await service.good("updateSAMLProvider", {**both, "samlMetadataDocument": metadata(ISSUER, pair("new"))})
    assert await assume(service, dev, says(service, dev)) == INVALID
    assert await is_in(service, dev, by=pair("new"))


async def test_strangers_are_bounded(service: Service) -> None:
    await trusted(service)
    dev = await role(service)
    good = says(service, dev)
    for _ in range(300):
        async with service.database.writing() as data:
            await data.throttles.attempt("web-identity 127.0.0.1", service.clock(), timedelta(minutes=15))
    done = await assume(service, dev, "AAAA")
    assert done["__typename"] == "ThrottledError"
    service.clock.ahead = timedelta(minutes=15, seconds=1)
    assert (await assume(service, dev, good))["__typename"] == "ExpiredIdentityTokenError"
    assert await is_in(service, dev)
