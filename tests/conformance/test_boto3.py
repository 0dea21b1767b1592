"""The main job through boto3, unchanged but for its endpoint: the AWS SDK for Python as a program uses it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

from ..service import ACCOUNT, Service, allow
from ..wire import AwsKey, aws_key

RELEASE = json.loads(allow("deploy:Release"))
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/eng/alice"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}


def client(service: Service, name: str, key: dict[str, str]) -> BaseClient:
    return boto3.client(
        name,
        region_name="eu-central-1",
        endpoint_url=service.url.removesuffix("/graphql"),
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


def shown(key: AwsKey) -> dict[str, str]:
    assert key.id is not None
    return {"AccessKeyId": key.id, "SecretAccessKey": key.secret}


def refusal(call: Any, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


def main_job(service: Service, root_key: dict[str, str]) -> None:
    iam: Any = client(service, "iam", root_key)

    user = iam.create_user(UserName="alice", Path="/eng/", Tags=[{"Key": "team", "Value": "red"}])["User"]
    assert user["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/eng/alice" and user["UserId"].startswith("AIDA")
    assert iam.get_user(UserName="alice")["User"] == user
    iam.create_group(GroupName="devs")
    iam.add_user_to_group(GroupName="devs", UserName="alice")
    assert [one["UserName"] for one in iam.get_group(GroupName="devs")["Users"]] == ["alice"]
    assert [one["GroupName"] for one in iam.list_groups_for_user(UserName="alice")["Groups"]] == ["devs"]

    policy = iam.create_policy(PolicyName="release", PolicyDocument=json.dumps(RELEASE), Description="é < & >")[
        "Policy"
    ]
    assert policy.keys() & {"Description", "Tags"} == set()
    arn = policy["Arn"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Description"] == "é < & >"
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == RELEASE
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(RELEASE), SetAsDefault=True)
    assert version["PolicyVersion"]["VersionId"] == "v2"
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in versions] == [("v2", True), ("v1", False)]
    iam.attach_group_policy(GroupName="devs", PolicyArn=arn)
    assert iam.list_attached_group_policies(GroupName="devs")["AttachedPolicies"] == [
        {"PolicyName": "release", "PolicyArn": arn}
    ]
    iam.put_user_policy(UserName="alice", PolicyName="look", PolicyDocument=allow("iam:Get*", "sts:*"))
    assert iam.get_user_policy(UserName="alice", PolicyName="look")["PolicyDocument"] == json.loads(
        allow("iam:Get*", "sts:*")
    )

    role = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    assert role["AssumeRolePolicyDocument"] == TRUST and "MaxSessionDuration" not in role
    found = iam.get_role(RoleName="deployer")["Role"]
    assert found == {**role, "MaxSessionDuration": 3600, "RoleLastUsed": {}}
    iam.attach_role_policy(RoleName="deployer", PolicyArn=arn)

    key = iam.create_access_key(UserName="alice")["AccessKey"]
    assert key["UserName"] == "alice" and key["Status"] == "Active"
    alice_iam: Any = client(service, "iam", key)
    alice_sts: Any = client(service, "sts", key)
    assert alice_sts.get_caller_identity()["Arn"] == user["Arn"]
    assert alice_iam.get_user()["User"]["UserName"] == "alice"
    assert refusal(alice_iam.create_user, UserName="mallory") == (
        403,
        "AccessDenied",
        f"User: {user['Arn']} is not authorized to perform: iam:CreateUser on resource: "
        f"arn:aws:iam::{ACCOUNT}:user/mallory because no identity-based policy allows the iam:CreateUser action",
    )

    session = {"RoleArn": role["Arn"], "RoleSessionName": "run", "Tags": [{"Key": "job", "Value": "7"}]}
    assumed = alice_sts.assume_role(**session, Policy=json.dumps(RELEASE), DurationSeconds=900)
    assert assumed["PackedPolicySize"] > 0 and assumed["AssumedRoleUser"]["AssumedRoleId"] == f"{role['RoleId']}:run"
    ops: Any = client(service, "sts", assumed["Credentials"])
    assert ops.get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/run"
    assert refusal(alice_sts.assume_role, **session, DurationSeconds=7200) == (
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )

    for name in [f"user{i:02}" for i in range(12)]:
        iam.create_user(UserName=name)
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["Users"]) for page in pages] == [5, 5, 3]
    assert [one["UserName"] for page in pages for one in page["Users"]] == [
        "alice",
        *(f"user{i:02}" for i in range(12)),
    ]

    assert refusal(iam.delete_user, UserName="alice")[:2] == (409, "DeleteConflict")
    assert refusal(iam.create_user, UserName="Alice") == (
        409,
        "EntityAlreadyExists",
        "User with name Alice already exists.",
    )
    assert refusal(iam.get_role, RoleName="nobody") == (
        404,
        "NoSuchEntity",
        "The role with name nobody cannot be found.",
    )
    assert refusal(iam.create_group, GroupName="a/b")[1:] == (
        "ValidationError",
        "1 validation error detected: Value at 'groupName' failed to satisfy constraint: Member must satisfy regular "
        r"expression pattern: [\w+=,.@-]+",
    )
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.create_policy(PolicyName="broken", PolicyDocument="{")

    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refusal(alice_sts.get_caller_identity)[:2] == (403, "InvalidClientTokenId")
    iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="alice", PolicyName="look")
    iam.remove_user_from_group(GroupName="devs", UserName="alice")
    iam.delete_user(UserName="alice")
    assert refusal(iam.get_user, UserName="alice")[1] == "NoSuchEntity"


async def test_the_main_job(service: Service) -> None:
    root = shown(await aws_key(service))
    await asyncio.to_thread(main_job, service, root)
    transports = {event.transport for event in await service.events(name="AssumeRole")}
    assert transports == {"AWS"}


def resources(service: Service, root_key: dict[str, str]) -> None:
    iam: Any = boto3.resource(
        "iam",
        region_name="us-east-1",
        endpoint_url=service.url.removesuffix("/graphql"),
        aws_access_key_id=root_key["AccessKeyId"],
        aws_secret_access_key=root_key["SecretAccessKey"],
    )
    user = iam.create_user(UserName="bob")
    assert [one.name for one in iam.users.all()] == ["bob"]
    pair = user.create_access_key_pair()
    assert [one.id for one in user.access_keys.all()] == [pair.id]
    group = iam.create_group(GroupName="devs")
    group.add_user(UserName="bob")
    assert [one.name for one in group.users.all()] == ["bob"] and [one.name for one in user.groups.all()] == ["devs"]
    assert iam.CurrentUser().arn == f"arn:aws:iam::{ACCOUNT}:root"


async def test_boto3_s_resources(service: Service) -> None:
    await asyncio.to_thread(resources, service, shown(await aws_key(service)))
