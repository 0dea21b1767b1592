"""Takes away the events that are older than the history is to be kept, and signs where each chain begins from then on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from ...domain.chain import Anchor, Content, Link
from ...domain.entities import Event
from ...security.chaining import ChainKeys, UnknownKey
from ...store.session import StoreSession
from ..rounds import Rounds
from ..work import Tools
from .events import event_of_server
from .sealer import BrokenChain, Opens

log = logging.getLogger(__name__)
BATCH = 1000
"""How many events go in one transaction: others can write in between."""


class Retention:
    """Every `every_seconds` it takes the events that are older than `kept` from the front of their chains.

    INVARIANT: an event goes only with its link, in order, once its link is found to be sound, and in the transaction that
    signs the new beginning and records what was done. So what is gone without an anchor was not taken by the server, and
    what somebody bent is not cleared away.
    """

    def __init__(
        self,
        keys: ChainKeys,
        tools: Tools,
        *,
        refresh: Callable[[], object] = lambda: None,
        kept: timedelta,
        reading: Opens,
        writing: Opens,
        every_seconds: float = 3600,
    ) -> None:
        self._keys, self._tools, self._kept, self._reading, self._writing = keys, tools, kept, reading, writing
        self._refresh = refresh
        self._rounds = Rounds(
            "retention", self.apply, every_seconds=every_seconds, trouble="old events are not taken away"
        )

    def start(self) -> None:
        """Begin. Needs the running loop."""
        self._rounds.start()

    async def close(self) -> None:
        """Stop, after the batch under way."""
        await self._rounds.close()

    async def apply(self) -> int:
        """Take away whatever is due, and return how many events there were. A chain that is bent where it is due stays as
        it is, and the log says so. Raises what the store raises."""
        self._refresh()
        before, taken = self._tools.clock() - self._kept, 0
        bent: set[str] = set()
        while not self._rounds.is_stopping:
            async with self._reading() as data:
                due = [chain for chain in await data.chains.begin_before(before) if chain not in bent]
            if not due:
                break
            known = len(bent)
            async with self._writing() as data:
                count = await self._batch(data, due, before, bent)
            taken += count
            if not count and len(bent) == known:
                break  # another process was faster
        return taken

    async def _batch(self, data: StoreSession, due: list[str], before: datetime, bent: set[str]) -> int:
        """Take up to `BATCH` events of these chains, and record it."""
        await data.chains.take_turn(wait=True)
        anchors = await data.chains.anchors()
        taken: dict[str, int] = {}
        for chain in due:
            left = BATCH - sum(taken.values())
            if left <= 0:
                break
            try:
                taken[chain] = await self._take(data, chain, anchors.get(chain), before, left)
            except BrokenChain as error:
                log.error("old events of chain %s are not taken away: %s: run audit verify", chain, error)
                bent.add(chain)
        count = sum(taken.values())
        if count:
            await data.events.add([self._event(count, [chain for chain in taken if taken[chain]], before)])
        return count

    async def _take(self, data: StoreSession, chain: str, anchor: Anchor | None, before: datetime, at_most: int) -> int:
        """Take the first events of a chain that are of `before`. Raises BrokenChain, having taken none."""
        first, link = self._beginning(anchor)
        last = first
        for each, event in await data.chains.links(chain, first, at_most):
            self._check(each, event, chain, last, link)
            if event is None or event.at >= before:
                break
            last, link = each.number, each.link
        if link is None or last == first:
            return 0
        await data.chains.drop(chain, first, last)
        await data.chains.set_anchor(self._keys.anchor(chain=chain, number=last, link=link, at=self._tools.clock()))
        return last - first

    def _beginning(self, anchor: Anchor | None) -> tuple[int, str | None]:
        if anchor is None:
            return 0, None
        try:
            if self._keys.is_anchored(anchor):
                return anchor.number, anchor.link
        except UnknownKey as error:
            raise BrokenChain(f"where it begins was {error}") from None
        raise BrokenChain("where it begins was not signed by this server")

    def _check(self, link: Link, event: Content | None, chain: str, last: int, previous: str | None) -> None:
        if event is None or event.event_id != link.event_id or link.number != last + 1:
            raise BrokenChain(f"the event with the number {last + 1} is not there")
        try:
            expected = self._keys.link(previous, chain, event.octets, key_id=link.key_id)
        except UnknownKey as error:
            raise BrokenChain(f"the link with the number {link.number} was {error}") from None
        if expected != link.link:
            raise BrokenChain(f"the event {event.event_id} with the number {link.number} was altered")

    def _event(self, count: int, chains: list[str], before: datetime) -> Event:
        """What tells, in the server's own chain, what was taken."""
        parameters = {"events": count, "before": before.isoformat(), "chains": chains}
        return event_of_server(self._tools, "ApplyRetention", "SERVER", parameters)
