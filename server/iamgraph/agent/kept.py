"""Credentials kept on the disk, for all processes of one user: renewed by one of them at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from .errors import AgentError, Gone, Unavailable
from .files import open_lock, read_private, takes, write_private
from .given import Given, now, parsed

log = logging.getLogger(__name__)
_WAIT_SECONDS, _LOOK_SECONDS = 30, 0.05


class Kept:
    """The credentials in a folder that an agent was given. Where they come from is for the caller to say."""

    def __init__(self, folder: Path, agent_id: str) -> None:
        self._agent_id = agent_id
        self._path, self._lock = folder / "credentials.json", folder / "lock"

    def read(self) -> Given | None:
        """What is kept, if that can be used. What is not what was written is as if it were not there; so is what
        another agent was given, which is or was enrolled in the same folder."""
        try:
            found = parsed(read_private(self._path))
        except (FileNotFoundError, ValueError):
            return None
        return found if found.agent_id == self._agent_id and found.is_good(now()) else None

    def drop(self) -> None:
        self._path.unlink(missing_ok=True)

    async def renewed(self, ask: Callable[[], Awaitable[Given]]) -> Given:
        """Those that are kept, where they are not due; else what `ask` gives. Raises what `ask` raises; what it says to be
        Gone is dropped."""
        async with self._locked():
            found = self.read()
            if found is not None and not found.is_due(now()):
                return found
            try:
                given = await ask()
            except Gone:
                self.drop()
                raise
            if not given.is_good(now()):
                raise Unavailable("what the server gave has expired by this machine's clock: is that right?")
            try:
                write_private(self._path, given.text())
            except OSError as error:
                # A full disk must not take credentials from applications: the next who asks asks the server.
                log.warning("credentials could not be kept in %s: %s", self._path, error.strerror)
            return given

    async def current(self, ask: Callable[[], Awaitable[Given]]) -> Given:
        """The same; but while those that are kept are good, they do where no others are to be had."""
        found = self.read()
        if found is not None and not found.is_due(now()):
            return found
        try:
            return await self.renewed(ask)
        except Gone:
            raise
        except AgentError:
            if found is None or not found.is_good(now()):
                raise
            return found

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        with open_lock(self._lock) as lock:
            try:
                async with asyncio.timeout(_WAIT_SECONDS):
                    while not takes(lock):  # noqa: ASYNC110 (another process tells nobody)
                        await asyncio.sleep(_LOOK_SECONDS)
            except TimeoutError:
                raise Unavailable(f"another process has had {self._lock} for {_WAIT_SECONDS} s") from None
            yield
