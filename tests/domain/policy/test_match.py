"""Wildcards: what they match, and that no pattern makes them slow."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamgraph.domain.policy.match import arn_matcher, tokens, wildcard


def obvious(pattern: str, text: str) -> bool:
    """The definition of the wildcards, word by word, and exponential."""

    @cache
    def at(p: int, t: int) -> bool:
        if p == len(pattern):
            return t == len(text)
        if pattern[p] == "*":
            return at(p + 1, t) or (t < len(text) and at(p, t + 1))
        return t < len(text) and pattern[p] in ("?", text[t]) and at(p + 1, t + 1)

    return at(0, 0)


@given(pattern=st.text("ab*?\n[", max_size=14), text=st.text("ab\n[", max_size=14))
def test_agrees_with_the_definition(pattern: str, text: str) -> None:
    assert wildcard(pattern)(text) is obvious(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("arn:aws:s3:::data/*", "arn:aws:s3:::data/", True),
        ("aba*aba", "aba", False),
        ("[ab]", "a", False),
        ("k", "k\n", False),
        ("^b.ue$", "blue", False),
        ("a?c*", "abc\nd", True),
    ],
)
def test_literal_or_wild(pattern: str, text: str, matches: bool) -> None:
    assert wildcard(pattern)(text) is matches


@pytest.mark.parametrize("unit", ["*a", "*a?", "?*a"])
def test_many_stars_take_no_second_try(unit: str) -> None:
    # A matcher that tries each star's every length would not come back from these in a lifetime.
    matches = wildcard(unit * (6000 // len(unit)))
    assert matches("a" * 6000) is True
    assert matches("a" * 2047 + "b") is False
    assert wildcard("*a" * 500 + "b")("a" * 2048) is False


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
