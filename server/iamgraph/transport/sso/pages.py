"""Pages as they go out: made from templates that escape whatever they are given, with headers that forbid the rest."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

_STYLE = files(__package__).joinpath("style.css").read_bytes()
STYLE_PATH = "/sso/style.css"
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    # Not `no-referrer`, with which browsers leave the Origin of a form out (Fetch, "append a request `Origin` header").
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_TEMPLATES = Environment(
    loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.globals["style"] = f"{STYLE_PATH}?{hashlib.sha256(_STYLE).hexdigest()[:16]}"


def page(template: str, /, *, status: int = 200, **values: object) -> web.Response:
    """A page out of `templates/`."""
    text = _TEMPLATES.get_template(f"{template}.html").render(values)
    return web.Response(text=text, status=status, content_type="text/html", headers=_HEADERS)


def moved(path: str) -> web.Response:
    """Go on at a path of this server, by GET."""
    return web.Response(status=303, headers={**_HEADERS, "Location": path})


async def style(request: web.Request) -> web.Response:
    """The pages' style sheet. Its address changes with it."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=_STYLE, content_type="text/css", charset="utf-8", headers=headers)
