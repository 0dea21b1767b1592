"""Authorisation as a service: about oneself it says what is enforced, about others only to those who may ask."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iamgraph.app.caller import Caller, Origin
from iamgraph.app.kernel import Ask
from iamgraph.app.questions.authorize import Authorize, AuthorizeMany
from iamgraph.app.questions.question import Question
from iamgraph.domain.entities import EventOutcome

from ...databases import fresh
from ...service import ACCOUNT, ROOT_PASSWORD, Service, allow, served
from ..asking import OTHER, arn, assumed, document, other_root, role, statement, trusting
from ..test_guardrails import guardrail

FIELDS = "outcome reason lacking missingContext because { kind sid policyName } near { unmet { key } }"
ONE = f"query($input: AuthorizeInput!) {{ authorize(input: $input) {{ {FIELDS} }} }}"
MANY = f"query($input: AuthorizeManyInput!) {{ authorizeMany(input: $input) {{ {FIELDS} }} }}"
READ, PAGE = "docs:Read", f"arn:aws:docs::{ACCOUNT}:page/1"
ASKING = allow("iamgraph:Authorize")
GUIDE = Path(__file__).parents[3] / "docs" / "authorize.md"
UNKNOWN = f"arn:aws:iamgraph::{ACCOUNT}:credentials/unknown"


def entries(keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "values": [value] if isinstance(value, str) else value} for key, value in keys.items()]


async def asked(
    service: Service,
    token: str,
    action: str = READ,
    resource: str = PAGE,
    context: Mapping[str, Any] | None = None,
    **about: Any,
) -> Any:
    """The decision, or the one error."""
    input = {"action": action, "resource": resource, "context": entries(context or {}), **about}
    return told(await service.ask(ONE, token, input=input))


def told(reply: Any) -> Any:
    if reply.codes:
        assert reply.only() is None, reply.text
        return reply.body["errors"][0]["extensions"]["code"], reply.body["errors"][0]["message"]
    return reply.only()


async def outcome(service: Service, token: str, *question: Any, **about: Any) -> str:
    found = await asked(service, token, *question, **about)
    assert isinstance(found, dict), found
    answer: str = found["outcome"]
    return answer


READS = {
    "iam:ListUsers": ("user/", "users(first: 1) { pageInfo { hasNextPage } }"),
    "iam:ListGroups": ("group/", "groups(first: 1) { pageInfo { hasNextPage } }"),
    "iam:ListRoles": ("role/", "roles(first: 1) { pageInfo { hasNextPage } }"),
    "iam:ListPolicies": ("policy/", "policies(first: 1) { pageInfo { hasNextPage } }"),
    "iam:GetAccountPasswordPolicy": ("*", "passwordPolicy { minimumLength }"),
    "iam:ListAccountAliases": ("*", "alias"),
    "cloudtrail:LookupEvents": ("*", "auditEvents(first: 1) { nodes { name } }"),
}


async def enforced(service: Service, token: str, account: str) -> dict[str, bool]:
    """What of `READS` a caller may do, found out by doing it."""
    found = {}
    for action, (_, field) in READS.items():
        reply = await service.ask(f'{{ account(by: {{ id: "{account}" }}) {{ {field} }} }}', token)
        found[action] = "ACCESS_DENIED" not in reply.codes
    return found


async def authorized(service: Service, token: str, account: str, **about: Any) -> dict[str, bool]:
    """The same, found out by asking."""
    requests = [
        {"action": action, "resource": "*" if rest == "*" else arn(rest, account)}
        for action, (rest, _) in READS.items()
    ]
    found = told(await service.ask(MANY, token, input={"requests": requests, **about}))
    return {action: one["outcome"] == "ALLOWED" for action, one in zip(READS, found, strict=True)}


async def test_about_itself_it_says_what_is_enforced(service: Service) -> None:
    """For a role session with everything that limits one: a session policy, session tags, a source identity, a boundary, a
    guardrail; and conditions on what its credentials and its request bring."""
    root = await other_root(service)
    await guardrail(service, "no-groups", document(statement("Deny", "iam:ListGroups", Sid="NoGroups")))
    keys = {
        "StringEquals": {
            "aws:PrincipalTag/job": "7", "aws:SourceIdentity": "bob", "aws:ResourceAccount": OTHER,
            "aws:PrincipalType": "AssumedRole",
        },
        "ArnEquals": {"aws:PrincipalArn": arn("role/ops", OTHER)},
        "StringLike": {"aws:userid": "*:ci"},
        "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
        "DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"},
    }  # fmt: skip
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "600"}}
    own = document(
        statement(
            "Allow", ["iam:ListUsers", "iam:ListGroups", "iam:ListRoles", "iam:ListAccountAliases"], Condition=keys
        ),
        statement("Allow", ["iam:GetAccountPasswordPolicy", "cloudtrail:LookupEvents"], Condition=mfa),
        statement("Allow", "iam:ListPolicies", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
    )
    edge = document(statement("Allow", "*"), statement("Deny", "iam:ListRoles"))
    narrow = document(statement("Allow", ["iam:*", "cloudtrail:*"]), statement("Deny", "iam:ListAccountAliases"))
    made = {"policyName": "edge", "policyDocument": edge}
    await service.good("createPolicy", made, token=root)
    trust = trusting(arn("user/bob", OTHER), action=["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])
    await service.good("createUser", {"userName": "bob"}, token=root)
    password = {"userName": "bob", "password": "bob-Passw0rd!"}
    await service.good("createLoginProfile", password, token=root)
    bob = (await service.do("signIn", {"account": OTHER, **password}, "accessToken"))["accessToken"]
    made = {"roleName": "ops", "assumeRolePolicyDocument": trust, "permissionsBoundary": arn("policy/edge", OTHER)}
    await service.good("createRole", made, token=root)
    await service.good("putRolePolicy", {"roleName": "ops", "policyName": "own", "policyDocument": own}, token=root)
    more = {"policy": narrow, "tags": [{"key": "job", "value": "7"}], "sourceIdentity": "bob"}
    session = await assumed(service, arn("role/ops", OTHER), bob, **more)
    ops = session["accessToken"]

    expected = dict.fromkeys(READS, False) | {"iam:ListUsers": True}
    assert await enforced(service, ops, OTHER) == expected
    assert await authorized(service, ops, OTHER) == expected

    # With a second factor a minute ago.
    mfa_at = datetime.now(UTC) - timedelta(seconds=60)
    async with service.database.writing() as data:
        await data.users._db.run("UPDATE session SET mfa_at = $1 WHERE parent_id IS NOT NULL", mfa_at)
    expected |= {"iam:GetAccountPasswordPolicy": True, "cloudtrail:LookupEvents": True}
    assert await enforced(service, ops, OTHER) == expected
    assert await authorized(service, ops, OTHER) == expected

    # What its session handed to another is decided by the same, but for what the request brought.
    handed = await authorized(service, root, OTHER, credentials={"accessToken": ops})
    assert handed == expected | {"iam:ListUsers": False}
    # By its ARN, a role has no session.
    assert await authorized(service, root, OTHER, principal=arn("role/ops", OTHER)) == dict.fromkeys(READS, False)

    # Each limit says that it was it.
    reasons = {}
    for action, (rest, _) in READS.items():
        resource = "*" if rest == "*" else arn(rest, OTHER)
        found = await asked(service, ops, action, resource)
        reasons[action] = found["reason"]
    assert reasons == {
        "iam:ListUsers": "Allowed by statement 1 of the inline policy own.",
        "iam:ListGroups": "Denied by statement NoGroups of the service control policy no-groups.",
        "iam:ListRoles": "Denied by statement 2 of the permissions boundary edge (v1).",
        "iam:ListPolicies": "Denied: no identity-based policy allows iam:ListPolicies.",
        "iam:GetAccountPasswordPolicy": "Allowed by statement 2 of the inline policy own.",
        "iam:ListAccountAliases": "Denied by statement 2 of the session policy.",
        "cloudtrail:LookupEvents": "Allowed by statement 2 of the inline policy own.",
    }


async def test_own_actions_resources_and_keys(service: Service) -> None:
    level = {"StringEquals": {"docs:Level": ["open", "team"]}, "ForAllValues:StringEquals": {"docs:Labels": ["a", "b"]}}
    here = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    bob = await service.user(
        "bob",
        document(
            statement("Allow", READ, f"arn:aws:docs::{ACCOUNT}:page/*", Sid="Pages", Condition=level),
            statement("Allow", "docs:Share", Condition=here),
        ),
    )
    given = {"docs:Level": "team", "DOCS:labels": ["a", "b"]}
    found = await asked(service, bob, context=given)
    assert found == {
        "outcome": "ALLOWED", "reason": "Allowed by statement Pages of the inline policy own.", "lacking": None,
        "missingContext": [], "because": [{"kind": "INLINE", "sid": "Pages", "policyName": "own"}], "near": [],
    }  # fmt: skip
    found = await asked(service, bob)
    assert (found["outcome"], found["lacking"]) == ("IMPLICITLY_DENIED", "IDENTITY")
    assert found["missingContext"] == ["docs:Labels", "docs:Level"]
    assert found["near"] == [{"unmet": [{"key": "docs:Level"}]}]
    assert await outcome(service, bob, READ, PAGE, {**given, "docs:Level": "secret"}) == "IMPLICITLY_DENIED"
    assert await outcome(service, bob, READ, PAGE, {**given, "docs:Labels ": "c"}) == "ALLOWED"
    assert await outcome(service, bob, "docs:READ", PAGE, given) == "ALLOWED"
    # Resources keep their case, and one of another account has no policy here that could let anybody in.
    assert await outcome(service, bob, READ, PAGE.replace("page", "Page"), given) == "IMPLICITLY_DENIED"
    away = await asked(service, bob, READ, PAGE.replace(ACCOUNT, OTHER), given)
    assert (away["outcome"], away["lacking"]) == ("IMPLICITLY_DENIED", "RESOURCE")
    # The keys of the request are the caller's own, unless the address of somebody else is given, whatever the case.
    assert await outcome(service, bob, "docs:Share", "*") == "IMPLICITLY_DENIED"
    assert await outcome(service, bob, "docs:Share", "*", {"AWS:sourceip": "192.0.2.7"}) == "ALLOWED"
    somewhere = json.dumps({"Version": "2012-10-17", "Statement": statement("Allow", "docs:Share", Condition={
        "IpAddress": {"aws:SourceIp": "127.0.0.1"}})})  # fmt: skip
    await service.good("putUserPolicy", {"userName": "bob", "policyName": "own", "policyDocument": somewhere})
    assert await outcome(service, bob, "docs:Share", "*") == "ALLOWED"
    for taken_away in ({"aws:SourceIp": []}, {"AWS:SourceIP": []}):
        assert await outcome(service, bob, "docs:Share", "*", taken_away) == "IMPLICITLY_DENIED"


async def test_what_says_who_asks_is_not_given(service: Service) -> None:
    bob = await service.user("bob", allow(READ))
    for key in (
        "aws:PrincipalArn", "AWS:principaltag/team", "aws:PrincipalAccount", "aws:PrincipalType", "aws:PrincipalOrgID",
        "aws:userid", "aws:UserName", "aws:MultiFactorAuthPresent", "aws:multifactorauthage", "aws:TokenIssueTime",
        "aws:SourceIdentity", "aws:FederatedProvider", "lambda:SourceFunctionArn", "idp.example.com/team:sub",
    ):  # fmt: skip
        code, message = await asked(service, bob, context={"docs:x": "1", key: "x"})
        assert (code, message) == (
            "INVALID_INPUT",
            f"{key!r} at 'context[1].key' says who asks, and can't be given: it comes from the principal",
        )
    for key in ("aws:SourceIp", "aws:UserAgent", "aws:CurrentTime", "aws:SourceAccount", "docs:PrincipalArn"):
        assert await outcome(service, bob, READ, PAGE, {key: "x"}) == "ALLOWED"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"action": "docs"}, "'docs' at 'action' is not one action, such as docs:Read, with at most 128 characters"),
        ({"action": "docs:*"}, "'docs:*' at 'action' is not one action, such as docs:Read, with at most 128 characters"),
        ({"action": "a:b:c"}, "'a:b:c' at 'action' is not one action, such as docs:Read, with at most 128 characters"),
        ({"resource": "page/1"}, "'page/1' at 'resource' is not an ARN, such as arn:aws:docs::111122223333:page/1, with "
         "at most 2048 characters, or *"),
        ({"context": [{"key": "", "values": []}]}, "'' at 'context[0].key' must have a length between 1 and 256"),
        ({"context": entries({"docs:x": "1", "DOCS:X": "2"})}, "'DOCS:X' at 'context[1].key' is there twice"),
        ({"context": entries({"docs:x": ["1"] * 101})}, "'context[0].values' holds 101 items; at most 100 are allowed"),
        ({"context": entries({f"docs:{i}": "1" for i in range(101)})},
         "'context' holds 101 items; at most 100 are allowed"),
        ({"context": entries({"sts:ExternalId": "e" * 2049})},
         "the value at 'context[0].values' must have a length between 0 and 2048"),
    ],
)  # fmt: skip
async def test_what_can_not_be_asked(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path) as service:
        bob = await service.user("bob", allow(READ))
        right = {"action": READ, "resource": PAGE}
        assert told(await service.ask(ONE, bob, input=right | wrong)) == ("INVALID_INPUT", message)
        # Of many it is said which it is, and none is answered.
        input = {"requests": [right, right, right | wrong]}
        place = message.replace(" at '", " at 'requests[2].").replace("'context", "'requests[2].context", 1)
        place = place.replace("requests[2].requests[2].", "requests[2].")
        assert told(await service.ask(MANY, bob, input=input)) == ("INVALID_INPUT", place)


async def test_a_thousand_questions_and_no_more(service: Service) -> None:
    bob = await service.user("bob", allow(READ, resource=[f"arn:aws:docs::{ACCOUNT}:page/*7"]))
    context = entries({"docs:Classification": "internal"})
    requests = [
        {"action": READ, "resource": f"arn:aws:docs::{ACCOUNT}:page/{i}", "context": context} for i in range(1000)
    ]
    found = told(await service.ask(MANY, bob, input={"requests": requests}))
    assert [i for i, one in enumerate(found) if one["outcome"] == "ALLOWED"] == list(range(7, 1000, 10))
    for few, message in (
        ([*requests, requests[0]], "'requests' holds 1001 items; at most 1000 are allowed"),
        ([], "'requests' is empty; from 1 to 1000 are wanted"),
    ):
        assert told(await service.ask(MANY, bob, input={"requests": few})) == ("INVALID_INPUT", message)


async def test_several_batches_of_one_request_are_one_event(service: Service) -> None:
    """Those behind the first are asked together; each has its own answers, or its own error."""
    bob = await service.user("bob", allow(READ, resource=[f"{PAGE}*"]))
    batches = {
        "some": [(READ, PAGE), (READ, "*"), ("docs:Write", PAGE)],
        "same": [(READ, PAGE), (READ, "*"), ("docs:Write", PAGE)],
        "wrong": [(READ, PAGE), (READ, "page")],
        "other": [(READ, PAGE.replace(ACCOUNT, OTHER)), (READ, PAGE + "0")],
    }
    inputs = {
        key: {"requests": [{"action": action, "resource": resource} for action, resource in several]}
        for key, several in batches.items()
    }
    wanted = " ".join(f"{key}: authorizeMany(input: ${key}) {{ outcome }}" for key in batches)
    variables = ", ".join(f"${key}: AuthorizeManyInput!" for key in batches)
    reply = await service.ask(f"query({variables}) {{ {wanted} }}", bob, **inputs)
    yes, no = {"outcome": "ALLOWED"}, {"outcome": "IMPLICITLY_DENIED"}
    assert reply.data == {"some": [yes, no, no], "same": [yes, no, no], "wrong": None, "other": [no, yes]}
    (error,) = reply.body["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["wrong"], "INVALID_INPUT")
    events = await service.events(name="AuthorizeMany")
    assert sorted(event.outcome.name for event in events) == ["FAILED", "SUCCEEDED"]


async def test_a_large_batch_lets_others_have_their_turn(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each question, and after each reason, where a stretch is as short as can be; the answers stay the same."""
    bob = await service.user("bob", document(statement("Allow", READ, Condition={"Null": {"docs:Level": "false"}})))
    input = {"requests": [{"action": READ, "resource": f"{PAGE}/{i}"} for i in range(100)]}
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    caller = await service.kernel.authenticate(bob, origin())
    several = tuple(Question(**one) for one in input["requests"])
    expected = told(await service.ask(MANY, bob, input=input))
    assert {tuple(one["missingContext"]) for one in expected} == {("docs:Level",)}
    monkeypatch.setattr("iamgraph.app.turns.STRETCH", 0)
    task = asyncio.create_task(others())
    await service.kernel.fetch(caller, [Ask(AuthorizeMany(requests=several))])
    deciding, turns = turns, 0
    assert told(await service.ask(MANY, bob, input=input)) == expected
    task.cancel()
    # Each decision, and of each because, missingContext and near.
    assert deciding >= 100 and turns >= 400


async def test_about_another_principal(service: Service) -> None:
    other = await other_root(service)
    await service.user("bob", allow(READ))
    await service.good("tagUser", {"userName": "bob", "tags": [{"key": "team", "value": "red"}]})
    await role(service, "ops", trusting(arn("root")), allow("docs:Share"), path="/eng/")
    platform = await service.user("platform", ASKING)
    nobody = await service.user("nobody", allow("iamgraph:Authorize", resource=arn("user/nobody")))

    assert await outcome(service, platform, principal=arn("user/bob")) == "ALLOWED"
    assert await outcome(service, platform, "docs:Share", principal=arn("user/bob")) == "IMPLICITLY_DENIED"
    assert await outcome(service, platform, "docs:Share", principal=arn("role/eng/ops")) == "ALLOWED"
    assert await outcome(service, platform, principal=arn("root")) == "ALLOWED"
    # A changed policy holds from the next request on.
    await service.good("deleteUserPolicy", {"userName": "bob", "policyName": "own"})
    assert await outcome(service, platform, principal=arn("user/bob")) == "IMPLICITLY_DENIED"

    for wrong in ("user/eng/bob", "role/ops", "user/gone"):
        missing = ("NO_SUCH_ENTITY", f"The principal {arn(wrong)} cannot be found.")
        assert await asked(service, platform, principal=arn(wrong)) == missing
    # Who may not ask is told the same whether there is such a principal or not.
    for principal in ("user/bob", "user/gone", "role/eng/ops", "root"):
        code, message = await asked(service, nobody, principal=arn(principal))
        assert (code, message) == (
            "ACCESS_DENIED",
            f"User: {arn('user/nobody')} is not authorized to perform: iamgraph:Authorize on resource: {arn(principal)} "
            "because no identity-based policy allows the iamgraph:Authorize action",
        )
    # Nobody asks about principals of other accounts, the operator's neither.
    for token in (platform, await service.root()):
        code, _ = await asked(service, token, principal=arn("root", OTHER))
        assert code == "ACCESS_DENIED"
    code, _ = await asked(service, other, principal=arn("user/bob"))
    assert code == "ACCESS_DENIED"
    for wrong in ("", "bob", f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/ci", arn("group/devs")):
        code, _ = await asked(service, platform, principal=wrong)
        assert code == "INVALID_INPUT"
    # A principal that got lost on the way does not turn the question into one about the platform itself.
    for name in ("principal", "credentials"):
        message = f"'{name}' is null; leave it out to ask about the caller itself"
        assert await asked(service, platform, **{name: None}) == ("INVALID_INPUT", message)

    tagged = statement("Allow", "iamgraph:Authorize", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}})
    put = {"userName": "nobody", "policyName": "own", "policyDocument": document(tagged)}
    await service.good("putUserPolicy", put)
    assert await outcome(service, nobody, principal=arn("user/bob")) == "IMPLICITLY_DENIED"
    code, _ = await asked(service, nobody, principal=arn("role/eng/ops"))
    assert code == "ACCESS_DENIED"


async def test_another_principal_has_no_request(service: Service) -> None:
    """Only the time, what it is and what is given counts: the address is the platform's."""
    condition = {"Null": {"aws:SourceIp": "true", "aws:SecureTransport": "true", "aws:CurrentTime": "false"}}
    bob = await service.user("bob", document(statement("Allow", READ, Condition=condition)))
    platform = await service.user("platform", ASKING)
    for about in ({"principal": arn("user/bob")}, {"credentials": {"accessToken": bob}}):
        assert await outcome(service, platform, **about) == "ALLOWED"
        given = {"aws:SourceIp": "192.0.2.1"}
        assert await outcome(service, platform, READ, PAGE, given, **about) == "IMPLICITLY_DENIED"
    assert await outcome(service, bob) == "IMPLICITLY_DENIED"


async def key_of(service: Service, user: str | None, token: str | None = None) -> dict[str, str]:
    input = {"userName": user} if user else {}
    fields = "accessKey { accessKeyId } secretAccessKey"
    made = await service.good("createAccessKey", input, fields, token)
    return {"accessKeyId": made["accessKey"]["accessKeyId"], "secretAccessKey": made["secretAccessKey"]}


async def temporary(service: Service, role_arn: str, token: str, **more: Any) -> tuple[str, dict[str, str]]:
    """A role's session: its bearer token, and its key."""
    fields = "accessToken credentials { accessKeyId secretAccessKey sessionToken }"
    input = {"roleArn": role_arn, "roleSessionName": "ci", **more}
    done = await service.good("assumeRole", input, fields, token)
    return done["accessToken"], done["credentials"]


async def test_handed_credentials_of_every_kind(service: Service) -> None:
    bob = await service.user("bob", allow(READ))
    await role(service, "ops", trusting(arn("user/bob")), allow("docs:*"))
    narrowed, key = await temporary(service, arn("role/ops"), bob, policy=allow("docs:Share"))
    platform = await service.user("platform", ASKING)
    for credentials, may in (
        ({"accessToken": bob}, [READ]),
        ({"accessKey": await key_of(service, "bob")}, [READ]),
        ({"accessToken": narrowed}, ["docs:Share"]),
        ({"accessKey": key}, ["docs:Share"]),
        ({"accessToken": await service.root()}, [READ, "docs:Share"]),
        ({"accessKey": await key_of(service, None)}, [READ, "docs:Share"]),
    ):
        requests = [{"action": action, "resource": PAGE} for action in (READ, "docs:Share")]
        found = told(await service.ask(MANY, platform, input={"requests": requests, "credentials": credentials}))
        allowed = [one["action"] for one, got in zip(requests, found, strict=True) if got["outcome"] == "ALLOWED"]
        assert allowed == may, (credentials, found)
    both = {"principal": arn("user/bob"), "credentials": {"accessToken": bob}}
    code, message = await asked(service, platform, **both)
    assert (code, message) == ("INVALID_INPUT", "'principal' and 'credentials' can't both be given")


async def dead(service: Service) -> dict[str, dict[str, Any]]:
    """Credentials that speak for nobody of the account now, by what is the matter with them."""
    bob = await service.user("bob", allow("*"))
    await role(service, "ops", trusting(arn("user/bob")), allow("*"))
    _, key = await temporary(service, arn("role/ops"), bob)
    revoked, revoked_key = await temporary(service, arn("role/ops"), bob)
    await service.do("signOut", None, token=revoked)
    expired, expired_key = await temporary(service, arn("role/ops"), bob, durationSeconds=900)
    expired_id = (await service.kernel.authenticate(expired, origin())).who.session_id
    long_ago = datetime.now(UTC) - timedelta(seconds=1)
    async with service.database.writing() as data:
        await data.users._db.run("UPDATE session SET expires_at = $1 WHERE id = $2", long_ago, expired_id)
    good, inactive = await key_of(service, "bob"), await key_of(service, "bob")
    update = {"userName": "bob", "accessKeyId": inactive["accessKeyId"], "status": "INACTIVE"}
    await service.good("updateAccessKey", update)
    await service.user("gone")
    other = await other_root(service)
    elsewhere = await key_of(service, None, other)
    deleted = service.tokens["gone"]
    await service.good("deleteLoginProfile", {"userName": "gone"})
    await service.good("deleteUser", {"userName": "gone"})
    return {
        "no token": {"accessToken": "igs_" + "x" * 43},
        "a token in the place of another": {"accessToken": key["sessionToken"]},
        "revoked": {"accessToken": revoked},
        "revoked, its key": {"accessKey": revoked_key},
        "expired": {"accessToken": expired},
        "expired, its key": {"accessKey": expired_key},
        "of a user that is gone": {"accessToken": deleted},
        "inactive": {"accessKey": inactive},
        "no key": {"accessKey": {"accessKeyId": "AKIA" + "X" * 16, "secretAccessKey": "x" * 40}},
        "no temporary key": {"accessKey": {**key, "accessKeyId": "ASIA" + "X" * 16}},
        "another's secret": {"accessKey": {**good, "secretAccessKey": inactive["secretAccessKey"]}},
        "a session token where there is none": {"accessKey": {**good, "sessionToken": key["sessionToken"]}},
        "no session token": {"accessKey": {name: key[name] for name in ("accessKeyId", "secretAccessKey")}},
        "another's session token": {"accessKey": {**key, "sessionToken": revoked_key["sessionToken"]}},
        "another's temporary secret": {"accessKey": {**key, "secretAccessKey": good["secretAccessKey"]}},
        "of another account": {"accessToken": other},
        "of another account, a key": {"accessKey": elsewhere},
    }


def origin() -> Origin:
    return Origin(request_id="1", transport="TEST", ip_address="127.0.0.1", user_agent=None, is_secure=False)


async def test_credentials_that_are_not_good_are_told_of_in_one_way(service: Service) -> None:
    found = await dead(service)
    platform = await service.user("platform", ASKING)
    stranger = await service.user("stranger")
    one = await service.user("one", allow("iamgraph:Authorize", resource=[arn("user/bob"), arn("role/ops")]))
    await service.user("eve", allow("*"))
    refusal = (
        f"is not authorized to perform: iamgraph:Authorize on resource: {UNKNOWN} because no identity-based policy "
    )
    for what, credentials in found.items():
        error = ("INVALID_CREDENTIALS", "The credentials are not valid, or not of this account.")
        assert await asked(service, platform, credentials=credentials) == error, what
        code, message = await asked(service, stranger, credentials=credentials)
        assert code == "ACCESS_DENIED" and refusal in message, what
        # Who may ask about the principal is told that they are no good; of others not even that.
        code, _ = await asked(service, one, credentials=credentials)
        is_known = what.startswith(("revoked", "expired", "inactive"))
        assert code == ("INVALID_CREDENTIALS" if is_known else "ACCESS_DENIED"), what
    # To those who may not ask, good ones are like bad ones.
    for token in (stranger, one):
        code, message = await asked(service, token, credentials={"accessToken": service.tokens["eve"]})
        assert code == "ACCESS_DENIED" and refusal in message
    assert await outcome(service, one, credentials={"accessToken": service.tokens["bob"]}) == "ALLOWED"
    # And to those who may ask about credentials of which nothing is known, but not about eve.
    put = {"userName": "one", "policyName": "own", "policyDocument": allow("iamgraph:Authorize", resource=UNKNOWN)}
    await service.good("putUserPolicy", put)
    for token in ("igs_" + "x" * 43, service.tokens["eve"]):
        code, _ = await asked(service, one, credentials={"accessToken": token})
        assert code == "INVALID_CREDENTIALS"
    denied = await service.events(name="Authorize", outcome=EventOutcome.DENIED, principal_arn=arn("user/one"))
    assert denied[0].resources == (arn("user/eve"),)


async def test_credentials_of_an_account_that_was_closed(service: Service) -> None:
    other = await other_root(service)
    await service.good("createUser", {"userName": "bob"}, token=other)
    key = await key_of(service, "bob", other)
    assert await outcome(service, other, credentials={"accessKey": key}) == "IMPLICITLY_DENIED"
    await service.good("closeAccount", {"accountId": OTHER})
    code, _ = await asked(service, await service.root(), credentials={"accessKey": key})
    assert code == "INVALID_CREDENTIALS"


async def test_the_history_has_whom_and_how_many_and_no_secret(service: Service) -> None:
    await service.user("bob", allow(READ))
    key = await key_of(service, "bob")
    platform = await service.user("platform", ASKING)
    requests = [{"action": READ, "resource": PAGE, "context": entries({"docs:Owner": "classified"})}] * 3
    for about in ({}, {"principal": arn("user/bob")}, {"credentials": {"accessKey": key}}):
        told(await service.ask(MANY, platform, input={"requests": requests, **about}))
    await asked(
        service, platform, context={"docs:Owner": "classified"}, credentials={"accessToken": service.tokens["bob"]}
    )
    await service.settled("Authorize", arn("user/platform"))
    many = await service.events(name="AuthorizeMany")
    assert [(one.outcome, one.resources, json.loads(one.parameters)) for one in reversed(many)] == [
        (EventOutcome.SUCCEEDED, ("*",), {"requests": 3}),
        (EventOutcome.SUCCEEDED, (arn("user/bob"),), {"principal": arn("user/bob"), "requests": 3}),
        (EventOutcome.SUCCEEDED, (arn("user/bob"),), {"requests": 3}),
    ]
    (single,) = await service.events(name="Authorize")
    expected = {"actionName": READ, "resourceArn": PAGE, "contextEntries": 1}
    assert (single.resources, json.loads(single.parameters)) == ((arn("user/bob"),), expected)
    rows = repr(await service.events())
    for secret in (*key.values(), *service.tokens.values(), "classified"):
        assert secret == key["accessKeyId"] or secret not in rows


async def test_a_secret_in_the_place_of_a_keys_id_is_not_told(service: Service) -> None:
    platform, secret = await service.user("platform", ASKING), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    swapped = {"accessKey": {"accessKeyId": secret, "secretAccessKey": "AKIAEXAMPLE"}}
    message = r"the value at 'credentials.accessKey.accessKeyId' must match \w+"
    assert await asked(service, platform, credentials=swapped) == ("INVALID_INPUT", message)
    await asked(service, platform)
    await service.settled("Authorize", arn("user/platform"))
    assert secret not in repr(await service.events())


async def test_assuming_a_role_counts_whom_it_trusts(service: Service) -> None:
    bob = await service.user("bob", allow("sts:AssumeRole"))
    eve = await service.user("eve", allow("sts:AssumeRole"))
    tagged = {"Condition": {"StringEquals": {"aws:ResourceTag/stage": "dev", "sts:ExternalId": "e1"}}}
    ops = await role(service, "ops", trusting(arn("user/bob"), **tagged), tags=[{"key": "stage", "value": "dev"}])
    given = {"sts:ExternalId": "e1"}
    assert await outcome(service, bob, "sts:AssumeRole", ops, given) == "ALLOWED"
    await assumed(service, ops, bob, externalId="e1")
    for question in ((bob, "sts:AssumeRole", ops), (eve, "sts:AssumeRole", ops, given)):
        found = await asked(service, *question)
        assert (found["outcome"], found["lacking"]) == ("IMPLICITLY_DENIED", "TRUST")
    root = await asked(service, await service.root(), "sts:AssumeRole", ops, given)
    assert (root["outcome"], root["reason"]) == ("IMPLICITLY_DENIED", "Denied: no policy can allow sts:AssumeRole.")
    # A key that is given takes the place of the role's own, in whatever case; without values it takes that away.
    for key, values, expected in (
        ("AWS:resourcetag/STAGE", "prod", "IMPLICITLY_DENIED"),
        ("AWS:resourcetag/STAGE", "dev", "ALLOWED"),
        ("AWS:resourcetag/STAGE", [], "IMPLICITLY_DENIED"),
        ("IAM:resourcetag/STAGE", [], "ALLOWED"),
    ):
        assert await outcome(service, bob, "sts:AssumeRole", ops, {**given, key: values}) == expected, (key, values)
    gone = await asked(service, bob, "sts:AssumeRole", arn("role/gone"), given)
    untrusted = await asked(service, eve, "sts:AssumeRole", ops, given)
    assert {**gone, "near": []} == {**untrusted, "near": []}


async def test_the_guide_says_what_happens(service: Service) -> None:
    """docs/authorize.md, run as it stands: what it prints is what it shows."""
    blocks = re.findall(r"```(python|json|text)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    program = "".join(text for kind, text in blocks if kind == "python")
    program = program.replace("http://127.0.0.1:8080/graphql", service.url).replace("THE PASSWORD", ROOT_PASSWORD)
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    printed, _ = await run.communicate()
    assert run.returncode == 0
    assert printed.decode() == "".join(text for kind, text in blocks if kind != "python")


ACTIONS = ("docs:Read", "docs:read", "docs:Write", "sts:AssumeRole", "iam:GetUser")
RESOURCES = (
    "*",
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
    PAGE,
    PAGE + "/x",
    PAGE.replace(ACCOUNT, OTHER),
    arn("role/ops"),
    "arn:aws:s3:::b",
)
KEYS = ("docs:Level", "aws:SourceIp", "AWS:CurrentTime", "aws:ResourceAccount")
questions = st.builds(
    lambda action, resource, context: Question(action, resource, context),
    action=st.sampled_from(ACTIONS),
    resource=st.sampled_from(RESOURCES),
    context=st.dictionaries(
        st.sampled_from(KEYS), st.lists(st.sampled_from(("a", "127.0.0.1", ACCOUNT)), max_size=2).map(tuple)
    ).map(lambda keys: tuple(keys.items())),
)


async def test_many_are_answered_as_each_alone(service: Service) -> None:
    """Whatever is asked, about whomever."""
    level = {"StringLike": {"docs:Level": "a*"}}
    bob = await service.user(
        "bob",
        document(
            statement("Allow", "docs:Read", Condition=level),
            statement("Allow", "docs:*", f"{PAGE}/*"),
            statement("Allow", "sts:AssumeRole", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.1"}}),
            statement("Deny", "docs:Write", Condition={"Null": {"docs:Level": "true"}}),
            statement("Allow", "iamgraph:Authorize"),
            statement("Allow", "iam:GetUser", Condition={"StringEquals": {"aws:ResourceAccount": "aws"}}),
        ),
    )
    await role(service, "ops", trusting(arn("user/bob")), allow("docs:*"))
    caller = await service.kernel.authenticate(bob, origin())

    async def check(several: Sequence[Question], about: dict[str, Any]) -> None:
        many = await decisions(service, caller, AuthorizeMany(requests=tuple(several), **about))
        each = [
            await decisions(
                service,
                caller,
                Authorize(action_name=q.action, resource_arn=q.resource, context_entries=q.context, **about),
            )
            for q in several
        ]
        assert many == each

    examples: list[tuple[list[Question], dict[str, Any]]] = []

    # A machine that does much else makes examples slowly.
    @settings(max_examples=60, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(questions, min_size=1, max_size=8),
        st.sampled_from([{}, {"principal": arn("role/ops")}, {"principal": arn("user/bob")}, {"credentials": bob}]),
    )
    def collect(several: list[Question], about: dict[str, Any]) -> None:
        examples.append((several, about))

    collect()
    # Questions of one context whose resources have owners of several kinds.
    examples.append(([Question("iam:GetUser", resource) for resource in RESOURCES], {}))
    for several, about in examples:
        await check(several, about)


async def decisions(service: Service, caller: Caller, query: Authorize | AuthorizeMany) -> Any:
    (found,) = await service.kernel.fetch(caller, [Ask(query)])

    def shown(one: Any) -> Any:
        return one.outcome, one.reason, one.because, one.blocked, one.missing_context, one.near

    return [shown(one) for one in found] if isinstance(query, AuthorizeMany) else shown(found)
