"""Sealing: what was sealed opens in its place and nowhere else."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamgraph.security.sealing import MasterKey, Sealer, SealError

KEY, OTHER = MasterKey(secret=bytes(range(32))), MasterKey(secret=bytes(32))
SEALER = Sealer(KEY)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), max_size=40))
def test_round_trip(plain: bytes, context: str) -> None:
    sealed = SEALER.seal(plain, context=context)
    assert re.fullmatch(r"v1\.630dcd29\.[A-Za-z0-9_-]+", sealed)
    assert SEALER.unseal(sealed, context=context) == plain


@given(st.binary(max_size=60), st.data())
def test_no_altered_character_opens(plain: bytes, data: st.DataObject) -> None:
    sealed = SEALER.seal(plain, context="row")
    at = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.sampled_from(LETTERS).filter(lambda each: each != sealed[at]))
    with pytest.raises(SealError):
        SEALER.unseal(sealed[:at] + letter + sealed[at + 1 :], context="row")


@given(st.binary(max_size=60), st.data())
def test_no_flipped_bit_and_no_shortened_value_opens(plain: bytes, data: st.DataObject) -> None:
    head, text = SEALER.seal(plain, context="row").rsplit(".", 1)
    octets = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    at = data.draw(st.integers(0, len(octets) - 1))
    flipped = bytes(octets[:at]) + bytes([octets[at] ^ 1 << data.draw(st.integers(0, 7))]) + bytes(octets[at + 1 :])
    for altered in (flipped, bytes(octets[:at])):
        with pytest.raises(SealError):
            SEALER.unseal(f"{head}.{base64.urlsafe_b64encode(altered).rstrip(b'=').decode()}", context="row")


def test_a_value_sealed_long_ago_still_opens() -> None:
    assert SEALER.unseal("v1.630dcd29.AAECAwQFBgcICQoLNGe1aaCR9-QZXTmeg3IRcZZ9g4PnAQ", context="row") == b"secret"


@pytest.mark.parametrize("size", [0, 1, 2])
def test_spare_bits_of_the_last_character_cannot_be_altered(size: int) -> None:
    sealed = SEALER.seal(bytes(size), context="row")
    for letter in set(LETTERS) - {sealed[-1]}:
        with pytest.raises(SealError):
            SEALER.unseal(sealed[:-1] + letter, context="row")


def test_it_opens_in_its_own_context_and_under_its_own_key_alone() -> None:
    sealed = SEALER.seal(b"secret", context="access_key:AKIA1")
    with pytest.raises(SealError, match=r"^sealed under master key 630dcd29, but altered or moved from another place$"):
        SEALER.unseal(sealed, context="access_key:AKIA2")
    with pytest.raises(SealError, match=r"^sealed under master key 630dcd29, which is missing here; .* has 66687aad$"):
        Sealer(OTHER).unseal(sealed, context="access_key:AKIA1")
    with pytest.raises(SealError, match="altered or moved"):  # naming another key does not help
        Sealer(OTHER).unseal(sealed.replace("630dcd29", "66687aad"), context="access_key:AKIA1")


def test_a_retired_key_opens_and_the_new_one_seals() -> None:
    rotated = Sealer(OTHER, retired=[KEY])
    assert rotated.unseal(SEALER.seal(b"old", context="c"), context="c") == b"old"
    assert rotated.seal(b"new", context="c").startswith("v1.66687aad.")


@pytest.mark.parametrize("text", [
    "", "secret", "v2.630dcd29.AAAA", "v1.630dcd29.", "v1.630dcd29.A", "v1.630dcd29.AAAA=", "v1.630dcd29.AAAA\n",
])  # fmt: skip
def test_what_is_not_sealed_is_refused(text: str) -> None:
    with pytest.raises(SealError, match=r"^not a sealed value: it should read v1\.<key id>\.<base64url>$"):
        SEALER.unseal(text, context="c")


def test_sealing_twice_gives_two_texts_and_no_text_shows_the_key() -> None:
    assert SEALER.seal(b"same", context="c") != SEALER.seal(b"same", context="c")
    assert repr(KEY) == "MasterKey()"


def test_a_key_that_comes_when_it_is_missed_opens() -> None:
    sealed = Sealer(OTHER).seal(b"new", context="c")
    sealer = Sealer(KEY, missing=lambda: sealer.use(OTHER, retired=[KEY]))
    assert sealer.unseal(sealed, context="c") == b"new"
    assert sealer.seal(b"newer", context="c").startswith("v1.66687aad.")
    assert sealer.unseal(SEALER.seal(b"old", context="c"), context="c") == b"old"


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), max_size=40), st.data())
def test_a_message_opens_whole_and_in_its_context_alone(plain: bytes, context: str, data: st.DataObject) -> None:
    sealed = SEALER.seal_message(plain, context=context)
    assert re.fullmatch(r"v2\.630dcd29\.[A-Za-z0-9_-]+", sealed)
    assert SEALER.unseal_message(sealed, context=context) == plain
    at = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.sampled_from(LETTERS).filter(lambda each: each != sealed[at]))
    for altered in (sealed[:at] + letter + sealed[at + 1 :], sealed[:at], sealed + letter):
        with pytest.raises(SealError):
            SEALER.unseal_message(altered, context=context)
    with pytest.raises(SealError, match="altered or of another context"):
        SEALER.unseal_message(sealed, context=context + "x")


def test_messages_and_values_are_no_doors_to_each_other() -> None:
    value, message = SEALER.seal(b"secret", context="c"), SEALER.seal_message(b"secret", context="c")
    for as_value in (message, message.replace("v2.", "v1.")):
        with pytest.raises(SealError):
            SEALER.unseal(as_value, context="c")
    for as_message in (value, value.replace("v1.", "v2.")):
        with pytest.raises(SealError):
            SEALER.unseal_message(as_message, context="c")
    assert SEALER.seal_message(b"secret", context="c") != message, "each has a key of its own"


def test_a_message_sealed_long_ago_still_opens() -> None:
    sealed = "v2.630dcd29.AAECAwQFBgcICQoLDA0OD8zAH9rVfRJktaai2zX82NgssBBEbpc"
    assert SEALER.unseal_message(sealed, context="row") == b"secret"
