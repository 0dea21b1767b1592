"""OpenID Connect providers over AWS's wire: as AWS's command line walks it."""

from __future__ import annotations

import json

from ...service import ACCOUNT, Service, allow
from ...wire import aws_key

URL = "https://idp.example.com/team"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com/team"
TAG = {"Key": "Team", "Value": "red"}


async def test_a_provider_from_its_making_to_its_end(service: Service) -> None:
    root = await aws_key(service)
    given = {"Url": URL, "ClientIDList": ["web"], "ThumbprintList": ["0" * 40], "Tags": [TAG]}
    made = await root.ask("CreateOpenIDConnectProvider", **given)
    assert made.data == {"OpenIDConnectProviderArn": ARN, "Tags": [TAG]}
    found = (await root.ask("GetOpenIDConnectProvider", OpenIDConnectProviderArn=ARN)).data
    found.pop("CreateDate")
    assert found == {
        "Url": "idp.example.com/team", "ClientIDList": ["web"], "ThumbprintList": ["0" * 40], "Tags": [TAG]
    }  # fmt: skip
    assert (await root.ask("ListOpenIDConnectProviders")).data == {"OpenIDConnectProviderList": [{"Arn": ARN}]}
    tags = (await root.ask("ListOpenIDConnectProviderTags", OpenIDConnectProviderArn=ARN)).data
    assert tags == {"Tags": [TAG], "IsTruncated": False}
    assert (await root.ask("GetAccountSummary")).data["SummaryMap"]["Providers"] == 1
    for action, more in (
        ("AddClientIDToOpenIDConnectProvider", {"ClientID": "cli"}),
        ("RemoveClientIDFromOpenIDConnectProvider", {"ClientID": "web"}),
        ("UpdateOpenIDConnectProviderThumbprint", {"ThumbprintList": ["f" * 40]}),
        ("UntagOpenIDConnectProvider", {"TagKeys": ["Team"]}),
    ):
        assert (await root.ask(action, OpenIDConnectProviderArn=ARN, **more)).data == {}
    found = (await root.ask("GetOpenIDConnectProvider", OpenIDConnectProviderArn=ARN)).data
    assert (found["ClientIDList"], found["ThumbprintList"], "Tags" in found) == (["cli"], ["f" * 40], False)
    assert (await root.ask("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=ARN)).data == {}
    answer = await root.ask("GetOpenIDConnectProvider", OpenIDConnectProviderArn=ARN)
    assert (answer.status, answer.code) == (404, "NoSuchEntity")
    assert answer.message == f"OpenIDConnect Provider not found for arn {ARN}"


async def test_errors_are_in_awss_words(service: Service) -> None:
    root = await aws_key(service)
    for url, code in (
        (URL + "?a=b", "InvalidInput"),
        ("http://idp.example.com", "InvalidInput"),
        ("", "ValidationError"),
    ):
        answer = await root.ask("CreateOpenIDConnectProvider", Url=url)
        assert (answer.status, answer.code) == (400, code), answer.text
    answer = await root.ask("CreateOpenIDConnectProvider", Url=URL, ThumbprintList=["x"])
    assert answer.message == (
        "1 validation error detected: Value at 'thumbprintList.1.member' failed to satisfy constraint: Member must have "
        "length greater than or equal to 40"
    )
    await root.ask("CreateOpenIDConnectProvider", Url=URL)
    answer = await root.ask("CreateOpenIDConnectProvider", Url=URL)
    assert (answer.status, answer.code) == (409, "EntityAlreadyExists")
    provider = {"SubjectSourceKey": "sub"}
    answer = await root.ask("CreateOpenIDConnectProvider", Url="https://b.example.com", ContextProvider=provider)
    assert (answer.status, answer.code) == (501, "NotImplemented")


async def test_to_delete_what_is_not_there_is_no_error(service: Service) -> None:
    """As AWS documents it; and so of one that the caller may not know of, which stays."""
    root = await aws_key(service)
    await root.ask("CreateOpenIDConnectProvider", Url=URL, Tags=[TAG])
    other, delete = ARN + "/other", "iam:DeleteOpenIDConnectProvider"
    deny = {"Effect": "Deny", "Action": delete, "Resource": "*"}
    policy = json.loads(allow(delete))
    policy["Statement"].append({**deny, "Condition": {"StringEquals": {"aws:ResourceTag/Team": "red"}}})
    may = await aws_key(service, "may", json.dumps(policy))
    may_not = await aws_key(service, "may-not", allow("iam:GetOpenIDConnectProvider"))
    before = await service.snapshot()
    for key, arn in ((root, other), (may, other), (may, ARN)):
        answer = await key.ask("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
        assert (answer.status, answer.data) == (200, {}), answer.text
    for arn in (ARN, other):
        answer = await may_not.ask("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
        assert (answer.status, answer.code) == (403, "AccessDenied")
    assert await service.snapshot() == before
    (failed,) = await service.events(name="DeleteOpenIDConnectProvider", principal_arn=f"arn:aws:iam::{ACCOUNT}:root")
    assert failed.error_code == "NoSuchEntity"
