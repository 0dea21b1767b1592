"""What is kept of an attempt to sign in with an identity provider, so that its rules can be asked about it again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .claims import JSON, Identity

MAXIMUM_LENGTH: Final = 65_536
"""Of what is kept that a provider said, in characters. Of more, nothing is kept."""
_SECRET: Final = re.compile(
    "nonce|hash|token|secret|password|credential|assertion|^sid$|^jti$|^session_state$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Somebody came from a provider. Where what the provider said was proven, `subject` is whom it named, and `said` what it
    said of that one, as `kept` writes it; both are None otherwise, since anybody may have made it up."""

    provider_id: str
    subject: str | None = None
    said: str | None = field(default=None, repr=False)


def kept(identity: Identity) -> str | None:
    """What a provider said, as JSON, without what could be used as somebody: claims and attributes, at any depth, that are
    called after tokens, their hashes and sessions. None where that would be too long."""
    text = json.dumps({source: _redacted(getattr(identity, source)) for source in ("claims", "attributes", "authn")})
    return text if len(text) <= MAXIMUM_LENGTH else None


def said(text: str) -> Identity:
    """What `kept` has kept."""
    found = json.loads(text)
    return Identity(claims=found["claims"], attributes=found["attributes"], authn=found["authn"])


def _redacted(value: JSON) -> Any:
    if isinstance(value, Mapping):
        return {name: _redacted(one) for name, one in value.items() if not _SECRET.search(name)}
    if isinstance(value, list | tuple):
        return [_redacted(one) for one in value]
    return value
