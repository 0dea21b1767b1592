"""Mapping rules as an administrator writes them: a JSON list of rules, each with a condition block of the policy language,
read into rules that can be asked.

    [{"name": "the on-call team", "if": {"ForAnyValue:StringEquals": {"claims.groups": "oncall"}},
      "roles": ["arn:aws:iam::111122223333:role/BreakGlass"], "max_session": 900},
     {"name": "a group spells its role", "each": {"value": "claims.groups", "pattern": "aws-{role}"},
      "roles": ["arn:aws:iam::111122223333:role/${role}"], "tags": {"team": "=claims.department"}},
     {"name": "no contractor", "effect": "deny", "if": {"StringEquals": {"claims.type": "contractor"}},
      "roles": ["arn:aws:iam::*:role/Admin"]}]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

from ..arn import parse_arn
from ..entities import Tag
from ..errors import InvalidInput
from ..policy.conditions import CompiledCondition, compiled_condition
from ..policy.document import Condition, conditions, strings
from ..policy.match import Matcher, wildcard
from ..policy.syntax import Kind, Node, read_json, refuse
from ..tags import check_tags
from .claims import Path, path
from .pattern import Pattern, pattern

MAXIMUM_RULES: Final = 100
MAXIMUM_ROLES: Final = 20
MAXIMUM_TAGS: Final = 50
MAXIMUM_NAME: Final = 128
SHORTEST_SESSION, LONGEST_SESSION = 900, 43200
CLAIM: Final = "claim"
"""The key under which a compiled test finds the values of its path."""

Effect = Literal["offer", "deny"]
_UNSTORABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HOLE: Final = re.compile(r"\$\{([^{}]*)\}")
_ELEMENTS: Final = ("name", "effect", "if", "each", "roles", "tags", "max_session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One condition of a rule: what it reads and what that must be."""

    path: Path
    condition: Condition
    compiled: CompiledCondition

    __test__ = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """A rule that holds once for each value at a path that matches a pattern."""

    path: Path
    pattern: Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTag:
    """A session tag that a rule gives: a text, or what stands at a path."""

    key: str
    value: str | Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `roles` are ARNs with `${hole}` in an offer, and patterns of ARNs in a denial. `max_session` is in
    seconds."""

    name: str
    effect: Effect
    tests: tuple[Test, ...]
    each: Each | None
    roles: tuple[str, ...]
    denied: tuple[Matcher, ...] = field(default=(), repr=False)
    tags: tuple[RuleTag, ...] = ()
    max_session: int | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Everything that the rule reads."""
        read = [test.path for test in self.tests]
        if self.each is not None:
            read.append(self.each.path)
        return (*read, *(tag.value for tag in self.tags if isinstance(tag.value, Path)))


def read_rules(text: str) -> tuple[Rule, ...]:
    """The rules that `text` holds. Raises MalformedPolicyDocument, whose finding says where and what would be right."""
    return _Reader(text).rules(read_json(text, forbidden=_UNSTORABLE))


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text

    def fail(self, node: Node, message: str, path: tuple[str, ...]) -> NoReturn:
        refuse(self.text, node.start, "INVALID_MAPPING_RULE", message, path)

    def expect(self, node: Node, kind: Kind, what: str, path: tuple[str, ...]) -> Node:
        if node.kind is not kind:
            self.fail(node, f"{what} must be of type {kind.value}, not {node.kind.value}", path)
        return node

    def rules(self, root: Node) -> tuple[Rule, ...]:
        self.expect(root, Kind.ARRAY, "the list of rules", ())
        if len(root.items) > MAXIMUM_RULES:
            self.fail(
                root.items[MAXIMUM_RULES], f"there are {len(root.items)} rules, at most {MAXIMUM_RULES} are allowed", ()
            )
        found: dict[str, Rule] = {}
        for index, node in enumerate(root.items):
            rule = self.rule(node, (str(index),))
            if rule.name in found:
                self.fail(node.get("name") or node, f'the name "{rule.name}" is used twice', (str(index), "name"))
            found[rule.name] = rule
        return tuple(found.values())

    def rule(self, node: Node, at: tuple[str, ...]) -> Rule:
        self.only(self.expect(node, Kind.OBJECT, "a rule", at), _ELEMENTS, at)
        effect = self.effect(node.get("effect"), at)
        tests = self.tests(node.get("if"), (*at, "if"))
        each = self.each(node.get("each"), (*at, "each"))
        roles = self.roles(node, effect, each, (*at, "roles"))
        if effect == "deny":
            for name in ("tags", "max_session"):
                if (extra := node.get(name)) is not None:
                    self.fail(extra, f'a rule that denies gives no "{name}"', (*at, name))
            if each is not None:
                self.fail(node, 'a rule that denies has no "each": its roles may hold * and ?', (*at, "each"))
        elif tests and each is None:
            self.check_guard(node, tests, at)
        return Rule(
            name=self.name(node, at),
            effect=effect,
            tests=tests,
            each=each,
            roles=roles,
            denied=tuple(wildcard(role) for role in roles) if effect == "deny" else (),
            tags=self.tags(node.get("tags"), (*at, "tags")),
            max_session=self.max_session(node.get("max_session"), (*at, "max_session")),
        )

    def name(self, node: Node, at: tuple[str, ...]) -> str:
        found = node.get("name")
        if found is None:
            self.fail(node, 'a rule has a "name", by which its verdict is shown', at)
        name = self.expect(found, Kind.STRING, "a name", (*at, "name")).value
        if not 1 <= len(name) <= MAXIMUM_NAME or not name.isprintable():
            self.fail(found, f"a name has 1 to {MAXIMUM_NAME} printable characters", (*at, "name"))
        return name

    def effect(self, node: Node | None, at: tuple[str, ...]) -> Effect:
        written = "offer" if node is None else node.value
        if written == "offer":
            return "offer"
        if written == "deny":
            return "deny"
        assert node is not None
        self.fail(node, 'an effect is "offer", which is meant where there is none, or "deny"', (*at, "effect"))

    def tests(self, node: Node | None, at: tuple[str, ...]) -> tuple[Test, ...]:
        """`if` is one condition block or a list of them; all must hold."""
        found: list[Test] = []
        for block in () if node is None else strings(node):
            for condition, place in zip(conditions(self.text, block, at), self.keys(block), strict=True):
                read = path(condition.key)
                if read is None:
                    self.fail(place, _NO_PATH.format(condition.key), (*at, condition.operator))
                test = Condition(operator=condition.operator, key=CLAIM, values=condition.values)
                compiled = compiled_condition(test, variables=False)
                found.append(Test(path=read, condition=condition, compiled=compiled))
        return tuple(found)

    def keys(self, block: Node) -> list[Node]:
        return [key.node for member in block.members for key in member.node.members]

    def each(self, node: Node | None, at: tuple[str, ...]) -> Each | None:
        if node is None:
            return None
        self.only(self.expect(node, Kind.OBJECT, '"each"', at), ("value", "pattern"), at)
        value, spelt = node.get("value"), node.get("pattern")
        if value is None or spelt is None:
            self.fail(node, '"each" has a "value", which is a path, and a "pattern", such as aws-{role}', at)
        read = path(self.expect(value, Kind.STRING, "a path", (*at, "value")).value)
        if read is None:
            self.fail(value, _NO_PATH.format(value.value), (*at, "value"))
        made = pattern(self.expect(spelt, Kind.STRING, "a pattern", (*at, "pattern")).value)
        if isinstance(made, str):
            self.fail(spelt, f"the pattern can't be used: {made}", (*at, "pattern"))
        return Each(path=read, pattern=made)

    def roles(self, node: Node, effect: Effect, each: Each | None, at: tuple[str, ...]) -> tuple[str, ...]:
        element = node.get("roles")
        items = () if element is None else strings(element)
        if not 1 <= len(items) <= MAXIMUM_ROLES:
            self.fail(element or node, f'a rule has 1 to {MAXIMUM_ROLES} "roles"', at)
        for item in items:
            role = self.expect(item, Kind.STRING, "a role", at).value
            if effect == "offer":
                self.check_offered(item, role, each.pattern.holes if each else (), at)
            elif role != "*" and not role.startswith("arn:aws:iam::"):
                self.fail(item, 'a denied role is "*" or a pattern such as "arn:aws:iam::*:role/Admin"', at)
        return tuple(item.value for item in items)

    def check_offered(self, node: Node, role: str, holes: tuple[str, ...], at: tuple[str, ...]) -> None:
        for hole in _HOLE.findall(role):
            if hole not in holes:
                known = ", ".join(holes) or 'none, for there is no "each"'
                self.fail(node, f"${{{hole}}} is no hole of the pattern; it has {known}", at)
        if offered(role, dict.fromkeys(holes, "111122223333")) is None:
            message = "an offered role is an ARN such as arn:aws:iam::111122223333:role/Reader, without wildcards"
            self.fail(node, message, at)

    def tags(self, node: Node | None, at: tuple[str, ...]) -> tuple[RuleTag, ...]:
        if node is None:
            return ()
        members = self.expect(node, Kind.OBJECT, '"tags"', at).members
        if len(members) > MAXIMUM_TAGS:
            self.fail(node, f"a session has at most {MAXIMUM_TAGS} tags", at)
        found: list[RuleTag] = []
        for member in members:
            text = self.expect(member.node, Kind.STRING, "a tag", (*at, member.name)).value
            value = path(text[1:]) if text.startswith("=") else text
            if value is None:
                self.fail(member.node, _NO_PATH.format(text[1:]), (*at, member.name))
            found.append(RuleTag(key=member.name, value=value))
        fixed = [Tag(key=tag.key, value=tag.value if isinstance(tag.value, str) else "") for tag in found]
        try:
            check_tags(fixed)
        except InvalidInput as refused:
            self.fail(node, str(refused), at)
        return tuple(found)

    def max_session(self, node: Node | None, at: tuple[str, ...]) -> int | None:
        if node is None:
            return None
        written = self.expect(node, Kind.NUMBER, '"max_session"', at).value
        if not re.fullmatch("[0-9]{3,5}", written) or not SHORTEST_SESSION <= int(written) <= LONGEST_SESSION:
            self.fail(node, f'"max_session" is between {SHORTEST_SESSION} and {LONGEST_SESSION} seconds', at)
        return int(written)

    def check_guard(self, node: Node, tests: tuple[Test, ...], at: tuple[str, ...]) -> None:
        """Refuse a rule all of whose tests hold for somebody of whom the provider has said nothing."""
        if all(test.compiled.test({}) for test in tests):
            message = (
                f'"{tests[0].condition.operator}" holds where {tests[0].path} is missing, and so does every other test of'
                " this rule: add one that needs the claim, such as StringEquals, StringLike or ForAnyValue:StringEquals"
            )
            self.fail(node.get("if") or node, message, (*at, "if"))

    def only(self, node: Node, allowed: tuple[str, ...], at: tuple[str, ...]) -> None:
        for member in node.members:
            if member.name not in allowed:
                self.fail(
                    member.node,
                    f'"{member.name}" is no part of it, use one of {", ".join(allowed)}',
                    (*at, member.name),
                )


_NO_PATH: Final = '"{}" is no path to what a provider says; write claims.email, attributes.groups, authn.mfa or claims["https://a.b/c"]'


def offered(role: str, holes: Mapping[str, str]) -> str | None:
    """The ARN that an offered role spells with these fillings, or None where that is no role's."""
    text = _HOLE.sub(lambda hole: holes[hole[1]], role)
    arn = parse_arn(text)
    sound = (
        arn is not None
        and arn.service == "iam"
        and arn.kind == "role"
        and re.fullmatch(r"[\w+=,.@-]{1,64}", arn.name, re.ASCII)
    )
    return text if sound and "*" not in text and "?" not in text else None
