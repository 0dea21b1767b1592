"""Credentials for those who ask the agent: renewed before they are due, while those that are good are handed out."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .errors import AgentError, Gone
from .given import Given, now
from .kept import Kept

log = logging.getLogger(__name__)
LOOK_SECONDS = 20.0
"""How often it is looked whether they are due. The clock may jump, as when a machine has slept."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""How long the server is left alone after a failure, in seconds: doubled with each."""
PATIENCE = 0.5
"""How long, in seconds, somebody waits for others who could have those that are due. SDKs wait for a second in all."""


class Keeper:
    """Has the newest credentials, and asks for others one at a time."""

    def __init__(self, kept: Kept, ask: Callable[[], Awaitable[Given]]) -> None:
        self._kept, self._ask = kept, ask
        self._given: Given | None = kept.read()
        self._failure: AgentError | None = None
        self._wait, self._not_before = FIRST_WAIT, 0.0
        self._renewing: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to renew. Needs the running loop."""
        self._looking = asyncio.create_task(self._look(), name="keeper")

    async def close(self) -> None:
        for task in (self._looking, self._renewing):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def current(self) -> Given:
        """Credentials that are good now. Raises why there are none."""
        given = self._good()
        if given is None or given.is_due(now()):
            task = self._renew()
            if task is not None:
                await asyncio.wait({task}, timeout=None if given is None else PATIENCE)
            given = self._good()
        if given is None:
            assert self._failure is not None
            # The same one may be raised often: without this, each time would add to its traceback.
            raise self._failure.with_traceback(None)
        return given

    def _good(self) -> Given | None:
        return self._given if self._given is not None and self._given.is_good(now()) else None

    def _renew(self) -> asyncio.Task[None] | None:
        """The renewal under way, begun now if need be; None while the server is left alone."""
        if self._renewing is None or self._renewing.done():
            if asyncio.get_running_loop().time() < self._not_before:
                return None
            self._renewing = asyncio.create_task(self._try(), name="renewal")
        return self._renewing

    async def _try(self) -> None:
        try:
            self._given = await self._kept.renewed(self._ask)
        except AgentError as error:
            self._fail(error)
            return
        except Exception as error:
            # Whatever it is, the applications' credentials must go on being renewed once it is over.
            log.exception("credentials could not be renewed")
            self._fail(AgentError(f"credentials could not be renewed: {error}"))
            return
        if self._failure is not None:
            log.info("there are credentials again")
        self._failure, self._wait, self._not_before = None, FIRST_WAIT, 0.0

    def _fail(self, error: AgentError) -> None:
        if isinstance(error, Gone):
            self._given = None
        if str(error) != str(self._failure):
            log.warning("no new credentials: %s", error)
        self._failure = error
        # Not all agents of a server that was down at the same moment.
        self._not_before = asyncio.get_running_loop().time() + self._wait * random.uniform(0.75, 1.25)  # noqa: S311
        self._wait = min(self._wait * 2, LONGEST_WAIT)

    async def _look(self) -> None:
        while True:
            given = self._good()
            if given is None or given.is_due(now()):
                self._renew()
            await asyncio.sleep(min(LOOK_SECONDS, self._wait) if self._failure is not None else LOOK_SECONDS)
