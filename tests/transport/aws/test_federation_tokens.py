"""GetFederationToken over AWS's wire."""

from __future__ import annotations

from dataclasses import replace

from ...service import ACCOUNT, Service, allow
from ...wire import aws_key

KIM = f"arn:aws:sts::{ACCOUNT}:federated-user/kim"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


async def test_a_federated_user_from_its_making(service: Service) -> None:
    key = await aws_key(service, "broker", allow("sts:GetFederationToken", "sts:TagSession", "iam:*"))
    found = (await key.ask("GetFederationToken", "sts", Name="kim")).data
    assert found.keys() == {"Credentials", "FederatedUser", "PackedPolicySize"} and found["PackedPolicySize"] == 0
    assert found["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:kim", "Arn": KIM}
    given = found["Credentials"]
    kim = replace(key, id=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"])
    assert (await kim.ask("GetCallerIdentity", "sts")).data == {
        "UserId": f"{ACCOUNT}:kim",
        "Account": ACCOUNT,
        "Arn": KIM,
    }
    policy = {"Policy": allow("iam:*"), "PolicyArns": [{"arn": READ_ONLY}]}
    tags = [{"Key": "team", "Value": "red"}]
    found = (await key.ask("GetFederationToken", "sts", Name="kim", Tags=tags, DurationSeconds=900, **policy)).data
    assert found.keys() == {"Credentials", "FederatedUser", "PackedPolicySize"} and found["PackedPolicySize"] == 7
    given = found["Credentials"]
    kim = replace(key, id=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"])
    answer = await kim.ask("GetUser")
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert answer.message == (
        f"User: {KIM} is not authorized to perform: iam:GetUser on resource: arn:aws:iam::{ACCOUNT}:user/broker "
        "with an explicit deny in a session policy"
    )


async def test_what_is_refused(service: Service) -> None:
    key = await aws_key(service, "broker", allow("sts:*"))
    answer = await key.ask("GetFederationToken", "sts", Name="k", DurationSeconds=1)
    assert (answer.status, answer.code) == (400, "ValidationError")
    assert answer.message.startswith("2 validation errors detected: ") and "'durationSeconds'" in answer.message
    for given, code in (
        ({"Policy": "{"}, "MalformedPolicyDocument"),
        ({"Policy": allow("s3:" + "x" * 1900), "PolicyArns": [{"arn": READ_ONLY}] * 4}, "PackedPolicyTooLarge"),
    ):
        answer = await key.ask("GetFederationToken", "sts", Name="kim", **given)
        assert (answer.status, answer.code) == (400, code)
    answer = await key.ask("GetFederationToken", "sts", Name="kim", Policy=allow("s3:Get" + "x" * 2048))
    assert (answer.status, answer.code) == (400, "ValidationError")
    assert answer.message.startswith("1 validation error detected: ") and answer.message.endswith(
        "at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"
    )
    made = (await key.ask("GetSessionToken", "sts")).data["Credentials"]
    session = replace(key, id=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"])
    answer = await session.ask("GetFederationToken", "sts", Name="kim")
    assert (answer.status, answer.code) == (403, "AccessDenied")
