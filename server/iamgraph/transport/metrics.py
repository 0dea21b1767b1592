"""`/metrics` for Prometheus, on an address of its own: how the server does, and nothing about anybody who uses it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ..app.history.sealer import HistorySealer
from ..app.kernel import Kernel
from ..app.meters import Ended, Meters
from ..app.operation import OPERATIONS

log = logging.getLogger(__name__)

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Where processes that share an address keep their numbers, if there are several (prometheus-client reads it itself)."""

EVERY_SECONDS = 1.0
ANSWER_SECONDS = 2.0
UNDECLARED = "undeclared"
_DECISION = (2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2, 1e-1)
_REQUEST = (1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAG = (1e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5)


class HttpMeters:
    """What is counted of HTTP requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "iamgraph_http_requests",
            "HTTP requests, by declared route and status.",
            ("route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "iamgraph_http_request_seconds", "Time to answer.", ("route",), registry=registry, buckets=_REQUEST
        )
        self._counted: dict[tuple[str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def answered(self, route: str, status: int, seconds: float | None) -> None:
        """A request was answered; `seconds` is None for a stream, which takes as long as its reader likes."""
        counted = self._counted.get((route, status))
        if counted is None:
            counted = self._counted[route, status] = self._requests.labels(route, str(status))
        counted.inc()
        if seconds is None:
            return
        timed = self._timed.get(route)
        if timed is None:
            timed = self._timed[route] = self._seconds.labels(route)
        timed.observe(seconds)


class Metrics(Meters):
    """The metrics of one process. A label's child is found once and kept, so that counting costs about a microsecond."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.http = HttpMeters(registry)
        self._operations = Counter(
            "iamgraph_operations", "Operations, by how they ended.", ("operation", "outcome"), registry=registry
        )
        self._counted: dict[tuple[str, Ended], Counter] = {}
        self._decisions = Histogram(
            "iamgraph_decision_seconds",
            "Time of a decision of the policy engine.",
            registry=registry,
            buckets=_DECISION,
        )
        self._lag = Histogram(
            "iamgraph_event_loop_lag_seconds",
            "By how much a timer of one second was late.",
            registry=registry,
            buckets=_LAG,
        )
        self._shed = Counter(
            "iamgraph_password_hashes_shed",
            "Passwords that were not looked at, for want of a place.",
            registry=registry,
        )
        self._has_shed = 0

        def each(name: str, text: str) -> Gauge:
            return Gauge(f"iamgraph_{name}", text, registry=registry, multiprocess_mode="livesum")

        self._processes = each("processes", "Server processes that share the address.")
        self._limit = each("database_connections_limit", "Connections that there may be.")
        self._open = each("database_connections_open", "Connections that there are.")
        self._in_use = each("database_connections_in_use", "Connections that are taken.")
        self._idle = each("database_connections_idle", "Connections that are free.")
        self._waiting = each("database_connections_waiting", "Tasks that wait for a connection.")
        self._hashing = each("password_hashes_running", "Passwords that are hashed or checked now.")
        self._to_hash = each("password_hashes_waiting", "Passwords that wait for their turn.")

        def newest(name: str, text: str) -> Gauge:
            return Gauge(f"iamgraph_{name}", text, registry=registry, multiprocess_mode="livemostrecent")

        self._unsealed = newest("history_unsealed_events", "Events without a link, counted up to 10000.")
        self._behind = newest(
            "history_unsealed_seconds", "Age of the oldest event without a link; 0 where all have one."
        )
        self._answers = newest("store_answers", "1 if the store answered in time at this scrape.")

    def ended(self, name: str, how: Ended, count: int = 1) -> None:
        counted = self._counted.get((name, how))
        if counted is None:
            # INVARIANT: a client's own words are no label, or there would be no end of them.
            declared = name if name in OPERATIONS else UNDECLARED
            counted = self._operations.labels(declared, how.value)
            if declared is name:
                self._counted[name, how] = counted
        counted.inc(count)

    def decided(self, seconds: float) -> None:
        self._decisions.observe(seconds)

    def late(self, seconds: float) -> None:
        """The timer was late by so much."""
        self._lag.observe(seconds)

    def sample(self, kernel: Kernel) -> None:
        """Note how busy this process is."""
        connections, load = kernel.connections, kernel.tools.hasher.load
        self._processes.set(1)
        self._limit.set(connections.limit)
        self._open.set(connections.open)
        self._in_use.set(connections.in_use)
        self._idle.set(connections.idle)
        self._waiting.set(connections.waiting)
        self._hashing.set(load.running)
        self._to_hash.set(load.waiting)
        self._shed.inc(load.shed - self._has_shed)
        self._has_shed = load.shed

    async def ask(self, sealer: HistorySealer) -> None:
        """Note how far the history is sealed, and whether the store can tell."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                backlog = await sealer.backlog()
        except Exception as error:
            log.warning("the store did not say how far its history is sealed: %s: %s", type(error).__name__, error)
            self._answers.set(0)
            return
        self._answers.set(1)
        self._unsealed.set(backlog.events)
        self._behind.set(backlog.seconds)

    async def text(self) -> bytes:
        """All metrics in Prometheus's text format, of all processes where there are several."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        return await asyncio.to_thread(_of_all)


def _of_all() -> bytes:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


@asynccontextmanager
async def watched(
    metrics: Metrics, kernel: Kernel, sealer: HistorySealer, *, host: str, port: int, is_shared: bool = False
) -> AsyncIterator[int]:
    """`/metrics` answers at the address, and the process is sampled each second; gives the port."""

    async def scraped(request: web.Request) -> web.Response:
        metrics.sample(kernel)
        await metrics.ask(sealer)
        headers = {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        return web.Response(body=await metrics.text(), headers=headers)

    app = web.Application()
    app.router.add_get("/metrics", scraped)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    sampling = asyncio.create_task(_sample(metrics, kernel), name="metrics")
    try:
        await web.TCPSite(runner, host, port, reuse_port=is_shared or None).start()
        yield runner.addresses[0][1]
    finally:
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
        await runner.cleanup()


async def _sample(metrics: Metrics, kernel: Kernel) -> None:
    loop = asyncio.get_running_loop()
    while True:
        # Each second and not when scraped alone: who is scraped tells of the other processes too.
        metrics.sample(kernel)
        due = loop.time() + EVERY_SECONDS
        await asyncio.sleep(EVERY_SECONDS)
        metrics.late(max(0.0, loop.time() - due))
