"""Patterns with named holes, such as `aws-{account}-{role}`: what a rule takes out of a value to spell a role with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAXIMUM_HOLES: Final = 4
MAXIMUM_LENGTH: Final = 256
_PARTS: Final = re.compile(r"\{([^{}]*)\}|([^{}]+)")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_FILLING: Final = "[A-Za-z0-9_]{1,64}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that can be matched. Each hole takes 1 to 64 ASCII letters, digits and underscores."""

    text: str
    holes: tuple[str, ...]
    _expression: re.Pattern[str]

    def match(self, value: str) -> Mapping[str, str] | None:
        """What the holes hold where the whole of `value` matches, else None."""
        found = self._expression.fullmatch(value)
        return None if found is None else found.groupdict()


def pattern(text: str) -> Pattern | str:
    """The pattern that `text` spells, or what is wrong with it. Between two holes must stand a character that no hole can
    take, so that a value can be read in one way only, and in time that its length bounds."""
    if len(text) > MAXIMUM_LENGTH:
        return f"it is longer than {MAXIMUM_LENGTH} characters"
    holes: list[str] = []
    pieces: list[str] = []
    offset, separated = 0, True
    while offset < len(text):
        found = _PARTS.match(text, offset)
        if found is None:
            return "a brace has no partner"
        offset = found.end()
        if found[2] is not None:
            pieces.append(re.escape(found[2]))
            separated = separated or re.search("[^A-Za-z0-9_]", found[2]) is not None
            continue
        if not _NAME.fullmatch(found[1]):
            return f'"{found[1]}" is no name of a hole: a small letter, then small letters, digits and underscores'
        if found[1] in holes:
            return f'the hole "{found[1]}" is there twice'
        if not separated:
            return "between two holes must stand a character other than letters, digits and underscores"
        holes.append(found[1])
        pieces.append(f"(?P<{found[1]}>{_FILLING})")
        separated = False
    if not 1 <= len(holes) <= MAXIMUM_HOLES:
        return f"it has {len(holes)} holes such as {{role}}; 1 to {MAXIMUM_HOLES} are allowed"
    return Pattern(text=text, holes=tuple(holes), _expression=re.compile("".join(pieces)))
