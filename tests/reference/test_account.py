"""An account's own services in the lint: the findings that AWS's services would have, as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iamgraph.domain.policy.lint import ValidationType, lint
from iamgraph.domain.policy.reference import Together
from iamgraph.reference.account import AccountReference
from iamgraph.reference.aws import AwsReference

from ..own_services import orders

CASES = Path(__file__).parents[1] / "cases" / "own_services.jsonl"
"""Each a policy about the service `orders`, with its findings to those who know the service."""
KNOWN = Together((AccountReference([orders()]), AwsReference()))


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CASES.read_text().splitlines()]


def test_there_are_cases() -> None:
    assert len({case["id"] for case in cases()}) == len(cases()) > 20


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["id"]))
def test_findings(case: dict[str, Any]) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": case["statement"]}, indent=1)
    found = lint(text, ValidationType.IDENTITY_POLICY, KNOWN)
    told = [
        {"type": one.severity.value, "code": one.code, "line": one.line, "column": one.column, "says": one.message}
        for one in found
    ]
    assert told == case["findings"]


def test_to_others_there_is_no_such_service() -> None:
    """Another account's reference knows nothing of it, nor does a document's own misspelling of it find it."""
    text = json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "orders:CancelOrder", "Resource": "arn:aws:orders:us-east-1:111122223333:order/7",
        "Condition": {"StringEquals": {"orders:Channel": "web"}},
    }})  # fmt: skip
    assert lint(text, ValidationType.IDENTITY_POLICY, KNOWN) == ()
    other = Together((AccountReference([]), AwsReference()))
    found = lint(text, ValidationType.IDENTITY_POLICY, other)
    assert [one.code for one in found] == ["INVALID_SERVICE_IN_ACTION", "INVALID_SERVICE", "INVALID_SERVICE"]
    assert all("did you mean" not in one.message for one in found)
