"""Simulated policies, and the context keys that policies read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from ....app.questions import context_keys, simulate
from ....app.questions.simulation import Simulation
from ..action import Action, Asked
from ..models import Structure
from .base import page

_DIFFERS = "see [simulating](simulating.md)"


def _described(value: Any) -> Any:
    """A result in AWS's words, which are its fields' names."""
    if is_dataclass(value):
        # What is not for showing is not AWS's either.
        shown = [field.name for field in fields(value) if field.repr]
        return {"".join(map(str.capitalize, name.split("_"))): _described(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        return {key: _described(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_described(one) for one in value]
    return value.value if isinstance(value, Enum) else value


def _keys(found: Sequence[str], asked: Asked) -> Structure:
    return {"ContextKeyNames": list(found)}


def _points(simulation: Simulation) -> int:
    """One for each decision, and one more for each 1,024 characters of the policies that were given."""
    decisions = max(1, len(simulation.action_names)) * len(simulation.resources)
    return decisions * (1 + simulation.characters // 1024)


_results = page("EvaluationResults", _described)
ACTIONS: Mapping[str, Action] = {
    "SimulatePrincipalPolicy": Action(
        operation=simulate.SimulatePrincipalPolicy, answer=_results, points=_points, differs=_DIFFERS
    ),
    "SimulateCustomPolicy": Action(
        operation=simulate.SimulateCustomPolicy, answer=_results, points=_points, differs=_DIFFERS
    ),
    "GetContextKeysForPrincipalPolicy": Action(
        operation=context_keys.GetContextKeysForPrincipalPolicy, answer=_keys, differs=_DIFFERS
    ),
    "GetContextKeysForCustomPolicy": Action(
        operation=context_keys.GetContextKeysForCustomPolicy, answer=_keys, differs=_DIFFERS
    ),
}
