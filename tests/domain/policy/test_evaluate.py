"""What a decision tells: the statements that made it, what was missing, and which kind of policy said nothing."""

from __future__ import annotations

from typing import Any

import pytest

from iamgraph.domain.policy.evaluate import (
    Lacking,
    Layers,
    Outcome,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from tests.policy_cases import policy

HOME, AWAY = "111122223333", "444455556666"
ALICE = Principal(kind=PrincipalKind.USER, arn=f"arn:aws:iam::{HOME}:user/alice", account=HOME)
ROLE = f"arn:aws:iam::{HOME}:role/App"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


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


def test_missing_context_is_what_was_read_and_not_there() -> None:
    mine = {**ALL, "Resource": "arn:aws:s3:::b/${aws:UserName}"}
    guarded = {**ALL, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    elsewhere = {**ALL, "Action": "ec2:*", "Condition": {"Bool": {"ec2:Anything": "true"}}}
    decision = evaluate(asks(), Layers(identity=[policy(PolicyKind.INLINE, document(mine, guarded, elsewhere))]))
    assert decision.missing_context == ("aws:SecureTransport", "aws:UserName")


def test_layers_go_from_one_resource_to_the_next() -> None:
    def bucket(effect: str) -> Layers:
        statement = {"Effect": effect, "Action": "s3:*", "Resource": "*", "Principal": "*"}
        return mine.with_resource(policy(PolicyKind.RESOURCE, document(statement)))

    mine = Layers(identity=[policy(PolicyKind.MANAGED, document(OTHER))])
    outcomes = [evaluate(asks(), layers).outcome for layers in (mine, bucket("Allow"), bucket("Deny"), mine)]
    denied = Outcome.IMPLICITLY_DENIED
    assert outcomes == [denied, Outcome.ALLOWED, Outcome.EXPLICITLY_DENIED, denied]
