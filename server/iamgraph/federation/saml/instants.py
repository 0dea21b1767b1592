"""Instants as SAML writes them: UTC, with a Z (SAML Core 1.3.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from .refusal import Refused

_INSTANT: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,12}))?Z")


def instant(said: str | None, name: str) -> datetime:
    """The instant that an attribute of this name says. Raises Refused."""
    found = _INSTANT.fullmatch(said or "")
    try:
        if found is not None:
            whole = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
            return whole.replace(microsecond=int((found[2] or "0")[:6].ljust(6, "0")))
    except ValueError:
        pass
    shown = "missing" if said is None else ascii(said[:40])
    raise Refused("instant", f"{name} is {shown}; it should be an instant such as 2026-01-31T12:00:00Z")
