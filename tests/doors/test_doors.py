"""The door matrix: every operation as {anonymous, no policy, wrong policy, right policy}, through GraphQL and, where AWS has
it, through AWS's own wire.

What is refused is absent from the answer, changes nothing, and leaves one event.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from iamgraph.app.operation import OPERATIONS
from iamgraph.domain.entities import EventOutcome
from iamgraph.domain.reports import Report, ReportKind, ReportState
from iamgraph.domain.service_access import AccessedKind, AccessReport, AccessRequest, Granularity, ServiceAccess
from iamgraph.transport.aws.actions import ACTIONS

from ..databases import STORES, fresh, kept
from ..service import ACCOUNT, Reply, Service, served
from ..streams import following
from ..wire import Answer, AwsKey, aws_key
from .matrix import DOORS, ELSEWHERE, FREE_FOR_ALL, IN_A_BROWSER, ON_THE_WIRE_ALONE, PUBLIC, Door, arn, world

CALLER = arn("user/caller")


def filled(value: Any, known: dict[str, str]) -> Any:
    """The value with `{key}` and its like put in."""
    text = json.dumps(value)
    for name, found in known.items():
        text = text.replace("{" + name + "}", found)
    return json.loads(text)


async def knock(service: Service, door: Door, known: dict[str, str], token: str | None) -> Reply:
    if door.query is not None and door.query.startswith("subscription"):
        async with following(service.http, service.url, door.query, token) as stream:
            # There is history without links yet, so something follows.
            await service.sealer.seal()
            result = await stream.next()
            return Reply(stream.response.status, stream.response.headers, str(result), result)
    if door.query is not None:
        return await service.ask(filled(door.query, known), token)
    assert door.mutation is not None
    input = filled(door.input, known)
    name = door.operation
    head, argument = ("", "") if input is None else (f"($input: {name}Input!)", "(input: $input)")
    query = f"mutation {head} {{ {door.mutation}{argument} {{ __typename ... on Error {{ code message }} }} }}"
    return await service.ask(query, token, **({} if input is None else {"input": input}))


def leaves(value: Any) -> list[Any]:
    """All the scalars in an answer."""
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [] if value is None else [value]


ON_THE_WIRE = {
    operation.__name__: (service, name)
    for service, actions in ACTIONS.items()
    for name, action in actions.items()
    for operation in (action.operation, action.also)
    if operation is not None
}
"""AWS's service and action, by the operation."""
WIRE_DOORS = [door for door in (*DOORS, *ON_THE_WIRE_ALONE) if door.operation in ON_THE_WIRE]


async def knock_on_the_wire(door: Door, known: dict[str, str], key: AwsKey) -> Answer:
    name, action = ON_THE_WIRE[door.operation]
    return await key.ask(action, name, **filled(door.parameters, known))


def test_every_operation_has_a_door() -> None:
    """A check with nothing to check fails."""
    assert DOORS
    assert {door.operation for door in DOORS} | FREE_FOR_ALL | PUBLIC | IN_A_BROWSER | ELSEWHERE == set(OPERATIONS)


@dataclass(frozen=True)
class World:
    """What the doors open onto, in a store to copy; and the token and access key of the one who knocks."""

    source: str
    known: dict[str, str]
    root: str
    token: str
    key: tuple[str, str]


_worlds: dict[str, World] = {}


async def own_job(service: Service) -> str:
    """A report of last accesses that the one who knocks has asked for: nobody else could read it."""
    access = AccessReport(accessors=(), services=(ServiceAccess(namespace="deploy", name="Deploy"),))
    request = AccessRequest(kind=AccessedKind.USER, id="AIDA", arn=CALLER, granularity=Granularity.SERVICE_LEVEL)
    async with service.database.writing() as data:
        caller = (await data.users.named(ACCOUNT, ["caller"]))["caller"]
        report = Report(
            id="0" * 36,
            account_id=ACCOUNT,
            kind=ReportKind.SERVICE_ACCESS,
            requested_by=caller.id,
            parameters=request.text(),
            state=ReportState.COMPLETED,
            requested_at=service.clock(),
            finished_at=service.clock(),
            content=access.text(),
        )
        await data.reports.add(report)
    return report.id


async def built(kind: str, folder: Path) -> World:
    """The world, made once a run: it takes longer than to knock."""
    url, source = await kept(kind)
    async with served(url, folder) as service:
        known = await world(service)
        await service.good("createUser", {"userName": "caller"})
        await service.good("createLoginProfile", {"userName": "caller", "password": "caller-Passw0rd!"})
        sign_in = {"account": "acme", "userName": "caller", "password": "caller-Passw0rd!"}
        token = (await service.do("signIn", sign_in, "accessToken"))["accessToken"]
        known["job"] = await own_job(service)
        key = await aws_key(service, "caller")
        assert key.id is not None
        return World(source, known, await service.root(), token, (key.id, key.secret))


@pytest.fixture(params=STORES)
async def furnished(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Service, World]]:
    kind = request.param
    if kind not in _worlds:
        _worlds[kind] = await built(kind, tmp_path)
    made = _worlds[kind]
    async with fresh(kind, tmp_path, source=made.source) as url, served(url, tmp_path, account=False) as service:
        service.tokens["root"] = made.root
        yield service, made


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.operation)
async def test_door(furnished: tuple[Service, World], door: Door) -> None:
    service, made = furnished
    known, token = made.known, made.token
    before = await service.snapshot()
    reply = await knock(service, door, known, None)
    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"]), reply.text
    assert await service.snapshot() == before

    for times, policy in enumerate((door.nothing, door.wrong), 1):
        if policy is not None:
            await service.good("putUserPolicy", {"userName": "caller", "policyName": "own", "policyDocument": policy})
        before = await service.snapshot()
        reply = await knock(service, door, known, token)
        if door.mutation is not None:
            assert reply.only()["__typename"] == "AccessDeniedError", reply.text
        else:
            assert "ACCESS_DENIED" in reply.codes, reply.text
        assert await service.snapshot() == before
        denied = await service.events(name=door.operation, outcome=EventOutcome.DENIED, principal_arn=CALLER)
        assert len(denied) == times, denied

    await service.good("putUserPolicy", {"userName": "caller", "policyName": "own", "policyDocument": door.right})
    reply = await knock(service, door, known, token)
    if door.mutation is not None:
        assert reply.only()["__typename"] == f"{door.operation}Success", reply.text
    else:
        assert reply.codes == [] and leaves(reply.data), reply.text
    assert len(await service.settled(door.operation, CALLER)) == 1


async def may(service: Service, policy: str) -> None:
    """Give the caller a policy, in place of the one before."""
    await service.good("putUserPolicy", {"userName": "caller", "policyName": "own", "policyDocument": policy})


@pytest.mark.parametrize("door", WIRE_DOORS, ids=lambda door: door.operation)
async def test_door_on_the_wire(furnished: tuple[Service, World], door: Door) -> None:
    service, made = furnished
    key = AwsKey(service=service, id=made.key[0], secret=made.key[1])
    name, action = ON_THE_WIRE[door.operation]
    done = ACTIONS[name][action].operation.__name__
    before = await service.snapshot()
    answer = await knock_on_the_wire(door, made.known, AwsKey(service=service))
    assert (answer.status, answer.code) == (403, "MissingAuthenticationToken"), answer.text
    assert await service.snapshot() == before

    for times, policy in enumerate((None, door.wrong), 1):
        if policy is not None:
            await may(service, policy)
        before = await service.snapshot()
        answer = await knock_on_the_wire(door, made.known, key)
        assert (answer.status, answer.code, answer.data.keys()) == (403, "AccessDenied", {"Error"}), answer.text
        assert await service.snapshot() == before
        denied = await service.events(name=done, outcome=EventOutcome.DENIED, principal_arn=CALLER, transport="AWS")
        assert len(denied) == times, denied

    await may(service, door.right)
    answer = await knock_on_the_wire(door, made.known, key)
    assert (answer.status, answer.code) == (200, None), answer.text
    assert [event.transport for event in await service.settled(done, CALLER)] == ["AWS"]


def test_every_action_on_the_wire_has_a_door() -> None:
    without = {"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetCallerIdentity", "GetSessionToken"}
    assert set(ON_THE_WIRE) - {door.operation for door in WIRE_DOORS} == without
