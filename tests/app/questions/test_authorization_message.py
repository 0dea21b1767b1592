"""Encoded authorization messages: whoever may opens them and has the whole reason, and nobody has anything else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iamgraph.app.questions.authorization_message import MAX_MESSAGE, _fitting, encoded, opened
from iamgraph.domain.errors import AccessDenied, InvalidAuthorizationMessage
from iamgraph.domain.policy.evaluate import Lacking, Outcome, PolicyKind, Unmet, evaluate
from iamgraph.domain.policy.explanation import (
    ContextKey,
    Explanation,
    Place,
    ToldCondition,
    ToldNearMiss,
    ToldStatement,
)
from iamgraph.security.sealing import MasterKey, Sealer
from iamgraph.transport.graphql.context import MAX_MESSAGES

from ...policy_cases import layers, request
from ...service import ACCOUNT, Reply, Service, allow
from ..asking import OTHER, account, arn, assumed, document, other_root, refused, role, statement, trusting
from ..test_guardrails import guardrail

SEALER = Sealer(MasterKey(secret=b"k" * 32))
OPEN = "query ($m: String!) { decodeAuthorizationMessage(encodedMessage: $m) { %s } }"
INVALID = (
    "Message is not valid: it must be the encoded authorization message of a refusal in this account, "
    "whole and unchanged"
)
WHY = (
    "outcome reason lacking missingContext because { effect kind policyName policyVersion sid startLine startColumn endLine "
    "endColumn policy { arn } attachedTo { ... on User { name } } } "
    "near { statement { sid } unmet { operator key values isMissing } }"
)
VIEW = f"accountId principalId principalArn action resource isAbridged at context {{ key values }} decision {{ {WHY} }}"


async def decoded(service: Service, message: str, token: str | None = None, fields: str = "decodedMessage") -> Any:
    """What a message holds, for the root if nobody else is named."""
    reply = await service.ask(OPEN % fields, token or await service.root(), m=message)
    assert reply.codes == [], reply.text
    return json.loads(reply.only()["decodedMessage"]) if fields == "decodedMessage" else reply.only()


async def mutation_message(
    service: Service, mutation: str, input: dict[str, Any], token: str, fields: str = ""
) -> tuple[str, Any]:
    fields = f"message encodedAuthorizationMessage {fields}"
    error = await refused(service, mutation, input, "AccessDeniedError", fields, token)
    return error["encodedAuthorizationMessage"], error


def messages(reply: Reply) -> list[str]:
    found = [error["extensions"].get("encodedAuthorizationMessage") for error in reply.body["errors"]]
    return [message for message in found if message is not None]


# ------------------------------------------------------------ what is sealed opens, and nothing else

texts = st.text(st.characters(codec="utf-8"), max_size=40).filter(lambda text: not text.endswith("…"))
names = st.none() | texts
several = st.lists(texts, max_size=4).map(tuple)
values = st.none() | several
places = st.builds(Place, **dict.fromkeys(("start_line", "start_column", "end_line", "end_column"), st.integers(1)))
statements = st.builds(
    ToldStatement,
    effect=st.sampled_from(["Allow", "Deny"]),
    kind=st.sampled_from(PolicyKind),
    **dict.fromkeys(("policy_name", "policy_version", "arn", "policy_id", "attached_to", "sid"), names),
    place=st.none() | places,
    principals=several,
    actions=several,
    resources=several,
    not_action=st.booleans(),
    conditions=st.lists(st.builds(ToldCondition, operator=texts, key=texts, values=values), max_size=2).map(tuple),
)
near = st.builds(
    ToldNearMiss,
    match=statements,
    unmet=st.lists(
        st.builds(Unmet, operator=texts, key=texts, values=values, is_missing=st.booleans()), max_size=2
    ).map(tuple),
)
keys = st.sampled_from(["aws:UserAgent", "aws:ResourceTag/team", "sts:ExternalId", "ä"])
contexts = st.dictionaries(keys, values).map(
    lambda found: tuple(ContextKey(key=key, values=found[key]) for key in sorted(found))
)


def explanations(texts: st.SearchStrategy[str], most: int) -> st.SearchStrategy[Explanation]:
    return st.builds(
        Explanation,
        account_id=st.just(ACCOUNT),
        principal_id=names,
        principal_arn=names,
        principal_name=names,
        action=texts,
        resource=texts,
        at=names,
        outcome=st.sampled_from([Outcome.EXPLICITLY_DENIED, Outcome.IMPLICITLY_DENIED]),
        blocked=st.none() | st.sampled_from(Lacking),
        reason=texts,
        because=st.lists(statements, max_size=most).map(tuple),
        near=st.lists(near, max_size=most).map(tuple),
        missing_context=several,
        context=contexts,
        is_abridged=st.just(False),
    )


def sealed(explanation: Explanation) -> str:
    return SEALER.seal_message(_fitting(explanation), context=f"authorization-message/1/{ACCOUNT}")


@given(explanations(texts, 2))
def test_what_was_sealed_is_what_opens(explanation: Explanation) -> None:
    assert opened(sealed(explanation), ACCOUNT, SEALER) == explanation


@given(explanations(texts, 1), st.data())
def test_nothing_altered_or_shortened_opens(explanation: Explanation, data: st.DataObject) -> None:
    head, text = sealed(explanation).rsplit(".", 1)
    octets = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    at = data.draw(st.integers(0, len(octets) - 1))
    flipped = bytes(octets[:at]) + bytes([octets[at] ^ 1 << data.draw(st.integers(0, 7))]) + bytes(octets[at + 1 :])
    for altered in (flipped, bytes(octets[:at]), bytes(octets) + b"\0"):
        message = f"{head}.{base64.urlsafe_b64encode(altered).rstrip(b'=').decode()}"
        with pytest.raises(InvalidAuthorizationMessage) as caught:
            opened(message, ACCOUNT, SEALER)
        assert caught.value.message == INVALID


long = (
    st.integers(0, 4000).flatmap(lambda size: st.binary(min_size=size, max_size=size)).map(lambda octets: octets.hex())
)


@given(explanations(long, 60), st.integers(0, 300), st.randoms(use_true_random=False))
@example(None, 300, None)
def test_it_always_fits(explanation: Explanation | None, tags: int, random: Any) -> None:
    """What is too long is cut, and says so; what names something is whole or gone."""
    noise = (
        (lambda: "".join(random.choices("abcdefghijklmnopqrstuvwxyzäöü€", k=256))) if random else lambda: "😀" * 900_000
    )
    given = explanation or _bare()
    context = tuple(
        ContextKey(key=f"aws:ResourceTag/{i:03}", values=(noise(),)) for i in range(tags if explanation else 1)
    )
    huge = Explanation(**{**_fields(given), "context": context})
    message = sealed(huge)
    assert len(message) <= MAX_MESSAGE
    found = opened(message, ACCOUNT, SEALER)
    assert found == huge or found.is_abridged
    assert (found.outcome, found.blocked) == (huge.outcome, huge.blocked)
    whole = {one.arn for one in (*huge.because, *(miss.match for miss in huge.near))} | {None}
    assert {one.arn for one in (*found.because, *(miss.match for miss in found.near))} <= whole


def _fields(explanation: Explanation) -> dict[str, Any]:
    return {name: getattr(explanation, name) for name in Explanation.__slots__}


def _bare() -> Explanation:
    return Explanation(
        account_id=ACCOUNT, principal_id=None, principal_arn=None, principal_name=None, action="iam:GetUser", resource="*",
        at=None, outcome=Outcome.IMPLICITLY_DENIED, blocked=Lacking.IDENTITY, reason="", because=(), near=(),
        missing_context=(), context=(),
    )  # fmt: skip


def _length(context: dict[str, Any], policy: Any) -> int:
    case = {
        "principal": {"type": "user", "arn": arn("user/a"), "account": ACCOUNT}, "action": "iam:GetUser",
        "resource": arn("user/b"), "account": ACCOUNT, "context": context, "identity_policies": [policy],
    }  # fmt: skip
    decision = evaluate(request(case), layers(case))
    error = AccessDenied("no", action="iam:GetUser", resource=arn("user/b"), decision=decision)
    return len(encoded(error, SEALER))


def test_the_length_does_not_tell_what_the_caller_may_not_see() -> None:
    """Neither how long a tag is, nor, to who sends guesses of it, which of them is right."""
    deny = json.loads(
        document(statement("Deny", "*", Condition={"StringEquals": {"aws:ResourceTag/pin": "4711-0815"}}))
    )
    bare = json.loads(document(statement("Allow", "s3:*")))
    hidden: Any = {"aws:ResourceTag/pin": "4711-0815", "aws:PrincipalTag/cost-centre": "a" * 40}
    for policy in (deny, bare):
        right, wrong = (
            {_length({"aws:UserAgent": guess * 8, **hidden}, policy) for _ in range(3)}
            for guess in ("4711-0815", "5822-1926")
        )
        assert len(right) == 1
        # The guesses have the same shape: they differ in nothing but being in what is hidden.
        assert right == wrong
    longer = {"aws:ResourceTag/pin": "4711-0815" * 9, "aws:ResourceTag/more": "b" * 90}
    assert _length({}, bare) == _length(hidden, bare) == _length(longer, bare)


# ------------------------------------------------------------ on a running service

POLICY = """{"Version": "2012-10-17", "Statement": [
  {"Sid": "NoUsers", "Effect": "Deny", "Action": ["iam:CreateUser", "iam:DeleteUser"], "Resource": "*",
   "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}},
  {"Sid": "Tagged", "Effect": "Allow", "Action": "iam:GetUser", "Resource": "*",
   "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}},
  {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}
]}"""


async def test_a_refused_change_is_explained_in_full(service: Service) -> None:
    """In AWS's form (AWS CLI Command Reference, decode-authorization-message), and more."""
    await service.good("createPolicy", {"policyName": "few", "policyDocument": POLICY})
    token = await service.user("bob")
    await service.good("attachUserPolicy", {"userName": "bob", "policyArn": arn("policy/few")})
    bob = (await account(service, 'user(name: "bob") { uniqueId }'))["user"]["uniqueId"]
    message, error = await mutation_message(service, "createUser", {"userName": "new"}, token, f"decision {{ {WHY} }}")
    assert error["message"].endswith("with an explicit deny in an identity-based policy") and len(message) < 2048

    shown = await decoded(service, message)
    items = {
        one["key"]: [value["value"] for value in one["values"]["items"]]
        for one in _items(shown["context"]["conditions"])
    }
    shown["context"]["conditions"] = None
    assert shown == {
        "allowed": False,
        "explicitDeny": True,
        "matchedStatements": {
            "items": [
                {
                    "statementId": "NoUsers",
                    "effect": "DENY",
                    "principals": {"items": [{"value": bob}]},
                    "principalGroups": {"items": []},
                    "actions": {"items": [{"value": "iam:CreateUser"}, {"value": "iam:DeleteUser"}]},
                    "resources": {"items": [{"value": "*"}]},
                    "conditions": {
                        "items": [
                            {
                                "key": "aws:MultiFactorAuthPresent",
                                "operator": "Bool",
                                "values": {"items": [{"value": "false"}]},
                            }
                        ]
                    },
                    "policy": {
                        "kind": "managed",
                        "name": "few",
                        "arn": arn("policy/few"),
                        "version": "v1",
                        "attachedTo": bob,
                    },
                    "place": {"startLine": 2, "startColumn": 3, "endLine": 3, "endColumn": 67},
                }
            ]
        },
        "failures": {"items": []},
        "context": {
            "principal": {"id": bob, "name": "bob", "arn": arn("user/bob")},
            "action": "iam:CreateUser",
            "resource": arn("user/new"),
            "conditions": None,
        },
        "accountId": ACCOUNT,
        "time": items["aws:CurrentTime"][0],
        "reason": "Denied by statement NoUsers of the managed policy few (v1).",
        "lacking": None,
        "nearMisses": {"items": []},
        "missingContextKeys": {"items": []},
    }
    assert items["aws:PrincipalArn"] == [arn("user/bob")] and items["aws:MultiFactorAuthPresent"] == ["false"]

    # The same as values, and the decision as its caller was shown it.
    view = await decoded(service, message, fields=VIEW)
    assert {one["key"]: one["values"] for one in view.pop("context")} == items
    assert view.pop("at").startswith(items["aws:CurrentTime"][0][:-1])
    why = error["decision"]
    (because,) = why["because"]
    assert because["attachedTo"] is None, "bob may not read himself"
    because["attachedTo"] = {"name": "bob"}
    assert view == {
        "accountId": ACCOUNT,
        "principalId": bob,
        "principalArn": arn("user/bob"),
        "action": "iam:CreateUser",
        "resource": arn("user/new"),
        "isAbridged": False,
        "decision": why,
    }


def _items(value: Any) -> Any:
    assert set(value) == {"items"}
    return value["items"]


async def test_a_refused_read_is_explained_in_full(service: Service) -> None:
    """Each distinct refusal brings its message once, fields that share one share it; a known node's tags are in it."""
    token = await service.user("bob", POLICY)
    await service.good("tagUser", {"userName": "bob", "tags": [{"key": "team", "value": "red"}]})
    reply = await service.ask(
        f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ users(first: 9) {{ nodes {{ tags {{ key }} boundary: '
        "permissionsBoundary { arn } accessKeys { id } } } } }",
        token,
    )
    assert reply.codes == ["ACCESS_DENIED"] * 3, reply.text
    by_action = {error["extensions"]["action"]: error["extensions"] for error in reply.body["errors"]}
    assert set(by_action) == {"iam:GetUser", "iam:ListAccessKeys"} and len(set(messages(reply))) == 2
    shown = await decoded(service, by_action["iam:GetUser"]["encodedAuthorizationMessage"])
    assert (shown["context"]["action"], shown["context"]["resource"]) == ("iam:GetUser", arn("user/bob"))
    assert shown["lacking"] == "identity-based policy" and shown["explicitDeny"] is False
    (miss,) = _items(shown["nearMisses"])
    assert miss["statementId"] == "Tagged" and _items(miss["unmet"]) == [
        {
            "key": "aws:ResourceTag/team",
            "operator": "StringEquals",
            "values": {"items": [{"value": "blue"}]},
            "isMissing": False,
        }
    ]
    tags = [one for one in _items(shown["context"]["conditions"]) if one["key"] == "aws:ResourceTag/team"]
    assert tags == [{"key": "aws:ResourceTag/team", "values": {"items": [{"value": "red"}]}}]


async def test_an_answer_brings_a_hundred_messages_at_most(service: Service) -> None:
    token = await service.user("bob")
    names = [f'{kind}{i}: {kind}(name: "x{i}") {{ id }}' for kind in ("user", "group", "role") for i in range(40)]
    query = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ {" ".join(names)} }} }}'
    reply = await service.ask(query, token)
    assert reply.codes == ["ACCESS_DENIED"] * 120
    assert len(set(messages(reply))) == len(messages(reply)) == MAX_MESSAGES


async def test_who_may_not_open_it_does_not(service: Service) -> None:
    """Not who was refused, not another account, not a message of another server: and all of these in the same words."""
    token = await service.user("bob")
    message, _ = await mutation_message(service, "createUser", {"userName": "new"}, token)
    opener = await service.user("opener", allow("sts:DecodeAuthorizationMessage"))
    assert (await decoded(service, message, opener))["context"]["principal"]["arn"] == arn("user/bob")

    reply = await service.ask(OPEN % "decodedMessage", token, m=message)
    assert (reply.codes, reply.only()) == (["ACCESS_DENIED"], None)
    assert reply.body["errors"][0]["message"] == (
        f"User: {arn('user/bob')} is not authorized to perform: sts:DecodeAuthorizationMessage on resource: * because no "
        "identity-based policy allows the sts:DecodeAuthorizationMessage action"
    )
    # Who may not open messages is not told which are none.
    assert (await service.ask(OPEN % "decodedMessage", token, m="x")).codes == ["ACCESS_DENIED"]

    other = await other_root(service)
    theirs = await service.ask("{ accounts(first: 1) { nodes { id } } }", other)
    (of_other,) = messages(theirs)
    assert (await decoded(service, of_other, other))["accountId"] == OTHER
    foreign = Sealer(MasterKey(secret=b"f" * 32)).seal_message(b"{}", context=f"authorization-message/1/{ACCOUNT}")
    wrong = {
        "of another account": (of_other, None),
        "in another account": (message, other),
        "of another server": (foreign, None),
        "sealed for something else": (SEALER.seal_message(b"{}", context="else"), None),
        "altered": (message[:-2] + ("A" if message[-2] != "A" else "B") + message[-1], None),
        "truncated": (message[:-40], None),
        "too long": (message + "A" * MAX_MESSAGE, None),
        "broken over lines": (message[:76] + "\n" + message[76:], None),
        "none": ("", None),
        "nonsense": ("v2.00000000.AAAA ä", None),
    }
    for how, (text, asker) in wrong.items():
        reply = await service.ask(OPEN % "decodedMessage", asker or await service.root(), m=text)
        (error,) = reply.body["errors"]
        assert (reply.only(), error["message"]) == (None, INVALID), how
        assert error["extensions"] == {"code": "INVALID_AUTHORIZATION_MESSAGE"}, how

    (event,) = await service.settled("DecodeAuthorizationMessage", arn("user/opener"))
    assert (event.action, event.parameters) == ("sts:DecodeAuthorizationMessage", "{}")


async def test_it_tells_nothing_of_a_guardrail_and_no_external_id(service: Service) -> None:
    root = await other_root(service)
    no_users = document(
        statement("Deny", "iam:CreateUser", Sid="NoUsers", Condition={"Bool": {"aws:SecureTransport": "false"}})
    )
    await guardrail(service, "no-users", no_users)
    message, _ = await mutation_message(service, "createUser", {"userName": "new"}, root)
    shown = await decoded(service, message, root)
    assert _items(shown["matchedStatements"]) == [
        {
            "statementId": "NoUsers",
            "effect": "DENY",
            "principals": {"items": []},
            "principalGroups": {"items": []},
            "actions": {"items": []},
            "resources": {"items": []},
            "conditions": {"items": []},
            "policy": {"kind": "service control", "name": "no-users", "arn": None, "version": None, "attachedTo": None},
            "place": None,
        }
    ]
    assert (await decoded(service, message, root, f"decision {{ {WHY} }}"))["decision"]["because"][0][
        "startLine"
    ] is None

    secret, sent = "the-shared-secret", "a-wrong-guess-of-it"
    trust = trusting(ACCOUNT, Condition={"StringEquals": {"sts:ExternalId": secret}})
    made = await role(service, "ops", trust)
    token = await service.user("bob", allow("iam:GetRole", "sts:AssumeRole"))
    input = {"roleArn": made, "roleSessionName": "ci", "externalId": sent}
    message, _ = await mutation_message(service, "assumeRole", input, token)
    reply = await service.ask(OPEN % f"decodedMessage {VIEW}", await service.root(), m=message)
    assert secret not in reply.text and sent not in reply.text and "Success" not in reply.text
    shown = json.loads(reply.only()["decodedMessage"])
    withheld = {"items": [], "withheld": True}
    (miss,) = _items(shown["nearMisses"])
    assert [one["values"] for one in (*_items(miss["conditions"]), *_items(miss["unmet"]))] == [withheld] * 2
    assert [one for one in _items(shown["context"]["conditions"]) if one["key"] == "sts:ExternalId"] == [
        {"key": "sts:ExternalId", "values": withheld}
    ]


async def test_of_a_role_session(service: Service) -> None:
    await service.user("bob", allow("sts:AssumeRole"))
    made = await role(service, "ops", trusting(ACCOUNT))
    session = (await assumed(service, made, service.tokens["bob"], policy=allow("s3:*")))["accessToken"]
    message, error = await mutation_message(service, "createUser", {"userName": "new"}, session)
    ops = (await account(service, 'role(name: "ops") { uniqueId }'))["role"]["uniqueId"]
    own = f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/ci"
    assert error["message"].startswith(f"User: {own} is not authorized to perform: iam:CreateUser on resource: ")
    shown = await decoded(service, message)
    assert shown["context"]["principal"] == {"id": f"{ops}:ci", "arn": own}
    assert shown["lacking"] == "identity-based policy"
