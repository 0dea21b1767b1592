"""Ed25519 keys, and what an agent signs with its own to prove that it holds it: to enrol, and for each request."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC_KEY = r"[A-Za-z0-9+/]{43}="
SIGNATURE = r"[A-Za-z0-9+/]{86}=="

_P = 2**255 - 19
_OF_ORDER_8 = int("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", 16)
_WEAK = frozenset({0, 1, _P - 1, _OF_ORDER_8, _P - _OF_ORDER_8})
"""The y coordinates of the points whose order is 8 or less: everybody can sign for such a key."""


def public_key_of(key: Ed25519PrivateKey) -> str:
    """The key's public half: 32 bytes in base64."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def enrolment_text(token: str, public_key: str) -> bytes:
    """What is signed to enrol."""
    return _text("EnrolAgent", token, public_key)


def request_text(agent_id: str, signed_at: str, nonce: str, duration_seconds: int) -> bytes:
    """What is signed to be given credentials: all that is asked for."""
    return _text("IssueAgentCredentials", agent_id, signed_at, nonce, str(duration_seconds))


def _text(operation: str, *parts: str) -> bytes:
    """INVARIANT: no two requests have the same text. The parts have no line breaks: an operation's patterns see to that."""
    return "\n".join((f"iamgraph:{operation}", *parts)).encode()


def signed(key: Ed25519PrivateKey, text: bytes) -> str:
    """The signature of a text, in base64."""
    return base64.b64encode(key.sign(text)).decode()


def is_signed(public_key: str, text: bytes, signature: str) -> bool:
    """Whether the holder of the key signed the text. False too for what is no key or no signature, and for a key that
    everybody holds."""
    try:
        point = base64.b64decode(public_key, validate=True)
        if int.from_bytes(point, "little") % 2**255 % _P in _WEAK:
            return False
        key = Ed25519PublicKey.from_public_bytes(point)
        key.verify(base64.b64decode(signature, validate=True), text)
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
