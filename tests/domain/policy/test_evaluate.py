"""What a decision tells: the statements that made it, what was missing, and which kind of policy said nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iamgraph.domain.policy.evaluate import (
    Decision,
    Lacking,
    Layers,
    Outcome,
    Policy,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from tests.domain.policy.documents import document
from tests.policy_cases import policy

HOME, AWAY = "111122223333", "444455556666"
ALICE = Principal(kind=PrincipalKind.USER, arn=f"arn:aws:iam::{HOME}:user/alice", account=HOME)
ROLE = f"arn:aws:iam::{HOME}:role/App"


ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
OTHER = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
ADMINISTRATOR = policy(PolicyKind.MANAGED, document(ALL))


def asks(action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/x", owner: str = HOME) -> Request:
    return Request(principal=ALICE, action=action, resource=resource, resource_account=owner)


def test_a_deny_of_the_trust_policy_is_named() -> None:
    named = {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": ALICE.arn}}
    trusting = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": HOME}}
    layers = Layers(identity=[ADMINISTRATOR], resource=policy(PolicyKind.TRUST, document(trusting, named)))
    decision = evaluate(asks("sts:AssumeRole", ROLE), layers)
    (match,) = decision.because
    assert decision.outcome is Outcome.EXPLICITLY_DENIED
    assert (match.kind, match.effect, match.statement_index) == (PolicyKind.TRUST, "Deny", 1)
    span = match.statement.span
    assert '"Deny"' in match.policy.policy.document.text[span.start : span.end]


@pytest.mark.parametrize(
    ("layers", "owner", "blocked"),
    [
        (Layers(), HOME, Lacking.IDENTITY),
        (
            Layers(identity=[ADMINISTRATOR], boundary=policy(PolicyKind.PERMISSIONS_BOUNDARY, document(OTHER))),
            HOME,
            Lacking.BOUNDARY,
        ),
        (
            Layers(identity=[ADMINISTRATOR], session=[policy(PolicyKind.SESSION, document(OTHER))]),
            HOME,
            Lacking.SESSION,
        ),
        (Layers(identity=[ADMINISTRATOR], session=[]), HOME, Lacking.SESSION),
        # Both lack it: the boundary holds for every session.
        (
            Layers(
                identity=[ADMINISTRATOR],
                boundary=policy(PolicyKind.PERMISSIONS_BOUNDARY, document(OTHER)),
                session=[policy(PolicyKind.SESSION, document(OTHER))],
            ),
            HOME,
            Lacking.BOUNDARY,
        ),
        (Layers(identity=[ADMINISTRATOR]), AWAY, Lacking.RESOURCE),
        (
            Layers(
                identity=[ADMINISTRATOR],
                service_control=[[ADMINISTRATOR], [policy(PolicyKind.SERVICE_CONTROL, document(OTHER))]],
            ),
            HOME,
            Lacking.SERVICE_CONTROL,
        ),
    ],
)
def test_what_an_implicit_deny_lacked(layers: Layers, owner: str, blocked: Lacking) -> None:
    decision = evaluate(asks(owner=owner), layers)
    assert (decision.outcome, decision.because, decision.blocked) == (Outcome.IMPLICITLY_DENIED, (), blocked)


def test_what_a_role_named_by_the_resource_lacked() -> None:
    """The grant stands for its own policies: what is wanted is the boundary."""
    session = Principal(
        kind=PrincipalKind.ROLE_SESSION, arn=f"arn:aws:sts::{HOME}:assumed-role/App/s", account=HOME, role_arn=ROLE
    )
    layers = Layers(
        boundary=policy(PolicyKind.PERMISSIONS_BOUNDARY, document(OTHER)),
        resource=policy(PolicyKind.RESOURCE, document({**ALL, "Principal": {"AWS": ROLE}})),
    )
    asked = replace(asks(), principal=session)
    assert evaluate(asked, layers).blocked is Lacking.BOUNDARY
    assert evaluate(replace(asked, resource_account=AWAY), layers).blocked is Lacking.IDENTITY


def test_missing_context_is_what_was_read_and_not_there() -> None:
    mine = {**ALL, "Resource": "arn:aws:s3:::b/${aws:UserName}"}
    guarded = {**ALL, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    elsewhere = {**ALL, "Action": "ec2:*", "Condition": {"Bool": {"ec2:Anything": "true"}}}
    compared = {"aws:PrincipalTag/team": ["${aws:ResourceTag/team}", "${aws:PrincipalTag/unit, 'none'}"]}
    tagged = {**ALL, "Condition": {"StringLike": compared, "ForAnyValue:Null": {"aws:TagKeys": "false"}}}
    of_others = {**guarded, "Principal": {"AWS": ROLE}, "Condition": {"Bool": {"aws:ViaAWSService": "true"}}}
    layers = Layers(
        identity=[policy(PolicyKind.INLINE, document(mine, guarded, elsewhere, tagged))],
        resource=policy(PolicyKind.RESOURCE, document(of_others)),
    )
    missing = ("aws:PrincipalTag/team", "aws:ResourceTag/team", "aws:SecureTransport", "aws:UserName")
    assert evaluate(asks(), layers).missing_context == missing


def test_layers_go_from_one_resource_to_the_next() -> None:
    def bucket(effect: str) -> Layers:
        statement = {"Effect": effect, "Action": "s3:*", "Resource": "*", "Principal": "*"}
        return mine.with_resource(policy(PolicyKind.RESOURCE, document(statement)))

    mine = Layers(identity=[policy(PolicyKind.MANAGED, document(OTHER))])
    outcomes = [evaluate(asks(), layers).outcome for layers in (mine, bucket("Allow"), bucket("Deny"), mine)]
    denied = Outcome.IMPLICITLY_DENIED
    assert outcomes == [denied, Outcome.ALLOWED, Outcome.EXPLICITLY_DENIED, denied]


def test_whoever_asks_for_ever_new_actions_does_not_fill_the_memory() -> None:
    """What is kept for a caller is bounded by statements, since an action may have many."""
    every = {"Effect": "Allow", "Action": "docs:*", "Resource": "arn:aws:docs:::page/1"}
    layers = Layers(identity=[policy(PolicyKind.MANAGED, document(*[every] * 200))])
    for number in range(500):
        decision = evaluate(asks(f"docs:Act{number}", "arn:aws:docs:::page/1"), layers)
        assert len(decision.because) == 200
    (tests,) = layers._tests.values()
    for kept in (layers._plans, layers._own_plans, tests):
        assert 0 < sum(len(made.identity) for made in kept.values()) <= 65_536


def conditional(kind: PolicyKind, *conditions: dict[str, Any], **more: Any) -> Policy:
    """A policy with a statement for each condition, otherwise of everything."""
    statements = [{**ALL, "Sid": str(i), "Condition": found, **more} for i, found in enumerate(conditions)]
    return policy(kind, document(*statements))


def near(decision: Decision) -> list[tuple[str, list[tuple[str, tuple[str, ...] | None, bool]]]]:
    return [
        (f"{one.match.kind.name} {one.match.statement.sid}", [(u.key, u.values, u.is_missing) for u in one.unmet])
        for one in decision.near
    ]


MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
TEAM = {"StringEquals": {"aws:PrincipalTag/team": ["a", "${aws:username}"]}}
TEAM_UNMET = ("aws:PrincipalTag/team", ("a", "${aws:username}"), True)


def test_what_came_close_to_allowing() -> None:
    """The layer that lacked an allow first, then by the number of conditions; what has no condition to blame is left out."""
    boundary = conditional(PolicyKind.PERMISSIONS_BOUNDARY, {**MFA, **TEAM})
    identity = conditional(PolicyKind.MANAGED, TEAM, {"Null": {"aws:username": "true"}})
    decision = evaluate(asks(), Layers(identity=[identity, ADMINISTRATOR], boundary=boundary))
    assert decision.blocked is Lacking.BOUNDARY
    assert near(decision) == [
        ("PERMISSIONS_BOUNDARY 0", [("aws:MultiFactorAuthPresent", ("true",), True), TEAM_UNMET]),
        ("MANAGED 0", [TEAM_UNMET]),
    ]
    many = evaluate(asks(), Layers(identity=[conditional(PolicyKind.MANAGED, *[{**MFA, **TEAM}] * 30, MFA)]))
    assert [len(one.unmet) for one in many.near] == [1] + [2] * 9


def test_what_came_close_to_denying() -> None:
    allow, deny = conditional(PolicyKind.MANAGED, MFA), conditional(PolicyKind.INLINE, MFA, Effect="Deny")
    decision = evaluate(asks(), Layers(identity=[ADMINISTRATOR, allow, deny]))
    assert near(decision) == [("INLINE 0", [("aws:MultiFactorAuthPresent", ("true",), True)])]
    denied = Layers(identity=[allow, policy(PolicyKind.MANAGED, document({**ALL, "Effect": "Deny"}))])
    assert evaluate(asks(), denied).near == ()


def test_what_is_not_told_of_what_came_close() -> None:
    """Nothing of guardrails, nor of the policies of another account's resources; and no external id."""
    guard = {"service_control": [[conditional(PolicyKind.SERVICE_CONTROL, MFA)]]}
    guarded = evaluate(asks(), Layers(identity=[ADMINISTRATOR], **guard))
    assert (guarded.blocked, guarded.near, guarded.missing_context) == (Lacking.SERVICE_CONTROL, (), ())
    resource_control = [[conditional(PolicyKind.RESOURCE_CONTROL, MFA, Effect="Deny", Principal="*")]]
    allowed = evaluate(asks(), Layers(identity=[ADMINISTRATOR], resource_control=resource_control))
    assert (allowed.allowed, allowed.near, allowed.missing_context) == (True, (), ())

    shared = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": HOME}, "Sid": "0"}
    secret = {**shared, "Condition": {"StringEquals": {"sts:ExternalId": "key to the door", "aws:username": "bob"}}}
    attached = replace(policy(PolicyKind.TRUST, document(secret)), attached_to="AROA")
    trusting = Layers(identity=[ADMINISTRATOR], resource=attached)
    unmet = [("sts:ExternalId", None, True), ("aws:username", ("bob",), True)]
    assert near(evaluate(asks("sts:AssumeRole", ROLE), trusting)) == [("TRUST 0", unmet)]
    assert evaluate(asks("sts:AssumeRole", ROLE), trusting).missing_context == ("aws:username", "sts:ExternalId")
    abroad = evaluate(asks("sts:AssumeRole", ROLE, AWAY), trusting)
    assert (abroad.blocked, abroad.near, abroad.missing_context) == (Lacking.TRUST, (), ())
    # What came with the question is the asker's own.
    given = evaluate(asks("sts:AssumeRole", ROLE, AWAY), trusting.with_resource(replace(attached, attached_to=None)))
    assert (near(given), given.missing_context) == ([("TRUST 0", unmet)], ("aws:username", "sts:ExternalId"))


SAID = {**OTHER, "Sid": "Said"}
NO = {**ALL, "Effect": "Deny", "Sid": "No"}


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        (Layers(identity=[policy(PolicyKind.INLINE, document(ALL))]), "Allowed by statement 1 of the inline policy."),
        (
            Layers(identity=[policy(PolicyKind.INLINE, document(ALL, {**ALL, "Sid": "Too"}))] * 2),
            "Allowed by statement 1 of the inline policy and 3 more.",
        ),
        (
            Layers(identity=[replace(ADMINISTRATOR, name="Admin", version_id="v3")]),
            "Allowed by statement 1 of the managed policy Admin (v3).",
        ),
        (
            Layers(identity=[ADMINISTRATOR], session=[policy(PolicyKind.SESSION, document(ALL, NO))]),
            "Denied by statement No of the session policy.",
        ),
        # Where in a guardrail a statement stands is not told.
        (
            Layers(service_control=[[replace(policy(PolicyKind.SERVICE_CONTROL, document(ALL, NO)), name="scp")]]),
            "Denied by statement No of the service control policy scp.",
        ),
        (
            Layers(resource_control=[[policy(PolicyKind.RESOURCE_CONTROL, document({**NO, "Sid": "", "Principal": "*"}))]]),
            "Denied by a statement of the resource control policy.",
        ),
        (Layers(), "Denied: no identity-based policy allows s3:GetObject."),
        (
            Layers(identity=[ADMINISTRATOR], boundary=policy(PolicyKind.PERMISSIONS_BOUNDARY, document(SAID))),
            "Denied: no permissions boundary allows s3:GetObject.",
        ),
    ],
)  # fmt: skip
def test_a_decision_in_one_sentence(layers: Layers, reason: str) -> None:
    assert evaluate(asks(), layers).reason == reason


def test_a_root_in_one_sentence() -> None:
    root = Principal(kind=PrincipalKind.ROOT, arn=f"arn:aws:iam::{HOME}:root", account=HOME)
    asked = replace(asks(), principal=root)
    assert evaluate(asked, Layers()).reason == "Allowed: the account's root may do what nothing denies."
    assuming = replace(asked, action="sts:AssumeRole", resource=ROLE)
    assert evaluate(assuming, Layers()).reason == "Denied: no policy can allow sts:AssumeRole."
