"""Sealing: what was sealed opens in its place and nowhere else, and the master key's file is guarded."""

from __future__ import annotations

import base64
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamgraph.security.sealing import MasterKey, MasterKeyError, Sealer, SealError

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


def test_the_key_file_is_made_once_private_and_complete(tmp_path: Path) -> None:
    path = tmp_path / "data" / "master.key"
    old = os.umask(0)
    try:
        key = MasterKey.load_or_create(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert base64.b64decode(path.read_bytes()) == key.secret and len(key.secret) == 32
    assert MasterKey.load_or_create(path) == key
    assert list(path.parent.iterdir()) == [path]


def test_servers_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(MasterKey.load_or_create, [tmp_path / "master.key"] * 8))
    assert len({key.secret for key in keys}) == 1


def test_a_key_file_that_is_unsafe_or_broken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    MasterKey.load_or_create(path)
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(MasterKeyError, match=f"has mode {mode:04o}, open to others; run chmod 600 on it$"):
            MasterKey.load_or_create(path)
    path.chmod(0o600)
    for content in (b"", b"short", base64.b64encode(bytes(31)), base64.b64encode(bytes(33)), bytes(32)):
        path.write_bytes(content)
        with pytest.raises(MasterKeyError, match=r"does not hold 32 bytes in base64; restore it from a backup$"):
            MasterKey.load_or_create(path)
        assert path.read_bytes() == content


def test_a_key_file_must_be_a_plain_file(tmp_path: Path) -> None:
    link, dangling, pipe, plain = (tmp_path / name for name in ("link", "dangling", "pipe", "plain"))
    link.symlink_to(tmp_path / "real")
    MasterKey.load_or_create(tmp_path / "real")
    dangling.symlink_to(tmp_path / "nowhere")
    os.mkfifo(pipe, 0o600)
    plain.touch()
    cases = [(link, "symbolic link"), (dangling, "symbolic link"), (pipe, "not a plain file"),
             (tmp_path, "not a plain file"), (plain / "key", "cannot be read: Not a directory")]  # fmt: skip
    for path, reason in cases:
        with pytest.raises(MasterKeyError, match=reason):
            MasterKey.load_or_create(path)
    assert not (tmp_path / "nowhere").exists()
