"""What several tasks of a process do to the store at once: one statement for all, or one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from .statements import Row

MAX_KEYS = 32
"""How many keys a statement is asked for at once."""


class Together:
    """Asks the store what several want to know by one key each. INVARIANT: a statement is sent after everything that it
    answers was asked for: nobody is given what an earlier one has found."""

    def __init__(self, fetch: Callable[[list[str]], Awaitable[Sequence[Row]]]) -> None:
        """`fetch` gives the rows of keys, each with its key as `key`."""
        self._fetch = fetch
        self._waiting: list[tuple[str, asyncio.Future[Row | None]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return self._task is None

    async def ask(self, key: str) -> Row | None:
        """The row with this key, if there is one. Raises what the statement raises."""
        answer: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if self._task is None:
            # Of its own: whoever asks may be cancelled, and the others wait for the same statement.
            self._task = asyncio.create_task(self._answer(), name="together")
        return await answer

    async def _answer(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_KEYS], self._waiting[MAX_KEYS:]
                try:
                    rows = await self._fetch(list({key: None for key, _ in batch}))
                except Exception as error:
                    for _, answer in batch:
                        if not answer.done():
                            answer.set_exception(error)
                else:
                    by_key = {row["key"]: row for row in rows}
                    for key, answer in batch:
                        if not answer.done():
                            answer.set_result(by_key.get(key))
        finally:
            self._task = None


class Turn:
    """The right to go ahead, which one task of the process has at a time, in the order in which they wanted it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.wanted = 0

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for it."""
        return self.wanted > 1


class Turns:
    """A turn for each name that somebody wants one of. Nobody waits for ever: whoever has one is in a transaction, which the
    database ends."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[Turn]:
        turn = self._turns.setdefault(name, Turn())
        turn.wanted += 1
        try:
            async with turn.lock:
                yield turn
        finally:
            turn.wanted -= 1
            if not turn.wanted:
                del self._turns[name]
