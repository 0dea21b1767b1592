"""The same data for iamgraph and moto, made with boto3 over AWS's wire; and requests, signed before they are sent."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from .load import ask
from .seed import ACCOUNT, EMAIL, PASSWORD, sign_in_query

MOTOS_ACCOUNT = "123456789012"
REGION = "us-east-1"
USERS = 100
PATH = "/bench/"
ROLE, ADMIN, NOBODY = "bench", "admin", "nobody"
VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}
FORM = "application/x-www-form-urlencoded; charset=utf-8"
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The access keys of the one who asks, whose policy allows everything, and of one whom none allows anything."""

    admin: Credentials
    nobody: Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server with the data, and who asks it."""

    port: int
    account: str
    keys: Keys

    def client(self, service: str, credentials: Credentials) -> Any:
        """A client of boto3 for it, which tries nothing twice."""
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=REGION,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def request(self, service: str, parameters: Mapping[str, str]) -> bytes:
        """A request as it goes over the wire, signed now."""
        body = urlencode({**parameters, "Version": VERSIONS[service]})
        host = f"127.0.0.1:{self.port}"
        request = AWSRequest("POST", f"http://{host}/", data=body, headers={"Content-Type": FORM, "Host": host})
        SigV4Auth(self.keys.admin, service, REGION).add_auth(request)
        headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        return f"POST / HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def ours(port: int) -> Target:
    """iamgraph with the data. Its root makes the first key with a bearer token."""
    input = {"email": EMAIL, "password": PASSWORD}
    signed_in = await ask(port, {"query": sign_in_query("signInAsRoot"), "variables": {"input": input}})
    policy = {"userName": "first", "policyName": "all", "policyDocument": json.dumps(_EVERYTHING)}
    made = await ask(
        port,
        {
            "query": 'mutation($policy: PutUserPolicyInput!) { createUser(input: {userName: "first"}) { __typename } '
            'putUserPolicy(input: $policy) { __typename } createAccessKey(input: {userName: "first"}) '
            "{ ... on CreateAccessKeySuccess { accessKey { accessKeyId } secretAccessKey } } }",
            "variables": {"policy": policy},
        },
        signed_in["signInAsRoot"]["accessToken"],
    )
    key = made["createAccessKey"]
    return _filled(port, ACCOUNT, Credentials(key["accessKey"]["accessKeyId"], key["secretAccessKey"]))


def motos(port: int) -> Target:
    """moto with the data, and from then on with its checks of signatures and policies."""
    target = _filled(port, MOTOS_ACCOUNT, Credentials("AKIAIOSFODNN7EXAMPLE", "secret"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/moto-api/reset-auth", b"0")
    if connection.getresponse().status != 200:
        raise RuntimeError("moto does not begin to check signatures")
    connection.close()
    return target


def _filled(port: int, account: str, first: Credentials) -> Target:
    iam = Target(port=port, account=account, keys=Keys(admin=first, nobody=first)).client("iam", first)
    for i in range(USERS):
        iam.create_user(UserName=f"user-{i:04}", Path=PATH)
    # moto lets nobody in whom the trust policy names.
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    keys = {}
    for name in (ADMIN, NOBODY):
        iam.create_user(UserName=name)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        keys[name] = Credentials(made["AccessKeyId"], made["SecretAccessKey"])
    iam.put_user_policy(UserName=ADMIN, PolicyName="all", PolicyDocument=json.dumps(_EVERYTHING))
    return Target(port=port, account=account, keys=Keys(admin=keys[ADMIN], nobody=keys[NOBODY]))


def shown(target: Target) -> dict[str, Any]:
    """What a server answers, without what is each one's own: ids, instants and secrets. It must refuse a wrong signature,
    and what no policy allows."""
    keys = target.keys
    wrong = Credentials(keys.admin.access_key, "x" * 40)
    iam, sts = (target.client(service, keys.admin) for service in ("iam", "sts"))
    assumed = sts.assume_role(RoleArn=f"arn:aws:iam::{target.account}:role/{ROLE}", RoleSessionName="bench")
    return {
        "GetCallerIdentity": _named(sts.get_caller_identity()["Arn"], target),
        "GetUser": _user(iam.get_user(UserName="user-0042")["User"], target),
        "ListUsers": [_user(user, target) for user in iam.list_users(PathPrefix=PATH, MaxItems=USERS)["Users"]],
        "AssumeRole": (_named(assumed["AssumedRoleUser"]["Arn"], target), sorted(assumed["Credentials"])),
        "CreateUser": _user(iam.create_user(UserName="made", Path=PATH)["User"], target),
        "gone": sorted(iam.delete_user(UserName="made")) == ["ResponseMetadata"],
        "wrong signature": _refusal(target.client("iam", wrong)),
        "no policy": _refusal(target.client("iam", keys.nobody)),
    }


def _user(user: Mapping[str, Any], target: Target) -> tuple[str, ...]:
    return user["UserName"], user["Path"], _named(user["Arn"], target)


def _named(arn: str, target: Target) -> str:
    return arn.replace(target.account, "ACCOUNT")


def _refusal(iam: Any) -> int:
    try:
        iam.get_user(UserName="user-0042")
    except ClientError as error:
        status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status
    raise RuntimeError("a request that should be refused was answered")
