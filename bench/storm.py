"""What a storm of sign-ins does to everybody else: other requests' latency in quiet and in the storm, by turns."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .load import Connection, Sample, measure, request
from .operations import Operation, sign_in

MOST_SLOWER = 1.5
"""The median of other requests in the storm may be at most so many times the median in quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """Medians of the rounds. Latencies are of the other requests, in milliseconds; `sign_ins_per_second` are those that
    were let in; `shed` is the share that was told to try again."""

    operation: str
    at_once: int
    quiet_p50_ms: float
    storm_p50_ms: float
    ratio: float
    most: float
    holds: bool
    quiet_rps: float
    storm_rps: float
    sign_ins_per_second: float
    shed: float
    requests: int
    errors: int

    def __str__(self) -> str:
        return (
            f"{self.operation}, in quiet and while {self.at_once} sign in at once: p50 {self.quiet_p50_ms:.2f} and "
            f"{self.storm_p50_ms:.2f} ms, ratio {self.ratio:.2f}, at most {self.most:.2f}: {'yes' if self.holds else 'no'}; "
            f"{self.sign_ins_per_second:.0f} sign-ins a second, {self.shed:.0%} told to try again, {self.errors} errors"
        )


@dataclass(slots=True)
class _Answers:
    """What the storm was answered, by status and kind, and how long it took."""

    counted: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


async def storm(
    port: int, operation: Operation, token: str, *, at_once: int, rounds: int, seconds: float, connections: int
) -> Storm:
    """Measure `operation` for a caller with a token, in quiet and in the storm by turns."""
    requests = [request(port, body, token) for body in operation.bodies]

    async def others() -> Sample:
        return await measure(port, requests, connections=connections, seconds=seconds, good=operation.good)

    quiet, stormy, answers = [], [], _Answers()
    await others()
    for _ in range(rounds):
        quiet.append(await others())
        async with _raging(port, at_once, answers):
            stormy.append(await others())
    p50_quiet, p50_storm = (
        statistics.median(sample.percentile(0.5) for sample in samples) * 1000 for samples in (quiet, stormy)
    )
    told = answers.counted
    ratio = p50_storm / p50_quiet if p50_quiet else 0.0
    return Storm(
        operation=operation.name,
        at_once=at_once,
        quiet_p50_ms=p50_quiet,
        storm_p50_ms=p50_storm,
        ratio=ratio,
        most=MOST_SLOWER,
        holds=ratio <= MOST_SLOWER,
        quiet_rps=statistics.median(sample.rps for sample in quiet),
        storm_rps=statistics.median(sample.rps for sample in stormy),
        sign_ins_per_second=told["in"] / answers.seconds if answers.seconds else 0.0,
        shed=told["shed"] / max(1, told.total()),
        requests=sum(sample.requests for sample in (*quiet, *stormy)) + told.total(),
        errors=sum(sample.errors for sample in (*quiet, *stormy)) + told["error"],
    )


@asynccontextmanager
async def _raging(port: int, at_once: int, answers: _Answers) -> AsyncIterator[None]:
    """So many sign-ins at once, all with the right password, and the same again once the last is answered."""
    opened = [await Connection.open(port) for _ in range(at_once)]
    raw, over = request(port, sign_in()), asyncio.Event()

    async def one(connection: Connection) -> None:
        status, content = await connection.send(raw)
        if status == 200 and b'"accessToken"' in content:
            answers.counted["in"] += 1
        else:
            answers.counted["shed" if status == 503 and b"ThrottledError" in content else "error"] += 1

    async def rage() -> None:
        while not over.is_set():
            await asyncio.gather(*(one(connection) for connection in opened))

    began = time.perf_counter()
    raging = asyncio.create_task(rage())
    try:
        yield
    finally:
        over.set()
        await raging
        answers.seconds += time.perf_counter() - began
        for connection in opened:
            await connection.close()
