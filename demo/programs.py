"""Programs that run beside a demo, and end with it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class Failed(Exception):
    """What a demo needs did not work. The text says what, and has the end of its log."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Program:
    """A program that has been started. It writes its errors to `log`."""

    def __init__(self, process: Process, log: Path) -> None:
        self._process, self._log = process, log

    async def done(self) -> None:
        """Raises Failed unless it ends well."""
        if await self._process.wait() != 0:
            raise self._failed("failed")

    async def ended(self) -> None:
        """For programs that must not end by themselves: raises Failed when it has."""
        await self._process.wait()
        raise self._failed("has ended")

    async def hear(self) -> str:
        """The next line of its standard output. Raises Failed if there is none within a minute."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(60):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise self._failed("did not start")
        return line.decode().rstrip("\n")

    async def say(self, line: str) -> None:
        """A line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    def _failed(self, what: str) -> Failed:
        end = self._log.read_text(errors="replace").strip().splitlines()[-20:]
        return Failed("\n".join([f"{self._log.stem} {what}:", *end]))


@asynccontextmanager
async def started(
    *command: str | Path,
    log: Path,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    talks: bool = False,
) -> AsyncIterator[Program]:
    """A program, and whatever it starts, until the block ends. `log`'s name is how messages call it; with `talks` it has a
    standard input. It is in a session of its own: Ctrl-C at the terminal is for the demo, which ends it then."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environ,
            stdin=PIPE if talks else DEVNULL,
            stdout=PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        yield Program(process, log)
    finally:
        for how, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.communicate(), seconds)
                break
