"""The simulators, by cases that are data: parameters and answers have AWS's names and forms."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from iamgraph.app.kernel import Ask
from iamgraph.app.listing import Listed
from iamgraph.app.operation import OPERATIONS, Query, parameters
from iamgraph.domain.errors import IamError, InvalidSimulation

from ...databases import fresh
from ...service import Service, allow, served
from ..asking import OTHER, arn, caller_of, document, other_root, role, statement, trusting

CASES = Path(__file__).parents[2] / "cases" / "simulations.jsonl"


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CASES.read_text().splitlines()]


# ------------------------------------------------------------ AWS's names and forms


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def query_of(name: str, given: Mapping[str, Any]) -> Query[Any]:
    """An operation with the parameters that AWS's request has. A policy may stand there as an object."""
    kind = OPERATIONS[name]
    hints = {parameter.name: parameter.hint for parameter in parameters(kind)}
    values = {snake(key): _read(value, hints[snake(key)]) for key, value in given.items()}
    made: Any = kind(**values)
    return made


def _read(value: Any, hint: Any) -> Any:
    args = [arg for arg in get_args(hint) if arg is not type(None)]
    if get_origin(hint) is tuple:
        return tuple(_read(item, args[0]) for item in value)
    hint = args[0] if args else hint
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        fields: Any = {snake(key): _read(item, hints[snake(key)]) for key, item in value.items()}
        return hint(**fields)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return json.dumps(value) if hint is str and isinstance(value, dict) else value


def shown(value: Any) -> Any:
    """An answer as AWS has it: what is None is left out."""
    if isinstance(value, Listed):
        paging = {"IsTruncated": value.more} | ({"Marker": value.cursors[-1]} if value.more else {})
        return {"EvaluationResults": shown(value.items), **paging}
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.repr}
        return {pascal(name): shown(part) for name, part in fields.items() if part is not None}
    if isinstance(value, Mapping):
        return {key: shown(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [shown(item) for item in value]
    return value.value if isinstance(value, Enum) else value


# ------------------------------------------------------------ the account that the cases are about

DEPLOY = document(
    statement("Allow", "s3:GetObject", "arn:aws:s3:::data/*"),
    statement("Deny", "s3:GetObject", "arn:aws:s3:::data/secret/*"),
)
OWN = document(statement("Allow", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:111122223333:table/${aws:username}"))
SHARED = document(
    statement("Allow", "sqs:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}),
    statement("Allow", "iam:GetUser", arn("user/${aws:username}")),
)
ADMIN = document(statement("Allow", "*"))
EDGE = document(statement("Allow", ["s3:*", "sts:*"]))


async def world(service: Service) -> None:
    for name in ("alice", "bob", "carol"):
        await service.good("createUser", {"userName": name, "path": "/eng/" if name == "alice" else "/"})
    await service.good("tagUser", {"userName": "alice", "tags": [{"key": "team", "value": "red"}]})
    await service.good("createGroup", {"groupName": "devs"})
    await service.good("addUserToGroup", {"groupName": "devs", "userName": "alice"})
    for name, text in (("Deploy", DEPLOY), ("Admin", ADMIN), ("Edge", EDGE)):
        await service.good("createPolicy", {"policyName": name, "policyDocument": text})
    await service.good("attachUserPolicy", {"userName": "alice", "policyArn": arn("policy/Deploy")})
    await service.good("attachUserPolicy", {"userName": "carol", "policyArn": arn("policy/Admin")})
    await service.good("putUserPermissionsBoundary", {"userName": "carol", "permissionsBoundary": arn("policy/Edge")})
    await service.good("putUserPolicy", {"userName": "alice", "policyName": "own", "policyDocument": OWN})
    await service.good("putGroupPolicy", {"groupName": "devs", "policyName": "shared", "policyDocument": SHARED})
    trust = json.loads(trusting(arn("user/eng/alice"), arn("user/carol")))
    trust["Statement"].append({"Effect": "Deny", "Principal": {"AWS": arn("user/carol")}, "Action": "sts:AssumeRole"})
    await role(service, "ops", json.dumps(trust), document(statement("Allow", "s3:ListBucket")), path="/run/")


async def test_the_cases(tmp_path: Path) -> None:
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path) as service:
        await world(service)
        caller = await caller_of(service)
        for case in cases():
            (found,) = await service.kernel.fetch(caller, [Ask(query_of(case["operation"], case["with"]))])
            if isinstance(found, IamError):
                assert {"Code": found.code, "Message": found.message} == case.get("error"), case["note"]
            else:
                assert shown(found) == case.get("answer"), case["note"]


# ------------------------------------------------------------ over the API, on each store

SIMULATE = """query($i: SimulateInput!) { simulate(input: $i) {
  results { action resource decision { outcome lacking missingContext because { kind policyName sid startLine } } } } }"""
CUSTOM = """query($i: SimulateCustomPolicyInput!) { simulateCustomPolicy(input: $i) {
  results { resource decision { outcome because { kind policyName startLine startColumn } } } } }"""
PREPARED = "query($p: [PolicyDocument!]!) { contextKeysForPolicies(policies: $p) }"


async def simulated(service: Service, token: str | None = None, **input: Any) -> Any:
    reply = await service.ask(SIMULATE, token or await service.root(), i=input)
    assert reply.codes == [], reply.text
    return reply.only()["results"]


async def test_over_the_api(service: Service) -> None:
    """Action by action, and for each in the order of the resources, with the whole decision."""
    await world(service)
    token = await service.root()
    found = await simulated(
        service, principal=arn("user/eng/alice"), actions=["s3:GetObject", "sqs:SendMessage"],
        resources=["arn:aws:s3:::data/a", "arn:aws:s3:::data/secret/b"],
    )  # fmt: skip
    asked = [(one["action"], one["resource"][13:], one["decision"]["outcome"]) for one in found]
    assert asked == [
        ("s3:GetObject", "data/a", "ALLOWED"),
        ("s3:GetObject", "data/secret/b", "EXPLICITLY_DENIED"),
        ("sqs:SendMessage", "data/a", "ALLOWED"),
        ("sqs:SendMessage", "data/secret/b", "ALLOWED"),
    ]
    (member,) = await simulated(service, principal=arn("group/devs"), actions=["sqs:SendMessage"])
    assert member["decision"]["missingContext"] == ["aws:PrincipalTag/team"]
    excluded = [{"inline": {"policyName": "shared", "attachmentType": "GROUP", "attachedTo": "devs"}}]
    (without,) = await simulated(
        service, principal=arn("user/eng/alice"), actions=["sqs:SendMessage"], excludedPolicies=excluded,
        permissionsBoundary=EDGE, context=[{"key": "aws:SourceIp", "values": ["::1"], "type": "IP"}],
    )  # fmt: skip
    assert (without["decision"]["outcome"], without["decision"]["lacking"]) == ("IMPLICITLY_DENIED", "IDENTITY")
    input = {"policies": [DEPLOY], "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::data/a"]}
    given = (await service.ask(CUSTOM, token, i=input)).only()["results"]
    place = {"kind": "INLINE", "policyName": "PolicyInputList.1", "startLine": 1, "startColumn": 41}
    assert given == [{"resource": "arn:aws:s3:::data/a", "decision": {"outcome": "ALLOWED", "because": [place]}}]
    assert (await service.ask(PREPARED, token, p=[SHARED])).only() == ["aws:PrincipalTag/team", "aws:username"]
    keys = f'{{ contextKeysForPrincipal(principal: "{arn("group/devs")}") }}'
    assert (await service.ask(keys, token)).only() == ["aws:PrincipalTag/team", "aws:username"]


async def test_guardrails_count(service: Service) -> None:
    """They decide as when somebody acts; can be left out; and are told by name alone."""
    token = await other_root(service)
    await service.good("createUser", {"userName": "eve"}, token=token)
    await service.good("putUserPolicy", {"userName": "eve", "policyName": "all", "policyDocument": ADMIN}, token=token)
    deny = json.loads(document(statement("Deny", "s3:*", Principal="*", Sid="NoS3")))
    for name, kind, text in (
        ("scp", "SERVICE_CONTROL", document(statement("Deny", "sqs:*", Sid="NoSqs"))),
        ("rcp", "RESOURCE_CONTROL", json.dumps(deny)),
    ):
        input = {"name": name, "kind": kind, "policyDocument": text}
        made = await service.good("createGuardrail", input, "guardrail { id }")
        await service.good("attachGuardrail", {"guardrailId": made["guardrail"]["id"], "accountId": OTHER})
    eve = arn("user/eve", OTHER)
    actions = ["sqs:SendMessage", "s3:GetObject", "ec2:RunInstances"]
    found = [one["decision"] for one in await simulated(service, token, principal=eve, actions=actions)]
    assert [one["outcome"] for one in found] == ["EXPLICITLY_DENIED", "EXPLICITLY_DENIED", "ALLOWED"]
    assert [(one["because"][0]["policyName"], one["because"][0]["startLine"]) for one in found[:2]] == [
        ("scp", None),
        ("rcp", None),
    ]
    for kind, expected in (("SCP", ["ALLOWED", "EXPLICITLY_DENIED"]), ("RCP", ["EXPLICITLY_DENIED", "ALLOWED"])):
        left = await simulated(service, token, principal=eve, actions=actions[:2], excludedPolicies=[{"type": kind}])
        assert [one["decision"]["outcome"] for one in left] == expected
    caller = await caller_of(service, token)
    query = query_of("SimulatePrincipalPolicy", {"PolicySourceArn": eve, "ActionNames": actions})
    (answer,) = await service.kernel.fetch(caller, [Ask(query)])
    results = shown(answer)["EvaluationResults"]
    assert [one["OrganizationsDecisionDetail"]["AllowedByOrganizations"] for one in results] == [False, True, True]
    assert [one["MatchedStatements"] for one in results[:2]] == [[], []]


async def test_to_ask_as_somebody_takes_the_permission_on_them(service: Service) -> None:
    """Their tags would show in what is decided."""
    await world(service)
    reader = await service.user("reader", allow("iam:SimulatePrincipalPolicy", resource=arn("user/eng/alice")))
    ask = {"principal": arn("user/eng/alice"), "actions": ["s3:GetObject"]}
    assert len(await simulated(service, reader, **ask)) == 1
    assert len(await simulated(service, reader, caller=arn("user/eng/alice"), **ask)) == 1
    for other in (arn("user/bob"), arn("user/none"), arn("user/bob", OTHER)):
        reply = await service.ask(SIMULATE, reader, i={**ask, "caller": other})
        assert reply.data == {"simulate": None}
        assert reply.codes == ["ACCESS_DENIED"]
        assert f"on resource: {other}" in reply.body["errors"][0]["message"]


async def test_who_may_not_ask_as_somebody_does_not_learn_that_there_is_one(service: Service) -> None:
    """Also where tags decide: a caller that exists and may not be asked about is one that does not exist."""
    secret = {"StringEquals": {"aws:ResourceTag/secret": "yes"}}
    may = document(
        statement("Allow", "iam:SimulatePrincipalPolicy"),
        statement("Deny", "iam:SimulatePrincipalPolicy", Condition=secret),
    )
    reader = await service.user("reader", may)
    ask = {"principal": arn("user/reader"), "actions": ["s3:GetObject"], "caller": arn("user/eve")}
    missing = await service.ask(SIMULATE, reader, i=ask)
    assert (
        missing.body["errors"][0]["message"] == f"The user, group or role with ARN {arn('user/eve')} cannot be found."
    )
    await service.good("createUser", {"userName": "eve", "tags": [{"key": "secret", "value": "yes"}]})
    hidden = await service.ask(SIMULATE, reader, i=ask)
    assert hidden.body["errors"] == missing.body["errors"]


async def test_pages_and_bounds(service: Service) -> None:
    """A page holds as many actions as were asked for, and no more decisions than one request may take."""
    await world(service)
    caller, root = await caller_of(service), await service.root()
    given = {"PolicySourceArn": arn("user/carol"), "ActionNames": [f"s3:Get{i}" for i in range(9)]}
    names: list[str] = []
    marker: dict[str, str] = {}
    for expected in (4, 4, 1):
        (page,) = await service.kernel.fetch(
            caller, [Ask(query_of("SimulatePrincipalPolicy", {**given, "MaxItems": 4, **marker}))]
        )
        assert not isinstance(page, IamError)
        assert len(page.items) == expected
        names += [result.eval_action_name for result in page.items]
        marker = {"Marker": page.cursors[-1]}
    assert names == given["ActionNames"]

    resources = [f"arn:aws:s3:::data/{i}" for i in range(300)]
    (page,) = await service.kernel.fetch(
        caller, [Ask(query_of("SimulatePrincipalPolicy", {**given, "ResourceArns": resources}))]
    )
    assert not isinstance(page, IamError)
    assert (len(page.items), page.more) == (3, True)
    long = document(*[statement("Allow", "s3:GetObject", f"arn:aws:s3:::{i:0900}") for i in range(100)])
    (error,) = await service.kernel.fetch(
        caller,
        [Ask(query_of("SimulatePrincipalPolicy", {**given, "ResourceArns": resources, "PolicyInputList": [long]}))],
    )
    assert isinstance(error, InvalidSimulation)
    assert "300 resources are more than policies of" in error.message

    ask = {"principal": arn("user/carol"), "actions": given["ActionNames"], "resources": resources}
    reply = await service.ask(SIMULATE, root, i=ask)
    assert reply.codes == ["INVALID_INPUT"], reply.text
    assert "at most 1000 decisions are made at once" in reply.text
    reply = await service.ask(SIMULATE, root, i={**ask, "actions": given["ActionNames"] * 10})
    assert reply.codes == ["TOO_COMPLEX"], reply.text


async def test_drafts_stay_out_of_the_history(service: Service) -> None:
    await world(service)
    alice = arn("user/eng/alice")
    draft = document(statement("Allow", "s3:*", Sid="DraftOfMine"))
    await simulated(service, principal=alice, actions=["s3:GetObject"], additionalPolicies=[draft])
    (event,) = await service.settled("SimulatePrincipalPolicy", arn("root"))
    assert json.loads(event.parameters) == {
        "actionNames": ["s3:GetObject"], "resourceArns": ["*"], "maxItems": 1000, "policySourceArn": alice,
    }  # fmt: skip
