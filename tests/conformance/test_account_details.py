"""GetAccountAuthorizationDetails, page by page, says of an account what a call for each of its entities says, to boto3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

from iamgraph.domain.entities import IdentityKind, Tag

from ..service import Service, allow
from ..store import made
from ..store.made import NOW
from ..wire import aws_key
from .test_boto3 import client, shown

USERS, GROUPS, ROLES, POLICIES = 150, 12, 20, 9
TRUST = allow("sts:AssumeRole").replace('"Resource": "*"', '"Principal": {"Service": "ec2.amazonaws.com"}')


def document(n: int) -> str:
    return allow(f"deploy:Release{n}", resource=f"arn:aws:deploy:::é/{n}/<&>")


def tags(n: int) -> tuple[Tag, ...]:
    return tuple(Tag(key=f"key{i}", value=f"é {n}") for i in range(n % 4))


async def furnish(service: Service) -> None:
    """Entities that have of everything none, one or several. Every third has a path, every fifth a name in capitals."""
    async with service.database.writing() as data:

        def look(kind: str, n: int) -> dict[str, Any]:
            return {"name": (kind.upper() if n % 5 == 0 else kind) + str(n), "path": "/a/b/" if n % 3 == 0 else "/"}

        def bound(n: int) -> dict[str, Any]:
            return {"boundary_id": made.policy_id(n % POLICIES) if n % 7 == 0 else None, "tags": tags(n)}

        async def permissions(kind: IdentityKind, id: str, n: int) -> None:
            for i in range(n % 3):
                await data.inline.put(kind, id, f"own{i}", document(n), NOW)
                await data.attachments.attach(kind, id, made.policy_id((n + i) % POLICIES), NOW)

        for n in range(POLICIES):
            policy = made.policy(n, **look("policy", n), description=f"é {n}" if n % 2 else None, tags=tags(n))
            await data.policies.add(policy, document(n))
            for version in range(n % 5):
                await data.policies.add_version(policy.id, document(version), NOW, default=version % 2 == 0)
        for n in range(GROUPS):
            await data.groups.add(made.group(n, **look("group", n)))
            await permissions(IdentityKind.GROUP, made.group_id(n), n)
        for n in range(USERS):
            await data.users.add(made.user(n, **look("user", n), **bound(n)))
            await permissions(IdentityKind.USER, made.user_id(n), n)
            for i in range(n % 4):
                await data.memberships.add(made.group_id((n + i) % GROUPS), made.user_id(n), NOW)
        for n in range(ROLES):
            role = made.role(
                n, **look("role", n), **bound(n), trust_policy=TRUST, description=f"é {n}" if n % 2 else None
            )
            await data.roles.add(role)
            await permissions(IdentityKind.ROLE, role.id, n)
            for i in range(n % 3):
                profile = made.instance_profile(10 * n + i, **look("profile", 10 * n + i), tags=tags(n))
                await data.instance_profiles.add(profile)
                await data.instance_profiles.set_role(profile.id, role.id)


def listed(iam: Any, operation: str, what: str, **asked: str) -> list[Any]:
    pages = iam.get_paginator(operation).paginate(**asked, PaginationConfig={"PageSize": 100})
    return [item for page in pages for item in page[what]]


def permissions(iam: Any, kind: str, name: str) -> dict[str, Any]:
    """The inline and attached policies of an identity, asked for one by one."""
    who = {f"{kind}Name": name}
    inline = listed(iam, f"list_{kind.lower()}_policies", "PolicyNames", **who)
    read = getattr(iam, f"get_{kind.lower()}_policy")
    return {
        f"{kind}PolicyList": [
            {"PolicyName": policy, "PolicyDocument": read(**who, PolicyName=policy)["PolicyDocument"]}
            for policy in inline
        ],
        "AttachedManagedPolicies": listed(iam, f"list_attached_{kind.lower()}_policies", "AttachedPolicies", **who),
    }


def users(iam: Any) -> Iterator[Mapping[str, Any]]:
    for one in listed(iam, "list_users", "Users"):
        name = one["UserName"]
        groups = [group["GroupName"] for group in listed(iam, "list_groups_for_user", "Groups", UserName=name)]
        yield {"Tags": [], **iam.get_user(UserName=name)["User"], **permissions(iam, "User", name), "GroupList": groups}


def groups(iam: Any) -> Iterator[Mapping[str, Any]]:
    for one in listed(iam, "list_groups", "Groups"):
        yield {**iam.get_group(GroupName=one["GroupName"])["Group"], **permissions(iam, "Group", one["GroupName"])}


def roles(iam: Any) -> Iterator[Mapping[str, Any]]:
    for one in listed(iam, "list_roles", "Roles"):
        name = one["RoleName"]
        role = {"Tags": [], **iam.get_role(RoleName=name)["Role"], **permissions(iam, "Role", name)}
        profiles = listed(iam, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name)
        # What AWS's shape of a role has elsewhere.
        del role["MaxSessionDuration"]
        role.pop("Description", None)
        yield {**role, "InstanceProfileList": profiles}


def policies(iam: Any) -> Iterator[Mapping[str, Any]]:
    for one in listed(iam, "list_policies", "Policies", Scope="Local"):
        arn = one["Arn"]
        policy = iam.get_policy(PolicyArn=arn)["Policy"]
        del policy["Tags"]
        versions = listed(iam, "list_policy_versions", "Versions", PolicyArn=arn)
        yield {
            **policy,
            "PolicyVersionList": [
                iam.get_policy_version(PolicyArn=arn, VersionId=version["VersionId"])["PolicyVersion"]
                for version in versions
            ],
        }


def compare(service: Service, key: dict[str, str]) -> None:
    iam: Any = client(service, "iam", key)
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 7}))
    lists = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    sizes = [sum(len(page[name]) for name in lists) for page in pages]
    whole = USERS + GROUPS + ROLES + POLICIES
    assert sizes == [7] * (whole // 7) + [whole % 7] * (whole % 7 > 0)
    for name, one_by_one in zip(lists, (users, groups, roles, policies), strict=True):
        found = [item for page in pages for item in page[name]]
        expected = list(one_by_one(iam))
        assert [shown_as(item) for item in found] == [shown_as(item) for item in expected], name


def shown_as(item: Any) -> str:
    return json.dumps(item, sort_keys=True, default=str)


async def test_the_details_are_what_each_entity_is_by_itself(service: Service) -> None:
    await furnish(service)
    await asyncio.to_thread(compare, service, shown(await aws_key(service)))
