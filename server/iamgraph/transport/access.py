"""One line in the log for each HTTP request, and its place in the metrics, whichever transport answers it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .logs import REQUEST_ID
from .metrics import HttpMeters
from .origin import Network, origin_of

log = logging.getLogger("iamgraph.access")
CLIENT_GONE = 499
"""The status of a request whose client went away before its answer (nginx's number for it)."""

_QUIET = frozenset({"/healthz", "/readyz"})


class RequestTracer(Protocol):
    """See `tracing.Tracing`, which is there only where it is installed."""

    def request(
        self, method: str, route: str, headers: Mapping[str, str]
    ) -> AbstractContextManager[Callable[[int], None]]: ...


def access(trusted: Sequence[Network], meters: HttpMeters | None, tracer: RequestTracer | None = None) -> Middleware:
    """The middleware. Neither a query string nor anything of a body gets into a line."""

    @web.middleware
    async def watched(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = perf_counter()
        status, is_stream = 500, False
        try:
            response = await (handler(request) if tracer is None else _traced(tracer, request, handler))
            status, is_stream = response.status, response.content_type == "text/event-stream"
            return response
        except web.HTTPException as error:
            status = error.status
            raise
        except asyncio.CancelledError:
            status = CLIENT_GONE
            raise
        finally:
            seconds = perf_counter() - began
            if meters is not None:
                meters.answered(route_of(request), status, None if is_stream else seconds)
            level = logging.DEBUG if status < 300 and request.path in _QUIET else logging.INFO
            if log.isEnabledFor(level):
                _tell(request, status, seconds, level, trusted)
            REQUEST_ID.set(None)

    return watched


async def _traced(tracer: RequestTracer, request: web.Request, handler: Handler) -> web.StreamResponse:
    with tracer.request(request.method, route_of(request), request.headers) as answered:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            answered(error.status)
            raise
        answered(response.status)
        return response


def route_of(request: web.Request) -> str:
    """The route as it is declared. INVARIANT: never the client's path, or there would be no end of them."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


def _tell(request: web.Request, status: int, seconds: float, level: int, trusted: Sequence[Network]) -> None:
    origin = origin_of(request, "HTTP", trusted)
    # As it was sent, percent-encoded: what it decodes to could be anything.
    path = request.rel_url.raw_path[:200]
    fields = {
        "method": request.method,
        "path": path,
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "ip": origin.ip_address,
        "operations": list(origin.noted.operations),
        "principal": origin.noted.principal_arn,
    }
    record = logging.LogRecord(log.name, level, __file__, 0, "%s %s %d", (request.method, path, status), None)
    record.fields = fields
    log.handle(record)
