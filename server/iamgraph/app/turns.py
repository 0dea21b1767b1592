"""Long work on the event loop in short stretches: others have their turn in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

STRETCH = 0.005
"""For how many seconds at a time one request may keep the loop."""


class Turns:
    """Of one request: its work goes on until a stretch is over."""

    def __init__(self) -> None:
        self._began = perf_counter()
        self._lock = asyncio.Lock()

    @property
    def is_over(self) -> bool:
        """Whether it is the others' turn."""
        return perf_counter() - self._began >= STRETCH

    async def give(self) -> None:
        """Let others run, if it is their turn. Tasks of the same request that ask together go on one after the other: they
        would else all be run before anybody else."""
        async with self._lock:
            if self.is_over:
                await asyncio.sleep(0)
                self._began = perf_counter()

    def take(self, work: Callable[[], T]) -> T | Awaitable[T]:
        """What the work gives; if it is the others' turn, what gives that after them."""
        return self._after(work) if self.is_over else work()

    async def _after(self, work: Callable[[], T]) -> T:
        await self.give()
        return work()
