"""Which roles rules offer to somebody, with each rule's verdict.

Every rule that holds adds its roles, and one that denies takes roles away wherever it stands, as a Deny does in a policy.
What is offered is not yet given: the role's trust policy must agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..entities import Tag
from ..errors import InvalidInput
from ..tags import check_tags
from .claims import Identity, Path
from .overage import left_out
from .rules import CLAIM, Rule, RuleTag, Test, offered

MAXIMUM_OFFERS: Final = 200
MAXIMUM_VALUES: Final = 1000
MAXIMUM_LENGTH: Final = 2048
"""How many values may stand at a path that a rule reads, and how long each may be."""
_SHOWN: Final = 3
_SHOWN_LENGTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A role that may be taken on sign-in. `max_session` is in seconds, the least that a rule sets; None where none does.
    `rules` are the names of the rules that offer it."""

    role: str
    tags: tuple[Tag, ...]
    max_session: int | None
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule said. `reason` says why it did not hold, or what it gave; `roles` are those that it offered, or took
    away."""

    rule: str
    holds: bool
    reason: str
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What rules make of somebody. `refusal` says why nothing is offered whatever the verdicts."""

    offers: tuple[Offer, ...]
    verdicts: tuple[Verdict, ...]
    refusal: str | None = None


def mapped(rules: Sequence[Rule], identity: Identity) -> Mapped:
    """The roles that the rules offer, by ARN, and every rule's verdict in the rules' order."""
    unread = (_unreadable(path, identity) for path in dict.fromkeys(path for rule in rules for path in rule.paths))
    refusal = next((reason for reason in unread if reason is not None), None)
    if refusal is not None:
        return Mapped(offers=(), verdicts=(), refusal=refusal)
    offers: dict[str, Offer] = {}
    verdicts = {rule.name: _offered(rule, identity, offers) for rule in rules if rule.effect == "offer"}
    verdicts |= {rule.name: _denied(rule, identity, offers) for rule in rules if rule.effect == "deny"}
    return Mapped(
        offers=tuple(offers[role] for role in sorted(offers)), verdicts=tuple(verdicts[rule.name] for rule in rules)
    )


def _unreadable(path: Path, identity: Identity) -> str | None:
    """Why no rule can be asked where one of them reads the path: what it would see is not what the provider knows."""
    if left_out(identity, path):
        return (
            f"the provider left {path} out because it holds too much, so the rules that read it can't be asked: have it send"
            " only groups that are assigned to this application, or application roles instead"
        )
    values = path.of(identity)
    if len(values) > MAXIMUM_VALUES:
        return f"{path} has {len(values)} values; at most {MAXIMUM_VALUES} are looked at: have the provider send fewer"
    if any(len(value) > MAXIMUM_LENGTH for value in values):
        return f"{path} has a value of more than {MAXIMUM_LENGTH} characters, which no rule is asked about"
    return None


def _offered(rule: Rule, identity: Identity, offers: dict[str, Offer]) -> Verdict:
    failed = _failed(rule, identity)
    if failed is not None:
        return Verdict(rule=rule.name, holds=False, reason=failed)
    fillings = _fillings(rule, identity)
    if not fillings:
        assert rule.each is not None
        values = _shown(rule.each.path.of(identity))
        return Verdict(
            rule=rule.name, holds=False, reason=f"{rule.each.path} is {values}: none is {rule.each.pattern.text}"
        )
    tags = _tags(rule.tags, identity)
    if isinstance(tags, str):
        return Verdict(rule=rule.name, holds=False, reason=tags)
    spelt = (offered(role, holes) for holes in fillings for role in rule.roles)
    roles = tuple(dict.fromkeys(role for role in spelt if role is not None))
    if not roles:
        return Verdict(rule=rule.name, holds=False, reason="what stands in the value spells no role's ARN")
    made = {
        role: _merged(offers.get(role), Offer(role=role, tags=tags, max_session=rule.max_session, rules=(rule.name,)))
        for role in roles
    }
    clash = next((role for role, offer in made.items() if offer is None), None)
    if clash is not None:
        reason = f'it gives {clash} a tag with another value than the rule "{offers[clash].rules[-1]}" does'
        return Verdict(rule=rule.name, holds=False, reason=reason)
    if len(offers | made) > MAXIMUM_OFFERS:
        return Verdict(rule=rule.name, holds=False, reason=f"more than {MAXIMUM_OFFERS} roles would be offered")
    offers |= {role: offer for role, offer in made.items() if offer is not None}
    return Verdict(rule=rule.name, holds=True, reason="offers its roles", roles=roles)


def _denied(rule: Rule, identity: Identity, offers: dict[str, Offer]) -> Verdict:
    failed = _failed(rule, identity)
    if failed is not None:
        return Verdict(rule=rule.name, holds=False, reason=failed)
    taken = tuple(role for role in sorted(offers) if any(matches(role) for matches in rule.denied))
    for role in taken:
        del offers[role]
    return Verdict(
        rule=rule.name, holds=True, reason="takes roles away" if taken else "no such role was offered", roles=taken
    )


def _failed(rule: Rule, identity: Identity) -> str | None:
    """Why a rule does not hold: its first test that fails."""
    for test in rule.tests:
        values = test.path.of(identity)
        if not _passes(test, values, denies=rule.effect == "deny"):
            held = f"is {_shown(values)}" if values else "is missing"
            many = " (a list: use ForAnyValue)" if len(values) > 1 and ":" not in test.condition.operator else ""
            return f"{test.path} {held}{many}, which is not {test.condition.operator} {_shown(test.condition.values)}"
    return None


def _passes(test: Test, values: tuple[str, ...], *, denies: bool) -> bool:
    """Whether a test holds. A list of one is one value, for providers write it either way. An operator without ForAnyValue
    or ForAllValues never holds for a longer list, but in a rule that denies it holds where it does for one of the values."""
    if len(values) <= 1:
        return test.compiled.test({CLAIM: values[0]} if values else {})
    if test.compiled.test({CLAIM: values}):
        return True
    return denies and ":" not in test.condition.operator and any(test.compiled.test({CLAIM: one}) for one in values)


def _fillings(rule: Rule, identity: Identity) -> list[Mapping[str, str]]:
    if rule.each is None:
        return [{}]
    return [holes for value in rule.each.path.of(identity) if (holes := rule.each.pattern.match(value)) is not None]


def _tags(wanted: Iterable[RuleTag], identity: Identity) -> tuple[Tag, ...] | str:
    """The tags, without those of which the provider says nothing; or why one can't be given."""
    made: list[Tag] = []
    for tag in wanted:
        values = (tag.value,) if isinstance(tag.value, str) else tag.value.of(identity)
        if len(values) > 1:
            return f"the tag {tag.key} has one value, and {tag.value} is {_shown(values)}"
        made += [Tag(key=tag.key, value=value) for value in values]
    try:
        check_tags(made)
    except InvalidInput as refused:
        return str(refused)
    return tuple(made)


def _merged(before: Offer | None, added: Offer) -> Offer | None:
    """Both offers of a role as one, or None where they give a tag two values."""
    if before is None:
        return added
    tags = {tag.key.lower(): tag for tag in before.tags}
    for tag in added.tags:
        if tags.setdefault(tag.key.lower(), tag).value != tag.value:
            return None
    lengths = [length for length in (before.max_session, added.max_session) if length is not None]
    return Offer(
        role=added.role,
        tags=tuple(tags.values()),
        max_session=min(lengths, default=None),
        rules=(*before.rules, *added.rules),
    )


def _shown(values: Sequence[str]) -> str:
    """Values for a reader: the first three, each cut to 64 characters."""
    first = ", ".join(f'"{value[:_SHOWN_LENGTH]}"' for value in values[:_SHOWN])
    return first + (f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "") if values else "nothing"
