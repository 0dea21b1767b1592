"""Where a page ended, as opaque text: GraphQL's `after` and AWS's `Marker` alike."""

from __future__ import annotations

import base64
import binascii
import json

from .errors import InvalidInput

MAX_LENGTH = 1024


def encode_cursor(listing: str, *key: str) -> str:
    """The cursor behind an item of `listing` whose sort key is `key`."""
    text = json.dumps([listing, *key], separators=(",", ":"), ensure_ascii=True)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(listing: str, cursor: str, length: int, *, field: str) -> tuple[str, ...]:
    """The sort key, of `length` parts, that `encode_cursor` put in. Anything else, a cursor of another listing too, is
    InvalidInput."""
    try:
        if not cursor.isascii() or len(cursor) > MAX_LENGTH:
            raise ValueError
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise ValueError
        found, *key = parts
        # INVARIANT: one position has one cursor, so nothing is accepted that we would not have written.
        if found != listing or len(key) != length or encode_cursor(found, *key) != cursor:
            raise ValueError
        "".join(key).encode()
    except (ValueError, binascii.Error, RecursionError):
        raise InvalidInput(f"'{field}' is not a cursor that this list gave", field=field) from None
    return tuple(key)
