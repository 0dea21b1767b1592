"""The main job over two processes on PostgreSQL: what is changed at one is so at the other, and outlives `kill -9`."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

from ..databases import fresh
from ..processes import Server
from ..test_contract import run


async def test_the_main_job_over_two_processes_one_of_which_is_killed(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    async with fresh("postgres", tmp_path) as url, AsyncExitStack() as stack:
        one, other = (Server(url, tmp_path) for _ in range(2))
        await asyncio.gather(*(stack.enter_async_context(server.running()) for server in (one, other)))
        await run(one.url, state, "--peer-url", other.url)
        await one.end(signal.SIGKILL)
        await run(other.url, state, "--after-restart")
        await one.start()
        await run(one.url, state, "--after-restart")
