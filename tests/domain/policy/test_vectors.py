"""The decisions, refusals and findings that are kept as data: each record must come out as it says, none may be missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.policy_cases import evaluate, validate

CASES = Path(__file__).parents[2] / "cases"


def records(name: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (CASES / name).read_text(encoding="utf-8").splitlines() if line]
    assert found, f"{name} holds no cases"
    return found


@pytest.mark.parametrize("case", records("policy_vectors.jsonl"), ids=lambda case: case["id"])
def test_a_decision_and_its_reason(case: dict[str, Any]) -> None:
    answer = evaluate(case)
    assert answer["decision"] == case["expect"], case["note"]
    expected = {reference(one) for one in case.get("deciding_any_of", ())}
    named = {reference(one) for one in answer["deciding"]}
    assert named <= expected if expected else True
    assert bool(named) or not expected


@pytest.mark.parametrize("case", records("policy_documents.jsonl"), ids=lambda case: case["id"])
def test_what_may_be_stored(case: dict[str, Any]) -> None:
    text = case.get("text") or json.dumps(case["document"], ensure_ascii=False)
    answer = validate(case["policy_type"], text)
    if case["kind"] != "reject":
        assert answer["error"] is None or case.get("api_rejects") == "unknown", case["note"]
        got = {(found["type"], found["code"]) for found in answer["findings"]}
        assert {(found["type"], found["code"]) for found in case.get("findings", ())} <= got
        return
    assert answer["error"] is not None, case["note"]
    assert answer["error"]["code"] == case["error"]["code"]
    if case["error"]["message"] is not None:
        assert answer["error"]["message"] == case["error"]["message"]
    if answer["error"]["code"] == "MalformedPolicyDocument":
        assert all(found["line"] >= 1 and found["column"] >= 1 for found in answer["findings"])
        assert answer["findings"], "a refusal says where"


def reference(one: dict[str, Any]) -> tuple[object, ...]:
    return (one["layer"], one.get("level"), one["policy"], one["statement"])
