"""JSON Web Tokens of identity providers: taken apart strictly, before anything in them is believed (RFC 7519, RFC 8725)."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from ...domain.errors import ExpiredIdentityToken, InvalidIdentityToken
from ...domain.names import shown
from .keys import ALGORITHMS

MAX_TOKEN: Final = 20_000
"""What AWS takes (AWS STS API Reference, AssumeRoleWithWebIdentity)."""
LEEWAY: Final = 60
"""By how many seconds a provider's clock may differ from ours."""
MAX_SUBJECT: Final = 255
_LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+")
_MAX_KEY_ID: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as it came: who it says has issued it, about whom and for whom. Nothing of it is proven. `audiences` has one
    at least; `authorized_party` is its `azp`."""

    text: str = field(repr=False)
    algorithm: str
    key_id: str | None
    payload: bytes = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    issuer: str
    subject: str
    audiences: tuple[str, ...]
    authorized_party: str | None
    expires_at: float
    issued_at: float
    not_before: float | None

    def check_times(self, now: float) -> None:
        """Raise ExpiredIdentityToken, or InvalidIdentityToken for a token that is not good yet."""
        if self.expires_at <= now - LEEWAY:
            raise ExpiredIdentityToken(
                f"Token expired: current date/time {int(now)} must be before the expiration date/time "
                f"{int(self.expires_at)}"
            )
        for name, at in (("nbf", self.not_before), ("iat", self.issued_at)):
            if at is not None and at > now + LEEWAY:
                raise InvalidIdentityToken(
                    f"Token not valid yet: current date/time {int(now)} must not be before {name} {int(at)}"
                )

    def audience(self, client_ids: Sequence[str]) -> str:
        """The application that it is for, as AWS has it: its `azp`, or its one audience. Raises InvalidIdentityToken unless
        all that it is for are among these (OpenID Connect Core 1.0, section 3.1.3.7)."""
        strange = [audience for audience in self.audiences if audience not in client_ids]
        if strange:
            raise InvalidIdentityToken(f"Incorrect token audience: {shown(strange[0])} is no client id of the provider")
        if self.authorized_party is not None and self.authorized_party not in client_ids:
            raise InvalidIdentityToken(
                f"Incorrect token audience: azp {shown(self.authorized_party)} is no client id of the provider"
            )
        if self.authorized_party is None and len(self.audiences) > 1:
            raise InvalidIdentityToken("Incorrect token audience: a token for several must name one in azp")
        return self.authorized_party or self.audiences[0]


def parse(text: str) -> Token:
    """The token in its parts. Raises InvalidIdentityToken for what is none that we could accept, whoever signed it."""
    token = _token(text, ("jwt",))
    # Nothing that tells of events is about who somebody is (OpenID Connect Back-Channel Logout 1.0, section 2.4; RFC 8417).
    if "events" in token.claims:
        _refuse("it tells of events, as logout tokens do")
    return token


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """A token that says that somebody has signed out: of one session at its provider, or of all. `token_id` is its own."""

    token: Token
    token_id: str
    subject: str | None
    session_id: str | None


def parse_logout(text: str) -> LogoutToken:
    """The logout token in its parts (OpenID Connect Back-Channel Logout 1.0, section 2.4). Raises InvalidIdentityToken."""
    token = _token(text, ("jwt", "logout+jwt"), needs_subject=False)
    claims, events = token.claims, token.claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT), dict):
        _refuse("it is no logout token")
    if "nonce" in claims:
        _refuse("it has a nonce, which a logout token has not")
    subject = _text(claims, "sub", MAX_SUBJECT) if "sub" in claims else None
    session_id = _text(claims, "sid", MAX_SUBJECT) if "sid" in claims else None
    if subject is None and session_id is None:
        _refuse("it says neither who nor which session")
    return LogoutToken(token=token, token_id=_text(claims, "jti", 2048), subject=subject, session_id=session_id)


def _token(text: str, types: Sequence[str], *, needs_subject: bool = True) -> Token:
    if len(text) > MAX_TOKEN:
        _refuse(f"it is longer than {MAX_TOKEN} characters")
    segments = text.split(".")
    if len(segments) != 3:
        _refuse("it does not have three parts")
    header, payload = _members(_decoded(segments[0]), "header"), _decoded(segments[1])
    _decoded(segments[2])
    algorithm, key_id = _checked_header(header, types)
    claims = _members(payload, "payload")
    return Token(
        text=text,
        algorithm=algorithm,
        key_id=key_id,
        payload=payload,
        claims=claims,
        issuer=_text(claims, "iss", 2048),
        subject=_text(claims, "sub", MAX_SUBJECT) if needs_subject or "sub" in claims else "",
        audiences=_audiences(claims),
        authorized_party=_text(claims, "azp", 2048) if "azp" in claims else None,
        expires_at=_instant(claims, "exp"),
        issued_at=_instant(claims, "iat"),
        not_before=_instant(claims, "nbf") if "nbf" in claims else None,
    )


def _refuse(reason: str) -> NoReturn:
    raise InvalidIdentityToken(f"The ID Token provided is not a valid JWT: {reason}")


def _decoded(segment: str) -> bytes:
    """base64url as RFC 7515 has it: without padding, white space or bits to spare, so that a text is read in one way."""
    if not _SEGMENT.fullmatch(segment):
        _refuse("a part is not base64url")
    try:
        decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error:
        _refuse("a part is not base64url")
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != segment:
        _refuse("a part is not base64url")
    return decoded


def _members(text: bytes, what: str) -> Mapping[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a name twice")
        return made

    def never(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        found = json.loads(text.decode(), object_pairs_hook=once, parse_constant=never)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        _refuse(f"its {what} is not a JSON object, or has a name twice")
    return found


def _checked_header(header: Mapping[str, Any], types: Sequence[str]) -> tuple[str, str | None]:
    """The algorithm and the key id. Keys in the header, and URLs of keys (jwk, jku, x5c, x5u), are not looked at: keys are
    the provider's."""
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        _refuse(f"its algorithm {shown(str(algorithm))} is none of {', '.join(ALGORITHMS)}")
    if "crit" in header or "b64" in header:
        _refuse("its header has what must be understood (crit)")
    if key_id is not None and not (isinstance(key_id, str) and 0 < len(key_id) <= _MAX_KEY_ID):
        _refuse("its kid is no key id")
    # An access token (RFC 9068) or a logout token is signed with the same keys, and is for something else (RFC 8725, 3.11).
    if kind is not None and (not isinstance(kind, str) or kind.lower().removeprefix("application/") not in types):
        _refuse(f"its type {shown(str(kind))} is not JWT")
    return algorithm, key_id


def _text(claims: Mapping[str, Any], name: str, maximum: int) -> str:
    value = claims.get(name)
    if value is None:
        raise InvalidIdentityToken(f"Missing a required claim: {name}")
    if not isinstance(value, str) or not 0 < len(value) <= maximum:
        _refuse(f"its {name} is not a text of 1 to {maximum} characters")
    return value


def _audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    value = claims.get("aud")
    if value is None:
        raise InvalidIdentityToken("Missing a required claim: aud")
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        _refuse("its aud is neither a text nor a list of texts")
    return tuple(found)


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if value is None:
        raise InvalidIdentityToken(f"Missing a required claim: {name}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _refuse(f"its {name} is not a number of seconds")
    return value
