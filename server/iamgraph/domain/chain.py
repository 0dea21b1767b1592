"""The chain that makes the history tamper-evident: links over its events, and heads that say how long a chain is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SERVER_CHAIN = "server"
"""The chain of the events that have no account. Every other chain is named by its account's id."""


def chain_of(account_id: str | None) -> str:
    return SERVER_CHAIN if account_id is None else account_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """An event as it is chained. `octets` says every column of it, and nothing else says the same."""

    seq: int
    event_id: str
    chain: str
    at: datetime
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An event's place in its chain. `number` counts from 1 and is the chain's order, in which the events were seen
    committed; `link` is hexadecimal; `key_id` names the master key from which its key comes."""

    seq: int
    event_id: str
    chain: str
    number: int
    link: str
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far a chain had come: `count` links, the last of which is `link`. No event with a `seq` up to `horizon`, in any
    chain, was without a link then, nor can one come."""

    chain: str
    count: int
    link: str
    at: datetime
    horizon: int
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Where a chain begins since retention took what was before: behind the event with this `number` and `link`, the last
    one that went."""

    chain: str
    number: int
    link: str
    at: datetime
    key_id: str
    signature: str
