"""Following the history as it grows: one reader an account, and a place in its chain for each who follows."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime

from ...domain.entities import Event
from ...domain.errors import Throttled
from ...store.session import StoreSession
from ..caller import Caller

BATCH = 50
"""How many events are delivered at once, after one look at whether the caller may still have them."""
READ = 500
WINDOW = 5_000
"""How far an account's fastest follower may be ahead of its slowest one. Events are kept until all have them."""
CHECK_SECONDS = 3.0
"""How long a caller goes unchecked where nothing happens in its account."""
POLL_SECONDS = 2.0
"""How long a reader relies on being told of new events."""

Opens = Callable[[], AbstractAsyncContextManager[StoreSession]]
Hears = Callable[[Callable[[str | None], None]], AbstractAsyncContextManager[None]]
Wants = Callable[[Event], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """How many streams this process keeps open: for one user, role or root, and in all."""

    per_principal: int = 10
    per_process: int = 1000


@dataclass(slots=True, eq=False)
class Place:
    """How far somebody has followed a chain, by its numbers."""

    number: int
    wants: Wants


class Feed:
    """One account's chain, read once for all who follow it. They pull: nothing is read that nobody waits for."""

    def __init__(self, account_id: str, reading: Opens, number: int) -> None:
        self._account_id, self._reading = account_id, reading
        self._window: list[tuple[int, Event]] = []
        self._end = self._gone = number
        self._turn = asyncio.Lock()
        self._signal = asyncio.Event()
        self._is_stale, self._read_at = True, 0.0
        self.places: set[Place] = set()

    def join(self, wants: Wants) -> Place:
        """A place at the end. INVARIANT: what is committed from now on is linked behind it."""
        place = Place(self._end, wants)
        self.places.add(place)
        return place

    def leave(self, place: Place) -> None:
        self.places.discard(place)
        self._trim()

    def wake(self) -> None:
        """There may be more to read, and reason to look at who may have it."""
        self._is_stale = True
        self._call()

    def _call(self) -> None:
        signal, self._signal = self._signal, asyncio.Event()
        signal.set()

    async def next(self, place: Place, seconds: float) -> Sequence[Event]:
        """What comes next for a place, at most BATCH events; none where the time is up, or what came is not wanted. Raises
        Throttled for a place that was left too far behind."""
        signal = self._signal
        if place.number >= self._end and not self._is_stale:
            with suppress(TimeoutError):
                await asyncio.wait_for(signal.wait(), seconds)
        if place.number >= self._end:
            await self._read(place)
        return self._taken(place)

    async def _read(self, place: Place) -> None:
        """Read on, unless another has while this one waited for its turn."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            is_due = self._is_stale or now - self._read_at >= POLL_SECONDS
            if place.number < self._end or not is_due:
                return
            self._is_stale = False
            try:
                async with self._reading() as data:
                    found = await data.events.chained(self._account_id, after=self._end, limit=READ)
            except BaseException:
                self._is_stale = True
                raise
            self._read_at = now
            self._is_stale = self._is_stale or len(found) == READ
            self._window += found
            self._trim()
            if found:
                self._end = found[-1][0]
                self._call()

    def _trim(self) -> None:
        """Let go of what all have, and of what has waited for the slowest for too long."""
        had = min((place.number for place in self.places), default=self._end)
        count = max(self._index(had), len(self._window) - WINDOW)
        if count > 0:
            self._gone = self._window[count - 1][0]
            del self._window[:count]

    def _index(self, number: int) -> int:
        """Where in the window what is behind a number begins."""
        return bisect_right(self._window, number, key=lambda one: one[0])

    def _taken(self, place: Place) -> Sequence[Event]:
        if place.number < self._gone:
            raise Throttled(
                f"The stream is more than {WINDOW} events behind, and ends. Read faster, or ask for fewer events.",
                retry_after_seconds=1,
            )
        taken: list[Event] = []
        for number, event in self._window[self._index(place.number) :]:
            place.number = number
            if place.wants(event):
                taken.append(event)
                if len(taken) == BATCH:
                    break
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Events, and the caller as it was when it was found to be allowed to have them."""

    caller: Caller
    events: Sequence[Event]


class Watch:
    """One who follows. `still` gives the caller as it is now; it raises where it may not follow any more."""

    def __init__(self, live: Live, caller: Caller, wants: Wants, still: Callable[[Caller], Awaitable[Caller]]) -> None:
        self._live, self._caller, self._wants, self._still = live, caller, wants, still
        self._at: tuple[Feed, Place] | None = None
        self._is_open = True

    def begin(self, number: int) -> Watch:
        """Follow from now on. `number`: how long the account's chain is at least."""
        feed = self._live.feed(self._caller.account_id, number)
        self._at = feed, feed.join(self._wants)
        return self

    async def next(self) -> Watched | None:
        """What comes next, or after some seconds that nothing has; None at the end, when the server stops. Raises
        Unauthenticated and AccessDenied where the caller may not follow any more, Throttled where it is too slow."""
        if self._live.is_ending or self._at is None:
            return None
        feed, place = self._at
        events = await feed.next(place, self._patience())
        # INVARIANT: the caller is looked at after the events are there, so whoever lost the right before one was written
        # does not get it.
        self._caller = await self._still(self._caller)
        return Watched(caller=self._caller, events=events)

    def _patience(self) -> float:
        """Until when the caller is good for, a few seconds at most."""
        session = self._caller.who.session
        if session is None:
            return CHECK_SECONDS
        left = (session.expires_at - self._live.clock()).total_seconds()
        return max(0.0, min(CHECK_SECONDS, left))

    def close(self) -> None:
        """Follow no more. To close twice does nothing."""
        if self._is_open:
            self._is_open = False
            self._live.leave(self._caller, self._at[1] if self._at else None)


class Live:
    """All who follow, in this process."""

    def __init__(self, *, reading: Opens, hearing: Hears, clock: Callable[[], datetime], limits: StreamLimits) -> None:
        self._reading, self._hearing, self._limits = reading, hearing, limits
        self.clock = clock
        self.is_ending = False
        self._feeds: dict[str, Feed] = {}
        self._open: Counter[str] = Counter()
        self._listening: asyncio.Task[None] | None = None

    def watch(self, caller: Caller, wants: Wants, still: Callable[[Caller], Awaitable[Caller]]) -> Watch:
        """One more who follows, once it begins. Raises Throttled where there are enough."""
        who = caller.who.principal_id
        if self._open[who] >= self._limits.per_principal:
            raise Throttled(
                f"You have {self._limits.per_principal} streams open, which is as many as you may. Close one first.",
                retry_after_seconds=10,
            )
        if self._open.total() >= self._limits.per_process:
            raise Throttled("The server has as many streams open as it can. Try again later.", retry_after_seconds=30)
        self._open[who] += 1
        return Watch(self, caller, wants, still)

    def feed(self, account_id: str, number: int) -> Feed:
        """The account's reader, made where there is none: then it reads on behind `number`."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="live")
        if account_id not in self._feeds:
            self._feeds[account_id] = Feed(account_id, self._reading, number)
        return self._feeds[account_id]

    def leave(self, caller: Caller, place: Place | None) -> None:
        who, account_id = caller.who.principal_id, caller.account_id
        self._open[who] -= 1
        if not self._open[who]:
            del self._open[who]
        feed = self._feeds.get(account_id)
        if feed is not None and place is not None:
            feed.leave(place)
            if not feed.places:
                del self._feeds[account_id]

    def end(self) -> None:
        """Let all who follow come to their end."""
        self.is_ending = True
        self._heard(None)

    async def close(self) -> None:
        self.end()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    async def _listen(self) -> None:
        async with self._hearing(self._heard):
            await asyncio.Event().wait()

    def _heard(self, account_id: str | None) -> None:
        """An account's chain has grown; None: any may have."""
        if account_id is None:
            for feed in self._feeds.values():
                feed.wake()
        elif account_id in self._feeds:
            self._feeds[account_id].wake()
