"""GraphQL over HTTP with nothing behind it: what a request costs that is parsed, executed and answered from memory.

aiohttp on uvloop in one process, orjson, documents that are kept once they are validated, and graphql-core as it comes. It
gives one user. Run it as `python -m bench.memory PORT`.
"""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from typing import Any

import orjson
import uvloop
from aiohttp import web
from graphql import DocumentNode, build_schema, execute, parse, validate

QUERY = "query($id: ID!) { node(id: $id) { id arn name path uniqueId createdAt } }"
SCHEMA = build_schema(
    "type User { id: ID! arn: String! name: String! path: String! uniqueId: String! createdAt: String! } "
    "type Query { node(id: ID!): User }"
)
USER = {
    "id": "VXNlcjpBSURBMTIzNDU2Nzg5MDEyMzQ1Ng",
    "arn": "arn:aws:iam::111122223333:user/eng/alice",
    "name": "alice",
    "path": "/eng/",
    "uniqueId": "AIDA1234567890123456",
    "createdAt": "2026-01-01T00:00:00Z",
}


@cache
def _document(query: str) -> DocumentNode:
    document = parse(query)
    if errors := validate(SCHEMA, document):
        raise ValueError(str(errors[0]))
    return document


async def _handle(request: web.Request) -> web.Response:
    asked = orjson.loads(await request.read())
    root: dict[str, Any] = {"node": lambda info, id: {**USER, "id": id}}
    result = execute(SCHEMA, _document(asked["query"]), root, variable_values=asked["variables"])
    return web.Response(body=orjson.dumps({"data": result.data}), content_type="application/json")


async def serve(port: int) -> None:
    app = web.Application()
    app.router.add_post("/graphql", _handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
