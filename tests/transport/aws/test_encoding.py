"""UI-02: what is stored comes back to the byte, and every answer is XML that any client reads, whatever went wrong."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

import boto3
import pytest
from botocore.awsrequest import AWSRequest

from iamgraph.app.kernel import Kernel
from iamgraph.transport.aws.http import MAX_BODY

from ...service import ACCOUNT, Service, allow
from ...wire import AwsKey, aws_key

IAM = "https://iam.amazonaws.com/doc/2010-05-08/"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DESCRIPTION = "é < & > \" ' + %2B ✓ 🦊"
RESOURCES = [
    "arn:aws:s3:::a%253Ab",
    "arn:aws:s3:::a%3Ab+c d",
    "arn:aws:s3:::<&>\"'",
    "arn:aws:s3:::${aws:username}/é*?",
]
# As a person writes it: not as any program would write it again.
DOCUMENT = allow("s3:GetObject", resource=RESOURCES).replace(", ", " ,\n\t  ")
TRUSTED = f'"Principal": {{"AWS": "arn:aws:iam::{ACCOUNT}:root"}}'
CONDITION = '"Condition": {"StringLike": {"sts:ExternalId": "a%253A+<&> *"}}'
TRUST = allow("sts:AssumeRole").replace('"Resource": "*"', f"{TRUSTED}, {CONDITION}")
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/p"


def text_of(answer: str, name: str) -> str:
    """The text of the one element of this name."""
    (found,) = ElementTree.fromstring(answer).iter(f"{{{IAM}}}{name}")
    return found.text or ""


async def test_documents_and_texts_come_back_to_the_byte(service: Service) -> None:
    root = await aws_key(service)
    await root.ask("CreateUser", UserName="u")
    await root.ask("CreateGroup", GroupName="g")
    made = [
        await root.ask("CreatePolicy", PolicyName="p", PolicyDocument=DOCUMENT, Description=DESCRIPTION),
        await root.ask("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST, Description="é < & > +"),
        *[
            await root.ask(f"Put{kind}Policy", **{f"{kind}Name": name}, PolicyName="own", PolicyDocument=DOCUMENT)
            for kind, name in (("User", "u"), ("Group", "g"), ("Role", "r"))
        ],
    ]
    assert [answer.status for answer in made] == [200] * len(made), [answer.text for answer in made]
    own = {"PolicyName": "own"}
    for action, given, element, document in (
        ("GetPolicyVersion", {"PolicyArn": POLICY, "VersionId": "v1"}, "Document", DOCUMENT),
        ("GetUserPolicy", {"UserName": "u", **own}, "PolicyDocument", DOCUMENT),
        ("GetGroupPolicy", {"GroupName": "g", **own}, "PolicyDocument", DOCUMENT),
        ("GetRolePolicy", {"RoleName": "r", **own}, "PolicyDocument", DOCUMENT),
        ("GetRole", {"RoleName": "r"}, "AssumeRolePolicyDocument", TRUST),
    ):
        text = text_of((await root.ask(action, **given)).text, element)
        # RFC 3986, once: a `%253A` is no `%3A` after.
        assert unquote(text) == document and text == quote(document, safe="-_.~"), action
    assert (await root.ask("GetPolicy", PolicyArn=POLICY)).data["Policy"]["Description"] == DESCRIPTION
    assert (await root.ask("GetRole", RoleName="r")).data["Role"]["Description"] == "é < & > +"
    read = await asyncio.to_thread(as_boto3_reads_them, root)
    assert read == [json.loads(DOCUMENT)] * 2 + [json.loads(TRUST)]


def as_boto3_reads_them(key: AwsKey) -> list[Any]:
    iam: Any = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=key.url,
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
    )
    return [
        iam.get_policy_version(PolicyArn=POLICY, VersionId="v1")["PolicyVersion"]["Document"],
        iam.get_user_policy(UserName="u", PolicyName="own")["PolicyDocument"],
        iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"],
    ]


async def test_every_error_is_xml_with_a_code_a_message_and_the_request_s_id(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = await aws_key(service)
    listing = b"Action=ListUsers&Version=2010-05-08"

    async def broken(*_: object) -> None:
        raise RuntimeError("<html>a secret</html>")

    async def sent(body: bytes, *, by: AwsKey = root) -> tuple[int, str]:
        request = by.signed(AWSRequest("POST", by.url, data=body, headers=FORM), "iam")
        answer = await by.send(request, "ListUsers")
        assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
        tree = ElementTree.fromstring(answer.text)
        parts = {element.tag.rpartition("}")[2]: element.text for element in tree.iter()}
        assert parts.keys() >= {"ErrorResponse", "Error", "Type", "Code", "Message", "RequestId"}
        assert tree.tag.endswith("ErrorResponse") and parts["RequestId"] == answer.headers["x-amzn-RequestId"]
        assert parts["Message"] and "a secret" not in answer.text and not re.search(r'xmlns="[^"]*\s', answer.text)
        return answer.status, parts["Code"] or ""

    assert await sent(b"Action=Nothing&Version=2010-05-08") == (400, "InvalidAction")
    assert await sent(b"Action=%3Cscript%3E%00&Version=%0A") == (400, "InvalidAction")
    assert await sent(b"\xff\xfe") == (400, "MalformedInput")
    assert await sent(b"") == (400, "MissingAction")
    assert await sent(listing + b"&x=" + b"y" * MAX_BODY) == (413, "RequestEntityTooLarge")
    assert await sent(listing + b"&MaxItems=0") == (400, "ValidationError")
    assert await sent(listing, by=AwsKey(service=service)) == (403, "MissingAuthenticationToken")
    assert await sent(b"Action=GetUser&Version=2010-05-08&UserName=ghost") == (404, "NoSuchEntity")
    monkeypatch.setattr(Kernel, "fetch", broken)
    assert await sent(listing) == (500, "InternalFailure")
