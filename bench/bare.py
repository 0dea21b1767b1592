"""The bare HTTP handler: what HTTP and JSON alone cost.

It serves as iamgraph does, by aiohttp on uvloop in one process, reads the body of each request and writes one answer, both
with orjson, and looks nothing up. Run it as `python -m bench.bare ANSWER_FILE PORT`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson
import uvloop
from aiohttp import web


async def serve(answer: Any, port: int) -> None:
    async def handle(request: web.Request) -> web.Response:
        orjson.loads(await request.read())
        return web.Response(body=orjson.dumps(answer), content_type="application/json")

    app = web.Application()
    app.router.add_post("/graphql", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(orjson.loads(Path(sys.argv[1]).read_bytes()), int(sys.argv[2])))
