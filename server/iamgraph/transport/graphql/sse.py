"""GraphQL over server-sent events, in distinct connections mode (graphql-sse, PROTOCOL.md): one response an operation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from aiohttp import web

log = logging.getLogger(__name__)
EVENT_STREAM = "text/event-stream"
COMPLETE = b"event: complete\ndata: \n\n"
COMMENT = b":\n\n"
COMMENT_SECONDS = 15.0
"""How long a stream stays silent: proxies close what they think is dead."""
SEND_SECONDS = 30.0
"""How long a client may take nothing of what is sent."""
END_SECONDS = 5.0
"""How long a client may take for what is left when the server stops."""
LOOK_SECONDS = 1.0
"""How often it is looked whether the client is still there; aiohttp does not say when it leaves."""

Bodies = AsyncGenerator[Sequence[Mapping[str, Any]], None]


def message(body: Mapping[str, Any]) -> bytes:
    """A `next` message with one execution result. JSON has no line breaks of its own."""
    return b"event: next\ndata: " + orjson.dumps(body) + b"\n\n"


class Streams:
    """The streams that are open on an endpoint."""

    def __init__(self) -> None:
        self._sending: set[asyncio.Task[None]] = set()

    async def send(self, request: web.Request, headers: Mapping[str, str], bodies: Bodies) -> web.StreamResponse:
        """Send execution results as they come, several at once or none, until there are no more or the client is gone.
        `bodies` is closed when this returns, and gives something, if only an empty list, every few seconds."""
        response = web.StreamResponse(headers={**headers, "X-Accel-Buffering": "no"})
        response.content_type, response.charset = EVENT_STREAM, "utf-8"
        sending = asyncio.create_task(_send(request, response, bodies))
        self._sending.add(sending)
        try:
            while request.transport is not None and not sending.done():
                await asyncio.wait([sending], timeout=LOOK_SECONDS)
        finally:
            self._sending.discard(sending)
            sending.cancel()
            await asyncio.wait([sending])
            if sending.cancelled() and request.transport is not None:
                request.transport.abort()
        return response

    async def end(self) -> None:
        """Wait for streams that have come to their end to be sent whole, and cut off who does not take the rest."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=END_SECONDS)
            for sending in late:
                sending.cancel()


async def _send(request: web.Request, response: web.StreamResponse, bodies: Bodies) -> None:
    try:
        async with aclosing(bodies):
            await response.prepare(request)
            await _write(response, COMMENT)
            now = asyncio.get_running_loop().time
            last = now()
            async for some in bodies:
                text = b"".join(map(message, some))
                if not text and now() - last >= COMMENT_SECONDS:
                    text = COMMENT
                if text:
                    await _write(response, text)
                    last = now()
        await _write(response, COMPLETE)
        await response.write_eof()
    except Exception as error:
        # A client that left, or takes nothing, is no fault; and nobody can be told of ours any more.
        if not isinstance(error, ConnectionError | TimeoutError):
            log.exception("a stream failed")
        if request.transport is not None:
            request.transport.abort()


async def _write(response: web.StreamResponse, text: bytes) -> None:
    """Raises TimeoutError, and ConnectionError."""
    async with asyncio.timeout(SEND_SECONDS):
        await response.write(text)
