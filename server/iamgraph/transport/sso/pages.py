"""Pages as they go out: made from templates that escape whatever they are given, with headers that forbid the rest."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

_STYLE = files(__package__).joinpath("style.css").read_bytes()
_PASSKEY_SCRIPT = files(__package__).joinpath("passkey.js").read_bytes()
STYLE_PATH, PASSKEY_SCRIPT_PATH = "/sso/style.css", "/sso/passkey.js"
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
_TEMPLATES.globals["passkey_script"] = f"{PASSKEY_SCRIPT_PATH}?{hashlib.sha256(_PASSKEY_SCRIPT).hexdigest()[:16]}"


def page(template: str, /, *, status: int = 200, runs_script: bool = False, **values: object) -> web.Response:
    """A page out of `templates/`, which runs no script unless that is said."""
    text = _TEMPLATES.get_template(f"{template}.html").render(values)
    policy = f"{_POLICY}; script-src 'self'" if runs_script else _POLICY
    headers = {**_HEADERS, "Content-Security-Policy": policy}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def moved(path: str) -> web.Response:
    """Go on at a path of this server, by GET."""
    return web.Response(status=303, headers={**_HEADERS, "Location": path})


def away(url: str) -> web.Response:
    """Go on at another site."""
    return web.Response(status=302, headers={**_HEADERS, "Location": url})


async def style(request: web.Request) -> web.Response:
    """The pages' style sheet. Its address changes with it."""
    return _file(_STYLE, "text/css")


async def passkey_script(request: web.Request) -> web.Response:
    """The script of the page that takes passkeys. Its address changes with it."""
    return _file(_PASSKEY_SCRIPT, "text/javascript")


def _file(content: bytes, content_type: str) -> web.Response:
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=content, content_type=content_type, charset="utf-8", headers=headers)
