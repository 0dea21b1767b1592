"""Seals secrets that must be readable again, such as access keys, under a master key kept outside the database."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D section 8.2.2: random 96-bit nonces serve 2**32 seals under one key
_SEALED = re.compile(r"v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)")


class MasterKeyError(Exception):
    """The master key's file can't be used as it is. The text is one line that says why and what would be right."""


class SealError(Exception):
    """A sealed value doesn't open. The text says why, and never shows the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKey:
    """32 random bytes, and the name under which sealed values remember them."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != _KEY_BYTES:
            raise ValueError(f"a master key has {_KEY_BYTES} bytes")

    @property
    def id(self) -> str:
        """The first 8 hexadecimal digits of the key's SHA-256: says which key, gives nothing of it away."""
        return hashlib.sha256(self.secret).hexdigest()[:8]

    @classmethod
    def load(cls, path: Path) -> MasterKey:
        """Read the key from base64 text. Raises FileNotFoundError, or MasterKeyError if the file is a symbolic link, no
        plain file, open to group or others, unreadable, or holds anything but one key."""
        text = _read_private(path)
        try:
            return cls(secret=base64.b64decode(text.strip(), validate=True))
        except ValueError:
            reason = f"does not hold {_KEY_BYTES} bytes in base64; restore it from a backup"
            raise MasterKeyError(f'master key file "{path}" {reason}') from None

    @classmethod
    def load_or_create(cls, path: Path) -> MasterKey:
        """Read the key, or make one that is safely on the disk before this returns. Two servers that start at once end
        up with the same key. Raises MasterKeyError."""
        try:
            return cls.load(path)
        except FileNotFoundError:
            pass
        try:
            _write_private(path, base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n")
        except FileExistsError:
            pass  # another server was first: its key counts
        except OSError as error:
            raise MasterKeyError(f'master key file "{path}" cannot be made: {error.strerror}') from None
        return cls.load(path)


class Sealer:
    """AES-256-GCM (NIST SP 800-38D). Seals under `key`, opens what `key` or one of the `retired` keys sealed."""

    def __init__(self, key: MasterKey, *, retired: Sequence[MasterKey] = ()) -> None:
        self._key_id = key.id
        self._ciphers = {each.id: AESGCM(each.secret) for each in (*retired, key)}

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
        cipher = self._ciphers.get(parts[1])
        if cipher is None:
            held = ", ".join(sorted(self._ciphers))
            raise SealError(f"sealed under master key {parts[1]}, which is missing here; this server has {held}")
        try:
            return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _bound(parts[1], context))
        except (InvalidTag, ValueError):
            raise SealError(f"sealed under master key {parts[1]}, but altered or moved from another place") from None


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


def _read_private(path: Path) -> bytes:
    try:
        # O_NONBLOCK, or a named pipe would hang the start.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        linked = path.is_symlink()
        reason = "is a symbolic link; name the file itself" if linked else f"cannot be read: {error.strerror}"
        raise MasterKeyError(f'master key file "{path}" {reason}') from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise MasterKeyError(f'master key file "{path}" is not a plain file')
        if mode & 0o077:
            raise MasterKeyError(
                f'master key file "{path}" has mode {stat.S_IMODE(mode):04o}, open to others; run chmod 600 on it'
            )
        return os.read(handle, 1024)
    finally:
        os.close(handle)


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, on the disk, mode 0600. Raises FileExistsError rather than replace a file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        os.link(draft, path)  # unlike a rename, never replaces a key that sealed something
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
