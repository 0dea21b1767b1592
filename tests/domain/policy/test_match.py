"""Wildcards: what they match, and that no pattern makes them slow."""

from __future__ import annotations

import pytest

from iamgraph.domain.policy import match
from iamgraph.domain.policy.match import arn_matcher, tokens, wildcard


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("arn:aws:s3:::data/*", "arn:aws:s3:::data/", True),
        ("aba*aba", "aba", False),
        ("x*ab*b", "xab", False),
        ("x*ab*b", "xabb", True),
        ("x*a*b*b", "xab", False),
        ("a?*?b", "aab", False),
        ("[ab]", "a", False),
        ("k", "k\n", False),
        ("^b.ue$", "blue", False),
        ("a?c*", "abc\nd", True),
    ],
)
def test_literal_or_wild(pattern: str, text: str, matches: bool) -> None:
    assert wildcard(pattern)(text) is matches


class Steps(str):
    """A text that counts how many of its letters are looked at, at most."""

    taken = 0

    def find(self, sub: str, start: int | None = None, end: int | None = None) -> int:  # type: ignore[override]
        found = super().find(sub, start, end)
        last = (len(self) if end is None else end) if found < 0 else found + len(sub)
        self.taken += (max(last - (start or 0), 0) + 1) * max(len(sub), 1)
        return found

    def startswith(self, prefix: str, *place: int) -> bool:  # type: ignore[override]
        self.taken += len(prefix)
        return super().startswith(prefix, *place)

    def endswith(self, suffix: str, *place: int) -> bool:  # type: ignore[override]
        self.taken += len(suffix)
        return super().endswith(suffix, *place)


def looked_for(run: match._Run, text: str, start: int, end: int) -> int:
    """A run between two stars, looked for at each place, letter by letter: as slow as a search for it can be."""
    pattern = "".join(piece if isinstance(piece, str) else "?" for piece in run._pieces)
    for place in range(start, end - len(pattern) + 1):
        assert isinstance(text, Steps)
        text.taken += len(pattern)
        if all(letter in ("?", text[place + i]) for i, letter in enumerate(pattern)):
            return place
    return -1


@pytest.mark.parametrize("unit", ["*a", "*a?", "?*a", "*ab", "a*", "*aa?a"])
@pytest.mark.parametrize("end", ["", "b", "*b", "*b*"])
def test_matching_takes_no_more_than_pattern_times_text(unit: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match._Run, "find", looked_for)
    for length in (40, 400, 6000):
        pattern = unit * (length // len(unit)) + end
        matches = wildcard(pattern)
        for text in ("a" * 2048, "a" * 2047 + "b", "ab" * 1024, "b" * 2048):
            counted = Steps(text)
            matches(counted)
            assert counted.taken <= len(pattern) * (len(text) + 1)


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("arn:aws:sns:*:1:ord*", "arn:aws:sns:eu:1:orders", True),
        ("arn:aws:ledger:*:1:books/*", "arn:aws:ledger:eu:7:shelf:1:books/jan", False),
        ("arn:aws:x:::a:*", "arn:aws:x:::a:b:c", True),
        ("*", "arn:aws:sns:eu:1:orders", False),
        ("arn:aws:sns:eu:1:*", "arn:aws:sns:eu:1", False),
    ],
)
def test_arns_match_field_by_field(pattern: str, arn: str, matches: bool) -> None:
    assert arn_matcher(tokens(pattern))(arn) is matches
