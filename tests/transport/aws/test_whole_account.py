"""What AWS's tools read of a whole account: the authorization details, the summary, tags, whose a key is."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from ...authenticator import registered
from ...phone import device, enrolled
from ...service import ACCOUNT, ROOT_EMAIL, Service, allow
from ...wire import AwsKey, aws_key

TRUST = allow("sts:AssumeRole").replace('"Resource": "*"', f'"Principal": {{"AWS": "{ACCOUNT}"}}')
TAGS = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]
DOCUMENT = allow("deploy:Release")


async def furnished(service: Service) -> tuple[AwsKey, str]:
    """A root's key, and the ARN of a policy of two versions that is attached to everything and bounds a user."""
    root = await aws_key(service)
    policy = (await root.ask("CreatePolicy", PolicyName="release", PolicyDocument=DOCUMENT, Tags=TAGS)).data["Policy"]
    arn = policy["Arn"]
    await root.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("deploy:*"), SetAsDefault=True)
    await root.ask("CreateUser", UserName="alice", Path="/eng/", Tags=TAGS, PermissionsBoundary=arn)
    await root.ask("CreateUser", UserName="bob")
    await root.ask("CreateGroup", GroupName="devs")
    await root.ask("AddUserToGroup", GroupName="devs", UserName="alice")
    await root.ask("CreateRole", RoleName="ops", AssumeRolePolicyDocument=TRUST, Tags=TAGS)
    await root.ask("CreateInstanceProfile", InstanceProfileName="web")
    await root.ask("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="ops")
    for kind, name in (("User", "alice"), ("Group", "devs"), ("Role", "ops")):
        await root.ask(f"Attach{kind}Policy", **{f"{kind}Name": name, "PolicyArn": arn})
        await root.ask(f"Put{kind}Policy", **{f"{kind}Name": name, "PolicyName": "own", "PolicyDocument": DOCUMENT})
    return root, arn


async def details(root: AwsKey, **parameters: Any) -> dict[str, Any]:
    answer = await root.ask("GetAccountAuthorizationDetails", **parameters)
    assert answer.status == 200, answer.text
    return answer.data


LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
NAMES = ("UserName", "GroupName", "RoleName", "PolicyName")


def names(page: dict[str, Any]) -> list[str]:
    return [one[name] for list_, name in zip(LISTS, NAMES, strict=True) for one in page[list_]]


async def test_the_details_are_complete(service: Service) -> None:
    root, arn = await furnished(service)
    found = await details(root)
    assert names(found) == ["alice", "bob", "devs", "ops", "release"] and found["IsTruncated"] is False
    attached = [{"PolicyName": "release", "PolicyArn": arn}]

    alice, bob = found["UserDetailList"]
    assert {key: alice[key] for key in ("Path", "GroupList", "AttachedManagedPolicies", "PermissionsBoundary")} == {
        "Path": "/eng/",
        "GroupList": ["devs"],
        "AttachedManagedPolicies": attached,
        "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn},
    }
    (own,) = alice["UserPolicyList"]
    assert (own["PolicyName"], unquote(own["PolicyDocument"])) == ("own", DOCUMENT)
    assert sorted(alice["Tags"], key=lambda tag: tag["Key"]) == TAGS[::-1]
    assert (bob["UserPolicyList"], bob["GroupList"], bob["AttachedManagedPolicies"], bob["Tags"]) == ([], [], [], [])

    (devs,), (ops,) = found["GroupDetailList"], found["RoleDetailList"]
    assert devs["AttachedManagedPolicies"] == ops["AttachedManagedPolicies"] == attached
    assert [one["PolicyName"] for one in (*devs["GroupPolicyList"], *ops["RolePolicyList"])] == ["own", "own"]
    trusted = json.loads(unquote(ops["AssumeRolePolicyDocument"]))["Statement"][0]["Principal"]["AWS"]
    assert trusted == f"arn:aws:iam::{ACCOUNT}:root"
    (profile,) = ops["InstanceProfileList"]
    assert (profile["InstanceProfileName"], [role["RoleName"] for role in profile["Roles"]]) == ("web", ["ops"])

    (policy,) = found["Policies"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (3, 1)
    versions = [(v["VersionId"], v["IsDefaultVersion"], unquote(v["Document"])) for v in policy["PolicyVersionList"]]
    assert versions == [("v2", True, allow("deploy:*")), ("v1", False, DOCUMENT)]


async def test_the_details_have_filters_and_pages(service: Service) -> None:
    root, _ = await furnished(service)
    for filter, expected in (
        (["User"], ["alice", "bob"]),
        (["Group", "Role"], ["devs", "ops"]),
        (["LocalManagedPolicy", "AWSManagedPolicy"], ["release"]),
        (["AWSManagedPolicy"], []),
    ):
        assert names(await details(root, Filter=filter)) == expected
    for size in (1, 2, 3, 4):
        found: list[str] = []
        marker: dict[str, str] = {}
        while True:
            page = await details(root, MaxItems=size, **marker)
            assert len(names(page)) == size or not page["IsTruncated"]
            found += names(page)
            if not page["IsTruncated"]:
                break
            marker = {"Marker": page["Marker"]}
        assert found == ["alice", "bob", "devs", "ops", "release"]
    # A place in another list is none here.
    marker = {"Marker": (await details(root, MaxItems=1))["Marker"]}
    answer = await root.ask("GetAccountAuthorizationDetails", Filter=["Role"], **marker)
    assert (answer.status, answer.code) == (400, "ValidationError")
    answer = await root.ask("GetAccountAuthorizationDetails", Filter=["Robot"])
    assert answer.message.endswith(
        "at 'filter.1.member' failed to satisfy constraint: Member must satisfy enum value set"
    )


async def test_the_summary_counts(service: Service) -> None:
    root, _ = await furnished(service)
    of_mfa = ("MFADevices", "MFADevicesInUse", "AccountMFAEnabled")
    found = (await root.ask("GetAccountSummary")).data["SummaryMap"]
    assert [found[name] for name in of_mfa] == [0, 0, 0]
    await device(service, "spare")
    await enrolled(service, "alice", "alices")
    found = (await root.ask("GetAccountSummary")).data["SummaryMap"]
    assert [found[name] for name in of_mfa] == [2, 1, 0]
    await enrolled(service, None, "roots")
    found = (await root.ask("GetAccountSummary")).data["SummaryMap"]
    assert [found[name] for name in of_mfa] == [3, 2, 1]
    await registered(service, "alice")
    await registered(service, None)
    found = (await root.ask("GetAccountSummary")).data["SummaryMap"]
    assert [found[name] for name in of_mfa] == [5, 4, 1]
    found = (await root.ask("GetAccountSummary")).data["SummaryMap"]
    counted = (
        "Users",
        "Groups",
        "Roles",
        "Policies",
        "InstanceProfiles",
        "PolicyVersionsInUse",
        "AccountAccessKeysPresent",
    )
    assert [found[name] for name in counted] == [2, 1, 1, 1, 1, 2, 1]
    assert (found["UsersQuota"], found["AccessKeysPerUserQuota"], found["PolicySizeQuota"]) == (5000, 2, 6144)
    shown = await service.ask(
        f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ quotas {{ name limit used }} }} }}', await service.root()
    )
    quotas = {one["name"]: (one["limit"], one["used"]) for one in shown.only()["quotas"]}
    assert (quotas["Users"], quotas["GroupsPerUser"]) == ((5000, 2), (10, None))


async def test_tags_are_listed_by_key(service: Service) -> None:
    root, arn = await furnished(service)
    for action, parameters in (
        ("ListUserTags", {"UserName": "alice"}),
        ("ListRoleTags", {"RoleName": "ops"}),
        ("ListPolicyTags", {"PolicyArn": arn}),
    ):
        assert (await root.ask(action, **parameters)).data == {"Tags": TAGS[::-1], "IsTruncated": False}
        first = (await root.ask(action, MaxItems=1, **parameters)).data
        assert (first["Tags"], first["IsTruncated"]) == (TAGS[1:], True)
        assert (await root.ask(action, Marker=first["Marker"], **parameters)).data["Tags"] == TAGS[:1]
    assert (await root.ask("ListUserTags", UserName="bob")).data == {"Tags": [], "IsTruncated": False}


async def test_whose_a_key_is(service: Service) -> None:
    root, _ = await furnished(service)
    await root.ask("PutRolePolicy", RoleName="ops", PolicyName="own", PolicyDocument=allow("sts:*"))
    key = (await root.ask("CreateAccessKey", UserName="bob")).data["AccessKey"]["AccessKeyId"]
    await root.ask("PutUserPolicy", UserName="alice", PolicyName="own", PolicyDocument=allow("sts:*"))
    await root.ask("DeleteUserPermissionsBoundary", UserName="alice")
    alice = await aws_key(service, "alice")
    role = f"arn:aws:iam::{ACCOUNT}:role/ops"
    session = (await alice.ask("AssumeRole", "sts", RoleArn=role, RoleSessionName="run")).data["Credentials"]
    for id in (key, root.id, session["AccessKeyId"]):
        assert (await root.ask("GetAccessKeyInfo", "sts", AccessKeyId=id)).data == {"Account": ACCOUNT}

    other = {"email": f"other-{ROOT_EMAIL}", "rootPassword": "another-Passw0rd!", "accountId": "444455556666"}
    await service.good("createAccount", other)
    signed_in = await service.do(
        "signInAsRoot", {"email": other["email"], "password": other["rootPassword"]}, "accessToken"
    )
    made = await service.good("createAccessKey", {}, "accessKey { accessKeyId }", signed_in["accessToken"])
    for theirs in (made["accessKey"]["accessKeyId"], "AKIA" + "A" * 16):
        answer = await root.ask("GetAccessKeyInfo", "sts", AccessKeyId=theirs)
        assert (answer.code, answer.message) == ("ValidationError", f"the account has no access key {theirs}")


async def test_policies_are_simulated_on_the_wire(service: Service) -> None:
    root, arn = await furnished(service)
    entries = [{"ContextKeyName": "aws:SourceIp", "ContextKeyValues": ["192.0.2.1"], "ContextKeyType": "ip"}]
    source = f"arn:aws:iam::{ACCOUNT}:user/eng/alice"
    asked = {"PolicySourceArn": source, "ActionNames": ["deploy:Release", "deploy:Stop"], "ContextEntries": entries}
    found = (await root.ask("SimulatePrincipalPolicy", **asked, MaxItems=1)).data
    (result,) = found["EvaluationResults"]
    assert (result["EvalActionName"], result["EvalDecision"], result["MissingContextValues"]) == (
        "deploy:Release",
        "allowed",
        [],
    )
    assert {one["SourcePolicyId"] for one in result["MatchedStatements"]} >= {"user_alice_own"}
    assert found["IsTruncated"] is True
    (result,) = (await root.ask("SimulatePrincipalPolicy", **asked, Marker=found["Marker"])).data["EvaluationResults"]
    assert (result["EvalActionName"], result["EvalDecision"]) == ("deploy:Stop", "allowed")
    excluded = [
        {"PolicyArn": arn},
        {"InlinePolicyIdentifier": {"PolicyName": "own", "AttachmentType": "user", "AttachmentName": "alice"}},
        {"InlinePolicyIdentifier": {"PolicyName": "own", "AttachmentType": "group", "AttachmentName": "devs"}},
    ]
    found = (await root.ask("SimulatePrincipalPolicy", **asked, PolicyExclusionList=excluded)).data
    assert {one["EvalDecision"] for one in found["EvaluationResults"]} == {"implicitDeny"}
    custom = {"PolicyInputList": [DOCUMENT], "ActionNames": ["deploy:Release"], "ResourceArns": ["arn:aws:s3:::a", "*"]}
    levels = [{"ServiceControlPolicyInputList": [DOCUMENT]}]
    (result,) = (await root.ask("SimulateCustomPolicy", **custom, OrderedOrganizationPolicyInputList=levels)).data[
        "EvaluationResults"
    ]
    assert [one["EvalResourceName"] for one in result["ResourceSpecificResults"]] == ["arn:aws:s3:::a", "*"]
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
    entries[0]["ContextKeyType"] = "number"
    answer = await root.ask("SimulatePrincipalPolicy", **asked)
    assert (answer.code, answer.message.rpartition(": ")[2]) == (
        "ValidationError",
        "Member must satisfy enum value set",
    )
    answer = await root.ask("SimulateCustomPolicy", **{**custom, "PolicyInputList": ["{"]})
    assert (answer.status, answer.code) == (400, "InvalidInput")
