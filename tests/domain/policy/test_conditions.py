"""Conditions: operators by table, beyond what the case files cover, and the cases that people report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from iamgraph.domain.policy.conditions import compiled_condition
from iamgraph.domain.policy.document import Condition
from iamgraph.domain.policy.variables import facts
from tests.policy_cases import evaluate

ALICE = {"type": "user", "arn": "arn:aws:iam::111122223333:user/alice", "account": "111122223333"}


def holds(operator: str, values: str | Sequence[str], context: Mapping[str, str | Sequence[str]]) -> bool:
    wanted = (values,) if isinstance(values, str) else tuple(values)
    condition = Condition(operator=operator, key="svc:Key", values=wanted)
    return compiled_condition(condition, variables=True).test(facts(context))


@pytest.mark.parametrize(
    ("operator", "values", "value", "expected"),
    [
        ("StringEquals", "a${*}", "a*", True),
        ("StringLike", "a${?}*", "ab", False),
        ("StringLike", "${svc:other, 'x*'}", "xy", False),
        ("StringLike", "${svc:other, 'x*'}", "x*", True),
        ("StringNotLike", ["${svc:unset}", "a*"], "abc", False),
        ("StringNotLike", ["${svc:unset}"], "abc", True),
        ("StringEqualsIgnoreCase", "BLUE", "blue", True),
        ("StringEquals", "a", ["a"], False),
        ("NumericEquals", "1e1", "10.0", True),
        ("NumericNotEquals", "10", "ten", True),
        ("NumericLessThan", "${svc:limit}", "1", False),
        ("DateEquals", "2024-05-01T12:00:00+02:00", "1714557600", True),
        ("DateLessThan", "2024-02-30", "1", False),
        ("Bool", "TRUE", "true", True),
        ("Bool", "true", "yes", False),
        ("BinaryEquals", "3q2+7w==", "3q2+7w==", True),
        ("BinaryEquals", "not base64!", "not base64!", False),
        ("IpAddress", "203.0.113.7/24", "203.0.113.99", True),
        ("IpAddress", "::ffff:203.0.113.0/120", "203.0.113.1", False),
        ("NotIpAddress", "0.0.0.0/0", "2001:db8::1", True),
        ("ArnLike", "${svc:arn}", "arn:aws:iam::1:user/a", True),
        ("Null", "false", "x", True),
        ("ForAllValues:StringEquals", [], ["x"], False),
        ("ForAnyValue:StringNotEquals", "a", [], False),
        ("StringNotEqualsIfExists", [], "x", False),
    ],
)
def test_one_operator(operator: str, values: str | list[str], value: str | list[str], expected: bool) -> None:
    context = {"SVC:KEY": value, "svc:arn": "arn:aws:iam::1:user/a", "svc:limit": "10"}
    assert holds(operator, values, context) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringEqualsIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAllValues:StringNotEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("NumericLessThan", False),
        ("NotIpAddress", True),
    ],
)
def test_a_missing_key(operator: str, expected: bool) -> None:
    assert holds(operator, "1", {}) is expected


def decided(statements: Sequence[object], context: Mapping[str, object] = {}, action: str = "s3:GetObject") -> str:
    case = {
        "principal": ALICE, "account": "111122223333", "action": action, "resource": "arn:aws:s3:::bucket/x",
        "identity_policies": [{"Version": "2012-10-17", "Statement": statements}], "context": context,
    }  # fmt: skip
    return str(evaluate(case)["decision"])


def test_lower_case_deny_still_bites() -> None:
    """PE-01"""
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "s3:deleteobject", "Resource": "*"}
    assert decided([allow, deny], action="s3:DeleteObject") == "explicitDeny"
    listing = {"Effect": "Allow", "Action": "IAM:listusers", "Resource": "*"}
    assert decided([listing], action="iam:ListUsers") == "allowed"
    other_case = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::Bucket/*"}
    assert decided([other_case]) == "implicitDeny"


def test_for_all_values_is_true_of_nothing() -> None:
    """PE-02"""

    def answers(quantifier: str) -> list[str]:
        condition = {f"{quantifier}:StringEquals": {"aws:TagKeys": ["a", "b"]}}
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
        contexts: list[Mapping[str, object]] = [{}, *({"aws:TagKeys": keys} for keys in ([], ["a"], ["a", "c"]))]
        return [decided([allow], context) for context in contexts]

    assert answers("ForAllValues") == ["allowed", "allowed", "allowed", "implicitDeny"]
    assert answers("ForAnyValue") == ["implicitDeny", "implicitDeny", "allowed", "allowed"]
    guarded = {"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}, "Null": {"aws:TagKeys": "false"}}
    assert decided([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": guarded}]) == "implicitDeny"


@pytest.mark.parametrize(
    ("condition", "denied"),
    [
        ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, [False, True, False]),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, [True, True, False]),
        ({"Null": {"aws:MultiFactorAuthPresent": "true"}}, [True, False, False]),
    ],
)
def test_mfa_is_absent_for_long_term_keys(condition: dict[str, object], denied: list[bool]) -> None:
    """PE-03"""
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition},
    ]
    key = "aws:MultiFactorAuthPresent"
    contexts: list[dict[str, object]] = [{}, {key: "false"}, {key: "true"}]
    assert [decided(statements, context) == "explicitDeny" for context in contexts] == denied


def test_complements() -> None:
    """PD-03"""
    assert decided([{"Effect": "Allow", "NotAction": "s3:*BucketPolicy*", "Resource": "*"}]) == "allowed"
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    spared = [everything, {"Effect": "Deny", "NotAction": ["iam:Get*"], "Resource": "*"}]
    assert decided(spared) == "explicitDeny"
    assert decided(spared, action="iam:GetUser") == "allowed"
    assert decided([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::bucket/*"}]) == "implicitDeny"
    # Neither may be stored; what is stored already grants nothing, and denies all.
    assert decided([{"Effect": "Allow", "Action": "*"}]) == "implicitDeny"
    assert decided([everything, {"Effect": "Deny", "Action": "*"}]) == "explicitDeny"
    for nothing in ({"NotAction": [], "Resource": "*"}, {"Action": "*", "NotResource": []}):
        assert decided([{"Effect": "Allow", **nothing}]) == "implicitDeny"
        assert decided([everything, {"Effect": "Deny", **nothing}]) == "explicitDeny"
