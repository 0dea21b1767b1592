"""Several server processes on one address and one PostgreSQL store, with a parent that starts them again."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client.multiprocess import mark_process_dead

from ..transport.metrics import SHARED

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
"""How long a worker that died is left before it is started again, so that one that can't start does not spin."""


class Workers:
    """Runs `count` processes of the same command until it is told to stop, or until one says that it can't start."""

    def __init__(self, count: int, command: list[str], environ: Mapping[str, str], died: Callable[[int], None]) -> None:
        """`environ` is what the processes get; `died` is told the id of each that has ended."""
        self._count, self._command, self._environ, self._died = count, command, environ, died
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """Return the exit status: 0 after SIGTERM or SIGINT, a worker's own where it gave up by itself."""
        loop = asyncio.get_running_loop()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_, self._stopping.set)
        return max(await asyncio.gather(*(self._keep(number) for number in range(self._count))))

    async def _keep(self, number: int) -> int:
        """One worker, started again each time a signal kills it; the status it ends with."""
        while not self._stopping.is_set():
            process = await asyncio.create_subprocess_exec(*self._command, start_new_session=True, env=self._environ)
            status = await self._watch(process)
            self._died(process.pid)
            if status is not None:
                self._stopping.set()
                return status
            if not self._stopping.is_set():
                log.error("worker %d died of signal %d; starting it again", number, -(process.returncode or 0))
                await asyncio.sleep(RESTART_SECONDS)
        return 0

    async def _watch(self, process: Process) -> int | None:
        """The worker's exit status, or None where a signal killed it. It is told to stop when this command is."""
        ended = asyncio.ensure_future(process.wait())
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            process.terminate()
        status = await ended
        return None if status < 0 else status


@contextmanager
def shared_metrics(is_wanted: bool) -> Iterator[tuple[Mapping[str, str], Callable[[int], None]]]:
    """The environment in which processes count together, so that any of them can tell of all; and what to call with the id
    of one that has ended. What they had counted stays until this ends, since a counter never goes back."""
    if not is_wanted:
        yield dict(os.environ), lambda pid: None
        return
    with tempfile.TemporaryDirectory(prefix="iamgraph-metrics-") as folder:
        yield {**os.environ, SHARED: folder}, lambda pid: mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


def command(arguments: list[str]) -> list[str]:
    """This program again, with other arguments."""
    return [sys.executable, "-c", "from iamgraph.cli.main import main; main()", *arguments]
