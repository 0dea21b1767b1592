"""Hearing what other processes announce on a PostgreSQL store: LISTEN, on a connection of its own that comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg

log = logging.getLogger(__name__)
CHANNEL = "iamgraph"
AGAIN_SECONDS = 1.0
"""How long a connection that was lost is left before it is opened again."""
CHECK_SECONDS = 30.0
"""How often the connection is tried: one that was cut without a word would stay silent for ever."""

Heard = Callable[[str | None], None]
"""Is given each text that was announced, or None where some may have been missed. Must neither wait nor raise."""


async def hear(credentials: Mapping[str, Any], heard: Heard) -> None:
    """Tell `heard` what is announced, until cancelled. Whatever happens to the connection is no error: it is told once,
    and None when the next one listens."""
    is_told = False
    while True:
        try:
            await _listen(credentials, heard)
        except Exception as error:
            if not is_told:
                log.warning("the database's announcements are not heard: %s; polling goes on", type(error).__name__)
            is_told = True
        else:
            is_told = False
        await asyncio.sleep(AGAIN_SECONDS)


async def _listen(credentials: Mapping[str, Any], heard: Heard) -> None:
    """Listen over one connection until it is lost."""
    connection = await asyncpg.connect(**credentials)
    try:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, lambda _connection, _pid, _channel, text: heard(text))
        # What was announced while nobody listened is lost.
        heard(None)
        while not lost.is_set():
            try:
                await asyncio.wait_for(lost.wait(), CHECK_SECONDS)
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=10)
    finally:
        # It may be past talking to; what it was is not missed.
        connection.terminate()
