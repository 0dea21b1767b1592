"""Computes the links of the history's chains and signs their heads, with keys of its own made from the master key."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..domain.chain import Anchor, Head
from .sealing import MasterKey

_LINKS, _HEADS = b"iamgraph history links v1", b"iamgraph history heads v1"
_ANCHORS = b"iamgraph history anchors v1"


class UnknownKey(Exception):
    """A link or a head was made under a master key that is not here. The text names it."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"made under master key {key_id}, which is missing here")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastKey:
    """What is kept of a master key that is gone: the keys made from it for the history. They open nothing, and the master
    key can't be had from them."""

    id: str
    links: bytes = field(repr=False)
    heads: bytes = field(repr=False)

    @classmethod
    def of(cls, key: MasterKey) -> PastKey:
        return cls(id=key.id, links=_derived(key, _LINKS), heads=_derived(key, _HEADS))


class ChainKeys:
    """HMAC-SHA256 (RFC 2104) under keys derived by HKDF (RFC 5869): one for links, one for heads, and one for anchors, so
    that no head can pass for an anchor. What is new is made under `key`; what the `retired` and the `past` keys made can
    still be checked, but for anchors of the past: all are signed anew before a key goes."""

    def __init__(self, key: MasterKey, *, retired: Sequence[MasterKey] = (), past: Sequence[PastKey] = ()) -> None:
        self.use(key, retired=retired, past=past)

    def use(self, key: MasterKey, *, retired: Sequence[MasterKey] = (), past: Sequence[PastKey] = ()) -> None:
        """Make what is new under `key` from now on, and check what any of these made."""
        self._past = frozenset(each.id for each in past)
        known = (*map(PastKey.of, (*retired, key)), *past)
        self._keys = {
            _LINKS: {each.id: each.links for each in known},
            _HEADS: {each.id: each.heads for each in known},
            _ANCHORS: {each.id: _derived(each, _ANCHORS) for each in (*retired, key)},
        }
        self.key_id = key.id

    def link(self, previous: str | None, chain: str, content: bytes, *, key_id: str | None = None) -> str:
        """The link of an event behind the link `previous`, which is None for the first of its chain. Raises
        UnknownKey."""
        key = self._of(self.key_id if key_id is None else key_id, _LINKS)
        before = bytes.fromhex(previous) if previous else _mac(key, b"start of " + chain.encode())
        # `before` has a fixed length, so that no content can pass for a part of it.
        return _mac(key, before + content).hex()

    def head(self, *, chain: str, count: int, link: str, at: datetime, horizon: int) -> Head:
        """A head, signed."""
        signature = self._signature(self.key_id, chain, count, link, at, horizon)
        return Head(
            chain=chain, count=count, link=link, at=at, horizon=horizon, key_id=self.key_id, signature=signature
        )

    def is_signed(self, head: Head) -> bool:
        """Whether this server signed the head, as it is. Raises UnknownKey."""
        expected = self._signature(head.key_id, head.chain, head.count, head.link, head.at, head.horizon)
        return hmac.compare_digest(expected.encode(), head.signature.encode("utf-8", "replace"))

    def is_past(self, head: Head) -> bool:
        """Whether the head names a master key that is gone. INVARIANT: no chain is gone on with from such a head: a key is
        gone only once every head in the store is signed by a later one, so that somebody else has put it there, who may
        have got hold of the old key."""
        return head.key_id in self._past

    def _signature(self, key_id: str, chain: str, count: int, link: str, at: datetime, horizon: int) -> str:
        return self._signed(_HEADS, key_id, chain, count, link, _instant(at), horizon, key_id)

    def anchor(self, *, chain: str, number: int, link: str, at: datetime) -> Anchor:
        """An anchor, signed."""
        signature = self._signed(_ANCHORS, self.key_id, chain, number, link, _instant(at), self.key_id)
        return Anchor(chain=chain, number=number, link=link, at=at, key_id=self.key_id, signature=signature)

    def is_anchored(self, anchor: Anchor) -> bool:
        """Whether this server signed the anchor, as it is. Raises UnknownKey."""
        parts = (anchor.chain, anchor.number, anchor.link, _instant(anchor.at), anchor.key_id)
        expected = self._signed(_ANCHORS, anchor.key_id, *parts)
        return hmac.compare_digest(expected.encode(), anchor.signature.encode("utf-8", "replace"))

    def _signed(self, purpose: bytes, key_id: str, *parts: str | int) -> str:
        return _mac(self._of(key_id, purpose), json.dumps(parts).encode()).hex()

    def _of(self, key_id: str, purpose: bytes) -> bytes:
        try:
            return self._keys[purpose][key_id]
        except KeyError:
            raise UnknownKey(key_id) from None


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _derived(key: MasterKey, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key.secret)


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
