"""GraphiQL, served from the package itself, in development only."""

from __future__ import annotations

from importlib.resources import files

from aiohttp import web

_TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html"}
_NAMES = (
    "graphiql.min.css",
    "graphiql.min.js",
    "react.production.min.js",
    "react-dom.production.min.js",
    "start.css",
    "start.js",
)
# GraphiQL's editor makes its own styles, and its fonts are inlined.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def _show(request: web.Request) -> web.Response:
    name = request.match_info.get("name", "index.html")
    if name not in (*_NAMES, "index.html"):
        raise web.HTTPNotFound
    body = files(__package__).joinpath("graphiql", name).read_bytes()
    headers = {
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(body=body, content_type=_TYPES[name.rsplit(".", 1)[1]], charset="utf-8", headers=headers)


def add_explorer(app: web.Application) -> None:
    """Serve GraphiQL at `/graphiql`."""
    app.router.add_get("/graphiql", _show)
    app.router.add_get("/graphiql/{name}", _show)
