"""Seals anew, while the store is served, what a retired master key has sealed and signed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ..security.keyring import KeyRing
from ..security.sealing import SealError
from ..store.sealed import SealedColumn, SealedValue
from ..store.session import StoreSession
from .devices import seed_context
from .history.sealer import Opens
from .keys import key_context
from .oidc_clients import client_context, id_token_context
from .rounds import Rounds
from .saml_keys import private_key_context
from .temporary import secret_context

log = logging.getLogger(__name__)
BATCH = 100

CONTEXTS: Mapping[SealedColumn, Callable[[str], str]] = {
    SealedColumn.ACCESS_KEY: key_context,
    SealedColumn.TEMPORARY_KEY: secret_context,
    SealedColumn.TOTP_SEED: seed_context,
    SealedColumn.SAML_KEY: private_key_context,
    SealedColumn.CLIENT_SECRET: client_context,
    SealedColumn.ID_TOKEN: id_token_context,
}
"""What the values of a column are sealed to, by their id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How many sealed values the store has under each master key, by its id, and how many signed heads and anchors of
    chains."""

    secrets: Mapping[str, int]
    heads: Mapping[str, int]

    def of(self, *key_ids: str) -> int:
        """How much there is under these keys."""
        return sum(self.secrets.get(id, 0) + self.heads.get(id, 0) for id in key_ids)

    @property
    def key_ids(self) -> set[str]:
        return {*self.secrets, *self.heads}


async def usage_of(data: StoreSession) -> Usage:
    """Counted in the store."""
    heads = [head.key_id for head in (await data.chains.all_heads()).values()]
    anchors = [anchor.key_id for anchor in (await data.chains.anchors()).values()]
    return Usage(secrets=await data.sealed.counts(), heads=Counter([*heads, *anchors]))


class Resealer:
    """Every `every_seconds` it takes a changed key file, and brings what is under a retired key under the current one.

    Each batch is a transaction of its own that changes a value only where it still is what was read, so that it can end
    anywhere and be gone on with, here or by another process. Several may run on one store; one at a time re-seals.
    """

    def __init__(self, ring: KeyRing, *, reading: Opens, writing: Opens, every_seconds: float = 1.0) -> None:
        self._ring, self._reading, self._writing = ring, reading, writing
        trouble = "not everything is sealed under the current master key"
        self._rounds = Rounds("resealer", self.reseal, every_seconds=every_seconds, trouble=trouble)

    def start(self) -> None:
        """Begin. Needs the running loop."""
        self._rounds.start()

    async def close(self) -> None:
        """Stop after the batch under way: what is left is for the next start."""
        await self._rounds.close()

    async def reseal(self) -> int:
        """Bring under the current key all that can be; how many values and heads that were. Raises SealError for values
        that don't open, after all others, and what the store raises."""
        self._ring.refresh()
        await self.follow()
        retired = self._ring.keys.retired_ids
        if not retired:
            return 0
        # The heads first: they tell servers that have this key as their next one that it is the current one.
        done = await self._heads(retired) + await self._anchors(retired)
        faults: list[str] = []
        for key_id in retired:
            for column in SealedColumn:
                done += await self._column(key_id, column, faults)
        if done:
            log.info("brought %d secrets and heads under master key %s", done, self._ring.keys.current.id)
        if faults:
            raise SealError(f"{len(faults)} secrets, of which the first is {faults[0]}")
        return done

    async def follow(self) -> None:
        """Seal under the next key as soon as another server has signed a head with it."""
        following = self._ring.keys.next
        if following is None:
            return
        async with self._reading() as data:
            heads = await data.chains.heads_under([following.id])
        if any(self._ring.chains.is_signed(head) for head in heads):
            self._ring.advance()

    async def _heads(self, retired: tuple[str, ...]) -> int:
        """Sign the heads of chains in which nothing happens, too."""
        async with self._reading() as data:
            if not await data.chains.heads_under(retired):
                return 0
        done = 0
        async with self._writing() as data:
            if not await data.chains.take_turn():
                return 0
            chains = self._ring.chains
            for head in await data.chains.heads_under(retired):
                # INVARIANT: as in sealing the history, what somebody else has put there is never signed over.
                if not chains.is_past(head) and chains.is_signed(head):
                    now = datetime.now(UTC)
                    await data.chains.set_head(
                        chains.head(chain=head.chain, count=head.count, link=head.link, at=now, horizon=head.horizon)
                    )
                    done += 1
        return done

    async def _anchors(self, retired: tuple[str, ...]) -> int:
        """Sign the places where chains begin, which once a key is gone count under no other one."""
        async with self._reading() as data:
            if not any(anchor.key_id in retired for anchor in (await data.chains.anchors()).values()):
                return 0
        done = 0
        async with self._writing() as data:
            if not await data.chains.take_turn():
                return 0
            chains = self._ring.chains
            for anchor in (await data.chains.anchors()).values():
                # INVARIANT: as with heads, what somebody else has put there is never signed over.
                if anchor.key_id in retired and chains.is_anchored(anchor):
                    now = datetime.now(UTC)
                    await data.chains.set_anchor(
                        chains.anchor(chain=anchor.chain, number=anchor.number, link=anchor.link, at=now)
                    )
                    done += 1
        return done

    async def _column(self, key_id: str, column: SealedColumn, faults: list[str]) -> int:
        done, after = 0, ""
        while not self._rounds.is_stopping:
            async with self._reading() as data:
                values = await data.sealed.under(key_id, column, after=after, limit=BATCH)
            if not values:
                break
            after = values[-1].id
            changes = {value.id: (value.sealed, sealed) for value in values if (sealed := self._anew(value, faults))}
            async with self._writing() as data:
                if not await data.sealed.take_turn():
                    break
                done += await data.sealed.replace(column, changes)
        return done

    def _anew(self, value: SealedValue, faults: list[str]) -> str | None:
        """The value under the current key; None where it does not open."""
        context = CONTEXTS[value.column](value.id)
        try:
            return self._ring.sealer.seal(self._ring.sealer.unseal(value.sealed, context=context), context=context)
        except SealError as error:
            faults.append(f"{value.id}: {error}")
            return None
