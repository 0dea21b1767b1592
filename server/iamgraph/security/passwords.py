"""Hashes and checks passwords with argon2id, off the event loop and never more at once than the machine bears."""

from __future__ import annotations

import asyncio
import math
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import argon2

from ..domain.errors import Throttled

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the password is right, and if so, whether its hash was made with other parameters than today's."""

    ok: bool
    rehash: bool


class PasswordHasher:
    """argon2id (RFC 9106) on one thread of its own.

    One hash runs at a time, at most `max_waiting` callers wait for it, and any more are refused at once with Throttled:
    so memory stays at `memory_kib`, and a flood of sign-ins does not stall other requests. A password is hashed as its
    UTF-8 bytes, not normalised. Making a hasher costs one hash.
    """

    def __init__(self, *, memory_kib: int, time_cost: int, parallelism: int, max_waiting: int) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism, type=argon2.Type.ID
        )
        started = time.monotonic()
        # Nobody knows this password; checking against its hash costs what checking a known user's costs.
        self._dummy_hash = self._argon2.hash(secrets.token_bytes(32))
        self._seconds_per_hash = time.monotonic() - started
        self._size = max_waiting + 1
        self._places = threading.BoundedSemaphore(self._size)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="password-hasher")

    async def hash(self, password: str) -> str:
        """The hash in PHC text form, with its own random salt. Raises Throttled."""
        return await self._run(lambda: self._argon2.hash(_octets(password)))

    async def verify(self, hash: str | None, password: str) -> Verdict:
        """Check `password` against a hash that `hash()` made. Raises Throttled; InvalidHashError for other text.

        `hash` is None for a user that doesn't exist or has no password: the same work is done, and the verdict is no.
        """
        return await self._run(lambda: self._verify(hash, password))

    def close(self) -> None:
        """Stop the thread. Waiting callers are cancelled; the one hash that runs is waited for."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _verify(self, hash: str | None, password: str) -> Verdict:
        try:
            self._argon2.verify(self._dummy_hash if hash is None else hash, _octets(password))
        except argon2.exceptions.VerifyMismatchError:
            return Verdict(ok=False, rehash=False)
        if hash is None:
            return Verdict(ok=False, rehash=False)
        return Verdict(ok=True, rehash=self._argon2.check_needs_rehash(hash))

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            wait = max(1, math.ceil(self._size * self._seconds_per_hash))
            raise Throttled(f"too many passwords are being checked; try again in {wait} s", retry_after_seconds=wait)
        return await asyncio.wrap_future(self._submit(work))

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        try:
            future = self._thread.submit(self._timed, work)
        except BaseException:
            self._places.release()
            raise
        # INVARIANT: a place is given back when the work ends or leaves the queue, not when its caller goes away.
        future.add_done_callback(lambda _: self._places.release())
        return future

    def _timed(self, work: Callable[[], T]) -> T:
        started = time.monotonic()
        try:
            return work()
        finally:
            self._seconds_per_hash += (time.monotonic() - started - self._seconds_per_hash) / 8


def _octets(password: str) -> bytes:
    # A lone surrogate is no reason to fail a sign-in with an unexpected error: it just never matches.
    return password.encode("utf-8", "surrogatepass")
