"""Seals secrets that must be readable again, such as access keys, under a master key kept outside the database."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D section 8.2.2: random 96-bit nonces serve 2**32 seals under one key
_SALT_BYTES = 16
_SEALED = re.compile(r"v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)")
_MESSAGE = re.compile(r"v2\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)")


class MasterKeyError(Exception):
    """The master key's file can't be used as it is. The text is one line that says why and what would be right."""


class SealError(Exception):
    """A sealed value doesn't open. The text says why, and never shows the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKey:
    """32 random bytes, and the name under which sealed values remember them."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")

    @property
    def id(self) -> str:
        """The first 8 hexadecimal digits of the key's SHA-256: says which key, gives nothing of it away."""
        return hashlib.sha256(self.secret).hexdigest()[:8]


class Sealer:
    """AES-256-GCM (NIST SP 800-38D). Seals under `key`, opens what `key` or one of the `retired` keys sealed. `missing` is
    called before a value is refused for want of its key, and may give the key by `use`."""

    def __init__(
        self, key: MasterKey, *, retired: Sequence[MasterKey] = (), missing: Callable[[], None] | None = None
    ) -> None:
        self._missing = missing
        self.use(key, retired=retired)

    def use(self, key: MasterKey, *, retired: Sequence[MasterKey] = ()) -> None:
        """Seal under `key` from now on, and open what any of these sealed."""
        self._ciphers = {each.id: AESGCM(each.secret) for each in (*retired, key)}
        self._secrets = {each.id: each.secret for each in (*retired, key)}
        self._key_id = key.id

    def seal(self, plain: bytes, *, context: str) -> str:
        """`v1.<key id>.<base64url of nonce, ciphertext and tag>`. `context` names the row and column that the value
        belongs to, such as `access_key:AKIA…`: it opens with the same context alone, so it can't be moved elsewhere."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._key_id].encrypt(nonce, plain, _bound(self._key_id, context))
        return f"v1.{self._key_id}.{_encode(nonce + sealed)}"

    def unseal(self, sealed: str, *, context: str) -> bytes:
        """The plain bytes. Raises SealError if the key is missing, the context differs, or anything was altered."""
        parts = _SEALED.fullmatch(sealed)
        data = _decode(parts[2]) if parts else None
        if parts is None or data is None:
            raise SealError("not a sealed value: it should read v1.<key id>.<base64url>")
        self._need(parts[1])
        cipher = self._ciphers[parts[1]]
        try:
            return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _bound(parts[1], context))
        except (InvalidTag, ValueError):
            raise SealError(f"sealed under master key {parts[1]}, but altered or moved from another place") from None

    def seal_message(self, plain: bytes, *, context: str) -> str:
        """`v2.<key id>.<base64url of salt, ciphertext and tag>`, for what is handed out and not stored, by the million if
        somebody likes. Each has a key of its own, made from the master key by HKDF (RFC 5869): however many are asked for,
        they take nothing of the 2**32 seals that the master key is good for."""
        salt = os.urandom(_SALT_BYTES)
        sealed = self._message_cipher(self._key_id, salt, context).encrypt(bytes(_NONCE_BYTES), plain, None)
        return f"v2.{self._key_id}.{_encode(salt + sealed)}"

    def unseal_message(self, sealed: str, *, context: str) -> bytes:
        """The plain bytes of what `seal_message` gave for this context. Raises SealError."""
        parts = _MESSAGE.fullmatch(sealed)
        data = _decode(parts[2]) if parts else None
        if parts is None or data is None:
            raise SealError("not a sealed message: it should read v2.<key id>.<base64url>")
        self._need(parts[1])
        cipher = self._message_cipher(parts[1], data[:_SALT_BYTES], context)
        try:
            return cipher.decrypt(bytes(_NONCE_BYTES), data[_SALT_BYTES:], None)
        except (InvalidTag, ValueError):
            raise SealError(f"sealed under master key {parts[1]}, but altered or of another context") from None

    def _message_cipher(self, key_id: str, salt: bytes, context: str) -> AESGCM:
        made = HKDF(SHA256(), KEY_BYTES, salt, b"iamgraph message v2." + context.encode())
        return AESGCM(made.derive(self._secrets[key_id]))

    def _need(self, key_id: str) -> None:
        """Raise SealError unless the key is here, or can be had."""
        if key_id not in self._ciphers and self._missing is not None:
            self._missing()
        if key_id not in self._ciphers:
            held = ", ".join(sorted(self._ciphers))
            raise SealError(f"sealed under master key {key_id}, which is missing here; this server has {held}")


def sealed_under(sealed: str) -> str | None:
    """The id of the master key that a value was sealed under; None for text that is no sealed value."""
    parts = _SEALED.fullmatch(sealed)
    return parts[1] if parts else None


def _bound(key_id: str, context: str) -> bytes:
    return f"v1.{key_id}.{context}".encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    """None unless `text` is the one text that `_encode` gives: loose base64 would let a value be altered unnoticed."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return data if _encode(data) == text else None
