"""Instance profiles, and the policies that the service owns, as AWS's clients see them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from ...service import ACCOUNT, Service, allow
from ...wire import Answer, aws_key

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)
WEB, HELD = {"InstanceProfileName": "web"}, {"InstanceProfileName": "web", "RoleName": "app"}
IN_PROFILE = "Cannot delete entity, must remove roles from instance profile first."
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def told(answer: Answer) -> tuple[int, str | None, str]:
    return answer.status, answer.code, answer.message


async def test_an_instance_profile(service: Service) -> None:
    root = await aws_key(service)
    role = (await root.ask("CreateRole", RoleName="app", AssumeRolePolicyDocument=TRUST)).data["Role"]
    tags = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": ""}]
    made = (await root.ask("CreateInstanceProfile", **WEB, Path="/eng/", Tags=tags)).data["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/eng/web"
    assert made["InstanceProfileId"].startswith("AIPA") and made["Roles"] == [] and made["Tags"] == tags
    assert (await root.ask("AddRoleToInstanceProfile", **HELD)).data == {}
    found = (await root.ask("GetInstanceProfile", **WEB)).data["InstanceProfile"]
    (held,) = found["Roles"]
    assert found == {**made, "Roles": [held]}
    assert (held["Arn"], held["RoleId"]) == (role["Arn"], role["RoleId"])
    assert json.loads(unquote(held["AssumeRolePolicyDocument"])) == json.loads(TRUST)
    listed: dict[str, Any] = {name: value for name, value in found.items() if name != "Tags"}
    for action, parameters in (
        ("ListInstanceProfiles", {"PathPrefix": "/eng/"}),
        ("ListInstanceProfilesForRole", {"RoleName": "app"}),
    ):
        assert (await root.ask(action, **parameters)).data == {"InstanceProfiles": [listed], "IsTruncated": False}
    page = (await root.ask("ListInstanceProfileTags", **WEB, MaxItems=1)).data
    assert (page["Tags"], page["IsTruncated"]) == ([tags[1]], True)
    page = (await root.ask("ListInstanceProfileTags", **WEB, Marker=page["Marker"])).data
    assert page == {"Tags": [tags[0]], "IsTruncated": False}
    await root.ask("UntagInstanceProfile", **WEB, TagKeys=["b"])
    await root.ask("TagInstanceProfile", **WEB, Tags=[{"Key": "A", "Value": "1"}])
    found = (await root.ask("GetInstanceProfile", **WEB)).data["InstanceProfile"]
    assert found["Tags"] == [{"Key": "A", "Value": "1"}]

    full = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    assert told(await root.ask("CreateInstanceProfile", InstanceProfileName="WEB")) == (
        409, "EntityAlreadyExists", "Instance Profile WEB already exists.",
    )  # fmt: skip
    assert told(await root.ask("AddRoleToInstanceProfile", **HELD)) == (409, "LimitExceeded", full)
    assert told(await root.ask("DeleteInstanceProfile", **WEB)) == (409, "DeleteConflict", IN_PROFILE)
    assert told(await root.ask("DeleteRole", RoleName="app")) == (409, "DeleteConflict", IN_PROFILE)
    platform = await aws_key(service, "platform", allow("iam:AddRoleToInstanceProfile"))
    refused = await platform.ask("AddRoleToInstanceProfile", **HELD)
    assert (refused.status, refused.code) == (403, "AccessDenied") and "iam:PassRole" in refused.message
    for action in ("RemoveRoleFromInstanceProfile", "DeleteInstanceProfile"):
        assert (await root.ask(action, **(HELD if action.startswith("Remove") else WEB))).data == {}
    assert told(await root.ask("GetInstanceProfile", **WEB)) == (
        404, "NoSuchEntity", "Instance Profile web cannot be found.",
    )  # fmt: skip
    assert (await root.ask("DeleteRole", RoleName="app")).status == 200


async def test_a_policy_that_the_service_owns(service: Service) -> None:
    root = await aws_key(service)
    await root.ask("CreateUser", UserName="bob", PermissionsBoundary=ADMIN)
    assert (await root.ask("AttachUserPolicy", UserName="bob", PolicyArn=ADMIN)).status == 200
    attached = (await root.ask("ListAttachedUserPolicies", UserName="bob")).data["AttachedPolicies"]
    assert attached == [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]
    policy = (await root.ask("GetPolicy", PolicyArn=ADMIN)).data["Policy"]
    times = {name: policy.pop(name) for name in ("CreateDate", "UpdateDate", "Description")}
    assert all(times.values()) and policy == {
        "PolicyName": "AdministratorAccess",
        "PolicyId": "ANPAIWMBCKSKIEE64ZLYK",
        "Arn": ADMIN,
        "Path": "/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 1,
        "PermissionsBoundaryUsageCount": 1,
        "IsAttachable": True,
        "Tags": [],
    }
    version = (await root.ask("GetPolicyVersion", PolicyArn=ADMIN, VersionId="v1")).data["PolicyVersion"]
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    assert json.loads(unquote(version["Document"])) == {"Version": "2012-10-17", "Statement": [statement]}
    assert [one["Arn"] for one in (await root.ask("ListPolicies", OnlyAttached=True)).data["Policies"]] == [ADMIN]

    details = (await root.ask("GetAccountAuthorizationDetails", Filter=["AWSManagedPolicy"])).data
    (detail,) = details["Policies"]
    assert (detail["Arn"], detail["AttachmentCount"], detail["IsAttachable"]) == (ADMIN, 1, True)
    assert [one["VersionId"] for one in detail["PolicyVersionList"]] == ["v1"] and details["UserDetailList"] == []
    await root.ask("AttachUserPolicy", UserName="bob", PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")
    await root.ask("CreatePolicy", PolicyName="own", PolicyDocument=allow("deploy:*"))
    met: list[str] = []
    marker: dict[str, str] = {}
    while marker or not met:
        page = (await root.ask("GetAccountAuthorizationDetails", MaxItems=1, **marker)).data
        met += [one["Arn"] for one in page["UserDetailList"] + page["Policies"]]
        marker = {"Marker": page["Marker"]} if page["IsTruncated"] else {}
    own = [f"arn:aws:iam::{ACCOUNT}:user/bob", f"arn:aws:iam::{ACCOUNT}:policy/own"]
    assert met == [*own, ADMIN, "arn:aws:iam::aws:policy/SecurityAudit"]
    await root.ask("DetachUserPolicy", UserName="bob", PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")
    await root.ask("DeletePolicy", PolicyArn=own[1])

    tags = [{"Key": "a", "Value": "b"}]
    for action, parameters in (("TagPolicy", {"Tags": tags}), ("UntagPolicy", {"TagKeys": ["a"]})):
        assert told(await root.ask(action, PolicyArn=ADMIN, **parameters)) == (
            400, "InvalidInput", "Tags not supported for policies in this domain",
        )  # fmt: skip
    for action, parameters in (
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": allow("*")}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
    ):
        refused = await root.ask(action, PolicyArn=ADMIN, **parameters)
        assert (refused.status, refused.code) == (403, "AccessDenied"), action
    missing = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    assert told(await root.ask("AttachUserPolicy", UserName="bob", PolicyArn=missing)) == (
        404, "NoSuchEntity", f"Policy {missing} does not exist or is not attachable.",
    )  # fmt: skip
    assert told(await root.ask("GetPolicy", PolicyArn=missing)) == (
        404, "NoSuchEntity", f"Policy {missing} was not found.",
    )  # fmt: skip
