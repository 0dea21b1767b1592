"""What the typed condition operators compare: numbers, dates, booleans, bytes and IP addresses, read from text. None
stands for a text that is none, which equals nothing."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
_EPOCH: Final = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,18})?")
_DATE: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})(-(?P<day>[0-9]{1,2}))?"
    r"([Tt ](?P<hour>[0-9]{1,2})(:(?P<minute>[0-9]{1,2})(:(?P<second>[0-9]{1,2})(?P<fraction>\.[0-9]{1,18})?)?)?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?"
)
_NETWORK: Final = re.compile(r"[0-9a-fA-F:.]{2,45}(/[0-9]{1,3})?")
_BOOLEANS: Final = {"true": True, "false": False}
_LONGEST: Final = 64
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


def number(text: str) -> Decimal | None:
    """A decimal number, by value: "10" and "10.0" are equal."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def date(text: str) -> Decimal | None:
    """Seconds since 1970-01-01T00:00Z: from ISO 8601 (a date alone is its midnight, no zone is UTC, and what has two digits
    may have one, as IAM takes it) or from the seconds themselves (IAM User Guide, "Date condition operators")."""
    return _date(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _date(text: str) -> Decimal | None:
    if _EPOCH.fullmatch(text):
        return Decimal(text)
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    part = found.groupdict()
    try:
        moment = datetime(
            int(part["year"]), int(part["month"]), int(part["day"] or 1),
            int(part["hour"] or 0), int(part["minute"] or 0), int(part["second"] or 0), tzinfo=_zone(part["zone"]),
        )  # fmt: skip
        seconds = (moment - _EPOCH_START) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    return seconds + Decimal("0" + (part["fraction"] or ".0"))


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if text[0] == "-" else offset)


def boolean(text: str) -> bool | None:
    """ "true" or "false", in any case."""
    return _BOOLEANS.get(text.lower())


def binary(text: str) -> bytes | None:
    """The bytes of a base64 text."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A range of addresses of one IP version: those that agree with `address` in the bits of `mask`."""

    version: int
    address: int
    mask: int


def network(text: str) -> Network | None:
    """A CIDR range, or a single address. Bits of the address beyond the prefix are ignored. The prefix is a number of
    bits, not a mask."""
    if not _NETWORK.fullmatch(text):
        return None
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return Network(version=found.version, address=int(found.network_address), mask=int(found.netmask))


def address(text: str) -> tuple[int, int] | None:
    """The IP version and the number of an address. One with a zone (`fe80::1%eth0`) is none."""
    return _address(text) if len(text) <= _LONGEST and "%" not in text else None


@lru_cache(maxsize=4096)
def _address(text: str) -> tuple[int, int] | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return found.version, int(found)
