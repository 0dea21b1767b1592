"""The cases that are data, as somebody who simulates would ask them: the same decisions, by the same statements."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iamgraph.app.kernel import Ask
from iamgraph.app.questions.simulate import OrderedOrganizationPolicy, SimulateCustomPolicy
from iamgraph.app.questions.supposed import ContextEntry
from iamgraph.domain.errors import IamError

from ...databases import fresh
from ...domain.policy.test_vectors import records, reference
from ...policy_cases import reference as as_named
from ...service import served
from ..asking import caller_of

REFUSED = {"resource-035": "must match", "variable-049": "can contain only one colon"}
"""What the engine decides, and nobody may ask or store."""


def simulation(case: Mapping[str, Any]) -> SimulateCustomPolicy | None:
    """The case as a simulation, where it can be one: users, roles and roots can be supposed, and session and resource
    control policies and unique ids can't. A role asks through the session `simulation`."""
    who = case["principal"]
    if who["type"] not in ("user", "role_session", "root") or case.get("session_policies") or case.get("rcps"):
        return None
    caller = who.get("role_arn") or who["arn"]
    text = json.dumps(case["resource_policy"]) if case.get("resource_policy") else None
    if text is not None and "unique_id" in who and who["unique_id"] in text:
        return None
    if text is not None and who["type"] == "role_session":
        text = text.replace(who["arn"], who["arn"].rpartition("/")[0] + "/simulation")
    return SimulateCustomPolicy(
        policy_input_list=tuple(json.dumps(one) for one in case["identity_policies"] or ()),
        permissions_boundary_policy_input_list=(json.dumps(case["boundary"]),) if case.get("boundary") else (),
        ordered_organization_policy_input_list=tuple(
            OrderedOrganizationPolicy(service_control_policy_input_list=tuple(json.dumps(one) for one in level))
            for level in case.get("scps") or ()
        ),
        action_names=(case["action"],),
        resource_arns=(case["resource"],),
        resource_policy=text,
        resource_owner=f"arn:aws:iam::{case['account']}:root",
        caller_arn=caller,
        context_entries=tuple(
            ContextEntry(context_key_name=key, context_key_values=(value,) if isinstance(value, str) else tuple(value))
            for key, value in case["context"].items()
        ),
    )


async def test_what_is_simulated_is_what_the_engine_decides(tmp_path: Path) -> None:
    cases = [(case, asked) for case in records("policy_vectors.jsonl") if (asked := simulation(case))]
    assert len(cases) == 394
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path) as service:
        answers = await service.kernel.fetch(await caller_of(service), [Ask(asked) for _, asked in cases])
    refused = {}
    for (case, _), answer in zip(cases, answers, strict=True):
        if isinstance(answer, IamError):
            refused[case["id"]] = answer.message
            continue
        (result,) = answer.items
        assert result.eval_decision.value == case["expect"], case["note"]
        expected = {reference(one) for one in case.get("deciding_any_of", ())}
        (made,) = result.simulated
        named = {reference(as_named(match)) for match in made.decision.because}
        assert named <= expected if expected else True, case["id"]
        assert bool(named) or not expected, case["id"]
    assert refused.keys() == REFUSED.keys()
    assert all(part in refused[id] for id, part in REFUSED.items())
