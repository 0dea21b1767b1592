"""A program with nothing but a SAML response: boto3 in a process of its own gets credentials from one of two servers, and
none from the other for the same response, nor from the one once it was killed and has begun again."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import ClientSession

from ..databases import fresh
from ..processes import Server
from ..saml_idp import Said, assertion_of, metadata, pair, posted, sign
from ..service import ACCOUNT, Client

PROGRAM = """
import sys, boto3, botocore, botocore.config
role, provider, response, *endpoints = sys.argv[1:]
for endpoint in endpoints:
    at = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    config = botocore.config.Config(signature_version=botocore.UNSIGNED, retries={"total_max_attempts": 1})
    sts = boto3.client("sts", config=config, **at)
    try:
        made = sts.assume_role_with_saml(RoleArn=role, PrincipalArn=provider, SAMLAssertion=response)
    except sts.exceptions.ClientError as error:
        print(error.response["Error"]["Code"])
        continue
    found = made["Credentials"]
    who = boto3.client(
        "sts", aws_access_key_id=found["AccessKeyId"], aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"], **at,
    )
    print(who.get_caller_identity()["Arn"])
"""
ROLE, PROVIDER = f"arn:aws:iam::{ACCOUNT}:role/dev", f"arn:aws:iam::{ACCOUNT}:saml-provider/Corp"
ISSUER = "https://idp.example.com"


async def run(response: str, *endpoints: str) -> list[str]:
    """What each of the endpoints answers, in their order."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, ROLE, PROVIDER, response, *endpoints, stdout=PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return out.decode().split()


PUBLIC_URL = "https://iam.example.com"


def response() -> str:
    base = f"{PUBLIC_URL}/sso/saml/{ACCOUNT}/Corp"
    attributes = {
        "https://aws.amazon.com/SAML/Attributes/Role": [f"{ROLE},{PROVIDER}"],
        "https://aws.amazon.com/SAML/Attributes/RoleSessionName": ["alice"],
    }
    made = Said(
        recipient=f"{base}/acs",
        audiences=[f"{base}/metadata"],
        issuer=ISSUER,
        now=datetime.now(UTC),
        attributes=attributes,
    ).xml()
    sign(assertion_of(made), pair("idp"))
    return posted(made)


async def test_boto3_with_a_response_that_is_used_once(tmp_path: Path) -> None:
    async with fresh("postgres", tmp_path) as url, AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession())
        one, other = (Server(url, tmp_path, IAMGRAPH_PUBLIC_URL=PUBLIC_URL) for _ in range(2))
        await asyncio.gather(*(stack.enter_async_context(server.running()) for server in (one, other)))
        client = Client(url=one.url, http=http)
        await client.good("createSAMLProvider", {"name": "Corp", "samlMetadataDocument": metadata(ISSUER, pair("idp"))})
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithSAML",
            "Condition": {"StringEquals": {"saml:sub": "alice"}},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
        await client.good("createRole", {"roleName": "dev", "assumeRolePolicyDocument": trust})
        shown = response()
        here, there = (server.url.removesuffix("/graphql") for server in (one, other))
        found = await run(shown, here, there)
        assert found == [f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/alice", "InvalidIdentityToken"]
        await one.end(signal.SIGKILL)
        await one.start()
        assert await run(shown, here) == ["InvalidIdentityToken"]
