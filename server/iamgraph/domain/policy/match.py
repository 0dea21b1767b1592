"""Wildcards: does a text match a pattern of `*` (any run of characters, also none) and `?` (exactly one)? Takes at most
pattern times text steps, whoever wrote the pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final

Matcher = Callable[[str], bool]


class Wild(Enum):
    """The two wildcards."""

    STAR = "*"
    ANY = "?"


Token = str | Wild
"""A piece of a pattern: literal text, or a wildcard. Text that came out of a variable is always literal."""

_SPLIT: Final = re.compile(r"([*?])")
_WILD: Final = {"*": Wild.STAR, "?": Wild.ANY}


def tokens(text: str) -> tuple[Token, ...]:
    """The pieces of a pattern as written."""
    return tuple(_WILD.get(piece, piece) for piece in _SPLIT.split(text) if piece)


def wildcard(text: str) -> Matcher:
    """A test for the pattern `text`. Case-sensitive, and of the whole text."""
    return matcher(tokens(text))


def matcher(pieces: Iterable[Token]) -> Matcher:
    """A test for a pattern given in pieces, as cheap as the pattern allows."""
    runs = _runs(pieces)
    if not all(run.plain for run in runs):
        return _by_runs(runs)
    first, last = runs[0].literal, runs[-1].literal
    if len(runs) == 1:
        return first.__eq__
    if len(runs) == 2:
        return _ends(first, last)
    if len(runs) == 3:
        return _around(first, runs[1].literal, last)
    return _segments(first, tuple(run.literal for run in runs[1:-1]), last)


def everything(text: str) -> bool:
    """The test that any text passes."""
    return True


def nothing(text: str) -> bool:
    """The test that no text passes."""
    return False


def either(tests: Sequence[Matcher]) -> Matcher:
    """The test "one of these holds", which no text passes where there is none."""
    if everything in tests:
        return everything
    if len(tests) < 2:
        return tests[0] if tests else nothing
    return lambda text: any(test(text) for test in tests)


class _Run:
    """What stands between two stars: plain text, or text with `?` in it."""

    __slots__ = ("_pieces", "_regular", "length", "literal", "plain")

    def __init__(self, pieces: Sequence[Token]) -> None:
        self._pieces = pieces
        self._regular: re.Pattern[str] | None = None
        self.literal = "".join(piece for piece in pieces if isinstance(piece, str))
        self.plain = Wild.ANY not in pieces
        self.length = sum(len(piece) if isinstance(piece, str) else 1 for piece in pieces)

    def stands_at(self, text: str, start: int) -> bool:
        if self.plain:
            return text.startswith(self.literal, start)
        return self._expression().match(text, start) is not None

    def find(self, text: str, start: int, end: int) -> int:
        if self.plain:
            return text.find(self.literal, start, end)
        found = self._expression().search(text, start, end)
        return -1 if found is None else found.start()

    def _expression(self) -> re.Pattern[str]:
        # Without repetition, so it never goes back. Made late: a text shorter than the run never needs it.
        if self._regular is None:
            parts = (re.escape(piece) if isinstance(piece, str) else "." for piece in self._pieces)
            self._regular = re.compile("".join(parts), re.DOTALL)
        return self._regular


def _runs(pieces: Iterable[Token]) -> list[_Run]:
    """What stands before, between and after the stars; repeated stars count once."""
    runs: list[list[Token]] = [[]]
    stars = False
    for piece in pieces:
        if piece is Wild.STAR:
            if not stars:
                runs.append([])
            stars = True
        else:
            stars = False
            runs[-1].append(piece)
    return [_Run(run) for run in runs]


def _ends(first: str, last: str) -> Matcher:
    if not first and not last:
        return everything
    if not last:
        return lambda text: text.startswith(first)
    if not first:
        return lambda text: text.endswith(last)
    shortest = len(first) + len(last)
    return lambda text: len(text) >= shortest and text.startswith(first) and text.endswith(last)


def _around(first: str, middle: str, last: str) -> Matcher:
    start, tail = len(first), len(last)
    if not last:
        return lambda text: text.startswith(first) and text.find(middle, start) >= 0
    return lambda text: (
        text.startswith(first) and text.endswith(last) and text.find(middle, start, len(text) - tail) >= 0
    )


def _segments(first: str, middle: Sequence[str], last: str) -> Matcher:
    shortest = len(first) + sum(map(len, middle)) + len(last)

    def test(text: str) -> bool:
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        # The leftmost place of each piece leaves the most room for the next: no place ever needs a second try.
        offset, end = len(first), len(text) - len(last)
        for piece in middle:
            offset = text.find(piece, offset, end)
            if offset < 0:
                return False
            offset += len(piece)
        return True

    return test


def _by_runs(runs: Sequence[_Run]) -> Matcher:
    first, *middle, last = runs if len(runs) > 1 else (runs[0], _Run(()))
    shortest = sum(run.length for run in runs)
    exact = len(runs) == 1

    def test(text: str) -> bool:
        length = len(text)
        if length < shortest or (exact and length != shortest):
            return False
        end = length - last.length
        if not first.stands_at(text, 0) or not last.stands_at(text, end):
            return False
        offset = first.length
        for run in middle:
            offset = run.find(text, offset, end)
            if offset < 0:
                return False
            offset += run.length
        return True

    return test


def arn_matcher(pieces: Iterable[Token]) -> Matcher:
    """A test for ArnEquals and ArnLike: the six fields of an ARN one by one, the last may hold colons. A pattern with
    fewer fields matches nothing (IAM User Guide, "Amazon Resource Name (ARN) condition operators")."""
    fields = arn_fields(pieces)
    if len(fields) != 6:
        return nothing
    tests = tuple(matcher(field) for field in fields)

    def test(text: str) -> bool:
        parts = text.split(":", 5)
        return len(parts) == 6 and all(check(part) for check, part in zip(tests, parts, strict=True))

    return test


def arn_fields(pieces: Iterable[Token]) -> list[list[Token]]:
    """The pieces of a pattern, divided at its first five colons."""
    fields: list[list[Token]] = [[]]
    for piece in pieces:
        if isinstance(piece, Wild):
            fields[-1].append(piece)
            continue
        head, *rest = piece.split(":", 6 - len(fields))
        if head:
            fields[-1].append(head)
        fields.extend([part] if part else [] for part in rest)
    return fields
