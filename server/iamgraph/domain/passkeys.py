"""Passkeys and security keys (WebAuthn): whose they are, and for which site and pages they are good."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from .arn import iam_arn, parse_arn
from .entities import User, VirtualMfaDevice

_ID_CHARACTERS = 26
"""How many characters a serial number ends with: the 16 octets of the id in base32, as AWS's serial numbers do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """The site that passkeys are for. `id` is its domain; `origins` are those whose pages may use them."""

    id: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey or security key. It is there as long as it is enabled for somebody: `owner_id` is a user's unique id, or the
    account's id for its root. `credential_id` is what its authenticator calls it, in base64url; `public_key` is a COSE key
    (RFC 9052); `sign_count` is what the authenticator counted last, 0 where it does not count; `transports` is how it is
    reached."""

    id: str
    account_id: str
    owner_id: str
    user: User | None
    name: str
    credential_id: str
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    enabled_at: datetime

    @property
    def arn(self) -> str:
        """Its serial number. It has the user's name as that is now, without the path."""
        path = f"/user/{self.user.name}/" if self.user is not None else "/root/"
        suffix = base64.b32encode(bytes.fromhex(self.id)).decode().rstrip("=")
        return iam_arn(self.account_id, "u2f", path, f"{self.name}-{suffix}")


MfaDevice = VirtualMfaDevice | Passkey
"""What somebody can show at sign-in beside the password."""


class MfaKind(Enum):
    """The kinds of MFA devices: those that show a code (virtual ones), and those that sign (passkeys and security keys)."""

    TOTP = "TOTP"
    PASSKEY = "PASSKEY"


def passkey_id(serial: str) -> str | None:
    """The id of the passkey that could have this serial number, None where none could."""
    arn = parse_arn(serial)
    if arn is None or arn.kind != "u2f":
        return None
    try:
        return base64.b32decode(arn.name[-_ID_CHARACTERS:] + "======").hex()
    except binascii.Error:
        return None
