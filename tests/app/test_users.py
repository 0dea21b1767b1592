"""Users: their names, what keeps them from being deleted, and what follows a renaming."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from iamgraph.domain.limits import Quotas

from ..databases import STORES, fresh
from ..service import Service, allow, served
from .asking import account, arn, other_root, refused, role, trusting, works

KINDS: dict[str, dict[str, Any]] = {
    "User": {},
    "Group": {},
    "Role": {"assumeRolePolicyDocument": trusting("*")},
    "Policy": {"policyDocument": allow("s3:*")},
}


@pytest.mark.parametrize("kind", KINDS)
async def test_names_that_differ_by_case_are_one(service: Service, kind: str) -> None:
    """UG-01: refused whatever the path; kept as they were written; found exactly (ADR 4); free in another account; and
    ASCII only."""
    key = f"{kind.lower()}Name"
    await service.good(f"create{kind}", {key: "Dev", **KINDS[kind]})
    for name in ("Dev", "dev", "DEV"):
        await refused(service, f"create{kind}", {key: name, "path": "/x/", **KINDS[kind]}, "EntityAlreadyExistsError")
    for name in ("dév", "ｄev", "d\u0435v", "İ", "", "a b", "a/b"):
        await refused(service, f"create{kind}", {key: name, **KINDS[kind]}, "InvalidInputError")
    reply = await service.do(f"create{kind}", {key: "dev", **KINDS[kind]}, token=await other_root(service))
    assert reply["__typename"] == f"Create{kind}Success"
    field = {"Policy": "policies"}.get(kind, f"{kind.lower()}s")
    listed = await account(service, f"{field}(first: 9) {{ nodes {{ name }} }}")
    assert listed[field]["nodes"] == [{"name": "Dev"}]
    if kind != "Policy":
        one = kind.lower()
        found = await account(service, f'exact: {one}(name: "Dev") {{ name }} other: {one}(name: "DEV") {{ name }}')
        assert found == {"exact": {"name": "Dev"}, "other": None}
        await refused(service, f"delete{kind}", {key: "DEV"}, "NoSuchEntityError")


@pytest.mark.parametrize("kind", ["User", "Group"])
async def test_a_name_is_not_changed_into_its_own_other_case(service: Service, kind: str) -> None:
    """UG-01: AWS refuses to rename `shira` to `SHIRA`; nor to a name that is taken."""
    for name in ("shira", "other"):
        await service.good(f"create{kind}", {f"{kind.lower()}Name": name})
    for new in ("SHIRA", "Other", "other"):
        input = {f"{kind.lower()}Name": "shira", f"new{kind}Name": new}
        await refused(service, f"update{kind}", input, "EntityAlreadyExistsError")


async def test_what_blocks_a_users_deletion_is_named(service: Service) -> None:
    """UG-02: group, inline and attached policy, key (inactive too), password: each alone."""
    await service.good("createGroup", {"groupName": "g"})
    await service.good("createPolicy", {"policyName": "p", "policyDocument": allow("s3:*")})
    at = {"userName": "u"}
    await service.good("createUser", at)
    policy = {**at, "policyArn": arn("policy/p")}
    blocks: list[tuple[str, dict[str, Any], str, dict[str, Any], str]] = [
        ("addUserToGroup", {**at, "groupName": "g"}, "removeUserFromGroup", {**at, "groupName": "g"}, "Group"),
        (
            "putUserPolicy",
            {**at, "policyName": "own", "policyDocument": allow("s3:*")},
            "deleteUserPolicy",
            {**at, "policyName": "own"},
            "InlinePolicy",
        ),
        ("attachUserPolicy", policy, "detachUserPolicy", policy, "ManagedPolicy"),
        ("createLoginProfile", {**at, "password": "u-Passw0rd!"}, "deleteLoginProfile", at, "LoginProfile"),
    ]
    for put, input, take, undo, kind in blocks:
        await service.good(put, input)
        error = await refused(service, "deleteUser", at, "DeleteConflictError", "blockedBy { __typename }")
        assert error["blockedBy"] == [{"__typename": kind}]
        await service.good(take, undo)
    key = (await service.good("createAccessKey", at, "accessKey { accessKeyId id }"))["accessKey"]
    await service.good("updateAccessKey", {**at, "accessKeyId": key["accessKeyId"], "status": "INACTIVE"})
    error = await refused(service, "deleteUser", at, "DeleteConflictError", "blockedBy { __typename id }")
    assert error["blockedBy"] == [{"__typename": "AccessKey", "id": key["id"]}]
    await service.good("deleteAccessKey", {**at, "accessKeyId": key["accessKeyId"]})
    await service.good("deleteUser", at)


async def test_a_role_or_policy_in_use_is_not_deleted(service: Service) -> None:
    """UG-02"""
    await role(service, "r", trusting("*"), allow("s3:*"))
    await service.good("createPolicy", {"policyName": "p", "policyDocument": allow("s3:*")})
    await service.good("attachRolePolicy", {"roleName": "r", "policyArn": arn("policy/p")})
    error = await refused(service, "deleteRole", {"roleName": "r"}, "DeleteConflictError", "blockedBy { __typename }")
    assert {one["__typename"] for one in error["blockedBy"]} == {"InlinePolicy", "ManagedPolicy"}
    policy = {"policyArn": arn("policy/p")}
    error = await refused(service, "deletePolicy", policy, "DeleteConflictError", "blockedBy { __typename }")
    assert error["blockedBy"] == [{"__typename": "Role"}]
    await service.good("detachRolePolicy", {"roleName": "r", **policy})
    await service.good("putRolePermissionsBoundary", {"roleName": "r", "permissionsBoundary": arn("policy/p")})
    await refused(service, "deletePolicy", policy, "DeleteConflictError")
    await service.good("deleteRolePermissionsBoundary", {"roleName": "r"})
    await service.good("deletePolicy", policy)


async def test_all_that_a_user_has_follows_a_renaming(service: Service) -> None:
    """UG-03: id, keys, password, groups, policies, sessions; the ARN in the history of then does not."""
    token = await service.user("u", allow("iam:GetUser", resource=arn("user/u")))
    await service.good("createGroup", {"groupName": "g"})
    await service.good("addUserToGroup", {"groupName": "g", "userName": "u"})
    await service.good("createPolicy", {"policyName": "p", "policyDocument": allow("s3:*")})
    await service.good("attachUserPolicy", {"userName": "u", "policyArn": arn("policy/p")})
    await service.good("createAccessKey", {"userName": "u"})
    shown = (
        "id uniqueId loginProfile { createdAt } accessKeys { id accessKeyId status } "
        "groups(first: 9) { nodes { name members(first: 9) { nodes { id } } } } "
        "attachedPolicies(first: 9) { nodes { arn } } inlinePolicies(first: 9) { nodes { name document } } "
        "sessions(first: 9) { nodes { id } }"
    )
    before = await account(service, f'user(name: "u") {{ {shown} }}')
    done = await service.good(
        "updateUser", {"userName": "u", "newUserName": "v", "newPath": "/x/"}, "user { arn name path }"
    )
    assert done["user"] == {"arn": arn("user/x/v"), "name": "v", "path": "/x/"}
    after = await account(service, f'user(name: "v") {{ {shown} }} old: user(name: "u") {{ id }}')
    assert after == {**before, "old": None}
    assert before["user"]["groups"]["nodes"][0]["members"]["nodes"] == [{"id": before["user"]["id"]}]
    members = await account(service, 'group(name: "g") { members(first: 9) { nodes { name arn } } }')
    assert members["group"]["members"]["nodes"] == [{"name": "v", "arn": arn("user/x/v")}]
    assert await works(service, token)
    me = await service.ask("{ viewer { arn } }", token)
    assert me.only() == {"arn": arn("user/x/v")}
    # Resource strings are not rewritten: what allowed reading `u` does not allow reading `v`.
    reply = await service.ask('{ resource(arn: "%s") { id } }' % arn("user/x/v"), token)  # noqa: UP031
    assert reply.codes == ["ACCESS_DENIED"]


async def test_of_many_that_want_one_name_one_gets_it(service: Service) -> None:
    """CC-02: 50 at once, in every case, while others make users of their own (OR-01: nothing stands in the way)."""
    root = await service.root()
    names = ["".join(c.upper() if n >> i & 1 else c for i, c in enumerate("sandra")) for n in range(50)]
    done = await asyncio.gather(*(service.do("createUser", {"userName": name}, token=root) for name in names))
    ends = [one["__typename"] for one in done]
    assert (ends.count("CreateUserSuccess"), ends.count("EntityAlreadyExistsError")) == (1, 49), set(ends)
    listed = await account(service, "users(first: 99) { nodes { name } }")
    assert len(listed["users"]["nodes"]) == 1
    assert len(await service.events(name="CreateUser")) == 50


@pytest.mark.parametrize("store", STORES)
async def test_quotas_are_the_accounts_own(store: str, tmp_path: Path) -> None:
    """Each quota refuses the one too many, in parallel too, and counts one account alone."""
    quotas = Quotas(
        users_per_account=3,
        groups_per_account=2,
        roles_per_account=2,
        policies_per_account=2,
        groups_per_user=1,
        attached_policies_per_user=1,
        tags_per_entity=2,
    )
    async with fresh(store, tmp_path) as url, served(url, tmp_path, quotas=quotas) as service:
        other = await other_root(service)
        root = await service.root()
        limits = {"User": 3, "Group": 2, "Role": 2, "Policy": 2}
        for kind, extra in KINDS.items():
            key = f"{kind.lower()}Name"
            inputs = [{key: f"n{i}", **extra} for i in range(6)]
            done = await asyncio.gather(*(service.do(f"create{kind}", one, token=root) for one in inputs))
            ends = [one["__typename"] for one in done]
            assert ends.count(f"Create{kind}Success") == limits[kind], ends
            assert ends.count("LimitExceededError") == 6 - limits[kind], ends
            await service.good(f"create{kind}", {key: "n0", **extra}, token=other)
        names = "(first: 9) { nodes { name } }"
        made = await account(service, f"users{names} groups{names} policies{names}")
        users, groups, policies = ([node["name"] for node in one["nodes"]] for one in made.values())
        into = [{"groupName": name, "userName": users[0]} for name in groups]
        await service.good("addUserToGroup", into[0])
        await service.good("addUserToGroup", into[0])
        error = await refused(service, "addUserToGroup", into[1], "LimitExceededError", "limit")
        assert error["limit"] == 1 and "GroupsPerUser: 1" in error["message"]
        at = [{"userName": users[0], "policyArn": arn(f"policy/{name}")} for name in policies]
        await service.good("attachUserPolicy", at[0])
        await service.good("attachUserPolicy", at[0])
        await refused(service, "attachUserPolicy", at[1], "LimitExceededError")
        tags = [{"key": f"k{i}", "value": ""} for i in range(3)]
        await service.good("tagUser", {"userName": users[0], "tags": tags[:2]})
        await refused(service, "tagUser", {"userName": users[0], "tags": tags[2:]}, "LimitExceededError")
        await service.good("tagUser", {"userName": users[0], "tags": [{"key": "K1", "value": "x"}]})
