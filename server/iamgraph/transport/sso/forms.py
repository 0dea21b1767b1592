"""What a browser may send: forms of our own pages alone, and where it may be sent on to."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping

from aiohttp import web

MAX_FORM = 64 * 1024
FORM = "application/x-www-form-urlencoded"
TOKEN = "form_token"
"""The field that shows that a form was ours."""
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2047}")


class FormRefused(Exception):
    """A form that is none of ours, or can't be read: `status` says in which way, the text what the person can do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def own_path(text: str | None) -> str | None:
    """The text, if it is a path on this server: printable ASCII with one leading `/`, and no backslash, which browsers take
    for one. Anything else could lead a person who has just signed in elsewhere."""
    return text if text is not None and _PATH.fullmatch(text) else None


def new_form_secret() -> str:
    """What the form cookie holds: 256 random bits."""
    return secrets.token_urlsafe(32)


def form_token(form_secret: str, session: str | None) -> str:
    """What the forms of one browser and one session must bring. It changes with either."""
    key, message = form_secret.encode("utf-8", "surrogatepass"), (session or "").encode("utf-8", "surrogatepass")
    return hmac.new(key, b"iamgraph form\n" + message, hashlib.sha256).hexdigest()


async def form_of(request: web.Request, origins: frozenset[str], token: str | None) -> Mapping[str, str]:
    """The fields of a form that was sent from one of the origins and brings the token. Raises FormRefused."""
    if request.headers.get("Origin") not in origins or request.headers.get("Sec-Fetch-Site", "same-origin") not in (
        "same-origin",
        "none",
    ):
        raise FormRefused(403, "This form was not sent from a page of this server, so nothing was done.")
    fields = await fields_of(request)
    given = fields.get(TOKEN, "").encode("utf-8", "surrogatepass")
    if token is None or not hmac.compare_digest(given, token.encode()):
        raise FormRefused(403, "This form is out of date, so nothing was done. Your browser must accept cookies.")
    return fields


async def fields_of(request: web.Request) -> Mapping[str, str]:
    """The fields of a form, each once. Raises FormRefused."""
    if request.content_type != FORM:
        raise FormRefused(415, f"A form is sent as {FORM}.")
    if (request.content_length or 0) > MAX_FORM:
        raise FormRefused(413, f"A form may have at most {MAX_FORM} bytes.")
    try:
        sent = await request.clone(client_max_size=MAX_FORM).post()
    except web.HTTPRequestEntityTooLarge:
        raise FormRefused(413, f"A form may have at most {MAX_FORM} bytes.") from None
    except (ValueError, LookupError):
        raise FormRefused(400, "The form can't be read: it must be UTF-8.") from None
    fields = {name: value for name, value in sent.items() if isinstance(value, str)}
    if len(fields) != len(sent):
        raise FormRefused(400, "The form has a field twice.")
    return fields
