"""AssumeRoleWithWebIdentity over AWS's wire: nothing is signed, and the codes are AWS's."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import pytest

from ...identity_provider import IdentityProvider, providing, rsa_key
from ...service import ACCOUNT, Service, allow
from ...wire import AwsKey, aws_key

ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"
POD = "system:serviceaccount:apps:web"


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with providing() as made:
        yield made


async def furnished(service: Service, provider: IdentityProvider) -> AwsKey:
    """A provider, and a role that trusts it; and somebody without a key."""
    root, arn = await aws_key(service), f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider.name}"
    await root.ask("CreateOpenIDConnectProvider", Url=provider.issuer, ClientIDList=["sts.amazonaws.com"])
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": arn},
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": {"StringEquals": {f"{provider.name}:sub": POD, f"{provider.name}:aud": "sts.amazonaws.com"}},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
    await root.ask("CreateRole", RoleName="web", AssumeRolePolicyDocument=trust)
    await root.ask("PutRolePolicy", RoleName="web", PolicyName="own", PolicyDocument=allow("iam:ListUsers"))
    return AwsKey(service=service)


async def test_credentials_for_a_token(service: Service, provider: IdentityProvider) -> None:
    nobody = await furnished(service, provider)
    given = {"RoleArn": ROLE, "RoleSessionName": "ci", "WebIdentityToken": provider.token()}
    answer = await nobody.ask("AssumeRoleWithWebIdentity", "sts", **given)
    made = answer.data
    credentials = made.pop("Credentials")
    assert made.pop("AssumedRoleUser")["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/web/ci"
    assert made == {
        "SubjectFromWebIdentityToken": POD, "Provider": provider.issuer, "Audience": "sts.amazonaws.com"
    }  # fmt: skip
    key = AwsKey(
        service=service,
        id=credentials["AccessKeyId"],
        secret=credentials["SecretAccessKey"],
        token=credentials["SessionToken"],
    )
    who = (await key.ask("GetCallerIdentity", "sts")).data
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/web/ci"
    assert (await key.ask("ListUsers")).status == 200
    more = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["red"]}}}
    token = provider.token(**more, **{"https://aws.amazon.com/source_identity": "kim"})
    narrowed = await nobody.ask(
        "AssumeRoleWithWebIdentity",
        "sts",
        **{**given, "WebIdentityToken": token},
        Policy=allow("iam:ListGroups"),
        DurationSeconds=900,
    )
    assert narrowed.data["SourceIdentity"] == "kim" and 0 < narrowed.data["PackedPolicySize"] <= 100
    # Who signs, though it need not, is heard as well; who signs wrongly is not.
    root = await aws_key(service)
    assert (await root.ask("AssumeRoleWithWebIdentity", "sts", **given)).status == 200
    wrong = AwsKey(service=service, id=root.id, secret="x" * 40)
    assert (await wrong.ask("AssumeRoleWithWebIdentity", "sts", **given)).code == "SignatureDoesNotMatch"


async def test_errors_are_in_awss_words(service: Service, provider: IdentityProvider) -> None:
    nobody = await furnished(service, provider)

    async def refusal(token: str, **more: object) -> tuple[int, str | None, str]:
        given = {"RoleArn": ROLE, "RoleSessionName": "ci", "WebIdentityToken": token, **more}
        answer = await nobody.ask("AssumeRoleWithWebIdentity", "sts", **given)
        return answer.status, answer.code, answer.message

    denied = (403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    assert await refusal(provider.token(sub="eve")) == denied
    assert await refusal(provider.token(), RoleArn=ROLE + "-that-is-not") == denied
    assert (await refusal(provider.token(exp=int(time.time()) - 70)))[:2] == (400, "ExpiredTokenException")
    unbelieved = await refusal(provider.token(rsa_key("evil")))
    assert unbelieved[:2] == (400, "InvalidIdentityToken")
    assert await refusal(provider.token(aud="elsewhere")) == unbelieved
    assert await refusal("not.a.token") == (
        400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT: a part is not base64url"
    )  # fmt: skip
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["red", "blue"]}}}
    assert (await refusal(provider.token(**tags)))[:2] == (403, "IDPRejectedClaim")
    assert (await refusal(provider.token(), Policy="{"))[:2] == (400, "MalformedPolicyDocument")
    assert (await refusal(provider.token(), DurationSeconds=43200))[:2] == (400, "ValidationError")
    status, code, message = await refusal("x" * 3)
    assert (status, code) == (400, "ValidationError") and "webIdentityToken" in message and "xxx" not in message
    provider.is_down = True
    service.kernel.tools.oidc.issuers._known.clear()
    assert await refusal(provider.token()) == (
        400, "IDPCommunicationError", "Couldn't retrieve verification key from your identity provider"
    )  # fmt: skip
    assert (await refusal(provider.token(), ProviderId="www.amazon.com"))[:2] == (501, "NotImplemented")
