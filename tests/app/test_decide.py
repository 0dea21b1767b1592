"""What a refusal says: AWS's words for each kind of policy that denies or lacks the allow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iamgraph.app.caller import Caller, Origin
from iamgraph.app.decide import denied
from iamgraph.app.operation import Need
from iamgraph.domain.policy.evaluate import Lacking, PolicyKind
from iamgraph.domain.policy.evaluate import evaluate as decide

from ..policy_cases import layers, request

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases" / "access_denied.jsonl").read_text(encoding="utf-8").splitlines()
]
NEVER = {Lacking.RESOURCE_CONTROL}
"""Resource control policies only deny: full access is implied beside them (AWS Organizations User Guide, "RCPs")."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_refusal_is_in_awss_words(case: dict[str, Any]) -> None:
    """IAM User Guide, "Troubleshoot access denied error messages"."""
    asked = request(case)
    caller = Caller(
        origin=Origin(request_id="1", transport="TEST", ip_address=None, user_agent=None, is_secure=True),
        principal=asked.principal,
    )
    need = Need(action=asked.action, resource=asked.resource, asked=asked.resource, account_id=asked.resource_account)
    assert denied(caller, need, decide(asked, layers(case)), need.asked).message == case["message"]


def test_every_kind_of_policy_has_a_case() -> None:
    decisions = [decide(request(case), layers(case)) for case in CASES]
    assert {decision.blocked for decision in decisions} - {None} == set(Lacking) - NEVER
    denying = {match.kind for decision in decisions for match in decision.because}
    assert denying == set(PolicyKind) - {PolicyKind.INLINE}, "an inline policy is called as a managed one is"
