"""What must hold of every policy and every request."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from iamgraph.domain.errors import InvalidInput, MalformedPolicyDocument
from iamgraph.domain.policy.document import parse
from iamgraph.domain.policy.evaluate import (
    Layers,
    Outcome,
    Policy,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)  # fmt: skip
from iamgraph.domain.policy.grammar import PolicyType, check
from tests.policy_cases import policy

HOME, AWAY = "111122223333", "444455556666"
ARNS = (f"arn:aws:iam::{HOME}:user/a", f"arn:aws:iam::{HOME}:role/r", f"arn:aws:sts::{HOME}:assumed-role/r/s")
USER = Principal(kind=PrincipalKind.USER, arn=ARNS[0], account=HOME)
SESSION = Principal(kind=PrincipalKind.ROLE_SESSION, arn=ARNS[2], account=HOME, role_arn=ARNS[1])
FEDERATED = Principal(
    kind=PrincipalKind.FEDERATED_USER, arn=f"arn:aws:sts::{HOME}:federated-user/k", account=HOME, user_arn=ARNS[0]
)
ROOT = Principal(kind=PrincipalKind.ROOT, arn=f"arn:aws:iam::{HOME}:root", account=HOME)
NOBODY = Principal(kind=PrincipalKind.ANONYMOUS)

conditions = st.sampled_from([
    {}, {"StringEquals": {"aws:tag": ["x", "${aws:username}"]}}, {"StringNotEquals": {"aws:tag": "x"}},
    {"Null": {"aws:tag": "true"}}, {"ForAllValues:StringLike": {"aws:TagKeys": "x*"}},
])  # fmt: skip


@st.composite
def statements(draw: st.DrawFn, effect: str | None = None, on_resource: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Effect": effect or draw(st.sampled_from(["Allow", "Deny"])),
        draw(st.sampled_from(["Action", "NotAction"])): draw(
            st.sampled_from(["s3:Get*", "*", ["s3:PutObject", "ec2:*"]])
        ),
        draw(st.sampled_from(["Resource", "NotResource"])): draw(
            st.sampled_from(["*", "arn:aws:s3:::b/${aws:username}/*", ["arn:aws:s3:::c", "arn:aws:s3:::b/*"]])
        ),
        "Condition": draw(conditions),
    }
    if on_resource:
        element = draw(st.sampled_from(["Principal", "Principal", "NotPrincipal"]))
        found[element] = {"AWS": draw(st.lists(st.sampled_from([*ARNS, HOME, AWAY, "*"]), min_size=1, max_size=3))}
    return found


def documents(kind: PolicyKind, effect: str | None = None) -> st.SearchStrategy[Policy]:
    on_resource = kind is PolicyKind.RESOURCE
    several = st.lists(statements(effect, on_resource), min_size=1, max_size=3)
    return several.map(lambda found: policy(kind, {"Version": "2012-10-17", "Statement": found}))


managed = st.lists(documents(PolicyKind.MANAGED), max_size=3)
layers = st.builds(
    Layers,
    identity=managed,
    boundary=st.none() | documents(PolicyKind.PERMISSIONS_BOUNDARY),
    session=st.none() | st.lists(documents(PolicyKind.SESSION), max_size=2),
    resource=st.none() | documents(PolicyKind.RESOURCE),
    service_control=st.lists(st.lists(documents(PolicyKind.SERVICE_CONTROL), max_size=2), max_size=2),
)
requests = st.builds(
    Request,
    principal=st.sampled_from([USER, SESSION, FEDERATED, ROOT, NOBODY]),
    action=st.sampled_from(["s3:GetObject", "S3:putobject", "ec2:RunInstances"]),
    resource=st.sampled_from(["arn:aws:s3:::b/a/x", "arn:aws:s3:::c", "*"]),
    resource_account=st.sampled_from([HOME, AWAY]),
    context=st.sampled_from([{}, {"aws:tag": "x", "aws:username": "a"}, {"aws:tag": "a", "aws:TagKeys": ["x1", "y"]}]),
)


def shuffled(one: Policy, seed: int) -> Policy:
    document = json.loads(one.policy.document.text)
    document["Statement"] = document["Statement"][seed:] + document["Statement"][:seed]
    return policy(one.kind, document)


@given(request=requests, before=layers, seed=st.integers(0, 2))
def test_order_never_matters(request: Request, before: Layers, seed: int) -> None:
    after = replace(before, identity=[shuffled(p, seed) for p in reversed(before.identity)])
    assert evaluate(request, after).outcome is evaluate(request, before).outcome


@given(request=requests, before=layers, extra=documents(PolicyKind.MANAGED, "Deny"))
def test_a_deny_never_allows(request: Request, before: Layers, extra: Policy) -> None:
    after = evaluate(request, replace(before, identity=[*before.identity, extra]))
    assert not after.allowed or evaluate(request, before).allowed


@given(request=requests, before=layers, extra=documents(PolicyKind.MANAGED, "Allow"))
def test_an_allow_never_denies(request: Request, before: Layers, extra: Policy) -> None:
    after = evaluate(request, replace(before, identity=[*before.identity, extra]))
    assert after.allowed or not evaluate(request, before).allowed


@given(request=requests, before=layers, limit=documents(PolicyKind.PERMISSIONS_BOUNDARY))
def test_a_boundary_never_widens(request: Request, before: Layers, limit: Policy) -> None:
    free = evaluate(request, replace(before, boundary=None))
    assert free.allowed or not evaluate(request, replace(before, boundary=limit)).allowed


@given(request=requests, before=layers, limit=st.lists(documents(PolicyKind.SESSION), max_size=2))
def test_a_session_policy_never_widens(request: Request, before: Layers, limit: list[Policy]) -> None:
    # A federated user is the exception by design: without a session policy it has nothing of its own.
    if request.principal is FEDERATED:
        return
    free = evaluate(request, replace(before, session=None))
    assert free.allowed or not evaluate(request, replace(before, session=limit)).allowed


@given(request=requests, before=layers)
def test_the_reason_fits_the_outcome(request: Request, before: Layers) -> None:
    decision = evaluate(request, before)
    effects = {match.effect for match in decision.because}
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        assert effects == {"Deny"}
    elif decision.outcome is Outcome.ALLOWED:
        assert effects == {"Allow"} or request.principal is ROOT
    else:
        assert (effects, decision.blocked is None) == (set(), False)


json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('a*:{}\\"\u65e5'),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Version", "Statement", "Effect", "Action", "Principal", "Condition", "AWS", "Bool"]),
            inner,
        )
    ),
).map(json.dumps)


@given(text=st.text() | st.text('{}[]:,"\\u0dabc \n') | json_texts, kind=st.sampled_from(PolicyType))
def test_any_text_is_read_or_refused_with_a_place(text: str, kind: PolicyType) -> None:
    for reading in (parse, lambda given: check(kind, given)):
        try:
            reading(text)
        except MalformedPolicyDocument as refused:
            finding = refused.findings[0]
            assert finding.line is not None and finding.column is not None
            lines = text.split("\n")
            assert 1 <= finding.line <= len(lines)
            assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
        except InvalidInput as refused:
            assert refused.field
