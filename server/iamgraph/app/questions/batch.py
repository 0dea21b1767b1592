"""Many questions about one principal, answered together: what they have in common is worked out once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from ...domain.arn import SERVICE
from ...domain.entities import Role
from ...domain.policy.evaluate import Bound, Decision
from ..decide import Asker, bound
from ..turns import Turns
from .question import (
    ContextEntries,
    Question,
    account_of,
    common_start,
    named_alike,
    need_of,
    service_if_owns,
    trust_actions,
)

_BOUNDS = 64
"""For how many different contexts of a batch what further questions want is kept at hand."""


class Decisions:
    """The decisions on a batch's questions, in their order. `alike` has in the place of each one that has the same outcome,
    reason and deciding statements; there are few of those. What tells more is made when it is asked for."""

    __slots__ = ("_resources", "alike")

    def __init__(self, alike: Sequence[Decision], resources: Sequence[str]) -> None:
        self.alike, self._resources = alike, resources

    def __len__(self) -> int:
        return len(self.alike)

    def __iter__(self) -> Iterator[Decision]:
        return map(Decision.on, self.alike, self._resources)

    def __getitem__(self, place: int) -> Decision:
        return self.alike[place].on(self._resources[place])


async def answers(asker: Asker, questions: Sequence[Question], roles: Mapping[str, Role], turns: Turns) -> Decisions:
    """What `question.answer` says to each. What questions of one context, whose resources are of one account, have in
    common is bound once; those on one action are decided together."""
    columns: Any = zip(*questions, strict=True)
    actions, resources, contexts, _, _ = columns
    own = asker.principal.account or ""
    groups: dict[tuple[str, ContextEntries, str, str | None], list[int]] = defaultdict(list)
    for place, group in enumerate(zip(actions, contexts, _owners(resources, own), _trusting(questions), strict=False)):
        groups[group].append(place)
    bounds: dict[tuple[ContextEntries, str, str | None], Bound] = {}
    decided: list[Any] = [None] * len(questions)
    for (action, context, owner, role), places in groups.items():
        found = bounds.get((context, owner, role))
        if found is None:
            if len(bounds) >= _BOUNDS:
                _forget(bounds)
            question = questions[places[0]]._replace(context=named_alike(asker, context))
            found = bounds[context, owner, role] = bound(asker, need_of(question, asker, roles))
        account = own if owner == SERVICE else owner
        while places:
            if turns.is_over:
                await turns.give()
            # One by one where even that is long.
            several = 1 if len(places) == 1 or turns.is_over else found.at_once(action)
            now, places = places[:several], places[several:]
            alike = found.decide_alike(action, [resources[place] for place in now], account)
            for place, decision in zip(now, alike, strict=True):
                decided[place] = decision
    _forget(bounds)
    return Decisions(decided, resources)


def _owners(resources: Sequence[str], own: str) -> Sequence[str]:
    """Who owns each resource: the account that it names, the service itself, or the asker's account."""
    start = common_start(resources)
    named = account_of(start) if start else None
    if named:
        return [named] * len(resources)
    return [account_of(resource) or service_if_owns(resource) or own for resource in resources]


def _trusting(questions: Sequence[Question]) -> Iterator[str | None]:
    """For each question the role whose trust policy has a say, which it has for that role alone."""
    trusted = trust_actions(questions)
    if not trusted:
        return repeat(None)
    return (question.resource if question.action in trusted else None for question in questions)


def _forget(bounds: dict[Any, Bound]) -> None:
    for one in bounds.values():
        one.forget()
    bounds.clear()
