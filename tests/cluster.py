"""A PostgreSQL server of a test's own, which it may stop and start."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

NO_SERVER = "needs initdb and pg_ctl, of the package postgresql, on this machine: it stops a PostgreSQL of its own"


def programs() -> Path:
    """Where initdb and pg_ctl are; the newest, where there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if at := shutil.which("initdb"):
        return Path(os.path.realpath(at)).parent
    if os.environ.get("IAMGRAPH_TEST_NO_SKIPS") == "1":
        pytest.fail(NO_SERVER)
    pytest.skip(NO_SERVER)


class Cluster:
    """Listens on a free port of 127.0.0.1, and lets anybody in who is on this machine."""

    def __init__(self, folder: Path) -> None:
        self._programs, self._folder = programs(), folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    async def make(self) -> None:
        await self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8")

    async def start(self) -> None:
        settings = f"-c listen_addresses=127.0.0.1 -p {self.port} -c unix_socket_directories= -c max_connections=40"
        await self._run("pg_ctl", "start", "--wait", f"--options={settings}", f"--log={self._folder / 'log'}")

    async def stop(self, mode: str) -> None:
        """`fast` cuts every connection and shuts down; `immediate` is a crash."""
        await self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    async def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        owner: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        given = [str(self._programs / program), f"--pgdata={self._folder / 'data'}", *arguments]
        # What pg_ctl starts keeps its output open: a pipe would never end.
        with (self._folder / "said").open("w+") as said:
            process = await asyncio.create_subprocess_exec(
                *given, stdin=DEVNULL, stdout=said, stderr=STDOUT, cwd=self._folder, **owner
            )
            status = await asyncio.wait_for(process.wait(), 60)
        assert status == 0, (self._folder / "said").read_text()


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    """A running server without any database but its own."""
    folder = Path(tempfile.mkdtemp(prefix="iamgraph-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        made = Cluster(folder)
        await made.make()
        await made.start()
        try:
            yield made
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                await made.stop("immediate")
    finally:
        shutil.rmtree(folder)
