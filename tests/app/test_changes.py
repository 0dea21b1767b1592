"""What commands note of what they changed: the values before and after, exactly, and of nothing else."""

from __future__ import annotations

import json
from typing import Any

from ..saml_idp import metadata, pair, sha256_of
from ..service import ACCOUNT, Service, allow
from .asking import account, arn, other_root, role, trusting

OLD, NEW = allow("iam:GetUser"), allow("iam:ListUsers")
Changes = dict[str, tuple[Any, Any]]


async def newest(service: Service, name: str, token: str | None = None) -> Any:
    """The newest event of a name, as GraphQL shows it."""
    nodes = "nodes { outcome accessKeyId parameters changes { field before after } }"
    found = await account(service, f'auditEvents(first: 1, filter: {{ names: ["{name}"] }}) {{ {nodes} }}', token)
    return found["auditEvents"]["nodes"][0]


def read(event: Any) -> Changes:
    def value(text: str | None) -> Any:
        return None if text is None else json.loads(text)

    return {change["field"]: (value(change["before"]), value(change["after"])) for change in event["changes"]}


async def test_each_command_tells_what_it_changed(service: Service) -> None:
    made: dict[str, Any] = {}

    async def done(mutation: str, input: dict[str, Any], expected: Changes, fields: str = "__typename") -> Any:
        answer = await service.good(mutation, input, fields)
        event = await newest(service, mutation[0].upper() + mutation[1:])
        assert read(event) == expected, mutation
        made[mutation] = event
        return answer

    user, to = {"userName": "u"}, {"userName": "v"}
    await done("createUser", user, {})
    await done("updateUser", {**user, "newPath": "/a/"}, {"path": ("/", "/a/")})
    await done("updateUser", {**user, "newUserName": "v"}, {"userName": ("u", "v")})
    await done("updateUser", to, {})
    tags = [{"key": "Team", "value": "a"}, {"key": "Cost", "value": ""}]
    await done("tagUser", {**to, "tags": tags}, {"tags.Team": (None, "a"), "tags.Cost": (None, "")})
    await done(
        "tagUser",
        {**to, "tags": [{"key": "team", "value": "é"}]},
        {"tags.Team": ("a", None), "tags.team": (None, "é")},
    )
    await done("untagUser", {**to, "tagKeys": ["TEAM", "none"]}, {"tags.team": ("é", None)})

    policy = arn("policy/p")
    await done("createPolicy", {"policyName": "p", "policyDocument": OLD}, {})
    bound = {**to, "permissionsBoundary": policy}
    await done("putUserPermissionsBoundary", bound, {"permissionsBoundary": (None, policy)})
    await done("putUserPermissionsBoundary", bound, {})
    await done("deleteUserPermissionsBoundary", to, {"permissionsBoundary": (policy, None)})
    attached = {**to, "policyArn": policy}
    await done("attachUserPolicy", attached, {"attachedPolicy": (None, policy)})
    await done("attachUserPolicy", attached, {})
    await done("detachUserPolicy", attached, {"attachedPolicy": (policy, None)})
    version = {"policyArn": policy, "policyDocument": NEW}
    await done("createPolicyVersion", version, {"versionId": (None, "v2")})
    in_force = {"versionId": (None, "v3"), "defaultVersionId": ("v1", "v3")}
    await done("createPolicyVersion", {**version, "setAsDefault": True}, in_force)
    second = {"policyArn": policy, "versionId": "v2"}
    await done("setDefaultPolicyVersion", second, {"defaultVersionId": ("v3", "v2")})
    first = {"policyArn": policy, "versionId": "v1"}
    await done("deletePolicyVersion", first, {"versionId": ("v1", None), "policyDocument": (OLD, None)})
    await done("deletePolicyVersion", {**first, "versionId": "v3"}, read(made["deletePolicyVersion"]) | {
        "versionId": ("v3", None), "policyDocument": (NEW, None)
    })  # fmt: skip
    await done("deletePolicy", {"policyArn": policy}, {
        "policyName": ("p", None), "path": ("/", None), "defaultVersionId": ("v2", None),
        "versionId": ("v2", None), "policyDocument": (NEW, None),
    })  # fmt: skip

    for kind, owner in (("User", to), ("Group", {"groupName": "g"}), ("Role", {"roleName": "r"})):
        if kind == "Group":
            await done("createGroup", owner, {})
        if kind == "Role":
            await role(service, "r", trusting(arn("root")))
        own = {**owner, "policyName": "own"}
        await done(f"put{kind}Policy", {**own, "policyDocument": OLD}, {"policyDocument": (None, OLD)})
        await done(f"put{kind}Policy", {**own, "policyDocument": NEW}, {"policyDocument": (OLD, NEW)})
        await done(f"delete{kind}Policy", own, {"policyDocument": (NEW, None)})

    member = {"groupName": "g", "userName": "v"}
    await done("addUserToGroup", member, {"member": (None, arn("user/a/v"))})
    await done("addUserToGroup", member, {})
    await done("removeUserFromGroup", member, {"member": (arn("user/a/v"), None)})
    await done("updateGroup", {"groupName": "g", "newGroupName": "h", "newPath": "/b/"}, {
        "groupName": ("g", "h"), "path": ("/", "/b/")
    })  # fmt: skip
    await done("deleteGroup", {"groupName": "h"}, {"groupName": ("h", None), "path": ("/b/", None)})

    trust = trusting(arn("root")), trusting(arn("user/a/v"))
    await done("updateRole", {"roleName": "r", "description": "d", "maxSessionDuration": 7200}, {
        "description": (None, "d"), "maxSessionDuration": (3600, 7200)
    })  # fmt: skip
    await done("updateRole", {"roleName": "r", "description": None}, {"description": ("d", None)})
    replaced = {"assumeRolePolicyDocument": trust}
    await done("updateAssumeRolePolicy", {"roleName": "r", "policyDocument": trust[1]}, replaced)
    provider = {"openIdConnectProviderArn": arn("oidc-provider/idp.example.com")}
    await done("createOpenIDConnectProvider", {"url": "https://idp.example.com", "clientIdList": ["a"]}, {})
    await done("addClientIDToOpenIDConnectProvider", {**provider, "clientId": "b"}, {"clientIds.b": (None, "b")})
    await done("addClientIDToOpenIDConnectProvider", {**provider, "clientId": "b"}, {})
    await done("removeClientIDFromOpenIDConnectProvider", {**provider, "clientId": "a"}, {"clientIds.a": ("a", None)})
    marks = ["0" * 40, "f" * 40]
    await done("updateOpenIDConnectProviderThumbprint", {**provider, "thumbprintList": marks}, {
        "thumbprints": (None, " ".join(marks))
    })  # fmt: skip
    await done("tagOpenIDConnectProvider", {**provider, "tags": tags[:1]}, {"tags.Team": (None, "a")})
    await done("untagOpenIDConnectProvider", {**provider, "tagKeys": ["team"]}, {"tags.Team": ("a", None)})
    mapped = {"providerArn": provider["openIdConnectProviderArn"]}
    await done("putMappingRules", {**mapped, "rules": "[]"}, {"rules": (None, "[]")})
    await done("putMappingRules", {**mapped, "rules": "[ ]"}, {"rules": ("[]", "[ ]")})
    await done("deleteMappingRules", mapped, {"rules": ("[ ]", None)})
    await done("deleteOpenIDConnectProvider", provider, {
        "url": ("https://idp.example.com", None), "clientIds.b": ("b", None), "thumbprints": (" ".join(marks), None)
    })  # fmt: skip
    corp = {"samlProviderArn": arn("saml-provider/corp")}
    await done("createSAMLProvider", {"name": "corp", "samlMetadataDocument": metadata("https://a", pair("idp"))}, {})
    await done("updateSAMLProvider", {**corp, "samlMetadataDocument": metadata("https://b", pair("new"))}, {
        "entityId": ("https://a", "https://b"), "certificates": (sha256_of(pair("idp")), sha256_of(pair("new"))),
    })  # fmt: skip
    await done("tagSAMLProvider", {**corp, "tags": tags[:1]}, {"tags.Team": (None, "a")})
    await done("untagSAMLProvider", {**corp, "tagKeys": ["team"]}, {"tags.Team": ("a", None)})
    await done("deleteSAMLProvider", corp, {
        "name": ("corp", None), "entityId": ("https://b", None), "certificates": (sha256_of(pair("new")), None)
    })  # fmt: skip
    web = {"instanceProfileName": "web"}
    await done("createInstanceProfile", web, {})
    await done("addRoleToInstanceProfile", {**web, "roleName": "r"}, {"role": (None, arn("role/r"))})
    await done("removeRoleFromInstanceProfile", {**web, "roleName": "r"}, {"role": (arn("role/r"), None)})
    await done("tagInstanceProfile", {**web, "tags": tags[:1]}, {"tags.Team": (None, "a")})
    await done("untagInstanceProfile", {**web, "tagKeys": ["team"]}, {"tags.Team": ("a", None)})
    await done("deleteInstanceProfile", web, {"instanceProfileName": ("web", None), "path": ("/", None)})
    await done("deleteRole", {"roleName": "r"}, {
        "roleName": ("r", None), "path": ("/", None), "maxSessionDuration": (7200, None),
        "assumeRolePolicyDocument": (trust[1], None),
    })  # fmt: skip

    await done("createLoginProfile", {**to, "password": "first-Passw0rd!"}, {})
    reset = {**to, "passwordResetRequired": True, "password": "second-Passw0rd!"}
    await done("updateLoginProfile", reset, {"passwordResetRequired": (False, True)})
    await done("deleteLoginProfile", to, {"passwordResetRequired": (True, None)})
    key = (await service.good("createAccessKey", to, "accessKey { accessKeyId }"))["accessKey"]["accessKeyId"]
    assert read(await newest(service, "CreateAccessKey")) == {"accessKeyId": (None, key), "status": (None, "Active")}
    of_key = {**to, "accessKeyId": key}
    await done("updateAccessKey", {**of_key, "status": "INACTIVE"}, {"status": ("Active", "Inactive")})
    await done("deleteAccessKey", of_key, {"accessKeyId": (key, None), "status": ("Inactive", None)})
    await done("deleteUser", to, {"userName": ("v", None), "path": ("/a/", None), "tags.Cost": ("", None)})

    changed = {"isDefault": (True, False), "minimumPasswordLength": (8, 12), "requireNumbers": (False, True)}
    given = {"minimumPasswordLength": 12, "requireNumbers": True}
    await done("updateAccountPasswordPolicy", given, changed)
    await done("updateAccountPasswordPolicy", {**given, "requireNumbers": False}, {"requireNumbers": (True, False)})
    back = {"isDefault": (False, True), "minimumPasswordLength": (12, 8)}
    answer = await service.do("deleteAccountPasswordPolicy", None, token=await service.root())
    assert answer["__typename"].endswith("Success")
    assert read(await newest(service, "DeleteAccountPasswordPolicy")) == back
    await done("createAccountAlias", {"accountAlias": "one"}, {"accountAlias": (None, "one")})
    await done("createAccountAlias", {"accountAlias": "two"}, {"accountAlias": ("one", "two")})
    await done("deleteAccountAlias", {"accountAlias": "two"}, {"accountAlias": ("two", None)})
    await other_root(service)
    guardrail = {"name": "Guard", "kind": "SERVICE_CONTROL", "policyDocument": OLD}
    own = await done("createGuardrail", guardrail, {}, "guardrail { id }")
    one = {"guardrailId": own["guardrail"]["id"]}
    changed = {"name": ("Guard", "Fence"), "description": (None, "d"), "policyDocument": (OLD, NEW)}
    await done("updateGuardrail", {**one, "name": "Fence", "description": "d", "policyDocument": NEW}, changed)
    on = {**one, "accountId": "444455556666"}
    await done("attachGuardrail", on, {"attachedAccount": (None, "444455556666")})
    await done("detachGuardrail", on, {"attachedAccount": ("444455556666", None)})
    gone = {"name": ("Fence", None), "description": ("d", None), "policyDocument": (NEW, None)}
    await done("deleteGuardrail", one, gone)
    await service.good("closeAccount", {"accountId": "444455556666"})
    assert list(read(await newest(service, "CloseAccount"))) == ["closedAt"]


async def test_what_was_refused_or_failed_changed_nothing(service: Service) -> None:
    """Nor does what a run had noted before it failed."""
    token = await service.user("u", allow("iam:DeleteUser", "iam:CreateUser"))
    await service.good("createGroup", {"groupName": "g"})
    await service.good("createUser", {"userName": "x"})
    assert (await service.do("updateUser", {"userName": "x", "newPath": "/a/"}, token=token))["code"] == "ACCESS_DENIED"
    await service.do("updateUser", {"userName": "x", "newUserName": "u"}, token=await service.root())
    events = [await newest(service, "UpdateUser")]
    await service.do("deleteUser", {"userName": "u"}, token=token)
    events.append(await newest(service, "DeleteUser"))
    assert [(event["outcome"], event["changes"]) for event in events] == [("FAILED", [])] * 2
    async with service.database.reading() as data:
        rows = await data.users._db.fetch("SELECT * FROM event WHERE outcome <> 'SUCCEEDED' AND changes IS NOT NULL")
    assert not rows


async def test_both_accounts_of_a_role_read_which_key_was_made(service: Service) -> None:
    """AU-02: the temporary key's id, never its secret."""
    other = await other_root(service)
    trusted = await role(service, "r", trusting("arn:aws:iam::444455556666:root"))
    input = {"userName": "theirs"}
    await service.good("createUser", input, token=other)
    policy = {**input, "policyName": "own", "policyDocument": allow("sts:AssumeRole")}
    await service.good("putUserPolicy", policy, token=other)
    await service.good("createLoginProfile", {**input, "password": "their-Passw0rd!"}, token=other)
    sign_in = {"account": "444455556666", "userName": "theirs", "password": "their-Passw0rd!"}
    token = (await service.do("signIn", sign_in, "accessToken"))["accessToken"]
    fields = "credentials { accessKeyId }"
    input = {"roleArn": trusted, "roleSessionName": "ci"}
    key = (await service.good("assumeRole", input, fields, token))["credentials"]["accessKeyId"]
    assert key.startswith("ASIA")
    async with service.database.reading() as data:
        rows = await data.users._db.fetch("SELECT account_id, changes FROM event WHERE name = 'AssumeRole'")
    assert sorted((row["account_id"], row["changes"]) for row in rows) == [
        (ACCOUNT, f'[["accessKeyId",null,"{key}"]]'),
        ("444455556666", f'[["accessKeyId",null,"{key}"]]'),
    ]
