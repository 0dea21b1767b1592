"""Policy variables: `${aws:username}`, with defaults, and the escapes `${*}`, `${?}`, `${$}` (IAM User Guide, "Policy
variables and tags")."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .match import Token, tokens

Value = str | Sequence[str]

_VARIABLE: Final = re.compile(r"\$\{(?:([^{}',]+)(?:,\s*'([^']*)'\s*)?|([^{}]*))\}")
_ESCAPED: Final = frozenset("*?$")


class Facts:
    """The context of one request, by key. Key names ignore case; they are folded once, when first asked for."""

    __slots__ = ("_context", "_folded")

    def __init__(self, context: Mapping[str, Value]) -> None:
        self._context = context
        self._folded: dict[str, Value] | None = None

    def get(self, key: str) -> Value | None:
        """The value of a key in lower case. An empty list is a key that is not there."""
        folded = self._folded
        if folded is None:
            folded = self._folded = {name.lower(): value for name, value in self._context.items()}
        value = folded.get(key)
        return value if isinstance(value, str) or value else None


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
