"""Changing the master key: what may be done to the key file, by what the store has under which key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from ..security.keyfile import KeyFile, MasterKeys
from ..security.sealing import MasterKeyError
from .resealer import Usage

NOTICED_SECONDS = 10
"""In this time every server has noticed a changed file, and what it was writing is there to be seen."""
PATIENCE_SECONDS = 60


def check(path: Path, keys: MasterKeys, used: Iterable[str]) -> None:
    """Raise MasterKeyError where secrets are sealed under a key that the file lacks."""
    if lacking := sorted(set(used) - keys.ids):
        found = ", ".join([f"key {keys.current.id}", *sorted(keys.ids - {keys.current.id})])
        raise MasterKeyError(
            f'master key file "{path}" has {found}; the store has secrets sealed under key {lacking[0]}'
        )


def begin(file: KeyFile, usage: Usage, *, is_shared: bool) -> bool:
    """Make the next key the current one; False where an earlier rotation has not come to its end and is to be gone on
    with. With `is_shared` the next key must be there, since other machines have to have it first. Raises
    MasterKeyError."""
    check(file.path, file.keys, usage.secrets)
    if usage.of(*file.keys.retired_ids):
        return False
    if file.keys.next is None and is_shared:
        raise MasterKeyError(
            "servers on other machines must have the new key before it seals: run `iamgraph keys prepare` and copy "
            f'"{file.path}" to each of them first, or give --one-machine if there are none'
        )
    file.replace(file.keys.rotated())
    return True


async def finish(
    key_ids: tuple[str, ...],
    *,
    step: Callable[[], Awaitable[object]] | None,
    usage: Callable[[], Awaitable[Usage]],
) -> None:
    """Return once nothing is under these keys. `step` does a part of it; without it a server does. Raises
    MasterKeyError where it comes to a standstill."""
    least, since = None, time.monotonic()
    while left := await _left(key_ids, step, usage):
        if least is None or left < least:
            least, since = left, time.monotonic()
        if time.monotonic() - since > PATIENCE_SECONDS:
            raise MasterKeyError(
                f"{left} secrets and heads are still under a retired key, and get no fewer; the server's log may say "
                "why. The next start of a server or `iamgraph keys rotate` goes on"
            )
        await asyncio.sleep(0.2)


async def _left(
    key_ids: tuple[str, ...], step: Callable[[], Awaitable[object]] | None, usage: Callable[[], Awaitable[Usage]]
) -> int:
    if step is not None:
        await step()
    return (await usage()).of(*key_ids)


def retire(file: KeyFile, usage: Usage) -> tuple[str, ...]:
    """Take the retired keys out of the file, and give their ids. Raises MasterKeyError where one is still needed."""
    retired = file.keys.retired_ids
    if not retired:
        raise MasterKeyError(f'master key file "{file.path}" has no retired key')
    check(file.path, file.keys, usage.secrets)
    if left := usage.of(*retired):
        raise MasterKeyError(
            f"{left} secrets and heads are still under a retired key: see `iamgraph keys status`, and let a server or "
            "`iamgraph keys rotate` bring them under the current one"
        )
    if 0 <= time.time() - file.path.stat().st_mtime < NOTICED_SECONDS:
        raise MasterKeyError(
            f'master key file "{file.path}" was changed a moment ago, which servers may not have noticed yet: '
            f"try again in {NOTICED_SECONDS} seconds"
        )
    file.replace(file.keys.cleared())
    return retired
