"""Names, deletions and renamings over AWS's wire: what is one name, what stands in the way, what follows."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote as unquoted

from ...phone import enrolled
from ...service import ACCOUNT, ROOT_EMAIL, Service, allow
from ...wire import Answer, AwsKey, aws_key

TRUST = allow("sts:AssumeRole").replace('"Resource": "*"', f'"Principal": {{"AWS": "{ACCOUNT}"}}')
DOCUMENT = allow("s3:*")
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/p"
KINDS: dict[str, dict[str, str]] = {
    "User": {},
    "Group": {},
    "Role": {"AssumeRolePolicyDocument": TRUST},
    "Policy": {"PolicyDocument": DOCUMENT},
    "InstanceProfile": {},
}


def told(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.code


async def good(key: AwsKey, action: str, **parameters: Any) -> dict[str, Any]:
    answer = await key.ask(action, **parameters)
    assert answer.status == 200, answer.text
    return answer.data


async def other_root(service: Service) -> AwsKey:
    """The root of another account."""
    email, password = f"other-{ROOT_EMAIL}", "another-Passw0rd!"
    await service.good("createAccount", {"email": email, "rootPassword": password, "accountId": "444455556666"})
    token = (await service.do("signInAsRoot", {"email": email, "password": password}, "accessToken"))["accessToken"]
    made = await service.good("createAccessKey", {}, "secretAccessKey accessKey { accessKeyId }", token)
    return AwsKey(service=service, id=made["accessKey"]["accessKeyId"], secret=made["secretAccessKey"])


async def test_names_that_differ_by_case_are_one(service: Service) -> None:
    """UG-01: of every kind, whatever the path; kept as written; found exactly; free in another account; ASCII only."""
    root, other = await aws_key(service), await other_root(service)
    for kind, given in KINDS.items():
        name = f"{kind}Name"
        await good(root, f"Create{kind}", **{name: "Dev"}, **given)
        before = await service.snapshot()
        for same in ("Dev", "dev", "DEV"):
            answer = await root.ask(f"Create{kind}", **{name: same}, Path="/x/", **given)
            assert told(answer) == (409, "EntityAlreadyExists"), (kind, same)
        for bad in ("dév", "ｄev", "d\u0435v", "İ"):
            answer = await root.ask(f"Create{kind}", **{name: bad}, **given)
            assert told(answer) == (400, "ValidationError"), (kind, bad)
        assert await service.snapshot() == before
        list_ = {"Policy": "Policies"}.get(kind, f"{kind}s")
        scope = {"Scope": "Local"} if kind == "Policy" else {}
        assert [one[name] for one in (await good(root, f"List{list_}", **scope))[list_]] == ["Dev"]
        if kind != "Policy":
            assert (await good(root, f"Get{kind}", **{name: "Dev"}))[kind][name] == "Dev"
            assert told(await root.ask(f"Get{kind}", **{name: "DEV"})) == (404, "NoSuchEntity")
        await good(other, f"Create{kind}", **{name: "dev"}, **given)
    for kind in ("User", "Group"):
        await good(root, f"Create{kind}", **{f"{kind}Name": "shira"})
        answer = await root.ask(f"Update{kind}", **{f"{kind}Name": "shira", f"New{kind}Name": "SHIRA"})
        assert told(answer) == (409, "EntityAlreadyExists")


async def refused(service: Service, root: AwsKey, action: str, must: str, **parameters: str) -> None:
    before = await service.snapshot()
    answer = await root.ask(action, **parameters)
    assert (*told(answer), answer.message) == (409, "DeleteConflict", f"Cannot delete entity, must {must} first.")
    assert await service.snapshot() == before


async def test_what_stands_in_the_way_of_a_deletion_is_named(service: Service) -> None:
    """UG-02: each alone, in AWS's words, and nothing is half deleted. Users have neither SSH keys nor certificates here."""
    root = await aws_key(service)
    await good(root, "CreatePolicy", PolicyName="p", PolicyDocument=DOCUMENT)
    await good(root, "CreateUser", UserName="u")
    await good(root, "CreateGroup", GroupName="g")
    await good(root, "CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST)
    await good(root, "CreateInstanceProfile", InstanceProfileName="web")
    member, held = {"UserName": "u", "GroupName": "g"}, {"InstanceProfileName": "web", "RoleName": "r"}

    for kind, name in (("User", "u"), ("Group", "g"), ("Role", "r")):
        it = {f"{kind}Name": name}
        await good(root, f"Put{kind}Policy", **it, PolicyName="own", PolicyDocument=DOCUMENT)
        await refused(service, root, f"Delete{kind}", "delete policies", **it)
        await good(root, f"Delete{kind}Policy", **it, PolicyName="own")
        await good(root, f"Attach{kind}Policy", **it, PolicyArn=POLICY)
        await refused(service, root, f"Delete{kind}", "detach all policies", **it)
        await good(root, f"Detach{kind}Policy", **it, PolicyArn=POLICY)

    await good(root, "AddUserToGroup", **member)
    await refused(service, root, "DeleteUser", "remove users from group", UserName="u")
    await refused(service, root, "DeleteGroup", "remove users from group", GroupName="g")
    await good(root, "RemoveUserFromGroup", **member)
    await good(root, "AddRoleToInstanceProfile", **held)
    await refused(service, root, "DeleteRole", "remove roles from instance profile", RoleName="r")
    await refused(
        service, root, "DeleteInstanceProfile", "remove roles from instance profile", InstanceProfileName="web"
    )
    await good(root, "RemoveRoleFromInstanceProfile", **held)

    key = {
        "UserName": "u",
        "AccessKeyId": (await good(root, "CreateAccessKey", UserName="u"))["AccessKey"]["AccessKeyId"],
    }
    await refused(service, root, "DeleteUser", "delete access keys", UserName="u")
    await good(root, "UpdateAccessKey", **key, Status="Inactive")
    await refused(service, root, "DeleteUser", "delete access keys", UserName="u")
    await good(root, "DeleteAccessKey", **key)
    await good(root, "CreateLoginProfile", UserName="u", Password="a-Passw0rd!9")
    await refused(service, root, "DeleteUser", "delete login profile", UserName="u")
    await good(root, "DeleteLoginProfile", UserName="u")
    serial = (await enrolled(service, "u")).serial
    await refused(service, root, "DeleteUser", "delete MFA device", UserName="u")
    await good(root, "DeactivateMFADevice", UserName="u", SerialNumber=serial)

    for kind, name in (("User", "u"), ("Group", "g"), ("Role", "r"), ("InstanceProfile", "web")):
        await good(root, f"Delete{kind}", **{f"{kind}Name": name})


async def test_all_that_a_user_has_follows_a_renaming(service: Service) -> None:
    """UG-03: its id stays, all that it has follows, its key signs on, trust policies name the new ARN, resources don't."""
    root = await aws_key(service)
    arn = f"arn:aws:iam::{ACCOUNT}:user/u"
    own = allow("iam:GetUser", resource=arn)
    u = await aws_key(service, "u", own)
    await good(root, "CreatePolicy", PolicyName="p", PolicyDocument=DOCUMENT)
    await good(root, "AttachUserPolicy", UserName="u", PolicyArn=POLICY)
    await good(root, "CreateGroup", GroupName="g")
    await good(root, "AddUserToGroup", UserName="u", GroupName="g")
    await good(root, "CreateLoginProfile", UserName="u", Password="a-Passw0rd!9")
    serial = (await enrolled(service, "u")).serial
    await good(root, "CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST.replace(f'"{ACCOUNT}"', f'"{arn}"'))
    before = (await good(root, "GetUser", UserName="u"))["User"]
    assert (await good(u, "GetUser", UserName="u"))["User"] == before

    await good(root, "UpdateUser", UserName="u", NewUserName="v", NewPath="/eng/")
    renamed = f"arn:aws:iam::{ACCOUNT}:user/eng/v"
    after = (await good(root, "GetUser", UserName="v"))["User"]
    assert after == {**before, "UserName": "v", "Path": "/eng/", "Arn": renamed}
    keys = (await good(root, "ListAccessKeys", UserName="v"))["AccessKeyMetadata"]
    assert [(key["UserName"], key["AccessKeyId"]) for key in keys] == [("v", u.id)]
    devices = (await good(root, "ListMFADevices", UserName="v"))["MFADevices"]
    assert [(one["UserName"], one["SerialNumber"]) for one in devices] == [("v", serial)]
    assert (await good(root, "GetLoginProfile", UserName="v"))["LoginProfile"]["UserName"] == "v"
    assert [g["GroupName"] for g in (await good(root, "ListGroupsForUser", UserName="v"))["Groups"]] == ["g"]
    assert [m["Arn"] for m in (await good(root, "GetGroup", GroupName="g"))["Users"]] == [renamed]
    assert (await good(root, "ListUserPolicies", UserName="v"))["PolicyNames"] == ["own"]
    attached = (await good(root, "ListAttachedUserPolicies", UserName="v"))["AttachedPolicies"]
    assert attached == [{"PolicyName": "p", "PolicyArn": POLICY}]
    entities = (await good(root, "ListEntitiesForPolicy", PolicyArn=POLICY))["PolicyUsers"]
    assert [one["UserName"] for one in entities] == ["v"]
    assert (await u.ask("GetCallerIdentity", "sts")).data["Arn"] == renamed
    trust = (await good(root, "GetRole", RoleName="r"))["Role"]["AssumeRolePolicyDocument"]
    assert json.loads(unquoted(trust))["Statement"][0]["Principal"] == {"AWS": renamed}
    kept = (await good(root, "GetUserPolicy", UserName="v", PolicyName="own"))["PolicyDocument"]
    assert unquoted(kept) == own
    assert told(await u.ask("GetUser", UserName="v")) == (403, "AccessDenied")
    for action in ("GetUser", "ListAccessKeys", "ListUserPolicies", "ListGroupsForUser"):
        assert told(await root.ask(action, UserName="u")) == (404, "NoSuchEntity")
