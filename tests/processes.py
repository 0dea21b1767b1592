"""The server in a process of its own, as an operator runs it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from .service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD

PROGRAM = "import sys; from iamgraph.cli.main import main; main(sys.argv[1:])"


class Server:
    """`iamgraph` on one store, started and killed as often as a test wants."""

    def __init__(self, url: str, folder: Path, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IAMGRAPH_")},
            "IAMGRAPH_DATABASE_URL": url,
            "IAMGRAPH_DATA_DIR": str(folder / "data"),
            "IAMGRAPH_PORT": str(self.port),
            "IAMGRAPH_QUOTA_USERS_PER_ACCOUNT": "1000000",
            "IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT,
            "IAMGRAPH_BOOTSTRAP_ROOT_EMAIL": ROOT_EMAIL,
            "IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": ROOT_PASSWORD,
            **environment,
        }
        self.log = folder / f"server-{self.port}.log"
        self.url = f"http://127.0.0.1:{self.port}/graphql"
        self.process: Process | None = None
        self._first = b""

    async def start(self) -> None:
        # To a file: a pipe that nobody reads would fill up and stop the server.
        with self.log.open("ab") as log:
            self.process = await self._run("serve", "--setup", stderr=log)
        assert self.process.stdout is not None
        self._first = await asyncio.wait_for(self.process.stdout.readline(), 60)
        assert self._first, self.log.read_text()

    async def announced(self) -> str:
        """All that it said when it started. Ask once a start."""
        assert self.process is not None and self.process.stdout is not None
        rest = await asyncio.wait_for(self.process.stdout.readuntil(b"curl"), 10)
        return (self._first + rest).decode()

    async def end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        await asyncio.wait_for(self.process.communicate(), 30)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Started; and told to stop at the end, unless it has ended by then."""
        try:
            await self.start()
            yield
        finally:
            if self.process is not None and self.process.returncode is None:
                await self.end(signal.SIGTERM)

    async def command(self, *arguments: str) -> tuple[int | None, str, str]:
        process = await self._run(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode(), err.decode()

    async def _run(self, *arguments: str, stderr: Any = PIPE) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, *arguments, stdout=PIPE, stderr=stderr, env=self.environment
        )

    async def ask(self, http: ClientSession, query: str, token: str | None = None, **variables: Any) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        body = {"query": query, "variables": variables}
        async with http.post(self.url, json=body, headers=headers) as response:
            return (await response.json())["data"]
