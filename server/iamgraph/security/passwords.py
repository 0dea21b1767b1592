"""Hashes and checks passwords with argon2id, off the event loop and never more at once than the machine bears."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import argon2

from ..domain.errors import Overloaded

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the password is right, and if so, whether its hash was made with other parameters than today's."""

    ok: bool
    rehash: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy a hasher is: `running` is 0 or 1, `waiting` are the other places that are held, `shed` is how many callers
    it has refused since it was made."""

    waiting: int
    running: int
    shed: int


class Hasher(ABC):
    """Makes and checks argon2id hashes. A password is hashed as its UTF-8 bytes, not normalised."""

    def __init__(self, argon2_: argon2.PasswordHasher, dummy_hash: str) -> None:
        self._argon2, self._dummy_hash = argon2_, dummy_hash

    async def hash(self, password: str) -> str:
        """The hash in PHC text form, with its own random salt. Raises Overloaded."""
        return await self._run(lambda: self._argon2.hash(_octets(password)))

    async def verify(self, hash: str | None, password: str) -> Verdict:
        """Check `password` against a hash that `hash()` made. Raises Overloaded; InvalidHashError for other text.

        `hash` is None for a user that doesn't exist or has no password: the same work is done, and the verdict is no.
        """
        return await self._run(lambda: self._verify(hash, password))

    def _verify(self, hash: str | None, password: str) -> Verdict:
        try:
            self._argon2.verify(self._dummy_hash if hash is None else hash, _octets(password))
        except argon2.exceptions.VerifyMismatchError:
            return Verdict(ok=False, rehash=False)
        if hash is None:
            return Verdict(ok=False, rehash=False)
        return Verdict(ok=True, rehash=self._argon2.check_needs_rehash(hash))

    @property
    @abstractmethod
    def load(self) -> Load:
        """How busy the thread is that hashes."""

    @abstractmethod
    def place(self) -> AbstractContextManager[Hasher]:
        """A place that is held until the end, for all the hashes of one caller: who has one is not refused any more, who
        gets none is refused before anything was done for it. Raises Overloaded."""

    @abstractmethod
    async def _run(self, work: Callable[[], T]) -> T:
        """What `work` gives, done on the thread that hashes."""


class PasswordHasher(Hasher):
    """argon2id (RFC 9106) on one thread of its own, which gives way to every other thread.

    One hash runs at a time, at most `max_waiting` callers wait for it, and any more are refused at once with Overloaded:
    so memory stays at `memory_kib`, and a flood of sign-ins does not stall other requests. Making a hasher costs one hash.
    """

    def __init__(self, *, memory_kib: int, time_cost: int, parallelism: int, max_waiting: int) -> None:
        made = argon2.PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism, type=argon2.Type.ID
        )
        started = time.monotonic()
        # Nobody knows this password; checking against its hash costs what checking a known user's costs.
        super().__init__(made, made.hash(secrets.token_bytes(32)))
        self._seconds_per_hash = time.monotonic() - started
        self._size = max_waiting + 1
        self._lock = threading.Lock()
        self._held = self._running = self._shed = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="password-hasher", initializer=_give_way)

    @contextmanager
    def place(self) -> Iterator[Hasher]:
        self._take()
        try:
            yield _Placed(self)
        finally:
            self._give_back()

    @property
    def load(self) -> Load:
        with self._lock:
            # Whoever holds a place need not have anything to hash as yet.
            running = min(self._held, self._running)
            return Load(waiting=self._held - running, running=running, shed=self._shed)

    def close(self) -> None:
        """Stop the thread. Waiting callers are cancelled; the one hash that runs is waited for."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        self._take()
        try:
            future = self._submit(work)
        except BaseException:
            self._give_back()
            raise
        # INVARIANT: a place is given back when the work ends or leaves the queue, not when its caller goes away.
        future.add_done_callback(lambda _: self._give_back())
        return await asyncio.wrap_future(future)

    def _take(self) -> None:
        with self._lock:
            is_free = self._held < self._size
            self._held += is_free
            self._shed += not is_free
        if not is_free:
            wait = max(1, math.ceil(self._size * self._seconds_per_hash))
            raise Overloaded(f"Too many passwords are being checked. Try again in {wait} s.", retry_after_seconds=wait)

    def _give_back(self) -> None:
        with self._lock:
            self._held -= 1

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        return self._thread.submit(self._timed, work)

    def _timed(self, work: Callable[[], T]) -> T:
        started = time.monotonic()
        self._running = 1
        try:
            return work()
        finally:
            self._running = 0
            self._seconds_per_hash += (time.monotonic() - started - self._seconds_per_hash) / 8


class _Placed(Hasher):
    """A hasher for somebody who holds a place of another."""

    def __init__(self, hasher: PasswordHasher) -> None:
        super().__init__(hasher._argon2, hasher._dummy_hash)
        self._hasher = hasher

    @property
    def load(self) -> Load:
        return self._hasher.load

    def place(self) -> AbstractContextManager[Hasher]:
        return nullcontext(self)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._hasher._submit(work))


NICENESS = 10


def _give_way() -> None:
    """Let the thread that calls this have what others leave of its core: on Linux a thread has a niceness of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _octets(password: str) -> bytes:
    # A lone surrogate is no reason to fail a sign-in with an unexpected error: it just never matches.
    return password.encode("utf-8", "surrogatepass")
