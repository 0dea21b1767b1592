"""Asking a server over connections, each the next request as soon as the last is answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One round against one target. Latencies are in seconds."""

    requests: int
    errors: int
    seconds: float
    latencies: Sequence[float]

    @property
    def rps(self) -> float:
        return (self.requests - self.errors) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def request(port: int, body: Mapping[str, Any], token: str | None = None) -> bytes:
    """A request as it goes over the wire: made once, so that the generator has little to do."""
    content = json.dumps(body).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nContent-Length: {len(content)}\r\n"
    )
    if token is not None:
        head += f"Authorization: Bearer {token}\r\n"
    return head.encode() + b"\r\n" + content


class Connection:
    """One keep-alive connection; opened anew where the server closes it behind an answer."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._port, self._reader, self._writer = port, reader, writer
        self._is_over = False

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(port, *await _opened(port))

    async def send(self, raw: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        if self._is_over:
            await self.close()
            self._reader, self._writer = await _opened(self._port)
        self._writer.write(raw)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        at = head.index(b"content-length:") + 15
        size = int(head[at : head.index(b"\r", at)])
        self._is_over = b"\r\nconnection: close\r" in head
        return int(head[9:12]), await self._reader.readexactly(size)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def _opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, limit=4 * 1024 * 1024)


async def ask(port: int, body: Mapping[str, Any], token: str | None = None) -> Any:
    """The data of one answer. Raises RuntimeError for any error in it."""
    return json.loads(await answered(port, body, token))["data"]


async def answered(port: int, body: Mapping[str, Any], token: str | None = None) -> bytes:
    """One answer as it came. Raises RuntimeError for any error in it."""
    connection = await Connection.open(port)
    try:
        status, content = await connection.send(request(port, body, token))
    finally:
        await connection.close()
    answer = json.loads(content)
    if status != 200 or "errors" in answer:
        raise RuntimeError(f"answered {status}: {content[:1000]!r}")
    return content


async def measure(port: int, requests: Sequence[bytes], *, connections: int, seconds: float, good: bytes) -> Sample:
    """Send the requests in turn for that long. An answer is an error if it is no 200, has errors, or lacks `good`."""
    opened = [await Connection.open(port) for _ in range(connections)]
    latencies: list[float] = []
    errors = 0
    started = time.perf_counter()
    until = started + seconds

    async def client(connection: Connection, first: int) -> None:
        nonlocal errors
        at = first
        while (began := time.perf_counter()) < until:
            status, content = await connection.send(requests[at % len(requests)])
            latencies.append(time.perf_counter() - began)
            errors += status != 200 or good not in content or b'"errors":' in content
            at += connections
        # Whatever was begun is counted whole, with the time that it took.

    try:
        await asyncio.gather(*(client(connection, i) for i, connection in enumerate(opened)))
        took = time.perf_counter() - started
    finally:
        for connection in opened:
            await connection.close()
    return Sample(requests=len(latencies), errors=errors, seconds=took, latencies=latencies)
