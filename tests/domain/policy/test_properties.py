"""What must hold of every policy and every request."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from iamgraph.domain.errors import InvalidInput, MalformedPolicyDocument
from iamgraph.domain.policy.document import Statement, parse
from iamgraph.domain.policy.evaluate import (
    Bound,
    Layers,
    Match,
    Outcome,
    Policy,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)  # fmt: skip
from iamgraph.domain.policy.grammar import PolicyType, check
from tests.domain.policy.documents import document, printed
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
    on_resource = kind in (PolicyKind.RESOURCE, PolicyKind.TRUST, PolicyKind.RESOURCE_CONTROL)
    several = st.lists(statements(effect, on_resource), min_size=1, max_size=3)
    return several.map(lambda found: policy(kind, {"Version": "2012-10-17", "Statement": found}))


managed = st.lists(documents(PolicyKind.MANAGED), max_size=3)
LIMITS = (PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL)
levels = {kind: st.lists(st.lists(documents(kind), max_size=2), max_size=2) for kind in LIMITS}
layers = st.builds(
    Layers,
    identity=managed,
    boundary=st.none() | documents(PolicyKind.PERMISSIONS_BOUNDARY),
    session=st.none() | st.lists(documents(PolicyKind.SESSION), max_size=2),
    resource=st.none() | documents(PolicyKind.RESOURCE),
    service_control=levels[PolicyKind.SERVICE_CONTROL],
    resource_control=levels[PolicyKind.RESOURCE_CONTROL],
)
requests = st.builds(
    Request,
    principal=st.sampled_from([USER, SESSION, FEDERATED, ROOT, NOBODY]),
    action=st.sampled_from(["s3:GetObject", "S3:putobject", "ec2:RunInstances"]),
    resource=st.sampled_from(["arn:aws:s3:::b/a/x", "arn:aws:s3:::c", "*"]),
    resource_account=st.sampled_from([HOME, AWAY]),
    context=st.sampled_from([{}, {"aws:tag": "x", "aws:username": "a"}, {"aws:tag": "a", "aws:TagKeys": ["x1", "y"]}]),
)


def changed(layers: Layers, change: Callable[[Policy], Policy], turn: bool = False) -> Layers:
    """The same layers with each policy changed, and each list of policies turned round."""

    def several(policies: Sequence[Policy]) -> list[Policy]:
        return [change(one) for one in (reversed(policies) if turn else policies)]

    return Layers(
        identity=several(layers.identity),
        boundary=None if layers.boundary is None else change(layers.boundary),
        session=None if layers.session is None else several(layers.session),
        resource=None if layers.resource is None else change(layers.resource),
        service_control=[several(level) for level in layers.service_control],
        resource_control=[several(level) for level in layers.resource_control],
    )


@given(request=requests, before=layers, seed=st.integers(0, 2))
def test_order_never_matters(request: Request, before: Layers, seed: int) -> None:
    def shuffled(one: Policy) -> Policy:
        written = json.loads(one.policy.document.text)
        written["Statement"] = written["Statement"][seed:] + written["Statement"][:seed]
        return policy(one.kind, written)

    decision, other = evaluate(request, before), evaluate(request, changed(before, shuffled, turn=True))
    assert (other.outcome, other.blocked) == (decision.outcome, decision.blocked)
    texts = [sorted(_text(match) for match in one.because) for one in (decision, other)]
    assert texts[0] == texts[1]
    assert other.missing_context == decision.missing_context


def _text(match: Match) -> str:
    span = match.statement.span
    return match.policy.policy.document.text[span.start : span.end]


WHERE = st.sampled_from(["identity", "boundary", "session", "resource", "service_control", "resource_control"])
KINDS = {
    "identity": PolicyKind.MANAGED, "boundary": PolicyKind.PERMISSIONS_BOUNDARY, "session": PolicyKind.SESSION,
    "resource": PolicyKind.RESOURCE, "service_control": PolicyKind.SERVICE_CONTROL,
    "resource_control": PolicyKind.RESOURCE_CONTROL,
}  # fmt: skip


def grown(layers: Layers, where: str, statement: dict[str, Any]) -> Layers:
    """The layers with a statement more: in the first policy of a layer, or in a new one where the layer has policies of
    its own number. A layer that is not there stays away: a new one would limit."""

    def more(one: Policy) -> Policy:
        written = json.loads(one.policy.document.text)
        return policy(one.kind, document(*written["Statement"], statement))

    found = getattr(layers, where)
    if where in ("boundary", "resource"):
        return layers if found is None else replace(layers, **{where: more(found)})
    added = policy(KINDS[where], document(statement))
    if where in ("service_control", "resource_control"):
        return replace(layers, **{where: [[*level, added] for level in found]})
    return layers if found is None else replace(layers, **{where: [*found, added]})


@given(request=requests, before=layers, where=WHERE, data=st.data())
def test_a_deny_never_allows(request: Request, before: Layers, where: str, data: st.DataObject) -> None:
    deny = data.draw(statements("Deny", where.startswith("resource")))
    after = evaluate(request, grown(before, where, deny))
    assert not after.allowed or evaluate(request, before).allowed


@given(request=requests, before=layers, where=WHERE, data=st.data())
def test_an_allow_never_denies(request: Request, before: Layers, where: str, data: st.DataObject) -> None:
    allow = data.draw(statements("Allow", where.startswith("resource")))
    after = evaluate(request, grown(before, where, allow))
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


@given(request=requests, before=layers, level=st.lists(documents(PolicyKind.SERVICE_CONTROL), max_size=2))
def test_a_level_of_control_never_widens(request: Request, before: Layers, level: list[Policy]) -> None:
    free = evaluate(request, before)
    assert (
        free.allowed or not evaluate(request, replace(before, service_control=[*before.service_control, level])).allowed
    )


@given(request=requests, before=layers)
def test_the_named_statements_decide(request: Request, before: Layers) -> None:
    """Without the denies that are named nothing is denied explicitly, without the allows nothing is allowed."""
    decision = evaluate(request, before)
    named = {id(match.statement) for match in decision.because}

    def without(one: Policy) -> Policy:
        # A statement about nobody's action in the place of each that is named.
        kept = [json.loads(one.policy.document.text)["Statement"][i] for i, s in enumerate(one.policy.document.statements)
                if id(s) not in named]  # fmt: skip
        return policy(one.kind, document(*kept, {"Effect": "Allow", "Action": "x:Y", "Resource": "*"}))

    after = evaluate(request, changed(before, without))
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        assert after.outcome is not Outcome.EXPLICITLY_DENIED
    elif decision.allowed and decision.because:
        assert not after.allowed or request.principal is ROOT


@given(request=requests, before=layers, resources=st.lists(st.sampled_from(["*", "arn:aws:s3:::b/a/x"]), max_size=3))
def test_what_is_bound_answers_as_what_is_not(request: Request, before: Layers, resources: list[str]) -> None:
    bound = Bound(request.principal, request.context, before)
    for resource in (*resources, request.resource, request.resource):
        decision = bound.decide(request.action, resource, request.resource_account)
        alone = evaluate(replace(request, resource=resource), changed(before, lambda one: one))
        assert (decision.outcome, decision.blocked) == (alone.outcome, alone.blocked)
        assert [_text(match) for match in decision.because] == [_text(match) for match in alone.because]
        assert decision.near == bound.decide(request.action, resource, request.resource_account).near


RESOURCES = ("*", "arn:aws:s3:::b/a/x", "arn:aws:s3:::c", "arn:aws:s3:::b/x", "arn:aws:s3:::")


@given(request=requests, before=layers, resources=st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=9))
def test_many_resources_are_decided_as_each(request: Request, before: Layers, resources: list[str]) -> None:
    """By decisions that the same statements made, and of which each resource's own is made."""
    bound = Bound(request.principal, request.context, before)
    found = bound.decide_alike(request.action, resources, request.resource_account)
    for resource, alike in zip(resources, found, strict=True):
        alone = evaluate(replace(request, resource=resource), before)
        own = alike.on(resource)
        for one in (alike, own):
            assert (one.outcome, one.because, one.blocked, one.reason) == (
                alone.outcome, alone.because, alone.blocked, alone.reason,
            )  # fmt: skip
        assert (own.request, own.near, own.missing_context) == (alone.request, alone.near, alone.missing_context)
    assert bound.at_once(request.action) >= 1


@given(request=requests, before=layers)
def test_what_came_close_would_have_applied(request: Request, before: Layers) -> None:
    """Each statement that is told as near applies once its conditions are taken away."""
    decision = evaluate(request, before)
    wanted = {Outcome.ALLOWED: "Deny", Outcome.IMPLICITLY_DENIED: "Allow"}.get(decision.outcome)
    assert len(decision.near) <= 10
    for near in decision.near:
        assert near.match.effect == wanted and near.unmet
        statement = {**json.loads(_text(near.match)), "Condition": {}}
        where = next(name for name, kind in KINDS.items() if kind is near.match.kind)
        after = evaluate(request, grown(before, where, statement))
        if wanted == "Deny":
            assert after.outcome is Outcome.EXPLICITLY_DENIED
        else:
            assert after.allowed or after.blocked is not None


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


whole = documents(PolicyKind.MANAGED) | documents(PolicyKind.RESOURCE)


@given(one=whole, version=st.sampled_from(["2008-10-17", "2012-10-17"]), indent=st.sampled_from([None, 2]))
def test_reading_what_was_printed_gives_the_same(one: Policy, version: str, indent: int | None) -> None:
    written = {**json.loads(one.policy.document.text), "Version": version}
    first = parse(json.dumps(written, indent=indent))
    again = parse(printed(first))
    assert printed(again) == printed(first)
    assert [_elements(statement) for statement in again.statements] == [_elements(s) for s in first.statements]
    assert again.version == first.version == version


def _elements(statement: Statement) -> dict[str, Any]:
    return {
        field.name: getattr(statement, field.name) for field in fields(Statement) if field.name not in ("span", "node")
    }


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


@given(one=whole, cuts=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3)), max_size=3))
def test_any_bytes_are_read_or_refused_with_a_place(one: Policy, cuts: list[tuple[int, bytes, int]]) -> None:
    raw = one.policy.document.text.encode()
    for place, put, taken in cuts:
        raw = raw[:place] + put + raw[place + taken :]
    for text in (raw.decode("latin-1"), raw.decode(errors="surrogateescape")):
        test_any_text_is_read_or_refused_with_a_place.hypothesis.inner_test(text, PolicyType.RESOURCE)
