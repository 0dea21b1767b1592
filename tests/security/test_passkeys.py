"""What is made of an authenticator's answer, whatever bytes that has: a credential, a count, or one kind of refusal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iamgraph.domain.passkeys import Passkey, RelyingParty
from iamgraph.security.passkeys import (
    PasskeyError,
    assertion,
    creation_options,
    registration,
    verify_assertion,
    verify_registration,
)

from ..authenticator import EDDSA, ES256, ORIGIN, RS256, Authenticator, b64, unb64

PARTY = RelyingParty(id="localhost", origins=("https://a.localhost", ORIGIN))
CREATE = creation_options(PARTY, challenge=b"c" * 16, owner_id="AIDA1", owner_name="alice", seconds=60, known=())
KEY = Authenticator(step=0)


def passkey_of(key: Authenticator) -> Passkey:
    made = verify_registration(PARTY, registration(key.create(CREATE)))
    return Passkey(
        id="0" * 32, account_id="1" * 12, owner_id="AIDA1", user=None, name="key",
        enabled_at=datetime(2026, 1, 1, tzinfo=UTC), credential_id=made.credential_id,
        public_key=made.public_key, sign_count=made.sign_count, transports=made.transports,
    )  # fmt: skip


PASSKEY = passkey_of(KEY)
NO_KEY = "its public key is none that is known here"
MADE, SIGNED = json.loads(KEY.create(CREATE)), json.loads(KEY.get(CREATE))


def changed(answer: Any, part: str, data: bytes) -> str:
    return json.dumps({**answer, "response": answer["response"] | {part: b64(data)}})


def ends(text: str) -> str | None:
    """Why an answer is refused, None where it is not. Whatever else is raised is a fault."""
    try:
        if "attestationObject" in text:
            verify_registration(PARTY, registration(text))
        else:
            verify_assertion(PARTY, assertion(text), PASSKEY)
    except PasskeyError as error:
        assert str(error).isascii() and len(str(error)) <= 300
        return str(error)
    return None


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_what_an_authenticator_has_made_is_believed(algorithm: int) -> None:
    key = Authenticator(algorithm=algorithm, origin="https://a.localhost", transports=("usb", "nfc", "usb"))
    found = passkey_of(key)
    assert (found.credential_id, found.sign_count, found.transports) == (b64(key.credential_id), 0, ("nfc", "usb"))
    answer = assertion(key.get(CREATE))
    assert (answer.challenge, answer.user_handle) == (b"c" * 16, b"AIDA1")
    assert verify_assertion(PARTY, answer, found) == 1


NAMES = st.sampled_from(["id", "rawId", "response", "type", "clientDataJSON", "attestationObject", "signature"])
VALUES = st.none() | st.integers() | st.text(max_size=5) | st.dictionaries(NAMES, st.text(max_size=5))


@given(text=st.text(max_size=50) | st.dictionaries(NAMES, VALUES).map(json.dumps))
def test_any_text_is_refused(text: str) -> None:
    for read in (registration, assertion):
        with pytest.raises(PasskeyError):
            read(text)


PARTS = [(MADE, "attestationObject"), (MADE, "clientDataJSON"), (SIGNED, "authenticatorData"), (SIGNED, "signature")]
PARTS += [(SIGNED, "clientDataJSON"), (SIGNED, "userHandle")]


@settings(max_examples=400)
@given(part=st.sampled_from(PARTS), data=st.binary(max_size=200))
def test_any_bytes_are_refused(part: tuple[Any, str], data: bytes) -> None:
    assert ends(changed(*part, data)) is not None


@settings(max_examples=400)
@given(part=st.sampled_from(PARTS[2:]), draw=st.data())
def test_any_bit_of_what_was_signed_counts(part: tuple[Any, str], draw: st.DataObject) -> None:
    assert ends(json.dumps(part[0])) is None
    data = bytearray(unb64(part[0]["response"][part[1]]))
    data[draw.draw(st.integers(0, len(data) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    assert ends(changed(*part, bytes(data))) is not None


@settings(max_examples=300)
@given(draw=st.data())
def test_a_registration_with_any_bit_turned_ends_well(draw: st.DataObject) -> None:
    """Without an attestation nothing is signed: it may be believed, but nothing else may happen."""
    data = bytearray(unb64(MADE["response"]["attestationObject"]))
    data[draw.draw(st.integers(0, len(data) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    ends(changed(MADE, "attestationObject", bytes(data)))


@pytest.mark.parametrize(("cose", "reason"), [
    ({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}, NO_KEY),
    ({1: 2, 3: -7}, NO_KEY),
    ({1: 1, 3: -8, -1: 6, -2: b"short"}, NO_KEY),
    ({1: 3, 3: -257, -1: b"\xff" * 1025, -2: b"\x01\x00\x01"}, "its public key has more than 4096 bits"),
    ({1: 3, 3: -65535, -1: b"\xff" * 256, -2: b"\x01\x00\x01"},
     "its algorithm is -65535, not one of ES256 (-7), EdDSA (-8) and RS256 (-257)"),
    ({}, NO_KEY),
], ids=["point", "no-point", "eddsa", "large", "rs1", "empty"])  # fmt: skip
def test_a_key_that_can_verify_nothing_is_refused(
    cose: dict[int, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner could never sign in."""
    monkeypatch.setattr(Authenticator, "_cose", lambda self: cose)
    assert ends(KEY.create(CREATE)) == reason
