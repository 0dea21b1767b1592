"""A client of a GraphQL subscription: reads server-sent events, one by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientResponse, ClientSession, ClientTimeout

ACCEPT = "text/event-stream"


@dataclass
class Stream:
    response: ClientResponse

    async def message(self) -> tuple[str, Any] | None:
        """The next message's event and data, or None at the end of the response. Comments are passed over."""
        while True:
            async with asyncio.timeout(60):
                line = await self.response.content.readuntil(b"\n\n")
            if not line:
                return None
            if line == b":\n\n":
                continue
            event, data, *rest = line.decode().split("\n")
            assert (event[:7], data[:6], rest) == ("event: ", "data: ", ["", ""]), line
            return event[7:], json.loads(data[6:]) if data[6:] else None

    async def next(self) -> Any:
        """The next execution result."""
        found = await self.message()
        assert found is not None and found[0] == "next", found
        return found[1]

    async def field(self, name: str = "name") -> Any:
        """What the next event has in a field."""
        result = await self.next()
        assert "errors" not in result, result
        return result["data"]["events"][name]

    async def code(self) -> Any:
        """The code of the error that ends the stream."""
        errors = (await self.next())["errors"]
        assert await self.rest() == []
        return errors[0]["extensions"]["code"]

    async def rest(self) -> list[Any]:
        """The results that are left, up to the end, which is told."""
        results = []
        while (found := await self.message()) is not None and found[0] == "next":
            results.append(found[1])
        assert found == ("complete", None) and await self.message() is None, found
        return results


@asynccontextmanager
async def opened(http: ClientSession, url: str, headers: Mapping[str, str], body: bytes) -> AsyncIterator[Stream]:
    """The stream that answers a request, once the server has begun it."""
    async with http.post(url, data=body, headers=headers, timeout=ClientTimeout(total=None)) as response:
        assert response.content_type == ACCEPT, await response.text()
        yield Stream(response)


def following(
    http: ClientSession, url: str, query: str, token: str | None, **variables: Any
) -> AbstractAsyncContextManager[Stream]:
    headers = {"Content-Type": "application/json", "Accept": ACCEPT}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return opened(http, url, headers, json.dumps({"query": query, "variables": variables}).encode())
