"""Node ids: opaque to clients, a type and a key to us."""

from __future__ import annotations

import base64
import binascii

MAX_LENGTH = 512
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def node_id(kind: str, *key: str) -> str:
    """The id of the node of type `kind` with this key."""
    raw = binascii.b2a_base64("\n".join((kind, *key)).encode(), newline=False)
    return raw.translate(_URL_SAFE).rstrip(b"=").decode()


def parse_node_id(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The type and the key in an id, or None for text that is no id of ours."""
    if len(text) > MAX_LENGTH or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    kind, *key = raw.split("\n")
    if not key or node_id(kind, *key) != text:
        return None
    return kind, tuple(key)
