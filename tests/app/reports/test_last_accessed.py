"""Which services policies allow, which policies do, and who last tried to access them: by what was really done."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from iamgraph.app.reports import service_access
from iamgraph.domain.reports import KEPT
from iamgraph.domain.service_access import TRACKED
from iamgraph.reference.aws import AwsReference

from ...databases import fresh
from ...processes import Server
from ...service import ACCOUNT, Client, Service, allow
from ...wire import aws_key
from ..asking import account, arn, assumed, document, other_root, role, statement, trusting

DETAILS = (
    "jobStatus jobType jobCompletionDate servicesLastAccessed(first: 100) { nodes { serviceNamespace serviceName "
    "lastAuthenticated lastAuthenticatedEntity lastAuthenticatedRegion totalAuthenticatedEntities "
    "trackedActionsLastAccessed { actionName lastAccessedTime lastAccessedEntity } "
    "entities(first: 9) { nodes { entity { arn } lastAuthenticated } } } }"
)


async def asked(service: Client, of: str, token: str | None = None, **more: Any) -> str:
    input = {"arn": of, **more}
    return str((await service.good("generateServiceLastAccessedDetails", input, "jobId", token))["jobId"])


async def read(service: Client, job: str, token: str | None = None) -> Any:
    found = await account(service, f'serviceLastAccessedDetails(jobId: "{job}") {{ {DETAILS} }}', token)
    return found["serviceLastAccessedDetails"]


async def report(service: Service, of: str, **more: Any) -> dict[str, Any]:
    """The services of a report that is made now, by namespace."""
    job = await asked(service, of, **more)
    assert await service.reporter.work() == 1
    found = await read(service, job)
    assert found["jobStatus"] == "COMPLETED" and found["jobCompletionDate"] is not None
    return {one["serviceNamespace"]: one for one in found["servicesLastAccessed"]["nodes"]}


def who(found: dict[str, Any]) -> dict[str, bool]:
    """Who could have accessed a service, in order, and whether they did."""
    return {one["entity"]["arn"]: one["lastAuthenticated"] is not None for one in found["entities"]["nodes"]}


async def users(service: Service, token: str) -> None:
    await service.ask(f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ users(first: 1) {{ nodes {{ name }} }} }} }}', token)


async def test_a_users_services_and_when_they_were_tried(service: Service) -> None:
    """Those that its own and its groups' policies allow; refused attempts count, other services and people do not."""
    bob = await service.user("bob", allow("iam:ListRoles", "s3:*"))
    await service.user("eve", allow("iam:*"))
    await service.good("createGroup", {"groupName": "devs"})
    await service.good("putGroupPolicy", {"groupName": "devs", "policyName": "own", "policyDocument": allow("sts:*")})
    await service.good("addUserToGroup", {"groupName": "devs", "userName": "bob"})
    assert {name: one["lastAuthenticated"] for name, one in (await report(service, arn("user/bob"))).items()} == {
        "iam": None,
        "s3": None,
        "sts": None,
    }
    await users(service, service.tokens["eve"])
    before = service.clock()
    await users(service, bob)
    denied = await service.settled("ListUsers", arn("user/eve"))
    assert denied
    found = await report(service, arn("user/bob"))
    assert set(found) == {"iam", "s3", "sts"} and found["s3"]["serviceName"] == AwsReference().title("s3")
    iam = found["iam"]
    assert before <= datetime.fromisoformat(iam["lastAuthenticated"]) <= service.clock()
    assert (iam["lastAuthenticatedEntity"], iam["lastAuthenticatedRegion"]) == (arn("user/bob"), "us-east-1")
    assert (iam["totalAuthenticatedEntities"], found["s3"]["totalAuthenticatedEntities"]) == (1, 0)
    assert iam["trackedActionsLastAccessed"] == [] and who(iam) == {arn("user/bob"): True}
    assert who(found["s3"]) == {arn("user/bob"): False}


async def test_actions_are_those_that_this_server_performs(service: Service) -> None:
    bob = await service.user("bob", allow("iam:*", "s3:*"))
    await users(service, bob)
    await service.settled("ListUsers", arn("user/bob"))
    found = await report(service, arn("user/bob"), granularity="ACTION_LEVEL")
    actions = {one["actionName"]: one for one in found["iam"]["trackedActionsLastAccessed"]}
    assert list(actions) == sorted(actions) and {"CreateUser", "ListUsers", "GenerateCredentialReport"} <= set(actions)
    used = [name for name, one in actions.items() if one["lastAccessedTime"] is not None]
    assert used == ["ListUsers"] and actions["ListUsers"]["lastAccessedEntity"] == arn("user/bob")
    assert found["s3"]["trackedActionsLastAccessed"] == []


async def test_groups_roles_and_policies(service: Service) -> None:
    """Whose attempts count for each, newest first; a renamed entity keeps its history."""
    await service.good("createGroup", {"groupName": "devs"})
    await service.good("createPolicy", {"policyName": "pol", "policyDocument": allow("iam:ListUsers")})
    pol = arn("policy/pol")
    for name in ("bob", "eve", "idle"):
        await service.user(name)
    for name in ("bob", "idle"):
        await service.good("addUserToGroup", {"groupName": "devs", "userName": name})
    await service.good("attachGroupPolicy", {"groupName": "devs", "policyArn": pol})
    await service.good("attachUserPolicy", {"userName": "eve", "policyArn": pol})
    await role(service, "ops", trusting(arn("user/bob")))
    await service.good("attachRolePolicy", {"roleName": "ops", "policyArn": pol})
    # A boundary allows nothing.
    await service.user("edged")
    await service.good("putUserPermissionsBoundary", {"userName": "edged", "permissionsBoundary": pol})
    session = (await assumed(service, arn("role/ops"), service.tokens["bob"]))["accessToken"]
    tried = ((service.tokens["bob"], "user/bob"), (service.tokens["eve"], "user/eve"))
    for token, name in (*tried, (session, "")):
        await users(service, token)
        await service.settled("ListUsers", arn(name) if name else f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/ci")
    group, of_role, policy = [(await report(service, one))["iam"] for one in (arn("group/devs"), arn("role/ops"), pol)]
    assert who(group) == {arn("user/bob"): True, arn("user/idle"): False}
    assert (group["lastAuthenticatedEntity"], group["totalAuthenticatedEntities"]) == (arn("user/bob"), 1)
    assert who(of_role) == {arn("role/ops"): True}
    assert of_role["lastAuthenticatedEntity"] == arn("role/ops")
    assert list(who(policy).items()) == [
        (arn("role/ops"), True),
        (arn("user/eve"), True),
        (arn("user/bob"), True),
        (arn("user/idle"), False),
    ]
    assert policy["totalAuthenticatedEntities"] == 3
    assert await report(service, arn("user/edged")) == {}
    await service.good("updateUser", {"userName": "eve", "newUserName": "eva"})
    assert (await report(service, arn("user/eva")))["iam"]["lastAuthenticatedEntity"] == arn("user/eva")


async def test_of_a_policy_that_the_service_owns_only_the_own_account_shows(service: Service) -> None:
    other = await other_root(service)
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    await service.user("bob")
    await service.good("createUser", {"userName": "eve"}, token=other)
    await service.good("attachUserPolicy", {"userName": "bob", "policyArn": admin})
    await service.good("attachUserPolicy", {"userName": "eve", "policyArn": admin}, token=other)
    await users(service, service.tokens["bob"])
    await service.settled("ListUsers", arn("user/bob"))
    found = await report(service, admin)
    assert who(found["access-analyzer"]) == {arn("user/bob"): False}
    granted = await account(
        service,
        f'policiesGrantingServiceAccess(arn: "{arn("user/bob")}", serviceNamespaces: ["s3"]) '
        "{ policies { policyName policy { arn } } }",
    )
    (only,) = granted["policiesGrantingServiceAccess"]
    assert only["policies"] == [{"policyName": "AdministratorAccess", "policy": {"arn": admin}}]


async def test_the_whole_history_is_looked_through(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, and not beyond 400 days."""
    monkeypatch.setattr(service_access, "BATCH", 3)
    bob = await service.user("bob", allow("iam:*"))
    await users(service, bob)
    await service.settled("ListUsers", arn("user/bob"))
    for n in range(10):
        await service.good("createGroup", {"groupName": f"g{n}"})
    assert (await report(service, arn("user/bob")))["iam"]["totalAuthenticatedEntities"] == 1
    service.clock.ahead += TRACKED
    service.tokens.clear()
    assert (await report(service, arn("user/bob")))["iam"]["totalAuthenticatedEntities"] == 0


async def test_a_policy_that_allows_all_is_told_with_every_service(service: Service) -> None:
    """An account's own services too, paged by namespace on AWS's wire as in the graph."""
    await service.good("putService", {"prefix": "orders"})
    key = await aws_key(service, "admin", allow("*"))
    job = (await key.ask("GenerateServiceLastAccessedDetails", Arn=arn("user/admin"))).data["JobId"]
    started = (await key.ask("GetServiceLastAccessedDetails", JobId=job)).data
    assert (started["JobStatus"], started["ServicesLastAccessed"]) == ("IN_PROGRESS", [])
    assert (await key.ask("GetServiceLastAccessedDetailsWithEntities", JobId=job, ServiceNamespace="iam")).data[
        "JobStatus"
    ] == "IN_PROGRESS"
    await service.reporter.work()
    found: list[Any] = []
    marker: dict[str, str] = {}
    while True:
        page = (await key.ask("GetServiceLastAccessedDetails", JobId=job, MaxItems=150, **marker)).data
        found += page["ServicesLastAccessed"]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    names = [one["ServiceNamespace"] for one in found]
    assert names == sorted({*AwsReference().prefixes(), "iamgraph", "orders"})
    assert (page["JobStatus"], page["JobType"]) == ("COMPLETED", "SERVICE_LEVEL")
    by_name = {one["ServiceNamespace"]: one for one in found}
    assert by_name["orders"] == {"ServiceName": "orders", "ServiceNamespace": "orders", "TotalAuthenticatedEntities": 0}
    assert by_name["iam"]["LastAuthenticatedEntity"] == arn("user/admin")
    details = (await key.ask("GetServiceLastAccessedDetailsWithEntities", JobId=job, ServiceNamespace="iam")).data
    (entity,) = details["EntityDetailsList"]
    assert entity["LastAuthenticated"] == by_name["iam"]["LastAuthenticated"]
    assert {name: entity["EntityInfo"][name] for name in ("Arn", "Name", "Type", "Path")} == {
        "Arn": arn("user/admin"),
        "Name": "admin",
        "Type": "USER",
        "Path": "/",
    }
    answer = await key.ask("GetServiceLastAccessedDetailsWithEntities", JobId=job, ServiceNamespace="nope")
    assert (answer.status, answer.code) == (404, "NoSuchEntity")


async def test_only_who_asked_can_read_it_and_only_for_a_while(service: Service) -> None:
    """Another principal, another account and nobody's job answer alike; a credential report is none."""
    bob = await service.user("bob", allow("iam:*"))
    eve = await service.user("eve", allow("iam:*"))
    other = await other_root(service)
    job = await asked(service, arn("user/bob"), bob)
    await service.good("generateCredentialReport", None)
    await service.reporter.work()
    async with service.database.reading() as data:
        (credentials,) = await data.users._db.fetch("SELECT id FROM report WHERE kind = 'CREDENTIALS'")
    assert (await read(service, job, bob))["jobStatus"] == "COMPLETED"

    async def refusal(id: str, token: str, of: str = ACCOUNT) -> str:
        query = f'{{ account(by: {{ id: "{of}" }}) {{ serviceLastAccessedDetails(jobId: "{id}") {{ jobStatus }} }} }}'
        reply = await service.ask(query, token)
        assert reply.codes == ["NO_SUCH_ENTITY"], reply.text
        return str(reply.body["errors"][0]["message"]).replace(id, "JOB")

    nobodys = "0" * 36
    told = {
        await refusal(job, eve),
        await refusal(job, await service.root()),
        await refusal(job, other, "444455556666"),
        await refusal(credentials["id"], await service.root()),
        await refusal(nobodys, bob),
    }
    assert told == {"The job with ID JOB cannot be found."}
    service.clock.ahead += KEPT + timedelta(minutes=1)
    await service.reporter.work()
    sign_in = {"account": ACCOUNT, "userName": "bob", "password": "bob-Passw0rd!"}
    again = (await service.do("signIn", sign_in, "accessToken"))["accessToken"]
    await refusal(job, again)


async def test_which_policies_grant_what(service: Service) -> None:
    """Managed and inline ones, its own and its groups', each once; what only denies, or bounds, grants nothing."""
    await service.good("createUser", {"userName": "bob"})
    await service.good("createGroup", {"groupName": "devs"})
    await service.good("addUserToGroup", {"groupName": "devs", "userName": "bob"})
    for name, text in (("pol", allow("s3:Get*")), ("edge", allow("*"))):
        await service.good("createPolicy", {"policyName": name, "policyDocument": text})
    pol = arn("policy/pol")
    await service.good("attachUserPolicy", {"userName": "bob", "policyArn": pol})
    await service.good("attachGroupPolicy", {"groupName": "devs", "policyArn": pol})
    await service.good("putUserPermissionsBoundary", {"userName": "bob", "permissionsBoundary": arn("policy/edge")})
    none = document(statement("Deny", "iam:*"))
    for kind, name, text in (("Group", "own", allow("iam:GetUser")), ("User", "no", none), ("User", "all", allow("*"))):
        owner = {"groupName": "devs"} if kind == "Group" else {"userName": "bob"}
        await service.good(f"put{kind}Policy", {**owner, "policyName": name, "policyDocument": text})
    key = await aws_key(service)
    namespaces = ["s3", "iam", "S3"]
    answer = await key.ask("ListPoliciesGrantingServiceAccess", Arn=arn("user/bob"), ServiceNamespaces=namespaces)
    managed = {"PolicyName": "pol", "PolicyType": "MANAGED", "PolicyArn": pol}
    all_ = {"PolicyName": "all", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "bob"}
    own = {"PolicyName": "own", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": "devs"}
    found = {one["ServiceNamespace"]: one["Policies"] for one in answer.data["PoliciesGrantingServiceAccess"]}
    assert list(found) == namespaces
    for namespace, granting in (("s3", [managed, all_]), ("iam", [own, all_]), ("S3", [managed, all_])):
        assert sorted(map(json.dumps, found[namespace])) == sorted(map(json.dumps, granting))
    fields = "serviceNamespace policies { policyName policy { arn } attachedTo { ... on Group { name } } }"
    graph = await account(
        service,
        f'policiesGrantingServiceAccess(arn: "{arn("group/devs")}", serviceNamespaces: ["s3", "iam", "sts"]) {{ {fields} }}',
    )
    assert graph["policiesGrantingServiceAccess"] == [
        {
            "serviceNamespace": "s3",
            "policies": [{"policyName": "pol", "policy": {"arn": pol}, "attachedTo": None}],
        },
        {
            "serviceNamespace": "iam",
            "policies": [{"policyName": "own", "policy": None, "attachedTo": {"name": "devs"}}],
        },
        {"serviceNamespace": "sts", "policies": []},
    ]
    for of, code in (
        (arn("user/nobody"), "NoSuchEntity"),
        (pol, "NoSuchEntity"),
        ("arn:aws:iam::no-arn-at-all", "NoSuchEntity"),
    ):
        answer = await key.ask("ListPoliciesGrantingServiceAccess", Arn=of, ServiceNamespaces=["s3"])
        assert answer.code == code
    answer = await key.ask("ListPoliciesGrantingServiceAccess", Arn=arn("user/bob"), ServiceNamespaces=[])
    assert answer.code == "ValidationError"


async def test_who_may_ask_about_whom(service: Service) -> None:
    """Without the permission, an entity that exists and one that does not answer alike, and nothing is asked for."""
    eve = await aws_key(service, "eve", allow("*", resource=arn("user/eve")))
    await service.good("createUser", {"userName": "bob"})
    assert (await eve.ask("GenerateServiceLastAccessedDetails", Arn=arn("user/eve"))).status == 200
    before = await service.snapshot()
    texts = set()
    for name in ("bob", "nobody"):
        answer = await eve.ask("GenerateServiceLastAccessedDetails", Arn=arn(f"user/{name}"))
        assert answer.code == "AccessDenied"
        texts.add(answer.message.replace(name, "NAME"))
    answer = await eve.ask("GenerateServiceLastAccessedDetails", Arn=arn("user/x", "444455556666"))
    assert answer.code == "AccessDenied" and len(texts) == 1
    assert await service.snapshot() == before


async def test_a_job_outlives_the_process_that_was_asked(tmp_path: Path) -> None:
    """Two processes on PostgreSQL, one of which is killed once it has answered."""
    async with fresh("postgres", tmp_path) as url, AsyncExitStack() as stack:
        servers = [Server(url, tmp_path) for _ in range(2)]
        for server in servers:
            await stack.enter_async_context(server.running())
        http = await stack.enter_async_context(ClientSession())
        one, other = (Client(url=server.url, http=http) for server in servers)
        await one.good("createUser", {"userName": "bob"})
        await one.good("putUserPolicy", {"userName": "bob", "policyName": "own", "policyDocument": allow("iam:*")})
        token = await other.root()
        job = await asked(one, arn("user/bob"), token)
        await servers[0].end(signal.SIGKILL)
        for _ in range(900):
            found = await read(other, job, token)
            if found["jobStatus"] != "IN_PROGRESS":
                break
            await asyncio.sleep(0.1)
        assert found["jobStatus"] == "COMPLETED"
        assert [service["serviceNamespace"] for service in found["servicesLastAccessed"]["nodes"]] == ["iam"]
