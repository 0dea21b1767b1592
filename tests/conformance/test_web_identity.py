"""A program with nothing but a token in a file, as Kubernetes gives it one: boto3 in a process of its own gets credentials
from a server in a process of its own, which asks the provider for its keys."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from aiohttp import ClientSession

from ..databases import fresh
from ..identity_provider import providing
from ..processes import Server
from ..service import ACCOUNT, Client

PROGRAM = """
import boto3, botocore.config
sts = boto3.client("sts", config=botocore.config.Config(retries={"total_max_attempts": 1}))
print(sts.get_caller_identity()["Arn"])
"""
POD = "system:serviceaccount:apps:web"


async def run(endpoint: str, token_file: Path) -> tuple[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file),
        "AWS_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/web",
        "AWS_ROLE_SESSION_NAME": "pod-7",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "HOME": str(token_file.parent),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdout=PIPE, stderr=PIPE, env=environment
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return out.decode().strip(), err.decode().strip().rpartition("\n")[2]


async def test_boto3_with_a_token_file(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    async with fresh("sqlite", tmp_path) as url, providing() as provider, ClientSession() as http:
        server = Server(url, tmp_path)
        async with server.running():
            client = Client(url=server.url, http=http)
            await client.good(
                "createOpenIDConnectProvider", {"url": provider.issuer, "clientIdList": ["sts.amazonaws.com"]}
            )
            statement = {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider.name}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{provider.name}:sub": POD}},
            }
            trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
            await client.good("createRole", {"roleName": "web", "assumeRolePolicyDocument": trust})
            endpoint = server.url.removesuffix("/graphql")
            token_file.write_text(provider.token())
            assert await run(endpoint, token_file) == (f"arn:aws:sts::{ACCOUNT}:assumed-role/web/pod-7", "")
            token_file.write_text(provider.token(sub="system:serviceaccount:apps:other"))
            out, error = await run(endpoint, token_file)
            assert out == "" and error.endswith("Not authorized to perform sts:AssumeRoleWithWebIdentity"), error
