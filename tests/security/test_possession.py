"""A signature proves that somebody holds a key: none does for a key that everybody holds."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from iamgraph.security.possession import is_signed, public_key_of, signed

P = 2**255 - 19
OF_ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
"""As it is in the list of libsodium (ed25519_ref10.c, ge25519_has_small_order)."""


def weak_points() -> list[bytes]:
    """The points of small order, in all ways to write them down (RFC 8032, 5.1.3)."""
    eight = int.from_bytes(bytes.fromhex(OF_ORDER_8), "little")
    ys = (0, 1, P - 1, eight, P - eight, P, P + 1)
    return [(y + sign).to_bytes(32, "little") for y in ys for sign in (0, 2**255)]


def test_what_the_holder_signed() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    assert is_signed(public_key_of(key), b"text", signed(key, b"text"))
    for public, text, by in ((key, b"texts", key), (key, b"text", other), (other, b"text", key)):
        assert not is_signed(public_key_of(public), text, signed(by, b"text"))
    assert not is_signed("x", b"text", signed(key, b"text"))
    assert not is_signed(public_key_of(key), b"text", "x")


def test_a_key_that_everybody_holds_signs_nothing() -> None:
    """For such a key one of these is a signature of any text."""
    points = weak_points()
    for public in points:
        for point in points:
            signature = base64.b64encode(point + bytes(32)).decode()
            assert not is_signed(base64.b64encode(public).decode(), b"text", signature)
