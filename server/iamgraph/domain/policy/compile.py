"""Policies made ready to decide: parsed once, wildcards and conditions made into tests, statements found by action."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from .conditions import Test, compiled_condition
from .document import Document, Statement, parse
from .match import Matcher, arn_fields, matcher, nothing, wildcard
from .principals import CompiledPrincipals, compiled_principals
from .variables import Patterns, Template, Variable, template

_CACHED_POLICIES: Final = 8192
_CACHED_CHARACTERS: Final = 8_000_000
_CACHED_ACTIONS: Final = 256


_ALL: Final = Patterns([template("*", variables=False, wildcards=True)], matcher)
_NONE: Final = Patterns([], matcher)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledStatement:
    """One statement's tests. `resource` is for policies of identities, where an incomplete ARN is padded with stars;
    `exact_resource` for policies of resources, where it is not. Where a statement names no resource, a deny is about all
    of them, and a grant about none unless it is the resource's own.
    `keys` are the context keys that its conditions read, `resource_keys` those that its resources do: (in lower case,
    as written)."""

    statement: Statement
    index: int
    deny: bool
    resource: Patterns
    exact_resource: Patterns
    principals: CompiledPrincipals | None
    not_principal: bool
    conditions: tuple[Test, ...]
    keys: tuple[tuple[str, str], ...]
    resource_keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The statements that speak about one action."""

    denies: tuple[CompiledStatement, ...]
    allows: tuple[CompiledStatement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPolicy:
    """A document ready to decide. Make it with `compiled`."""

    document: Document
    statements: tuple[CompiledStatement, ...]
    by_service: dict[str, tuple[tuple[CompiledStatement, Matcher], ...]] = field(repr=False, compare=False)
    any_service: tuple[tuple[CompiledStatement, Matcher], ...] = field(repr=False, compare=False)
    by_action: dict[str, Candidates] = field(repr=False, compare=False, default_factory=dict)

    def candidates(self, action: str) -> Candidates:
        """The statements that speak about `action`, which is in lower case."""
        found = self.by_action.get(action)
        if found is None:
            found = self._candidates(action)
            if len(self.by_action) >= _CACHED_ACTIONS:
                self.by_action.clear()
            self.by_action[action] = found
        return found

    def _candidates(self, action: str) -> Candidates:
        tests = (*self.by_service.get(action.partition(":")[0], ()), *self.any_service)
        matching = sorted((s for s, matches in tests if matches(action)), key=lambda s: s.index)
        return Candidates(denies=tuple(s for s in matching if s.deny), allows=tuple(s for s in matching if not s.deny))


class _Cache:
    """Compiled policies by the hash of their text, least recently used out first: bounded in number and in characters,
    since anyone who may simulate can send texts. For one thread at a time, as all of this engine."""

    def __init__(self) -> None:
        self._policies: OrderedDict[bytes, CompiledPolicy] = OrderedDict()
        self._characters = 0

    def get(self, text: str) -> CompiledPolicy:
        key = sha256(text.encode("utf-8", "surrogatepass")).digest()
        found = self._policies.get(key)
        if found is not None:
            self._policies.move_to_end(key)
            return found
        policy = compiled_document(parse(text))
        self._policies[key] = policy
        self._characters += len(text)
        while len(self._policies) > _CACHED_POLICIES or self._characters > _CACHED_CHARACTERS:
            _, oldest = self._policies.popitem(last=False)
            self._characters -= len(oldest.document.text)
        return policy


_CACHE: Final = _Cache()


def compiled(text: str) -> CompiledPolicy:
    """The compiled form of a policy's text, from a cache that the process shares. Raises MalformedPolicyDocument."""
    return _CACHE.get(text)


def compiled_document(document: Document) -> CompiledPolicy:
    """The compiled form of a parsed document, without the cache."""
    variables = document.version == "2012-10-17"
    statements = tuple(_statement(s, i, variables) for i, s in enumerate(document.statements))
    by_service: dict[str, list[tuple[CompiledStatement, Matcher]]] = {}
    any_service: list[tuple[CompiledStatement, Matcher]] = []
    for compiled_statement in statements:
        services, test = _actions(compiled_statement.statement)
        if services is None:
            any_service.append((compiled_statement, test))
        else:
            for service in services:
                by_service.setdefault(service, []).append((compiled_statement, test))
    return CompiledPolicy(
        document=document,
        statements=statements,
        by_service={service: tuple(found) for service, found in by_service.items()},
        any_service=tuple(any_service),
    )


def _statement(statement: Statement, index: int, variables: bool) -> CompiledStatement:
    conditions = [compiled_condition(c, variables=variables) for c in statement.conditions]
    patterns = [template(text, variables=variables, wildcards=True) for text in statement.resources or ()]
    keys = {key: None for condition in conditions for key in condition.keys}
    resource_keys = {(v.key, v.name): None for p in patterns for v in p.variables if v.default is None}
    deny = statement.effect == "Deny"
    if statement.resources is None:
        exact, padded = _ALL, _ALL if deny else _NONE
    elif not patterns and not deny:
        # Of everything but nothing: who wrote that meant to grant less, not all.
        exact = padded = _NONE
    else:
        completed = [_padded(p) for p in patterns]
        exact = Patterns(patterns, matcher, negated=statement.not_resource)
        padded = exact if completed == patterns else Patterns(completed, matcher, negated=statement.not_resource)
    principals = statement.principals
    return CompiledStatement(
        statement=statement,
        index=index,
        deny=deny,
        resource=padded,
        exact_resource=exact,
        principals=None if principals is None else compiled_principals(principals, deny=deny),
        not_principal=statement.not_principal,
        conditions=tuple(condition.test for condition in conditions),
        keys=tuple(keys),
        resource_keys=tuple(resource_keys),
    )


def _actions(statement: Statement) -> tuple[frozenset[str] | None, Matcher]:
    """The services that a statement can speak about (None: any), and its test of an action in lower case."""
    if not statement.actions and statement.effect == "Allow":
        return frozenset(), nothing
    texts = [text.lower() for text in statement.actions]
    tests = tuple(wildcard(text) for text in texts)
    if statement.not_action:
        return None, lambda action: not any(test(action) for test in tests)
    services = {text.partition(":")[0] for text in texts}
    known = None if any(wild in service for service in services for wild in "*?") else frozenset(services)
    if len(tests) == 1:
        return known, tests[0]
    return known, lambda action: any(test(action) for test in tests)


def _padded(pattern: Template) -> Template:
    """An ARN with fewer than six fields, completed with stars. Colons inside variables' values do not count."""
    literal = [piece for piece in pattern.pieces if not isinstance(piece, Variable)]
    missing = 6 - len(arn_fields(literal))
    starts_as_arn = bool(literal) and literal[0] is pattern.pieces[0] and str(literal[0]).startswith("arn:")
    if missing <= 0 or not starts_as_arn:
        return pattern
    tail = template(":*" * missing, variables=False, wildcards=True)
    return Template(pieces=(*pattern.pieces, *tail.pieces))
