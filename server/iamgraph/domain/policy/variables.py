"""Policy variables: `${aws:username}`, with defaults, and the escapes `${*}`, `${?}`, `${$}` (IAM User Guide, "Policy
variables and tags")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .match import Matcher, Token, either, tokens

Value = str | Sequence[str]

_VARIABLE: Final = re.compile(r"\$\{(?:([^{}',]+)(?:,\s*'([^']*)'\s*)?|([^{}]*))\}")
_ESCAPED: Final = frozenset("*?$")
_REMEMBERED: Final = 64
_LONGEST: Final = 512


Facts = Mapping[str, Value]
"""The context of one request as `facts` gives it: by key in lower case, without keys that have no value."""


def facts(context: Mapping[str, Value]) -> Facts:
    """A context made ready to look up. Key names ignore case. An empty list is a key that is not there."""
    return {name.lower(): value for name, value in context.items() if value or isinstance(value, str)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """`${key, 'default'}`; `key` is in lower case, `name` as written."""

    key: str
    name: str
    default: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A text with variables in it, in order."""

    pieces: tuple[Token | Variable, ...]

    def bind(self, facts: Facts) -> list[Token] | None:
        """The pieces with every variable replaced, or None where one has no value: such a text matches nothing. A
        key of several values is no value. What is put in is literal, wildcards and all."""
        bound: list[Token] = []
        for piece in self.pieces:
            if isinstance(piece, Variable):
                value = facts.get(piece.key)
                text = value if isinstance(value, str) else piece.default
                if text is None:
                    return None
                bound.append(text)
            else:
                bound.append(piece)
        return bound

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables in it, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Variable))


class Patterns:
    """The test "one of these patterns", or, negated, "none of them". `whole` is the test where there are no variables;
    else the request's context makes it. A pattern with an unset variable is left out, and the others still count."""

    __slots__ = ("_fixed", "_keys", "_make", "_negated", "_open", "_remembered", "whole")

    def __init__(
        self, templates: Sequence[Template], make: Callable[[Sequence[Token]], Matcher], *, negated: bool = False
    ) -> None:
        self._make = make
        self._negated = negated
        self._open = [one for one in templates if one.variables]
        bound = [one.bind({}) for one in templates if not one.variables]
        self._fixed = [make(pieces) for pieces in bound if pieces is not None]
        self._keys = tuple({variable.key: None for one in self._open for variable in one.variables})
        self._remembered: dict[tuple[str | None, ...], Matcher] = {}
        self.whole: Matcher | None = None if self._open else self._union(self._fixed)

    def bind(self, facts: Facts) -> Matcher:
        """The test, with the variables' values in it. Callers come back, so tests of short values are remembered."""
        if self.whole is not None:
            return self.whole
        found = [facts.get(key) for key in self._keys]
        values = tuple([value if isinstance(value, str) else None for value in found])
        test = self._remembered.get(values)
        if test is None:
            bound = (one.bind(facts) for one in self._open)
            test = self._union([*self._fixed, *(self._make(pieces) for pieces in bound if pieces is not None)])
            if sum(len(value) for value in values if value is not None) <= _LONGEST:
                if len(self._remembered) >= _REMEMBERED:
                    self._remembered.clear()
                self._remembered[values] = test
        return test

    def _union(self, tests: Sequence[Matcher]) -> Matcher:
        test = either(tests)
        return (lambda text: not test(text)) if self._negated else test


def template(text: str, *, variables: bool, wildcards: bool) -> Template:
    """Read a pattern or a plain value. `variables` is False for documents older than 2012-10-17, `wildcards` for
    operators that compare whole texts. An unclosed `${` is plain text."""
    if not variables:
        return Template(pieces=_plain(text, wildcards))
    pieces: list[Token | Variable] = []
    offset = 0
    for found in _VARIABLE.finditer(text):
        pieces += _plain(text[offset : found.start()], wildcards)
        offset = found.end()
        name, default, other = found.groups()
        if name in _ESCAPED:
            pieces.append(name)
        else:
            # A variable that is written wrongly has a key that no request carries, so the text matches nothing.
            name = (name or other).strip()
            pieces.append(Variable(key=name.lower(), name=name, default=default))
    pieces += _plain(text[offset:], wildcards)
    return Template(pieces=tuple(pieces))


def _plain(text: str, wildcards: bool) -> tuple[Token, ...]:
    if wildcards:
        return tokens(text)
    return (text,) if text else ()
