"""Time-based one-time passwords (RFC 6238): six digits of HMAC-SHA-1, a new one every 30 seconds, as authenticator apps and
AWS's virtual MFA devices make them."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from urllib.parse import quote

STEP_SECONDS = 30
DIGITS = 6
WINDOW = 1
"""How many steps a code may be early or late: what is left of clocks that were set, and of the time that typing takes
(RFC 6238, 5.2)."""
SEARCH = 60
"""The same for two codes in a row, which say by how much a device's clock is off (RFC 6238, 6): half an hour."""
SEED_BYTES = 40
"""How long seeds are, as AWS's are: 64 letters and digits in base32."""
ISSUER = "iamgraph"


def step_at(at: datetime) -> int:
    """The number of the step that `at` is in."""
    return int(at.timestamp()) // STEP_SECONDS


def code(seed: bytes, step: int) -> str:
    """The code of a step (RFC 4226, 5.3)."""
    digest = hmac.digest(seed, max(0, step).to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(seed: bytes, given: str, *, around: int, after: int) -> int | None:
    """The step behind `after` whose code was given, among those around one. Takes the same time whichever it is."""
    found = None
    for step in range(around - WINDOW, around + WINDOW + 1):
        if _is_code(seed, step, given) and step > after and found is None:
            found = step
    return found


def steps_of(seed: bytes, first: str, second: str, *, around: int, after: int) -> int | None:
    """The step of the second of two codes in a row, both behind `after`; the nearest to `around`, however far the device's
    clock is off."""
    steps = range(around - SEARCH, around + SEARCH + 1)
    firsts = {step for step in steps if _is_code(seed, step, first)}
    found = [step for step in steps if _is_code(seed, step, second) and step - 1 in firsts and step - 1 > after]
    return min(found, key=lambda step: abs(step - around), default=None)


def _is_code(seed: bytes, step: int, given: str) -> bool:
    return hmac.compare_digest(code(seed, step).encode(), given.encode("utf-8", "surrogatepass"))


def base32(seed: bytes) -> str:
    """The seed as it is typed into an app (RFC 3548), without padding."""
    return base64.b32encode(seed).decode().rstrip("=")


def otpauth_uri(seed: bytes, *, device: str, account: str) -> str:
    """What a QR code holds for an authenticator app: `otpauth://totp/iamgraph:DEVICE@ACCOUNT?secret=…`."""
    label = f"{quote(ISSUER, safe='')}:{quote(f'{device}@{account}', safe='@')}"
    return f"otpauth://totp/{label}?secret={base32(seed)}&issuer={quote(ISSUER, safe='')}"
