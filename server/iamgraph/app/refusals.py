"""What policy refuses, and what a caller is told of it: nothing of a target that it may not know of."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from ..domain.errors import IamError, InvalidInput
from ..domain.policy.evaluate import Decision
from .caller import Caller
from .decide import allows, denied, is_refused
from .meters import Meters
from .operation import Beside, Need, Operation, check


class Refusals:
    """Decides, and measures that."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def first(
        self, caller: Caller, op: Operation[Any], target: Any, resources: list[str], *, is_known: bool = False
    ) -> IamError | None:
        """The first refusal among what `op` needs, or None. The resources that are asked about go to `resources`.
        `is_known`: the request has shown the target to the caller already."""
        for need in op.needs(caller, target):
            resources.append(need.resource)
            decision = self.decided(caller, need)
            if is_refused(need, decision):
                if is_known:
                    return denied(caller, need, decision, need.resource)
                return self._explained(caller, op, target, need, decision)
        return None

    def decided(self, caller: Caller, need: Need) -> Decision:
        """The engine's answer to one need of the caller."""
        began = perf_counter()
        decision = allows(caller, need)
        self._meters.decided(perf_counter() - began)
        return decision

    def _explained(self, caller: Caller, op: Operation[Any], target: Any, need: Need, decision: Decision) -> IamError:
        """The refusal as the caller may see it. INVARIANT: a caller that may not know of the target gets what it would get
        if the target did not exist, to the letter."""
        if need.beside is not None:
            return self._explained_beside(caller, op, need, need.beside, decision)
        if target is None or self._may_know(caller, op, target):
            return denied(caller, need, decision, need.resource if target is not None else need.asked)
        for alike in op.needs(caller, None):
            without = self.decided(caller, alike)
            if is_refused(alike, without):
                return denied(caller, alike, without, alike.asked)
        refusal = denied(caller, need, decision, need.resource)
        shown = invalid(op) or op.on.missing(caller, op)
        if shown is None:
            return refusal
        shown.truth = refusal
        return shown

    def _explained_beside(
        self, caller: Caller, op: Operation[Any], need: Need, beside: Beside, decision: Decision
    ) -> IamError:
        """The same of an entity beside the target: see `Beside`."""
        refusal = denied(caller, need, decision, need.resource)
        if not is_refused(beside.know, self.decided(caller, beside.know)):
            return refusal
        without = self.decided(caller, beside.absent)
        if is_refused(beside.absent, without):
            return denied(caller, beside.absent, without, beside.absent.asked)
        shown = invalid(op) or beside.missing
        shown.truth = refusal
        return shown

    def _may_know(self, caller: Caller, op: Operation[Any], target: Any) -> bool:
        if op.on.know is None:
            return False
        need = Operation.need(op, caller, target, op.on.know)
        return not is_refused(need, self.decided(caller, need))


def invalid(op: Operation[Any]) -> InvalidInput | None:
    """What is wrong with an operation's parameters. It is told only to callers that may perform the operation."""
    try:
        check(op)
    except InvalidInput as error:
        return error
    return None
