"""OpenID Connect providers over AWS's wire: as AWS's command line walks it."""

from __future__ import annotations

from ...service import ACCOUNT, Service
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
