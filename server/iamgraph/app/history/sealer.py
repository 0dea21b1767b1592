"""Chains the history: soon after events are committed, each gets a link that depends on all before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from ...domain.chain import Content, Head, Link
from ...security.chaining import ChainKeys, UnknownKey
from ...store.chains import Writers
from ...store.session import StoreSession
from ..rounds import Rounds
from .heads import Heads, HeadsFile

log = logging.getLogger(__name__)
BATCH = 200
MAX_BACKLOG = 10_000
Opens = Callable[[], AbstractAsyncContextManager[StoreSession]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is not sealed yet: how many events, counted up to MAX_BACKLOG, and the seconds since the first was recorded."""

    events: int
    seconds: float


class BrokenChain(Exception):
    """A chain can't be gone on with: its head is not one that this server signed. The text says which and why."""


def _now() -> datetime:
    return datetime.now(UTC)


class HistorySealer:
    """Every `every_seconds` it links the events that were committed since, and signs the new heads.

    The order of a chain is the order of its numbers, which is the order in which events were seen committed: mostly, but
    on PostgreSQL not always, that of their `seq`. An event that is committed late is linked late, never left out.
    Several processes may run a sealer on one store; one at a time seals.
    """

    def __init__(
        self,
        keys: ChainKeys,
        *,
        reading: Opens,
        writing: Opens,
        file: HeadsFile,
        every_seconds: float = 1.0,
        clock: Callable[[], datetime] = _now,
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        """`refresh` has `keys` take what has changed since."""
        self._keys, self._reading, self._writing, self._file = keys, reading, writing, file
        self._clock, self._refresh = clock, refresh
        self._covered: int | None = None  # no event up to this `seq` is or will be without a link
        self._awaited: Writers | None = None
        self._settled_to = 0
        self._unwritten: dict[str, Head] = {}
        self._rounds = Rounds(
            "sealer", self.seal, every_seconds=every_seconds, trouble="the history is not sealed", ends_with_one=True
        )

    def start(self) -> None:
        """Begin to seal. Needs the running loop."""
        self._rounds.start()

    async def close(self) -> None:
        """Seal what is left, and stop."""
        await self._rounds.close()

    async def seal(self) -> int:
        """Link every event that is committed, and return how many there were. Raises BrokenChain, OSError and what the
        store raises: what was linked by then stays so."""
        sealed, more = 0, True
        self._refresh()
        if self._covered is None:
            self._covered = await self._resumed()
        while more:
            count, more = await self._step(self._covered)
            sealed += count
            await self._write_heads()
        return sealed

    async def backlog(self) -> Backlog:
        """How far behind the sealing is, whichever process does it."""
        async with self._reading() as data:
            events, since = await data.chains.backlog(self._covered or 0, MAX_BACKLOG)
        return Backlog(events=events, seconds=max(0.0, (self._clock() - since).total_seconds()) if since else 0.0)

    async def _resumed(self) -> int:
        """How far an earlier run has come. What it could not write to the file any more is written now."""
        async with self._reading() as data:
            heads = await data.chains.all_heads()
        try:
            written = (await asyncio.to_thread(self._file.read)).last()
        except FileNotFoundError:
            written = Heads(heads=()).last()
        for chain, head in written.items():
            if chain not in heads or heads[chain].count < head.count:
                log.error("chain %s was shortened: %s says that it had %d events", chain, self._file.path, head.count)
        sound = [head for head in heads.values() if self._is_sound(head)]
        self._unwritten = {
            head.chain: head for head in sound if head.chain not in written or written[head.chain].count < head.count
        }
        return max((head.horizon for head in sound), default=0)

    async def _step(self, covered: int) -> tuple[int, bool]:
        """Seal one batch; how many that were, and whether there may be more."""
        async with self._reading() as data:
            settled = await self._settled(data)
            if not await data.chains.unsealed(covered, 1):
                self._covered = max(covered, settled)
                return 0, False
        async with self._writing() as data:
            if not await data.chains.take_turn():
                return 0, False
            events = await data.chains.unsealed(covered, BATCH)
            is_full = len(events) == BATCH
            covered = max(covered, min(settled, events[-1].seq) if is_full else settled)
            heads = await self._link(data, events, covered)
            await data.chains.announce(list(heads))
        self._covered = covered
        self._unwritten.update(heads)
        return len(events), is_full

    async def _settled(self, data: StoreSession) -> int:
        """A `seq` up to which no event will be committed any more, as far as that is known. See `Chains.writers`."""
        now = await data.chains.writers()
        done: Writers | None
        if not now.transactions:
            self._awaited, done = None, now
        elif self._awaited is None:
            self._awaited, done = now, None
        elif self._awaited.transactions & now.transactions:
            done = None
        else:
            # Those waited for are done; those that write now are next.
            self._awaited, done = now, self._awaited
        if done is not None:
            self._settled_to = max(self._settled_to, done.last)
        return self._settled_to

    async def _link(self, data: StoreSession, events: Sequence[Content], covered: int) -> dict[str, Head]:
        by_chain: dict[str, list[Content]] = {}
        for event in events:
            by_chain.setdefault(event.chain, []).append(event)
        before = await data.chains.heads(list(by_chain))
        for head in before.values():
            # INVARIANT: what somebody else put in a head's place is never signed over, or it would pass for ours.
            if not self._is_sound(head):
                raise BrokenChain(f"the head of chain {head.chain} was not signed by this server: run audit verify")
        heads: dict[str, Head] = {}
        for chain, some in by_chain.items():
            links = self._links(chain, before.get(chain), some)
            heads[chain] = self._keys.head(
                chain=chain, count=links[-1].number, link=links[-1].link, at=self._clock(), horizon=covered
            )
            await data.chains.add(links)
            await data.chains.set_head(heads[chain])
        return heads

    def _links(self, chain: str, head: Head | None, events: Sequence[Content]) -> list[Link]:
        links: list[Link] = []
        count, link = (head.count, head.link) if head else (0, None)
        for number, event in enumerate(events, count + 1):
            link = self._keys.link(link, chain, event.octets)
            links.append(
                Link(
                    seq=event.seq,
                    event_id=event.event_id,
                    chain=chain,
                    number=number,
                    link=link,
                    key_id=self._keys.key_id,
                )
            )
        return links

    def _is_sound(self, head: Head) -> bool:
        try:
            return self._keys.is_signed(head) and not self._keys.is_past(head)
        except UnknownKey:
            return False

    async def _write_heads(self) -> None:
        """INVARIANT: a head is in the file only after it is committed, so that the file never says more than was true."""
        if self._unwritten:
            heads, self._unwritten = self._unwritten, {}
            try:
                await asyncio.to_thread(self._file.append, list(heads.values()))
            except OSError:
                self._unwritten = {**heads, **self._unwritten}
                raise
