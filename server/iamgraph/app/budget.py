"""Each principal's budget: what a request costs is taken before anything of it runs, whatever process it comes to.

The store keeps one bucket a principal. A process takes from it in chunks and gives those out from memory, so that few
requests write. INVARIANT: in any time all processes together admit no more than the limit, what is restored in that time,
and less than a chunk for each process: what it held when the time began.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ..domain.budget import SECOND, Bucket, Spent
from ..domain.errors import ConcurrentModification, LimitExceeded, Throttled
from ..store.session import StoreSession
from .silence import beforehand

MAX_PURSES = 10_000
NOTED_EVERY = 60 * SECOND
SWEPT_EVERY = 3600 * SECOND
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class _Purse:
    """What this process holds of a principal's points, and what it knows of the bucket: others may have taken more since,
    so that there is at most as much in it."""

    held: int = 0
    full_at: int = 0
    noted_at: int | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Budgets:
    """The budgets of all principals, as one process has a share in them."""

    def __init__(
        self,
        bucket: Bucket,
        *,
        writing: Callable[[], AbstractAsyncContextManager[StoreSession]],
        clock: Callable[[], datetime],
    ) -> None:
        self._bucket, self._writing, self._clock = bucket, writing, clock
        # What is forgotten here was taken from the bucket, and is lost: its principal has less, never more.
        self._purses: OrderedDict[str, _Purse] = OrderedDict()
        self._swept_at = 0

    async def spend(self, principal_id: str, cost: int) -> Spent:
        """Take what a request costs. Raises Throttled where that is not there now, and LimitExceeded where it never will
        be; nothing is taken then."""
        bucket = self._bucket
        if cost > bucket.limit:
            raise LimitExceeded(
                f"The request costs {cost} points, which is more than a whole budget of {bucket.limit}. Ask for less at "
                "once, such as smaller pages.",
                limit=bucket.limit,
            )
        purse, now = self._purse(principal_id), self._now()
        # Not past somebody who has gone to the store for what is missing.
        if purse.held < cost or purse.lock.locked():
            async with purse.lock:
                now = self._now()
                if purse.held < cost:
                    await self._fill(principal_id, purse, cost - purse.held, now)
                if purse.held < cost:
                    raise self._refusal(purse, cost, now)
                purse.held -= cost
        else:
            purse.held -= cost
        return self._spent(purse, cost, now)

    def left(self, principal_id: str, cost: int) -> Spent:
        """What is left to a principal who has been refused so many points."""
        return self._spent(self._purse(principal_id), cost, self._now())

    def _spent(self, purse: _Purse, cost: int, now: int) -> Spent:
        bucket = self._bucket
        return Spent(
            requested=cost,
            remaining=min(bucket.limit, purse.held + bucket.available(purse.full_at, now)),
            limit=bucket.limit,
            restore_rate=bucket.restore_rate,
            full_at=datetime.fromtimestamp(max(purse.full_at, now) / SECOND, UTC),
        )

    def is_to_note(self, principal_id: str) -> bool:
        """Whether the history is to have a refusal: one a minute, however many there are."""
        purse, now = self._purse(principal_id), self._now()
        if purse.noted_at is not None and now - purse.noted_at < NOTED_EVERY:
            return False
        purse.noted_at = now
        return True

    def _purse(self, principal_id: str) -> _Purse:
        purse = self._purses.get(principal_id)
        if purse is None:
            purse = self._purses[principal_id] = _Purse()
            if len(self._purses) > MAX_PURSES:
                self._purses.popitem(last=False)
        else:
            self._purses.move_to_end(principal_id)
        return purse

    async def _fill(self, principal_id: str, purse: _Purse, need: int, now: int) -> None:
        """Take what is missing, or a chunk, from the bucket; or nothing, where there is not enough."""
        if self._bucket.available(purse.full_at, now) < need:
            return  # so somebody who is out of points costs no statement either
        with beforehand():
            await self._sweep(now)
            async with self._writing() as data:
                is_taken = False
                while not is_taken:
                    full_at = await data.budgets.full_at(principal_id)
                    points, new = self._bucket.take(full_at, now, need=need)
                    is_taken = points == 0 or await data.budgets.swap(principal_id, full_at, new)
        purse.held += points
        purse.full_at = new

    async def _sweep(self, now: int) -> None:
        """Forget full buckets now and then. In a transaction of its own: one that holds a row must not wait for others."""
        if now - self._swept_at >= SWEPT_EVERY:
            self._swept_at = now
            with suppress(ConcurrentModification):
                async with self._writing() as data:
                    await data.budgets.sweep(now)

    def _refusal(self, purse: _Purse, cost: int, now: int) -> Throttled:
        bucket = self._bucket
        seconds = max(1, bucket.wait(purse.full_at, now, need=cost - purse.held))
        left = purse.held + bucket.available(purse.full_at, now)
        return Throttled(
            f"The request costs {cost} points, and {left} of your budget of {bucket.limit} are left. {bucket.restore_rate} "
            f"come back each second: try again in {seconds} s.",
            retry_after_seconds=seconds,
        )

    def _now(self) -> int:
        return (self._clock() - _EPOCH) // _MICROSECOND
