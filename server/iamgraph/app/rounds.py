"""Work that goes on in the background for as long as the server runs: a round, a rest, and the next round."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

log = logging.getLogger(__name__)


class Rounds:
    """Runs `round` every `every_seconds`. A round that fails is tried again at the next; `trouble` says in the log what is
    not done meanwhile, once for the same failure."""

    def __init__(
        self,
        name: str,
        round: Callable[[], Awaitable[object]],
        *,
        every_seconds: float,
        trouble: str,
        ends_with_one: bool = False,
    ) -> None:
        """With `ends_with_one` there is a last round when it stops, for what came since the one before."""
        self._name, self._round, self._every, self._trouble = name, round, every_seconds, trouble
        self._ends_with_one = ends_with_one
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._said: str | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether a long round should come to an end."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin. Needs the running loop."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def close(self) -> None:
        """Stop, after the round under way."""
        self._stop.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._stop.is_set():
            await self._tried()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._every)
        if self._ends_with_one:
            await self._tried()

    async def _tried(self) -> None:
        try:
            await self._round()
            self._said = None
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            if text != self._said:
                log.error("%s, and will be tried again: %s", self._trouble, text)
            self._said = text
