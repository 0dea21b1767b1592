"""Trust in an issuer that speaks for everybody: what may be saved, and what is found in what was saved before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iamgraph.domain.errors import MalformedPolicyDocument
from iamgraph.domain.policy.lint import TRUST_POLICY, ValidationType, lint
from iamgraph.domain.policy.shared_issuers import SHARED
from iamgraph.domain.policy.trust_grammar import check_trust
from iamgraph.reference.aws import AwsReference

ASSUME = "sts:AssumeRoleWithWebIdentity"
HUB, MAIN = "token.actions.githubusercontent.com", "repo:acme/app:ref:refs/heads/main"
AWS = AwsReference()


def trust(issuer: str = HUB, condition: Any = None, action: Any = ASSUME, **more: Any) -> str:
    provider = f"arn:aws:iam::111122223333:oidc-provider/{issuer}"
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": action, **more}
    block = {} if condition is None else {"Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": statement | block})


def is_saved(text: str) -> bool:
    try:
        check_trust(text)
    except MalformedPolicyDocument as error:
        assert [finding.code for finding in error.findings] == ["MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL"]
        return False
    return True


def codes(text: str) -> set[str]:
    found = lint(text, ValidationType.RESOURCE_POLICY, AWS, resource_type=TRUST_POLICY)
    return {finding.code for finding in found if finding.severity.value == "SECURITY_WARNING"}


SUB, AUD = f"{HUB}:sub", f"{HUB}:aud"
GUARDED: list[Any] = [
    {"StringEquals": {SUB: MAIN, AUD: "sts.amazonaws.com"}},
    {"StringEquals": {SUB: [MAIN, "repo:acme/web:environment:prod"]}},
    {"StringEquals": {AUD: "sts.amazonaws.com"}, "StringLike": {SUB: "repo:acme/*"}},
    {"StringLike": {SUB.upper(): ["repo:acme/app:*", "organization:acme:*"]}},
    {"StringEqualsIgnoreCase": {SUB: MAIN}},
    {"ForAnyValue:StringLike": {SUB: "repo:acme/app:*"}},
    {"ForAllValues:StringLike": {SUB: "repo:*"}, "StringLike": {SUB: "repo:acme/*"}},
]
OPEN: list[Any] = [
    None,
    {},
    {"StringEquals": {AUD: "sts.amazonaws.com"}},
    {"StringEquals": {"gitlab.com:sub": MAIN}},
    {"StringEquals": {f"{HUB}:subject": MAIN}},
    {"ForAllValues:StringEquals": {SUB: MAIN, AUD: "sts.amazonaws.com"}},
    {"StringEqualsIfExists": {SUB: MAIN}},
    {"ForAnyValue:StringLikeIfExists": {SUB: "repo:acme/*"}},
    {"StringNotEquals": {SUB: "repo:evil/app"}},
    {"StringNotLike": {SUB: "repo:evil/*"}},
    {"Null": {SUB: "false"}},
    {"StringLike": {SUB: "*"}},
    {"StringLike": {SUB: "repo:*"}},
    {"StringLike": {SUB: "repo:acme*"}},
    {"StringLike": {SUB: "*:acme/app:*"}},
    {"StringLike": {SUB: ["repo:acme/*", "repo:*"]}},
    {"StringLike": {SUB: []}},
    {"ArnLike": {SUB: "arn:*"}},
]


@pytest.mark.parametrize("condition", GUARDED, ids=json.dumps)
def test_what_says_whose_tokens_is_saved(condition: Any) -> None:
    assert is_saved(trust(condition=condition))
    assert "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL" not in codes(trust(condition=condition))


@pytest.mark.parametrize("condition", OPEN, ids=json.dumps)
def test_what_lets_in_everybody_is_not(condition: Any) -> None:
    assert not is_saved(trust(condition=condition))
    assert "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL" in codes(trust(condition=condition))


def test_the_refusal_says_what_would_be_right() -> None:
    with pytest.raises(MalformedPolicyDocument) as refused:
        check_trust(trust(condition={"ForAllValues:StringLike": {SUB: "repo:acme/*"}}))
    (finding,) = refused.value.findings
    assert refused.value.message == (
        f'{HUB} speaks for everybody who uses it, so that the policy must say whose tokens it lets in: test "{SUB}" with '
        "StringEquals, or with StringLike and a value that begins with the organization; not with ForAllValues:, IfExists "
        "or a negated operator, which hold where there is no such claim"
    )
    assert finding.path == ("Statement", "0", "Principal", "Federated")


@pytest.mark.parametrize("issuer", SHARED)
def test_each_shared_issuer_has_its_claim(issuer: str) -> None:
    for claim in ("sub", "aud"):
        condition = {"StringEquals": {f"{issuer}:{claim}": "organization:acme"}}
        assert is_saved(trust(issuer, condition)) is (SHARED[issuer] == claim)


def test_what_is_none_of_its_business() -> None:
    assert is_saved(trust("idp.example.com"))
    assert is_saved(trust(action="sts:TagSession"))
    assert is_saved(trust(Effect="Deny"))
    for action in ("sts:*", "STS:AssumeRoleWith*", ["sts:TagSession", ASSUME]):
        assert not is_saved(trust(action=action))


def test_tests_that_hold_without_a_claim_are_found() -> None:
    """Of any provider, not of shared ones alone."""
    own = "idp.example.com"
    for operator, is_found in (
        ("StringEquals", False), ("ForAllValues:StringEquals", True), ("StringLikeIfExists", True), ("StringNotEquals", True)
    ):  # fmt: skip
        text = trust(own, {operator: {f"{own}:sub": "bob"}})
        assert is_saved(text)
        assert ("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL" in codes(text)) is is_found, operator
