"""One-time passwords, by the vectors of the RFCs and beside an app that was written apart."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamgraph.security import qr, totp

from ..phone import hotp

RFC_SEED = b"12345678901234567890"
STEPS = st.integers(min_value=100, max_value=2**40)
SEEDS = st.binary(min_size=16, max_size=64)


# RFC 4226, appendix D.
@pytest.mark.parametrize(
    ("counter", "code"),
    list(
        enumerate(["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"])
    ),
)
def test_codes_are_those_of_the_rfc(counter: int, code: str) -> None:
    assert totp.code(RFC_SEED, counter) == code


# RFC 6238, appendix B, for SHA-1: the last six of its eight digits.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_their_time(seconds: int, code: str) -> None:
    assert totp.code(RFC_SEED, seconds // totp.STEP_SECONDS) == code


@given(SEEDS, STEPS)
def test_an_app_shows_the_same(seed: bytes, step: int) -> None:
    assert totp.code(seed, step) == hotp(totp.base32(seed), step)


@given(SEEDS, STEPS, st.integers(-3, 3))
def test_a_code_is_good_for_one_step_more_or_less(seed: bytes, step: int, off: int) -> None:
    code = totp.code(seed, step + off)
    found = totp.step_of(seed, code, around=step, after=0)
    # Another step may have the same digits.
    assert found is None or totp.code(seed, found) == code
    assert (found is not None) == any(totp.code(seed, step + near) == code for near in (-1, 0, 1))


def test_no_step_is_found_that_is_not_behind_the_last_one() -> None:
    code = totp.code(RFC_SEED, 1000)
    assert totp.step_of(RFC_SEED, code, around=1000, after=999) == 1000
    assert totp.step_of(RFC_SEED, code, around=1000, after=1000) is None


@pytest.mark.parametrize("given", ["", "28708", "2870820", "x" * 6, "２８７０８２", "\ud800" * 6])
def test_what_is_no_code_is_none(given: str) -> None:
    assert totp.step_of(RFC_SEED, given, around=1, after=0) is None


@pytest.mark.parametrize("off", [-59, -1, 0, 1, 60])
def test_two_codes_in_a_row_tell_how_far_a_clock_is_off(off: int) -> None:
    first, second = totp.code(RFC_SEED, 1000 + off - 1), totp.code(RFC_SEED, 1000 + off)
    assert totp.steps_of(RFC_SEED, first, second, around=1000, after=0) == 1000 + off
    assert totp.steps_of(RFC_SEED, second, first, around=1000, after=0) is None
    assert totp.steps_of(RFC_SEED, second, second, around=1000, after=0) is None
    # Both must be new.
    assert totp.steps_of(RFC_SEED, first, second, around=1000, after=1000 + off - 1) is None
    assert totp.steps_of(RFC_SEED, first, second, around=1000, after=1000 + off - 2) == 1000 + off


def test_two_codes_from_too_far_away_are_not_found() -> None:
    first, second = totp.code(RFC_SEED, 1060), totp.code(RFC_SEED, 1061)
    assert totp.steps_of(RFC_SEED, first, second, around=1000, after=0) is None


def test_what_an_app_scans() -> None:
    uri = totp.otpauth_uri(RFC_SEED, device="a b=c", account="111122223333")
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/iamgraph:a b=c@111122223333"
    assert parse_qs(parts.query) == {
        "secret": [base64.b32encode(RFC_SEED).decode()],
        "issuer": ["iamgraph"],
    }
    svg, png = qr.svg(uri), qr.png(uri)
    assert svg.startswith("<svg ") and svg.rstrip().endswith("</svg>")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert qr.svg(uri + "x") != svg
