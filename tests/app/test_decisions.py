"""Decisions on a running service: what `can` says is what is enforced, and both say why."""

from __future__ import annotations

import json
from typing import Any

from ..service import Service, allow
from .asking import account, arn, document, refused, statement

DEPLOY = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "Own", "Effect": "Allow", "Action": "iam:GetUser", "Resource": "*",
     "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "StringEquals": {"aws:PrincipalTag/team": ["a", "b"]}}},
    {"Sid": "Near", "Effect": "Allow", "Action": "iam:Get*", "Resource": "*",
     "Condition": {"StringLike": {"aws:RequestTag/stage": "dev-*"}}},
    {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "arn:aws:iam::111122223333:user/other"}
  ]
}"""
WHY = """outcome lacking missingContext
  because { kind sid policyName policyVersion startLine startColumn endLine endColumn attachedTo { __typename } }
  near { statement { sid startLine startColumn } unmet { operator key values isMissing } }"""


async def can(
    service: Service, name: str, action: str, resource: str = "*", context: Any = (), fields: str = "outcome"
) -> Any:
    query = (
        f'user(name: "{name}") {{ can(action: "{action}", resource: "{resource}", context: {_entries(context)}) '
        f"{{ {fields} }} }}"
    )
    return (await account(service, query))["user"]["can"]


def _entries(context: Any) -> str:
    found = (f"{{ key: {json.dumps(key)}, values: {json.dumps(values)} }}" for key, values in context)
    return f"[{', '.join(found)}]"


async def test_lower_case_deny_still_bites(service: Service) -> None:
    """PE-01: simulated and enforced. Resources keep their case."""
    deny = [statement("Deny", ["iam:deleteuser", "s3:deleteobject"])]
    token = await service.user("u", document(statement("Allow", ["iam:*", "s3:*"]), *deny))
    await service.good("createUser", {"userName": "gone"})
    assert (await can(service, "u", "s3:DeleteObject", "arn:aws:s3:::b/x"))["outcome"] == "EXPLICITLY_DENIED"
    assert (await can(service, "u", "iam:DeleteUser", arn("user/gone")))["outcome"] == "EXPLICITLY_DENIED"
    error = await refused(service, "deleteUser", {"userName": "gone"}, "AccessDeniedError", token=token)
    assert error["message"].endswith("with an explicit deny in an identity-based policy")
    lister = await service.user(
        "l", document(statement("Allow", "IAM:listusers"), statement("Allow", "iam:GetAccountSummary"))
    )
    assert (await can(service, "l", "iam:ListUsers"))["outcome"] == "ALLOWED"
    found = (await account(service, "users(first: 5) { edges { node { arn } } }", lister))["users"]["edges"]
    assert [edge["node"]["arn"] for edge in found] == [arn("user/gone"), arn("user/l"), arn("user/u")]
    await service.user("c", allow("s3:GetObject", resource="arn:aws:s3:::Bucket/*"))
    assert (await can(service, "c", "s3:GetObject", "arn:aws:s3:::bucket/x"))["outcome"] == "IMPLICITLY_DENIED"


async def test_for_all_values_is_true_of_nothing(service: Service) -> None:
    """PE-02: simulated, and enforced where a request has tags, other tags, or none."""
    keys = {"aws:TagKeys": ["a", "b"]}
    contexts: list[Any] = [(), [("aws:TagKeys", [])], [("aws:TagKeys", ["a"])], [("aws:TagKeys", ["a", "c"])]]
    for name, condition, expected in (
        ("all", {"ForAllValues:StringEquals": keys}, [True, True, True, False]),
        ("any", {"ForAnyValue:StringEquals": keys}, [False, False, True, True]),
        ("guarded", {"ForAllValues:StringEquals": keys, "Null": {"aws:TagKeys": "false"}}, [False, False, True, False]),
    ):
        token = await service.user(
            name, document(statement("Allow", ["iam:CreateUser", "iam:TagUser"], Condition=condition))
        )
        outcomes = [(await can(service, name, "iam:CreateUser", context=one))["outcome"] for one in contexts]
        assert [outcome == "ALLOWED" for outcome in outcomes] == expected
        tags: list[list[dict[str, str]]] = [
            [],
            [{"key": "a", "value": "1"}],
            [{"key": "a", "value": "1"}, {"key": "c", "value": "1"}],
        ]
        for i, given in enumerate(tags):
            done = await service.do("createUser", {"userName": f"{name}{i}", "tags": given}, token=token)
            wanted = expected[(0, 2, 3)[i]]
            assert done["__typename"] == ("CreateUserSuccess" if wanted else "AccessDeniedError"), (name, given)


async def test_mfa_is_absent_for_long_term_keys(service: Service) -> None:
    """PE-03: `can` speaks of a user as of its long-term key. A session that signed in has the key, and it is false."""
    key = "aws:MultiFactorAuthPresent"
    contexts: list[Any] = [(), [(key, ["false"])], [(key, ["true"])]]
    for name, condition, denied in (
        ("bool", {"Bool": {key: "false"}}, [False, True, False]),
        ("exists", {"BoolIfExists": {key: "false"}}, [True, True, False]),
        ("null", {"Null": {key: "true"}}, [True, False, False]),
    ):
        everything = statement("Allow", "*")
        token = await service.user(name, document(everything, statement("Deny", "iam:GetUser", Condition=condition)))
        outcomes = [(await can(service, name, "iam:GetUser", context=one))["outcome"] for one in contexts]
        assert [outcome == "EXPLICITLY_DENIED" for outcome in outcomes] == denied
        reply = await service.ask(
            "query($u: ARN!) { resource(arn: $u) { arn ... on User { uniqueId } } }", token, u=arn(f"user/{name}")
        )
        assert ("ACCESS_DENIED" in reply.codes) is denied[1], reply.text


async def test_a_decision_says_why(service: Service) -> None:
    """The statements, by policy, version and place; and which condition kept others from deciding."""
    made = await service.good(
        "createPolicy",
        {"policyName": "Deploy", "policyDocument": DEPLOY},
        "policy { arn defaultVersion { versionId } }",
    )
    await service.user("u")
    await service.good("attachUserPolicy", {"userName": "u", "policyArn": made["policy"]["arn"]})
    yes = await can(service, "u", "iam:GetUser", arn("user/other"), fields=WHY)
    assert yes["because"] == [
        {
            "kind": "MANAGED", "sid": None, "policyName": "Deploy", "policyVersion": "v1", "startLine": 8, "startColumn": 5,
            "endLine": 8, "endColumn": 101, "attachedTo": {"__typename": "User"},
        }
    ]  # fmt: skip
    assert (yes["outcome"], yes["lacking"], yes["near"]) == ("ALLOWED", None, [])
    no = await can(service, "u", "iam:GetUser", arn("user/x"), [("aws:MultiFactorAuthPresent", ["false"])], WHY)
    assert (no["outcome"], no["lacking"], no["because"]) == ("IMPLICITLY_DENIED", "IDENTITY", [])
    assert no["missingContext"] == ["aws:PrincipalTag/team", "aws:RequestTag/stage"]
    stage = {"operator": "StringLike", "key": "aws:RequestTag/stage", "values": ["dev-*"], "isMissing": True}
    mfa = {"operator": "Bool", "key": "aws:MultiFactorAuthPresent", "values": ["true"], "isMissing": False}
    team = {"operator": "StringEquals", "key": "aws:PrincipalTag/team", "values": ["a", "b"], "isMissing": True}
    assert no["near"] == [
        {"statement": {"sid": "Near", "startLine": 6, "startColumn": 5}, "unmet": [stage]},
        {"statement": {"sid": "Own", "startLine": 4, "startColumn": 5}, "unmet": [mfa, team]},
    ]
