"""A platform that makes its own roles, by the policies of docs/self-service.md: what it may, and that nothing that it tries
beyond that changes anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..service import ACCOUNT, Service, allow
from .asking import account, arn, assumed, document, refused, role, statement, trusting

DOCS = Path(__file__).parents[2] / "docs" / "self-service.md"
BOUNDARY, MAKER = re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
EDGE, WIDE, OWN = arn("policy/service-edge"), arn("policy/wide"), arn("policy/platform/deploying")
ALL = allow("*")


async def platform(service: Service) -> str:
    """The token of the platform's session, in an account that has policies and roles of others, too."""
    for name, path, text in (
        ("service-edge", "/", BOUNDARY),
        ("wide", "/", ALL),
        ("deploying", "/platform/", allow("deploy:*")),
    ):
        await service.good("createPolicy", {"policyName": name, "path": path, "policyDocument": text})
    await service.good("createPolicyVersion", {"policyArn": EDGE, "policyDocument": ALL})
    user = await service.user("pipeline")
    await role(service, "platform", trusting(arn("user/pipeline")), MAKER, path="/admin/")
    await role(service, "admin", trusting(arn("root")), ALL, path="/admin/")
    # Made by somebody else where the platform's roles are: without the boundary, and with another one.
    await role(service, "free", trusting(arn("root")), path="/platform/")
    await role(service, "other", trusting(arn("root")), path="/platform/", permissionsBoundary=WIDE)
    token: str = (await assumed(service, arn("role/admin/platform"), user))["accessToken"]
    return token


def making(**more: Any) -> dict[str, Any]:
    trust = trusting(arn("role/admin/platform"))
    made = {"roleName": "shop", "path": "/platform/", "assumeRolePolicyDocument": trust, "permissionsBoundary": EDGE}
    return {name: value for name, value in (made | more).items() if value is not None}


def attempts() -> list[tuple[str, dict[str, Any]]]:
    """What somebody would try, with the role `shop` made as it should be."""
    shop, trust = {"roleName": "shop"}, trusting(arn("role/admin/platform"))
    inline = {"policyName": "all", "policyDocument": ALL}
    tries: list[tuple[str, dict[str, Any]]] = [
        # Roles without the boundary, with another, elsewhere, or with labels that other policies may go by.
        ("createRole", making(roleName="new", permissionsBoundary=None)),
        ("createRole", making(roleName="new", permissionsBoundary=WIDE)),
        ("createRole", making(roleName="new", permissionsBoundary=EDGE + "-2")),
        ("createRole", making(roleName="new", permissionsBoundary=EDGE.upper())),
        ("createRole", making(roleName="new", path="/")),
        ("createRole", making(roleName="new", path="/admin/")),
        ("createRole", making(roleName="new", path="/platform-2/")),
        ("createRole", making(roleName="new", path="/Platform/")),
        ("createRole", making(roleName="new", tags=[{"key": "team", "value": "admin"}])),
        # The boundary off, or another in its place.
        ("deleteRolePermissionsBoundary", shop),
        ("putRolePermissionsBoundary", {**shop, "permissionsBoundary": WIDE}),
        ("putRolePermissionsBoundary", {**shop, "permissionsBoundary": OWN}),
        # The boundary itself, wider.
        ("createPolicyVersion", {"policyArn": EDGE, "policyDocument": ALL, "setAsDefault": True}),
        ("createPolicyVersion", {"policyArn": EDGE, "policyDocument": ALL}),
        ("setDefaultPolicyVersion", {"policyArn": EDGE, "versionId": "v2"}),
        ("deletePolicyVersion", {"policyArn": EDGE, "versionId": "v2"}),
        ("deletePolicy", {"policyArn": EDGE}),
        ("createPolicy", {"policyName": "mine", "path": "/platform/", "policyDocument": ALL}),
        ("createPolicyVersion", {"policyArn": OWN, "policyDocument": ALL, "setAsDefault": True}),
        # Policies that are not for its roles, and roles that are not its own.
        ("attachRolePolicy", {**shop, "policyArn": WIDE}),
        ("attachRolePolicy", {**shop, "policyArn": EDGE}),
        ("tagRole", {**shop, "tags": [{"key": "team", "value": "admin"}]}),
        ("untagRole", {**shop, "tagKeys": ["team"]}),
        # Others, who could do more.
        ("createUser", {"userName": "new", "path": "/platform/", "permissionsBoundary": EDGE}),
        ("createAccessKey", {"userName": "pipeline"}),
        ("putUserPolicy", {"userName": "pipeline", **inline}),
        ("attachUserPolicy", {"userName": "pipeline", "policyArn": OWN}),
        ("createGroup", {"groupName": "new", "path": "/platform/"}),
        ("assumeRole", {"roleArn": arn("role/admin/admin"), "roleSessionName": "x"}),
        ("assumeRole", {"roleArn": arn("role/platform/free"), "roleSessionName": "x"}),
    ]
    for name in ("platform", "admin", "free", "other"):
        one = {"roleName": name}
        tries += [
            ("updateAssumeRolePolicy", {**one, "policyDocument": trust}),
            ("putRolePolicy", {**one, **inline}),
            ("deleteRolePolicy", {**one, "policyName": "own"}),
            ("attachRolePolicy", {**one, "policyArn": OWN}),
            ("updateRole", {**one, "maxSessionDuration": 43200}),
            ("deleteRole", one),
            ("deleteRolePermissionsBoundary", one),
            ("putRolePermissionsBoundary", {**one, "permissionsBoundary": EDGE}),
            ("tagRole", {**one, "tags": [{"key": "team", "value": "platform"}]}),
        ]
    return tries


async def test_a_platform_makes_its_roles_and_comes_to_nothing_more(service: Service) -> None:
    token = await platform(service)
    made = await service.good("createRole", making(), "role { arn permissionsBoundary { arn } }", token)
    assert made["role"] == {"arn": arn("role/platform/shop"), "permissionsBoundary": {"arn": EDGE}}
    for mutation, input in attempts():
        error = await refused(service, mutation, input, "AccessDeniedError", token=token)
        assert error["message"].startswith(f"User: arn:aws:sts::{ACCOUNT}:assumed-role/platform/ci "), (mutation, input)

    # What it may do to what it made.
    shop = {"roleName": "shop"}
    await service.good("updateRole", {**shop, "maxSessionDuration": 7200}, token=token)
    await service.good("attachRolePolicy", {**shop, "policyArn": OWN}, token=token)
    await service.good("detachRolePolicy", {**shop, "policyArn": OWN}, token=token)
    inline = {"policyName": "all", "policyDocument": ALL}
    await service.good("putRolePolicy", {**shop, **inline}, token=token)
    trust = trusting(arn("role/admin/platform"), arn("root"))
    await service.good("updateAssumeRolePolicy", {**shop, "policyDocument": trust}, token=token)
    seen = await account(service, 'roles(first: 9, pathPrefix: "/platform/") { nodes { name } }', token)
    assert [one["name"] for one in seen["roles"]["nodes"]] == ["free", "other", "shop"]


async def test_its_roles_do_what_the_boundary_allows_and_no_more(service: Service) -> None:
    token = await platform(service)
    await service.good("createRole", making(), token=token)
    shop = (await assumed(service, arn("role/platform/shop"), token))["accessToken"]
    # A boundary grants nothing.
    error = await service.do("createUser", {"userName": "new"}, token=shop)
    assert "because no identity-based policy allows the iam:CreateUser action" in error["message"]
    groups = "groups(first: 9) { nodes { name } }"
    reply = await service.ask(f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ {groups} }} }}', shop)
    assert reply.codes == ["ACCESS_DENIED"]

    put = {"roleName": "shop", "policyName": "all", "policyDocument": ALL}
    await service.good("putRolePolicy", put, token=token)
    assert (await account(service, groups, shop))["groups"] == {"nodes": []}
    for mutation, input in (
        ("createUser", {"userName": "new"}),
        ("createRole", making(roleName="new", permissionsBoundary=None)),
        ("createRole", making(roleName="new")),
        ("deleteRolePermissionsBoundary", {"roleName": "shop"}),
        ("setDefaultPolicyVersion", {"policyArn": EDGE, "versionId": "v2"}),
        ("putRolePolicy", {"roleName": "platform", "policyName": "all", "policyDocument": ALL}),
    ):
        error = await refused(service, mutation, input, "AccessDeniedError", token=shop)
        assert "because no permissions boundary allows" in error["message"]

    can = 'role(name: "shop") { deploy: can(action: "deploy:Release", resource: "*") { outcome } '
    can += 'make: can(action: "iam:CreateUser", resource: "*") { outcome because { policyName } } }'
    assert (await account(service, can))["role"] == {
        "deploy": {"outcome": "ALLOWED"},
        "make": {"outcome": "IMPLICITLY_DENIED", "because": []},
    }
    # A deny in the boundary counts too, from the next request on; and then it is lifted.
    deny = document(statement("Allow", "*"), statement("Deny", "iam:ListGroups", Sid="NoGroups"))
    version = {"policyArn": EDGE, "policyDocument": deny, "setAsDefault": True}
    await service.good("createPolicyVersion", version)
    reply = await service.ask(f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ {groups} }} }}', shop)
    assert "with an explicit deny in a permissions boundary" in reply.body["errors"][0]["message"]
    await service.good("createUser", {"userName": "new"}, token=shop)


async def test_a_boundary_that_bounds_something_stays(service: Service) -> None:
    token = await platform(service)
    await service.good("createRole", making(), token=token)
    await service.good("createUser", {"userName": "bound", "permissionsBoundary": EDGE})
    await service.good("deletePolicyVersion", {"policyArn": EDGE, "versionId": "v2"})
    blocked = "blockedBy { ... on Role { name } ... on User { name } }"
    error = await refused(service, "deletePolicy", {"policyArn": EDGE}, "DeleteConflictError", blocked)
    assert error["blockedBy"] == [{"name": "bound"}, {"name": "shop"}]
    await service.good("deleteUserPermissionsBoundary", {"userName": "bound"})
    await service.good("deleteRole", {"roleName": "shop"}, token=token)
    await service.good("deletePolicy", {"policyArn": EDGE})
