"""Makes the random secrets that the server hands out, and the hash under which it remembers a token."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import string

_PREFIX = re.compile("[a-z]{2,8}")
_SYMBOLS = "@_+-="  # those of AWS's list that survive shells, URLs and a double click
_CLASSES = tuple(
    "".join(sorted(set(letters) - set("0O1Il")))  # look-alikes: the password is read off a terminal once
    for letters in (string.ascii_uppercase, string.ascii_lowercase, string.digits, _SYMBOLS)
)


def new_token(prefix: str) -> str:
    """`prefix`, `_` and 256 random bits in 43 characters of base64url. The prefix (two to eight small letters, such as
    `igs`) lets secret scanners recognise it."""
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"token prefix {prefix!r} is not two to eight small letters")
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> str:
    """SHA-256 in hexadecimal: enough for 256 random bits, which nobody can guess from a stolen table."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_secret_access_key() -> str:
    """40 characters of `[A-Za-z0-9/+]`, as on AWS: 240 random bits."""
    return base64.b64encode(secrets.token_bytes(30)).decode()


def new_password() -> str:
    """24 characters, over 130 random bits, that meet AWS's default password policy: all four classes are among them."""
    alphabet = "".join(_CLASSES)
    while True:
        password = "".join(secrets.choice(alphabet) for _ in range(24))
        if password[0] != "-" and all(set(password) & set(letters) for letters in _CLASSES):
            return password
