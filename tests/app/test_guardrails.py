"""Guardrails: what the operator puts on other accounts, that their roots obey too, and that nobody there can look into."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from iamgraph.domain.limits import Quotas
from iamgraph.transport.graphql.ids import node_id

from ..databases import STORES, fresh
from ..service import ACCOUNT, Service, allow, served
from .asking import OTHER, arn, document, other_root, refused, statement, trusting

FULL = "p-FullAWSAccess"
NO_USERS = document(statement("Deny", "iam:CreateUser", Sid="NoUsers"))
SCP, RCP = "SERVICE_CONTROL", "RESOURCE_CONTROL"
DECISION = "message decision { outcome because { effect kind policyName sid startLine endLine policy { arn } } }"


async def guardrail(service: Service, name: str, text: str, kind: str = SCP, on: str | None = OTHER) -> str:
    """The id of a new guardrail, attached to an account if one is named."""
    made = await service.good(
        "createGuardrail", {"name": name, "kind": kind, "policyDocument": text}, "guardrail { id arn }"
    )
    id: str = made["guardrail"]["arn"].rpartition("/")[2]
    if on is not None:
        await service.good("attachGuardrail", {"guardrailId": id, "accountId": on})
    return id


async def bound(service: Service, token: str) -> Any:
    reply = await service.ask(f'{{ account(by: {{ id: "{OTHER}" }}) {{ guardrails {{ name kind }} }} }}', token)
    assert reply.codes == [], reply.text
    return [(one["name"], one["kind"]) for one in reply.only()["guardrails"]]


async def test_a_guardrail_limits_a_root_from_the_next_request_on(service: Service) -> None:
    root = await other_root(service)
    await service.good("createUser", {"userName": "before"}, token=root)
    id = await guardrail(service, "no-users", NO_USERS)

    error = await refused(service, "createUser", {"userName": "new"}, "AccessDeniedError", DECISION, root)
    assert error["message"] == (
        f"User: {arn('root', OTHER)} is not authorized to perform: iam:CreateUser on resource: "
        f"{arn('user/new', OTHER)} with an explicit deny in a service control policy"
    )
    # Which statement it is, and no more of it.
    assert error["decision"] == {
        "outcome": "EXPLICITLY_DENIED",
        "because": [
            {
                "effect": "DENY",
                "kind": "SERVICE_CONTROL",
                "policyName": "no-users",
                "sid": "NoUsers",
                "startLine": None,
                "endLine": None,
                "policy": None,
            }
        ],
    }
    await service.good("createGroup", {"groupName": "allowed"}, token=root)
    # It does not bind the operator's own account.
    await service.good("createUser", {"userName": "new"})

    can = '{ viewer { principal { can(action: "iam:CreateUser", resource: "*") { outcome missingContext } } } }'
    reply = await service.ask(can, root)
    assert reply.only()["principal"]["can"] == {"outcome": "EXPLICITLY_DENIED", "missingContext": []}

    text = document(statement("Deny", "iam:CreateGroup", Condition={"Null": {"aws:SourceVpc": "true"}}))
    await service.good("updateGuardrail", {"guardrailId": id, "policyDocument": text})
    await service.good("createUser", {"userName": "after"}, token=root)
    await refused(service, "createGroup", {"groupName": "refused"}, "AccessDeniedError", token=root)
    reply = await service.ask(can.replace("CreateUser", "CreateGroup"), root)
    assert reply.only()["principal"]["can"] == {"outcome": "EXPLICITLY_DENIED", "missingContext": []}
    await service.good("detachGuardrail", {"guardrailId": id, "accountId": OTHER})
    await service.good("createGroup", {"groupName": "refused"}, token=root)


async def test_an_account_is_allowed_what_one_of_its_guardrails_allows(service: Service) -> None:
    """AWS's two strategies: a deny list beside FullAWSAccess, and an allow list in place of it."""
    root = await other_root(service)
    assert await bound(service, root) == [("FullAWSAccess", SCP)]
    error = await refused(
        service, "detachGuardrail", {"guardrailId": FULL, "accountId": OTHER}, "LimitExceededError", "message limit"
    )
    assert error["limit"] == 1 and "at least one service control policy" in error["message"]

    await guardrail(service, "iam-only", document(statement("Allow", ["iam:CreateUser", "organizations:*"])))
    await service.good("createGroup", {"groupName": "one"}, token=root)
    await service.good("detachGuardrail", {"guardrailId": FULL, "accountId": OTHER})
    assert await bound(service, root) == [("iam-only", SCP)]
    await service.good("createUser", {"userName": "new"}, token=root)
    error = await refused(service, "createGroup", {"groupName": "two"}, "AccessDeniedError", DECISION, root)
    assert error["message"].endswith("because no service control policy allows the iam:CreateGroup action")
    assert error["decision"] == {"outcome": "IMPLICITLY_DENIED", "because": []}
    await service.good("attachGuardrail", {"guardrailId": FULL, "accountId": OTHER})
    await service.good("createGroup", {"groupName": "two"}, token=root)


async def test_no_policy_of_the_account_lifts_a_guardrail(service: Service) -> None:
    """Users, role sessions and what the account's password policy grants by itself obey, too."""
    root = await other_root(service)
    await service.good("createUser", {"userName": "admin"}, token=root)
    password = "admin-Passw0rd!"
    await service.good("createLoginProfile", {"userName": "admin", "password": password}, token=root)
    put = {"userName": "admin", "policyName": "all", "policyDocument": allow("*")}
    await service.good("putUserPolicy", put, token=root)
    await service.good("updateAccountPasswordPolicy", {"allowUsersToChangePassword": True}, token=root)
    done = await service.do("signIn", {"account": OTHER, "userName": "admin", "password": password}, "accessToken")
    admin = done["accessToken"]
    trust = trusting(arn("root", OTHER))
    await service.good("createRole", {"roleName": "ops", "assumeRolePolicyDocument": trust}, token=admin)
    await service.good(
        "putRolePolicy", {"roleName": "ops", "policyName": "all", "policyDocument": allow("*")}, token=admin
    )
    assume = {"roleArn": arn("role/ops", OTHER), "roleSessionName": "ops"}
    ops = (await service.good("assumeRole", assume, "accessToken", admin))["accessToken"]
    await service.good("createUser", {"userName": "one"}, token=ops)

    await guardrail(service, "no-users", NO_USERS)
    for token in (admin, ops):
        await refused(service, "createUser", {"userName": "two"}, "AccessDeniedError", token=token)
    await guardrail(service, "some", document(statement("Allow", "iam:List*")))
    await service.good("detachGuardrail", {"guardrailId": FULL, "accountId": OTHER})
    change = {"oldPassword": password, "newPassword": "another-Passw0rd!"}
    error = await refused(service, "changePassword", change, "AccessDeniedError", token=admin)
    assert error["message"].endswith("because no service control policy allows the iam:ChangePassword action")
    # The role's own session says no more than who it is.
    assert (await service.ask("{ viewer { arn } }", ops)).codes == []


async def test_nobody_makes_a_role_that_guardrails_spare(service: Service) -> None:
    root = await other_root(service)
    for path in ("/aws-service-role/", "/aws-service-role/x.amazonaws.com/"):
        role = {"roleName": "spared", "path": path, "assumeRolePolicyDocument": trusting(arn("root", OTHER))}
        error = await refused(service, "createRole", role, "InvalidInputError", "message field", root)
        assert (error["field"], "for the roles of services" in error["message"]) == ("path", True)


async def test_a_resource_control_policy_guards_roles_from_within_and_without(service: Service) -> None:
    root = await other_root(service)
    trust = trusting(arn("root"), arn("root", OTHER))
    await service.good("createRole", {"roleName": "shared", "assumeRolePolicyDocument": trust}, token=root)
    await service.good("createRole", {"roleName": "own", "assumeRolePolicyDocument": trusting(arn("root"))})
    await service.good("createUser", {"userName": "admin"}, token=root)
    await service.good("createLoginProfile", {"userName": "admin", "password": "admin-Passw0rd!"}, token=root)
    put = {"userName": "admin", "policyName": "all", "policyDocument": allow("*")}
    await service.good("putUserPolicy", put, token=root)
    sign_in = {"account": OTHER, "userName": "admin", "password": "admin-Passw0rd!"}
    inside = (await service.do("signIn", sign_in, "accessToken"))["accessToken"]
    outside = await service.user("visitor", allow("sts:AssumeRole"))
    assume = {"roleArn": arn("role/shared", OTHER), "roleSessionName": "ops"}
    for token in (inside, outside):
        await service.good("assumeRole", assume, token=token)

    only_own = {"StringNotEquals": {"aws:PrincipalAccount": OTHER}}
    deny = statement("Deny", "sts:AssumeRole", Principal="*", Condition=only_own, Sid="OnlyOwn")
    id = await guardrail(service, "only-own", document(deny), RCP)
    await service.good("assumeRole", assume, token=inside)
    # To others, a guarded role is as one that trusts somebody else, or does not exist.
    error = await refused(service, "assumeRole", assume, "AccessDeniedError", DECISION, outside)
    missing = await service.do("assumeRole", {**assume, "roleArn": arn("role/missing", OTHER)}, token=outside)
    assert error["message"] == missing["message"].replace("role/missing", "role/shared")
    assert error["decision"] == {"outcome": "IMPLICITLY_DENIED", "because": []}
    await service.good("assumeRole", {"roleArn": arn("role/own"), "roleSessionName": "ops"}, token=outside)

    text = document(statement("Deny", "sts:AssumeRole", Principal="*", Sid="Nobody"))
    await service.good("updateGuardrail", {"guardrailId": id, "policyDocument": text})
    error = await refused(service, "assumeRole", assume, "AccessDeniedError", DECISION, inside)
    assert error["message"].endswith("with an explicit deny in a resource control policy")
    assert [(one["policyName"], one["sid"]) for one in error["decision"]["because"]] == [("only-own", "Nobody")]
    await service.good("detachGuardrail", {"guardrailId": id, "accountId": OTHER})
    for token in (inside, outside):
        await service.good("assumeRole", assume, token=token)


async def test_only_the_operator_has_guardrails(service: Service) -> None:
    """To a tenant, what exists and what does not is alike, whatever its own policies say."""
    root = await other_root(service)
    id = await guardrail(service, "no-users", NO_USERS)
    for mutation, input in (
        ("createGuardrail", {"name": "mine", "kind": SCP, "policyDocument": NO_USERS}),
        ("updateGuardrail", {"guardrailId": "{id}", "name": "mine"}),
        ("attachGuardrail", {"guardrailId": "{id}", "accountId": ACCOUNT}),
        ("detachGuardrail", {"guardrailId": "{id}", "accountId": OTHER}),
        ("deleteGuardrail", {"guardrailId": "{id}"}),
    ):
        told = []
        for one in (id, "p-0123456789abcdef"):
            given = {key: one if value == "{id}" else value for key, value in input.items()}
            error = await refused(service, mutation, given, "AccessDeniedError", "message", root)
            told.append(error["message"].replace(one, "…"))
        assert told[0] == told[1] and ACCOUNT not in told[0]
    reply = await service.ask("{ guardrails(first: 9) { nodes { name } } }", root)
    assert reply.codes == ["ACCESS_DENIED"] and reply.data == {"guardrails": None}
    for one in (id, "p-0123456789abcdef"):
        reply = await service.ask("query ($id: ID!) { node(id: $id) { id } }", root, id=node_id("Guardrail", one))
        assert reply.codes == ["ACCESS_DENIED"] and reply.data == {"node": None}

    fields = "name id arn description isServiceOwned document createdAt attachments(first: 9) { nodes { accountId } }"
    reply = await service.ask(f'{{ account(by: {{ id: "{OTHER}" }}) {{ guardrails {{ {fields} }} }} }}', root)
    assert set(reply.codes) == {"ACCESS_DENIED"} and ACCOUNT not in reply.text
    hidden = dict.fromkeys(("arn", "description", "isServiceOwned", "document", "createdAt", "attachments"))
    assert reply.only()["guardrails"] == [
        {"name": name, "id": node_id("Guardrail", one), **hidden}
        for name, one in (("FullAWSAccess", FULL), ("no-users", id))
    ]
    reply = await service.ask(f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ guardrails {{ name }} }} }}', root)
    assert reply.data == {"account": None}


async def test_what_the_operator_sees_and_may_not_do(service: Service) -> None:
    await other_root(service)
    id = await guardrail(service, "no-users", NO_USERS)
    await guardrail(service, "guard", document(statement("Deny", "sts:AssumeRole", Principal="*")), RCP, on=None)
    fields = "name kind arn isServiceOwned document attachments(first: 9) { edges { node { accountId } attachedAt } }"
    query = f"query ($kind: GuardrailKind) {{ guardrails(first: 9, kind: $kind) {{ nodes {{ {fields} }} }} }}"
    reply = await service.ask(query, await service.root())
    assert reply.codes == [], reply.text
    found = {one.pop("name"): one for one in reply.only()["nodes"]}
    assert list(found) == ["FullAWSAccess", "guard", "no-users"]
    at = [edge.pop("attachedAt") for one in found.values() for edge in one["attachments"]["edges"]]
    assert len(at) == 2 and None not in at
    on_other = {"edges": [{"node": {"accountId": OTHER}}]}
    assert found["no-users"] == {
        "kind": SCP,
        "arn": f"arn:aws:organizations::{ACCOUNT}:policy/service_control_policy/{id}",
        "isServiceOwned": False,
        "document": NO_USERS,
        "attachments": on_other,
    }
    assert found["FullAWSAccess"]["arn"] == f"arn:aws:organizations::aws:policy/service_control_policy/{FULL}"
    assert (found["FullAWSAccess"]["isServiceOwned"], found["FullAWSAccess"]["attachments"]) == (True, on_other)
    reply = await service.ask(query, await service.root(), kind=RCP)
    assert [one["name"] for one in reply.only()["nodes"]] == ["guard"]

    for mutation, input, kind, says in (
        ("deleteGuardrail", {"guardrailId": id}, "DeleteConflictError", "attached to one or more accounts"),
        ("attachGuardrail", {"guardrailId": id, "accountId": OTHER}, "EntityAlreadyExistsError", "already"),
        ("attachGuardrail", {"guardrailId": id, "accountId": ACCOUNT}, "InvalidInputError", "operator's own"),
        ("attachGuardrail", {"guardrailId": id, "accountId": "0" * 12}, "NoSuchEntityError", "000000000000"),
        ("attachGuardrail", {"guardrailId": "p-0123456789", "accountId": OTHER}, "NoSuchEntityError", "p-0123456789"),
        ("detachGuardrail", {"guardrailId": FULL, "accountId": ACCOUNT}, "NoSuchEntityError", "is not attached"),
        ("deleteGuardrail", {"guardrailId": FULL}, "InvalidInputError", "service's own"),
        ("updateGuardrail", {"guardrailId": FULL, "name": "Mine"}, "InvalidInputError", "service's own"),
        ("updateGuardrail", {"guardrailId": id, "name": "GUARD"}, "EntityAlreadyExistsError", "GUARD"),
        ("createGuardrail", {"name": "Guard", "kind": SCP, "policyDocument": NO_USERS}, "EntityAlreadyExistsError", ""),
        ("createGuardrail", {"name": "x", "kind": RCP, "policyDocument": NO_USERS}, "MalformedPolicyDocumentError", ""),
    ):
        assert says in (await refused(service, mutation, input, kind))["message"]
    blocked = "blockedBy { ... on Account { accountId } }"
    error = await refused(service, "deleteGuardrail", {"guardrailId": id}, "DeleteConflictError", blocked)
    assert error["blockedBy"] == [{"accountId": OTHER}]

    # From a closed account everything can be taken, so that it holds up no guardrail.
    await service.good("closeAccount", {"accountId": OTHER})
    for one in (FULL, id):
        await service.good("detachGuardrail", {"guardrailId": one, "accountId": OTHER})
    done = await service.good("deleteGuardrail", {"guardrailId": id}, "deletedGuardrailId")
    assert done["deletedGuardrailId"] == node_id("Guardrail", id)


async def test_quotas(tmp_path: Path) -> None:
    quotas = Quotas(guardrails=3, guardrails_per_account=2, guardrail_size=len(NO_USERS))
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path, quotas=quotas) as service:
        await other_root(service)
        await guardrail(service, "one", NO_USERS)
        id = await guardrail(service, "two", NO_USERS, on=None)
        error = await refused(
            service, "attachGuardrail", {"guardrailId": id, "accountId": OTHER}, "LimitExceededError", "message limit"
        )
        assert (error["limit"], error["message"]) == (
            2, "Cannot exceed quota for ServiceControlPoliciesPerAccount: 2",
        )  # fmt: skip
        new = {"name": "three", "kind": SCP, "policyDocument": NO_USERS + " "}
        # White space counts.
        assert (await refused(service, "createGuardrail", new, "LimitExceededError", "limit"))["limit"] == len(NO_USERS)
        await guardrail(service, "three", NO_USERS, on=None)
        new |= {"name": "four", "policyDocument": NO_USERS}
        assert (await refused(service, "createGuardrail", new, "LimitExceededError", "limit"))["limit"] == 3


@pytest.mark.parametrize("store", STORES)
async def test_attaching_beside_an_account_at_work(store: str, tmp_path: Path) -> None:
    """The operator's commands take the accounts' rows after its own: nobody waits for ever, and what is refused and what
    is not is as if one came after the other, in two kernels on PostgreSQL."""
    async with fresh(store, tmp_path) as url, AsyncExitStack() as stack:
        first = await stack.enter_async_context(served(url, tmp_path))
        second = first
        if store == "postgres":
            second = await stack.enter_async_context(served(url, tmp_path, account=False))
        root = await other_root(first)
        third = {"email": "third@example.com", "rootPassword": "a-third-Passw0rd!", "accountId": "777788889999"}
        await first.good("createAccount", third)
        ids = [await guardrail(first, f"g{i}", document(statement("Deny", f"x:Y{i}")), on=None) for i in range(4)]
        operator = await first.root()

        async def attach(id: str, account_id: str) -> str:
            input = {"guardrailId": id, "accountId": account_id}
            one = await first.do("attachGuardrail", input, token=operator)
            await first.do("updateGuardrail", {"guardrailId": id, "policyDocument": NO_USERS}, token=operator)
            two = await first.do("detachGuardrail", input, token=operator)
            return f"{one['__typename']} {two['__typename']}"

        async def work(i: int) -> str:
            return str((await second.do("createUser", {"userName": f"u{i}"}, token=root))["__typename"])

        jobs = [attach(id, account_id) for id in ids for account_id in (OTHER, "777788889999")]
        done = await asyncio.gather(*jobs, *(work(i) for i in range(16)))
        assert set(done[: len(jobs)]) == {"AttachGuardrailSuccess DetachGuardrailSuccess"}
        assert set(done[len(jobs) :]) <= {"CreateUserSuccess", "AccessDeniedError"}
        assert (await second.do("createUser", {"userName": "last"}, token=root))["__typename"] == "CreateUserSuccess"
        await guardrail(first, "no-users", NO_USERS)
        assert (await second.do("createUser", {"userName": "no"}, token=root))["__typename"] == "AccessDeniedError"


async def test_a_warm_request_reads_no_guardrails(service: Service) -> None:
    """Who asks, and at which revision, is one statement, and the guardrails are known."""
    root = await other_root(service)
    for token in (await service.root(), root):
        await service.ask("{ viewer { arn } }", token)
        await asyncio.sleep(0.2)  # the history of the read before is written
        before = service.database.statements
        assert (await service.ask("{ viewer { arn } }", token)).codes == []
        assert service.database.statements - before == 1
