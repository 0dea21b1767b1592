"""Serving credentials to the applications of this machine: on its loopback address alone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from ..domain.addresses import is_address
from .container import Container
from .enrolment import Enrolment
from .files import alone
from .imds import Imds
from .keeper import Keeper
from .kept import Kept

HOST = "127.0.0.1"


def token_file(folder: Path) -> Path:
    """Where the container endpoint's token is."""
    return folder / "container-token"


@web.middleware
async def _direct(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what comes through a proxy, as IMDS does; and what a web page sends whose name has been pointed to this
    machine: who asks for credentials asks an address."""
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    if "X-Forwarded-For" in request.headers or not (is_address(host.strip("[]")) or host == "localhost"):
        raise web.HTTPForbidden
    return await handler(request)


def application(keeper: Keeper, folder: Path) -> web.Application:
    """The routes."""
    app = web.Application(middlewares=[_direct])
    Imds(keeper).add_to(app)
    Container(keeper, token_file(folder)).add_to(app)
    return app


async def serve(
    enrolment: Enrolment, folder: Path, *, port: int, duration_seconds: int, announce: Callable[[int], None]
) -> None:
    """Serve until told to stop. `announce` is called with the port once requests are answered. Raises AgentError."""
    # The applications of another would read this one's token.
    with alone(folder):
        keeper = Keeper(Kept(folder, enrolment.agent_id), lambda: enrolment.ask(duration_seconds))
        runner = web.AppRunner(application(keeper, folder), access_log=None, shutdown_timeout=2)
        await runner.setup()
        keeper.start()
        try:
            await web.TCPSite(runner, HOST, port).start()
            announce(runner.addresses[0][1])
            await _told_to_stop()
        finally:
            await runner.cleanup()
            await keeper.close()


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    await stop.wait()
