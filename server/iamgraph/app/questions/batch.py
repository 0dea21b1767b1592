"""Many questions about one principal, answered together: what they have in common is worked out once."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ...domain.arn import SERVICE
from ...domain.entities import Role
from ...domain.policy.evaluate import Bound, Decision
from ..decide import Asker, bound
from ..turns import Turns
from .question import ContextEntries, Question, account_of, named_alike, need_of, service_if_owns, trust_actions

K = TypeVar("K")
V = TypeVar("V")
Circumstances = tuple[ContextEntries, str, str | None]
"""What questions have in common that share their bound policies: a context, who owns the resource (an account, or the
service itself), and the role whose trust policy has a say, which it has for that role alone."""
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

    def circumstances(self, own: str) -> Sequence[Circumstances]:
        """Those of each; the account `own` has what names no other. Only one where all have the same."""
        named = account_of(self.start) if self.start else None
        if named and not self.trusted and len({*self.contexts}) == 1:
            return [(self.contexts[0], named, None)]
        return [
            (
                context,
                named or account_of(resource) or service_if_owns(resource) or own,
                resource if action in self.trusted else None,
            )
            for action, resource, context in zip(self.actions, self.resources, self.contexts, strict=True)
        ]


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
    """What `question.answer` says to each. For questions of the same circumstances policies are bound once; those on one
    action are decided together."""
    several = questions.circumstances(asker.principal.account or "")
    asked = _Asked(asker, roles, turns)
    if len(several) == 1:
        alike = await asked.decided(several[0], questions.actions, questions.resources)
    else:
        pairs = zip(questions.actions, questions.resources, strict=True)
        groups = {one: zip(*found, strict=True) for one, found in _grouped(several, pairs).items()}
        alike = _in_order(several, {one: await asked.decided(one, *columns) for one, columns in groups.items()})
    return Decisions(alike, questions.resources)


class _Asked:
    """About whom a batch asks, and whose turn it is."""

    def __init__(self, asker: Asker, roles: Mapping[str, Role], turns: Turns) -> None:
        self._asker, self._roles, self._turns = asker, roles, turns

    async def decided(
        self, circumstances: Circumstances, actions: Sequence[str], resources: Sequence[str]
    ) -> Sequence[Decision]:
        """The decisions on questions of the same circumstances."""
        context, owner, _ = circumstances
        question = Question(actions[0], resources[0], named_alike(self._asker, context))
        found = bound(self._asker, need_of(question, self._asker, self._roles))
        account_id = (self._asker.principal.account or "") if owner == SERVICE else owner
        groups = _grouped(actions, resources)
        decided = {action: await self._on_one(found, action, some, account_id) for action, some in groups.items()}
        # There may be a thousand of these, each kept by its decisions.
        found.forget()
        return _in_order(actions, decided)

    async def _on_one(self, found: Bound, action: str, resources: Sequence[str], account_id: str) -> Sequence[Decision]:
        """Those on one action, in stretches, between which others have their turn."""
        turns = self._turns
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


def _grouped(keys: Iterable[K], values: Iterable[V]) -> Mapping[K, Sequence[V]]:
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in zip(keys, values, strict=True):
        groups[key].append(value)
    return groups


def _in_order(keys: Iterable[K], groups: Mapping[K, Sequence[V]]) -> Sequence[V]:
    """What became of groups of values, in the order of the values."""
    found = {key: iter(group) for key, group in groups.items()}
    return [next(found[key]) for key in keys]
