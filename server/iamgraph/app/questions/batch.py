"""Many questions about one principal, answered together: what they have in common is worked out once."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from ...domain.arn import SERVICE
from ...domain.entities import Role
from ...domain.policy.evaluate import Bound, Decision
from ..decide import Asker, bound
from ..turns import Turns
from .question import ContextEntries, Question, account_of, named_alike, need_of, service_if_owns, trust_actions

_BOUNDS = 64
"""For how many different contexts of a batch what further questions want is kept at hand."""
_START = re.compile(r"arn:[\w-]+:[\w.-]+:[^:\s]*:[^:\s]*:", re.ASCII)


class Questions:
    """A batch's questions, one at least, in columns: to make a thousand objects would take as long as to answer them."""

    def __init__(self, actions: Sequence[str], resources: Sequence[str], contexts: Sequence[ContextEntries]) -> None:
        self.actions, self.resources, self.contexts = actions, resources, contexts
        self.start = _common_start(resources) if resources else None
        """How the resources start, their account included, where all start alike, as those of a batch mostly do."""
        self.trusted = trust_actions(actions)
        """The actions in which a role's trust policy has a say."""

    @classmethod
    def of(cls, questions: Iterable[Question]) -> Questions:
        actions, resources, contexts = zip(*((one.action, one.resource, one.context) for one in questions), strict=True)
        return cls(actions, resources, contexts)

    def __len__(self) -> int:
        return len(self.actions)

    def __iter__(self) -> Iterator[Question]:
        return map(Question, self.actions, self.resources, self.contexts)

    def __getitem__(self, place: int) -> Question:
        return Question(self.actions[place], self.resources[place], self.contexts[place])

    def owners(self, own: str) -> Sequence[str]:
        """Who owns each resource: the account that it names, the service itself, or the account `own`."""
        named = account_of(self.start) if self.start else None
        if named:
            return [named] * len(self)
        return [account_of(resource) or service_if_owns(resource) or own for resource in self.resources]

    def roles(self) -> Iterable[str | None]:
        """For each the role whose trust policy has a say, which it has for that role alone."""
        if not self.trusted:
            return repeat(None, len(self))
        several = zip(self.actions, self.resources, strict=True)
        return (resource if action in self.trusted else None for action, resource in several)


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


def _common_start(resources: Sequence[str]) -> str | None:
    found = _START.match(resources[0])
    if found is None:
        return None
    # What sorts between two texts that start alike starts alike.
    are_alike = min(resources).startswith(found[0]) and max(resources).startswith(found[0])
    return found[0] if are_alike else None


async def answers(asker: Asker, questions: Questions, roles: Mapping[str, Role], turns: Turns) -> Decisions:
    """What `question.answer` says to each. What questions of one context, whose resources are of one account, have in
    common is bound once; those on one action are decided together."""
    own = asker.principal.account or ""
    alike = [*zip(questions.actions, questions.contexts, questions.owners(own), questions.roles(), strict=True)]
    groups: dict[tuple[str, ContextEntries, str, str | None], list[str]] = defaultdict(list)
    for group, resource in zip(alike, questions.resources, strict=True):
        groups[group].append(resource)
    bounds: dict[tuple[ContextEntries, str, str | None], Bound] = {}
    decided: dict[Any, Iterator[Decision]] = {}
    for group, resources in groups.items():
        action, context, owner, role = group
        found = bounds.get((context, owner, role))
        if found is None:
            if len(bounds) >= _BOUNDS:
                _forget(bounds)
            question = Question(action, resources[0], named_alike(asker, context))
            found = bounds[context, owner, role] = bound(asker, need_of(question, asker, roles))
        decided[group] = iter(await _decided(found, action, resources, own if owner == SERVICE else owner, turns))
    _forget(bounds)
    return Decisions([next(decided[group]) for group in alike], questions.resources)


async def _decided(
    found: Bound, action: str, resources: Sequence[str], account_id: str, turns: Turns
) -> Sequence[Decision]:
    """See `Bound.decide_alike`: in stretches, between which others have their turn."""
    if turns.is_over:
        await turns.give()
    # One by one where even that is long.
    several = 1 if len(resources) == 1 or turns.is_over else found.at_once(action)
    if len(resources) <= several:
        return found.decide_alike(action, resources, account_id)
    decisions: list[Decision] = []
    while len(decisions) < len(resources):
        now = resources[len(decisions) : len(decisions) + several]
        decisions += found.decide_alike(action, now, account_id)
        if turns.is_over:
            await turns.give()
    return decisions


def _forget(bounds: dict[Any, Bound]) -> None:
    for one in bounds.values():
        one.forget()
    bounds.clear()
