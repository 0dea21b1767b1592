"""The cookies that keep a browser's session, whichever transport sets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies:
    """Their names. With `is_secure` browsers hold them to https, to this host and to no part of it (`__Host-`, RFC 6265bis
    section 4.1.3.2); a server on a loopback address without https has others, so that neither passes for the other.

    `session` is the session that acts. `own` is there while that is a role's: it keeps the session of who signed in.
    `form` ties forms to the browser that they were shown to. INVARIANT: no script can read any of them."""

    is_secure: bool

    @property
    def session(self) -> str:
        return self._name("iam")

    @property
    def own(self) -> str:
        return self._name("iam-own")

    @property
    def form(self) -> str:
        return self._name("iam-form")

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.is_secure else f"{name}-development"

    def set(self, response: web.StreamResponse, name: str, value: str, *, expires_at: datetime | None = None) -> None:
        """Without a time it goes when the browser is closed."""
        expires = expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT") if expires_at is not None else None
        response.set_cookie(
            name, value, httponly=True, secure=self.is_secure, samesite="Lax", path="/", expires=expires
        )

    def delete(self, response: web.StreamResponse, name: str) -> None:
        response.del_cookie(name, httponly=True, secure=self.is_secure, samesite="Lax", path="/")
