"""`/healthz` and `/readyz`: whether the process lives, and whether it can do its work. They say no more to anybody."""

from __future__ import annotations

import logging

from aiohttp import web

from ..app.kernel import Kernel

log = logging.getLogger(__name__)
_HEADERS = {"Cache-Control": "no-store"}


def add_health(app: web.Application, kernel: Kernel) -> None:
    """Serve both. `/readyz` is a 503 while the store does not answer, or has other tables than this program wants."""

    async def alive(request: web.Request) -> web.Response:
        return web.Response(text="ok\n", headers=_HEADERS)

    async def ready(request: web.Request) -> web.Response:
        problem = await kernel.problem()
        if problem is None:
            return web.Response(text="ok\n", headers=_HEADERS)
        log.warning("not ready: %s", problem)
        return web.Response(text="not ready\n", status=503, headers=_HEADERS)

    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
