"""Checks the history against its chains and their signed heads, and says where it was bent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from ...domain.chain import Anchor, Content, Head, Link
from ...security.chaining import ChainKeys, UnknownKey
from ...store.session import StoreSession
from .heads import Heads

BATCH = 1000


class Bent(Enum):
    """What was done to the history."""

    ALTERED = "altered"
    DROPPED = "dropped"
    REORDERED = "reordered"
    INSERTED = "inserted"
    TRUNCATED = "truncated"
    UNKNOWN_KEY = "unknown key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where the history is not what was sealed. `number` is the place in the chain."""

    bent: Bent
    chain: str
    number: int | None
    event_id: str | None
    text: str

    def __str__(self) -> str:
        number = "" if self.number is None else f", number {self.number}"
        event = "" if self.event_id is None else f", event {self.event_id}"
        return f"{self.bent.value}: chain {self.chain}{number}{event}: {self.text}"


@dataclass(slots=True)
class Report:
    """What was checked, and what was found. `unsealed` events were too young to have a link, and `pruned` ones too old to
    be kept: they are no fault."""

    chains: int = 0
    events: int = 0
    heads: int = 0
    unsealed: int = 0
    pruned: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.findings

    def add(self, bent: Bent, chain: str, number: int | None, event_id: str | None, text: str) -> None:
        self.findings.append(Finding(bent=bent, chain=chain, number=number, event_id=event_id, text=text))


async def verify(data: StoreSession, keys: ChainKeys, exported: Heads | None) -> Report:
    """Check every chain. `data` sees one moment, which is later than that of the `exported` heads."""
    report = Report()
    heads = await data.chains.all_heads()
    anchors = {chain: one for chain, one in (await data.chains.anchors()).items() if _is_anchor(report, keys, one)}
    for line in exported.unreadable if exported else ():
        report.add(Bent.ALTERED, "(heads file)", None, None, f"line {line} is no head")
    signed: dict[str, dict[int, Head]] = {}
    for head in heads.values():
        if keys.is_past(head):
            text = (
                f"the store's head is signed under master key {head.key_id}, with which no head was left when it went"
            )
            report.add(Bent.ALTERED, head.chain, head.count, None, text)
    for head, place in _all(heads, exported):
        if _is_sound(report, keys, head, place):
            signed.setdefault(head.chain, {}).setdefault(head.count, head)
            if signed[head.chain][head.count].link != head.link:
                report.add(Bent.ALTERED, head.chain, head.count, None, "two heads that this server signed disagree")
    for chain in sorted({*await data.chains.names(), *heads, *signed, *anchors}):
        checked = _Chain(report, keys, chain, signed.get(chain, {}), anchors.get(chain))
        await checked.check(data)
        if chain not in heads:
            report.add(Bent.TRUNCATED, chain, None, None, "the store has no head of this chain any more")
        elif checked.last > heads[chain].count:
            text = f"the store's head counts {heads[chain].count}, and there are {checked.last}"
            report.add(Bent.ALTERED, chain, heads[chain].count, None, text)
        report.chains += 1
    horizon = max((head.horizon for some in signed.values() for head in some.values()), default=0)
    for event in await data.chains.missed(horizon):
        text = f"it stands at {event.seq}, where every event was sealed already, without a link"
        report.add(Bent.INSERTED, event.chain, None, event.event_id, text)
    report.unsealed = await data.chains.count_unsealed(horizon)
    return report


def _all(heads: dict[str, Head], exported: Heads | None) -> Iterator[tuple[Head, str]]:
    yield from ((head, "the store's head") for head in heads.values())
    yield from ((head, "a head of the file") for head in (exported.heads if exported else ()))


def _is_sound(report: Report, keys: ChainKeys, head: Head, place: str) -> bool:
    report.heads += 1
    try:
        if keys.is_signed(head):
            return True
    except UnknownKey as error:
        report.add(Bent.UNKNOWN_KEY, head.chain, head.count, None, f"{place} was {error}")
        return False
    report.add(Bent.ALTERED, head.chain, head.count, None, f"{place} does not have this server's signature")
    return False


def _is_anchor(report: Report, keys: ChainKeys, anchor: Anchor) -> bool:
    try:
        if keys.is_anchored(anchor):
            report.pruned += anchor.number
            return True
    except UnknownKey as error:
        report.add(Bent.UNKNOWN_KEY, anchor.chain, anchor.number, None, f"where the chain begins was {error}")
        return False
    text = "where the chain begins does not have this server's signature"
    report.add(Bent.ALTERED, anchor.chain, anchor.number, None, text)
    return False


class _Chain:
    """One chain, checked link by link. Behind a place that is bent it goes on from the link that is there, so that one
    deed is told once. It begins behind the anchor, if retention has left one."""

    def __init__(
        self, report: Report, keys: ChainKeys, chain: str, heads: dict[int, Head], anchor: Anchor | None
    ) -> None:
        self._report, self._keys, self._chain, self._heads = report, keys, chain, heads
        self._link = anchor.link if anchor else None
        self.last = anchor.number if anchor else 0

    async def check(self, data: StoreSession) -> None:
        for link, _ in await data.chains.links(self._chain, -(2**63), 1):
            if link.number <= self.last:
                self._add(
                    Bent.INSERTED, link.number, link.event_id, "it stands before the place where the chain begins"
                )
        head = self._heads.get(self.last)
        if head is not None and head.link != self._link:
            self._add(
                Bent.ALTERED, self.last, None, "the place where the chain begins is not what its signed head says"
            )
        while links := await data.chains.links(self._chain, self.last, BATCH):
            for link, event in links:
                if link.number <= self.last:
                    return self._add(Bent.ALTERED, self.last + 1, link.event_id, "the link's number is no number")
                self._gap(link)
                self._place(link, event)
                self._head(link)
                self.last, self._link = link.number, link.link
                self._report.events += 1
        longest = max(self._heads.values(), key=lambda head: head.count, default=None)
        if longest is not None and longest.count > self.last:
            text = f"a head of {longest.at.isoformat()} counts {longest.count} events, and there are {self.last}"
            self._add(Bent.TRUNCATED, self.last + 1, None, text)
        return None

    def _gap(self, link: Link) -> None:
        if link.number != self.last + 1:
            missing = f"{self.last + 1}" if link.number == self.last + 2 else f"{self.last + 1} to {link.number - 1}"
            self._add(Bent.DROPPED, self.last + 1, None, f"the links with the numbers {missing} are gone")

    def _place(self, link: Link, event: Content | None) -> None:
        if event is None:
            return self._add(Bent.DROPPED, link.number, link.event_id, "the event is gone")
        if event.event_id != link.event_id:
            text = f"the event {event.event_id} is in its place"
            return self._add(Bent.REORDERED, link.number, link.event_id, text)
        if link.number != self.last + 1:
            return None  # what was before it is gone, so that it can't be recomputed
        try:
            expected = self._keys.link(self._link, self._chain, event.octets, key_id=link.key_id)
        except UnknownKey as error:
            return self._add(Bent.UNKNOWN_KEY, link.number, link.event_id, f"the link was {error}")
        except ValueError:
            expected = None  # the link before it is no link, which was told there
        if expected != link.link:
            text = "the event, its link or what was before it is not what was sealed"
            return self._add(Bent.ALTERED, link.number, link.event_id, text)
        return None

    def _head(self, link: Link) -> None:
        head = self._heads.get(link.number)
        if head is not None and head.link != link.link:
            text = f"the link is not that of the head of {head.at.isoformat()}"
            self._add(Bent.ALTERED, link.number, link.event_id, text)

    def _add(self, bent: Bent, number: int | None, event_id: str | None, text: str) -> None:
        self._report.add(bent, self._chain, number, event_id, text)
