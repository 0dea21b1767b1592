"""What an identity provider said of somebody, and paths to what stands in it: `claims.email`,
`claims.resource_access.iamgraph.roles`, `claims["https://corp.example/team"]`, `attributes.groups`, `authn.mfa`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

JSON = str | int | float | bool | None | Sequence["JSON"] | Mapping[str, "JSON"]
Claims = Mapping[str, JSON]

SOURCES: Final = ("claims", "attributes", "authn")
MAXIMUM_STEPS: Final = 8
MAXIMUM_LENGTH: Final = 256
_STEP: Final = re.compile(r'\["([^"\\]+)"\]|\.([^.\[\]"\s]+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody as a provider has signed them in. `claims` are an OpenID Connect token's, `attributes` a SAML assertion's
    (each a list of texts), and `authn` is what this service has worked out of the sign-in itself: `mfa`, `issuer`,
    `subject` and `provider`, which no claim can imitate."""

    claims: Claims = field(default_factory=dict)
    attributes: Claims = field(default_factory=dict)
    authn: Claims = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Path:
    """A way to one value. Names are case-sensitive, and a dot inside a name needs the form in brackets."""

    text: str
    source: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return self.text

    def of(self, identity: Identity) -> tuple[str, ...]:
        """The values at the path as texts, none where there is nothing. A list's items that are lists or objects are left
        out, as is null; numbers and booleans are written as JSON writes them."""
        found: JSON = getattr(identity, self.source)
        for step in self.steps:
            if not isinstance(found, Mapping):
                return ()
            found = found.get(step)
        items = found if isinstance(found, Sequence) and not isinstance(found, str) else (found,)
        return tuple(text for item in items if (text := _text(item)) is not None)


def path(text: str) -> Path | None:
    """The path that `text` spells, or None where it spells none."""
    source = next((one for one in SOURCES if text.startswith((one + ".", one + "["))), None)
    if source is None or len(text) > MAXIMUM_LENGTH:
        return None
    steps: list[str] = []
    offset = len(source)
    while offset < len(text):
        found = _STEP.match(text, offset)
        if found is None:
            return None
        steps.append(found[1] or found[2])
        offset = found.end()
    return Path(text=text, source=source, steps=tuple(steps)) if len(steps) <= MAXIMUM_STEPS else None


def _text(value: JSON) -> str | None:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None
