"""How much one principal may ask for: a bucket of points that fills up again at a steady rate. Pure numbers; the store
keeps one of them for each principal.

What is kept is the instant at which the bucket will be full (the generic cell rate algorithm, ITU-T I.371): taking points
moves it ahead, and time alone fills the bucket. Instants are whole microseconds since 1970, so that both stores keep them
exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

POINTS_OF_COMMAND, POINTS_OF_HASHING = 10, 50
"""What an operation that changes something takes, and one that hashes a password."""
SECOND = 1_000_000
SHARE = 10
"""A process takes a tenth of a bucket at once, and gives it out from memory: so it writes for few requests, and what it
holds and never gives out is less than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """At most `limit` points, which come back at `restore_rate` points a second. Both are at least 1."""

    limit: int
    restore_rate: int

    @property
    def chunk(self) -> int:
        return max(1, self.limit // SHARE)

    def available(self, full_at: int, now: int) -> int:
        """How many points are in the bucket, from 0 to `limit`."""
        return self.limit - self._points(self._debt(full_at, now))

    def take(self, full_at: int, now: int, *, need: int) -> tuple[int, int]:
        """How many points one gets who needs so many, and when the bucket is full then. INVARIANT: one gets none, or at
        least what one needs; and no more than a chunk if that is enough."""
        points = min(self.available(full_at, now), max(need, self.chunk))
        if points < need:
            return 0, full_at
        return points, now + self._debt(full_at, now) + self._micros(points)

    def wait(self, full_at: int, now: int, *, need: int) -> int:
        """In how many seconds, rounded up, that many points are there if nobody takes any. `need` is at most `limit`."""
        missing = self._debt(full_at, now) - (self.limit - need) * SECOND // self.restore_rate
        return max(0, -(-missing // SECOND))

    @property
    def _full(self) -> int:
        """How long an empty bucket takes to fill, in microseconds."""
        return self._micros(self.limit)

    def _debt(self, full_at: int, now: int) -> int:
        """How long the bucket takes to fill. Never longer than an empty one takes: it may have been written by a process
        with other settings, or another clock."""
        return min(max(0, full_at - now), self._full)

    def _micros(self, points: int) -> int:
        return -(-points * SECOND // self.restore_rate)

    def _points(self, micros: int) -> int:
        """The points that are missing, rounded up."""
        return min(self.limit, -(-micros * self.restore_rate // SECOND))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a request cost, in points, and what is left after it: `remaining` of `limit`, which is all there again at
    `full_at` if nothing more is asked."""

    requested: int
    remaining: int
    limit: int
    restore_rate: int
    full_at: datetime
