"""The kernel under stress: much at once, clients that hang up, and what is left of it all."""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import pytest

from iamgraph.app.caller import Caller
from iamgraph.domain.entities import EventOutcome

from ..service import Service, allow
from .asking import account, arn, document, refused, role, statement, trusting, works

CANCELS = int(os.environ.get("IAMGRAPH_TEST_CANCELS", "100"))
TRUST = trusting(arn("user/a"), arn("user/b"))


async def test_fifty_changes_at_once(service: Service) -> None:
    """OR-01: of every kind, on the same few entities: none dead-locked, each whole, and one event each."""
    root = await service.root()
    await service.good("createUser", {"userName": "u"})
    await service.good("createGroup", {"groupName": "g"})
    await service.good("createPolicy", {"policyName": "p", "policyDocument": allow("s3:*")})
    await role(service, "r", trusting(arn("user/u")))
    changes = []
    for i in range(10):
        changes += [
            ("createUser", {"userName": f"n{i}", "permissionsBoundary": arn("policy/p")}),
            ("addUserToGroup", {"userName": "u", "groupName": "g"}),
            ("attachUserPolicy", {"userName": "u", "policyArn": arn("policy/p")}),
            ("updateAssumeRolePolicy", {"roleName": "r", "policyDocument": trusting(arn("user/u"), arn("role/r"))}),
            ("createLoginProfile", {"userName": "u", "password": "u-Passw0rd!"}),
        ]
    before = len(await service.events())
    done = await asyncio.gather(*(service.do(mutation, input, token=root) for mutation, input in changes))
    ends = [one.get("__typename", str(one)) for one in done]
    assert ends.count("CreateLoginProfileSuccess") == 1 and ends.count("EntityAlreadyExistsError") == 9, ends
    assert sum(end.endswith("Success") for end in ends) == 41, ends
    changed = [event for event in await service.events() if event.name != "GetCallerIdentity"]
    assert len(changed) - before == 50
    shown = await account(
        service,
        'users(first: 99) { nodes { name } } group(name: "g") { members(first: 9) { nodes { name } } } '
        f'policy(arn: "{arn("policy/p")}") {{ attachments(first: 99) {{ nodes {{ ... on User {{ name }} }} }} }}',
    )
    assert len(shown["users"]["nodes"]) == 11
    assert shown["group"]["members"]["nodes"] == [{"name": "u"}]
    assert len(shown["policy"]["attachments"]["nodes"]) == 11


async def test_clients_that_hang_up_leave_nothing_half_done(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """OR-01: requests whose client goes at a random moment; then all is as ever, and each command that was begun has been
    done, whole, with its event."""
    root, at = await service.root(), random.Random(4)
    run, begun = service.kernel._run, list[str]()

    def counted(caller: Caller, command: Any) -> Any:
        begun.append(type(command).__name__)
        return run(caller, command)

    monkeypatch.setattr(service.kernel, "_run", counted)
    tags = [{"key": f"k{i}", "value": ""} for i in range(3)]

    async def hung_up(i: int) -> None:
        mutation, input = (
            ("createUser", {"userName": f"u{i:03}", "tags": tags}),
            ("createRole", {"roleName": f"r{i:03}", "assumeRolePolicyDocument": TRUST}),
        )[i % 2]
        read = "{ viewer { account { users(first: 9) { nodes { id } } } } }"
        asking = asyncio.create_task(service.do(mutation, input, token=root) if i % 3 else service.ask(read, root))
        await asyncio.sleep(at.random() * 0.15)
        asking.cancel()
        await asyncio.wait([asking])

    for name in ("a", "b"):
        await service.good("createUser", {"userName": name, "tags": tags})
    for start in range(0, CANCELS, 50):
        await asyncio.gather(*(hung_up(i) for i in range(start, min(start + 50, CANCELS))))
    await asyncio.wait_for(service.good("createUser", {"userName": "last", "tags": tags}), 5)
    while service.kernel._running:
        await asyncio.sleep(0.02)
    events = [event for event in await service.events() if event.name in ("CreateUser", "CreateRole")]
    assert all(event.outcome is EventOutcome.SUCCEEDED for event in events)
    assert sorted(event.name for event in events) == sorted(begun)
    async with service.database.reading() as data:
        users = await data.users._db.fetch("SELECT name, tags FROM iam_user")
        roles = await data.users._db.fetch(
            "SELECT name, (SELECT count(*) FROM trust_principal WHERE role_id = iam_role.id) AS trusted FROM iam_role"
        )
        if service.database._engine.dialect == "postgres":
            idle = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
            async with asyncio.timeout(5):  # the history of reads may just be written
                while await data.users._db.one(idle) is not None:
                    await asyncio.sleep(0.02)
    made = sorted(event.resources[0].rpartition("/")[2] for event in events)
    assert made == sorted(row["name"] for row in (*users, *roles)) and "last" in made
    # Under load every client may have gone before its role was begun.
    assert {row["trusted"] for row in roles} <= {2} and len({str(row["tags"]) for row in users}) == 1


async def test_what_is_taken_away_is_gone_at_the_next_request(service: Service) -> None:
    """Permissions are those of the request's own moment, by whichever road they came and went."""
    await service.good("createPolicy", {"policyName": "p", "policyDocument": allow("iam:ListUsers")})
    token = await service.user("u")
    at = {"userName": "u", "policyArn": arn("policy/p")}
    deny = document(statement("Deny", "*"))

    async def may() -> bool:
        reply = await service.ask("{ viewer { account { users(first: 1) { nodes { id } } } } }", token)
        return reply.codes == []

    steps = (
        ("attachUserPolicy", at, True),
        ("putUserPolicy", {"userName": "u", "policyName": "no", "policyDocument": deny}, False),
        ("deleteUserPolicy", {"userName": "u", "policyName": "no"}, True),
        ("createPolicyVersion", {"policyArn": arn("policy/p"), "policyDocument": deny, "setAsDefault": True}, False),
        ("setDefaultPolicyVersion", {"policyArn": arn("policy/p"), "versionId": "v1"}, True),
        ("createPolicy", {"policyName": "bound", "policyDocument": allow("s3:*")}, True),
        ("putUserPermissionsBoundary", {"userName": "u", "permissionsBoundary": arn("policy/bound")}, False),
        ("deleteUserPermissionsBoundary", {"userName": "u"}, True),
        ("detachUserPolicy", at, False),
    )
    assert not await may()
    for mutation, input, then in steps:
        await service.good(mutation, input)
        assert await may() is then, mutation
    assert await works(service, token)


async def test_bad_parameters_are_told_to_those_who_may(service: Service) -> None:
    """Also where the permission is on the entity's path or tag: INVALID_INPUT for one who may, a refusal for the rest."""
    await service.good("createUser", {"userName": "x", "path": "/eng/", "tags": [{"key": "t", "value": "1"}]})
    bad = {"userName": "x", "tags": [{"key": "aws:no", "value": ""}]}
    tagged = document(statement("Allow", "iam:TagUser", Condition={"StringEquals": {"aws:ResourceTag/t": "1"}}))
    for name, policy, kind in (
        ("a", allow("iam:TagUser", resource=arn("user/eng/*")), "InvalidInputError"),
        ("b", tagged, "InvalidInputError"),
        ("c", allow("iam:TagUser", resource=arn("user/ops/*")), "AccessDeniedError"),
        ("d", None, "AccessDeniedError"),
    ):
        await refused(service, "tagUser", bad, kind, token=await service.user(name, policy))
