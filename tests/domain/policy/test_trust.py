"""Trust policies: who they name, how their text is rewritten, and who may assume a role."""

from __future__ import annotations

import pytest

from iamgraph.domain.policy.compile import compiled
from iamgraph.domain.policy.document import parse
from iamgraph.domain.policy.evaluate import (
    Lacking,
    Layers,
    Outcome,
    Policy,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)  # fmt: skip
from iamgraph.domain.trust import expand_accounts, named, principals, rewrite
from tests.policy_cases import policy

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/R"
USER = f"arn:aws:iam::{ACCOUNT}:user/U"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s1"
ASSUME = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}}

AS_U = Principal(kind=PrincipalKind.USER, arn=USER, account=ACCOUNT, unique_id="AIDAOLD")
AS_NEW_U = Principal(kind=PrincipalKind.USER, arn=USER, account=ACCOUNT, unique_id="AIDANEW")
AS_R = Principal(kind=PrincipalKind.ROLE_SESSION, arn=SESSION, account=ACCOUNT, role_arn=ROLE, unique_id="AROAR")
AS_ROOT = Principal(kind=PrincipalKind.ROOT, arn=f"arn:aws:iam::{ACCOUNT}:root", account=ACCOUNT)


def trust(*aws: str, bindings: dict[str, str] | None = None) -> Policy:
    statement = {"Effect": "Allow", "Principal": {"AWS": list(aws)}, "Action": "sts:AssumeRole"}
    return policy(PolicyKind.TRUST, {"Version": "2012-10-17", "Statement": statement}, bindings)


def assumed(caller: Principal, trusting: Policy, *, allowed_to: bool) -> Outcome:
    identity = [policy(PolicyKind.MANAGED, ASSUME)] if allowed_to else []
    request = Request(principal=caller, action="sts:AssumeRole", resource=ROLE, resource_account=ACCOUNT)
    return evaluate(request, Layers(identity=identity, resource=trusting)).outcome


@pytest.mark.parametrize("form", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
def test_an_account_delegates_in_either_form(form: str) -> None:
    assert assumed(AS_U, trust(form), allowed_to=True) is Outcome.ALLOWED
    assert assumed(AS_U, trust(form), allowed_to=False) is Outcome.IMPLICITLY_DENIED
    assert assumed(AS_ROOT, trust(form), allowed_to=True) is Outcome.IMPLICITLY_DENIED


def test_a_role_assumes_itself_only_if_it_trusts_itself() -> None:
    assert assumed(AS_R, trust(USER), allowed_to=True) is Outcome.IMPLICITLY_DENIED
    assert assumed(AS_R, trust(USER, ROLE), allowed_to=True) is Outcome.ALLOWED


def test_a_namesake_is_not_the_one_that_was_trusted() -> None:
    trusting = trust(USER, bindings={USER: "AIDAOLD"})
    assert assumed(AS_U, trusting, allowed_to=False) is Outcome.ALLOWED
    assert assumed(AS_NEW_U, trusting, allowed_to=True) is Outcome.IMPLICITLY_DENIED
    assert assumed(AS_NEW_U, trust(USER, bindings={}), allowed_to=True) is Outcome.IMPLICITLY_DENIED
    assert assumed(AS_NEW_U, trust(ACCOUNT, bindings={}), allowed_to=True) is Outcome.ALLOWED


def test_a_bound_session_is_that_session_only() -> None:
    assert assumed(AS_R, trust(SESSION, bindings={SESSION: "AROAR"}), allowed_to=False) is Outcome.ALLOWED
    assert assumed(AS_R, trust(SESSION, bindings={SESSION: "AROAOLD"}), allowed_to=False) is Outcome.IMPLICITLY_DENIED
    other = SESSION.replace("/s1", "/s2")
    assert assumed(AS_R, trust(other, bindings={other: "AROAR"}), allowed_to=True) is Outcome.IMPLICITLY_DENIED


def test_a_token_of_any_provider_is_not_everyone() -> None:
    text = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}}'
    caller = Principal(kind=PrincipalKind.FEDERATED, provider="idp.example.com")
    request = Request(principal=caller, action="sts:AssumeRoleWithWebIdentity", resource=ROLE, resource_account=ACCOUNT)
    decision = evaluate(request, Layers(resource=Policy(kind=PolicyKind.TRUST, policy=compiled(text))))
    assert (decision.outcome, decision.blocked) == (Outcome.IMPLICITLY_DENIED, Lacking.TRUST)


WRITTEN = """{ "Statement":[ {"Effect":"Allow",
  "Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:user\\/U",
  "*"],"Service":"111122223333"}, "Action" : "sts:AssumeRole","Sid":"111122223333"}, {"Effect":"Deny",
  "Principal":{"AWS":"AROAEXAMPLE0000000001"},"Action":"sts:*"}]}"""


def test_principals_and_their_places() -> None:
    found = principals(parse(WRITTEN))
    assert [one.text for one in found] == [ACCOUNT, USER, "*", "AROAEXAMPLE0000000001"]
    assert [WRITTEN[one.span.start : one.span.end] for one in found][1] == '"arn:aws:iam::111122223333:user\\/U"'
    assert [one.text for one in named(parse(WRITTEN))] == [USER, "AROAEXAMPLE0000000001"]


def test_rewriting_keeps_every_other_byte() -> None:
    expanded = expand_accounts(WRITTEN)
    assert expanded == WRITTEN.replace('["111122223333"', '["arn:aws:iam::111122223333:root"')
    assert expand_accounts(expanded) == expanded
    renamed = rewrite(WRITTEN, {USER: "AIDAEXAMPLE0000000001", "sts:*": "never"})
    assert renamed == WRITTEN.replace('"arn:aws:iam::111122223333:user\\/U"', '"AIDAEXAMPLE0000000001"')
