"""What OpenID Connect providers publish of themselves (OpenID Connect Discovery 1.0), kept: where their keys are, and these.

Whoever shows a token makes us look up its key. So what a stranger can make us ask a provider is bounded, however many tokens
come: see `EVERY`.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ...domain.errors import IdpCommunicationError, Overloaded
from ...domain.names import shown
from ..outbound import Outbound
from .keys import Key, keys_of, matching

GOOD_FOR = 3600.0
"""For how many seconds what was read is used without asking again."""
KEPT_FOR = 24 * 3600.0
"""For how long it is used where the provider does not answer."""
EVERY = 30.0
"""How often, in seconds, keys are read anew at the most because a token has a key id that is not among them."""
AFTER_FAILURE = 5.0
"""How soon a provider that did not answer is asked again."""
MAX_WAITING = 100
MAX_ISSUERS = 10_000


class Issuers:
    """The keys of providers by their URL, which all accounts of a server share."""

    def __init__(self, outbound: Outbound, clock: Callable[[], float] = time.monotonic) -> None:
        self._outbound, self._clock = outbound, clock
        self._known: OrderedDict[str, _Issuer] = OrderedDict()

    async def keys(self, issuer: str, key_id: str | None, algorithm: str) -> Sequence[Key]:
        """The keys that a token with this header can be signed with; none where the provider has none. Raises
        IdpCommunicationError, and Overloaded where too many wait for the same provider."""
        known = self._of(issuer)
        await known.read()
        found = matching(known.keys, key_id, algorithm)
        if not found and await known.read_again():
            found = matching(known.keys, key_id, algorithm)
        return found

    async def metadata(self, issuer: str) -> Mapping[str, Any]:
        """The provider's discovery document. Raises IdpCommunicationError and Overloaded."""
        known = self._of(issuer)
        await known.read()
        return known.metadata

    async def newer(self, issuer: str) -> bool:
        """Read the keys anew, for a signature that none of them made; whether it is time to."""
        return await self._of(issuer).read_again()

    def _of(self, issuer: str) -> _Issuer:
        known = self._known.get(issuer)
        if known is None:
            known = self._known[issuer] = _Issuer(issuer, self._outbound, self._clock)
            if len(self._known) > MAX_ISSUERS:
                self._known.popitem(last=False)
        self._known.move_to_end(issuer)
        return known


class _Issuer:
    """One provider. Whoever needs it while it is asked waits for that one answer."""

    def __init__(self, url: str, outbound: Outbound, clock: Callable[[], float]) -> None:
        self._url, self._outbound, self._clock = url, outbound, clock
        self.keys: Sequence[Key] = ()
        self.metadata: Mapping[str, Any] = {}
        self._keys_url = ""
        self._read_at = self._failed_at = self._again_at = -float("inf")
        self._readings, self._failure = 0, ""
        self._turn, self._waiting = asyncio.Lock(), 0

    async def read(self) -> None:
        """See that there are keys, old ones if need be. Raises IdpCommunicationError."""
        if self._age(self._read_at) < GOOD_FOR:
            return
        async with _Turn(self):
            if self._age(self._read_at) < GOOD_FOR:
                return
            if self._age(self._failed_at) >= AFTER_FAILURE:
                await self._ask(self._discover)
            if self._age(self._read_at) >= KEPT_FOR:
                raise IdpCommunicationError(self._failure)

    async def read_again(self) -> bool:
        """Read the keys anew, unless that was done within `EVERY`; whether there may be others now. INVARIANT: only what was
        read for this reason counts, so that a rotation right after the first reading is followed at once."""
        before = self._readings
        async with _Turn(self):
            if self._readings > before:
                return True
            if self._age(self._again_at) < EVERY:
                return False
            self._again_at = self._clock()
            await self._ask(self._read_keys)
            return self._readings > before

    def _age(self, at: float) -> float:
        return self._clock() - at

    async def _ask(self, what: Callable[[], Awaitable[None]]) -> None:
        try:
            await what()
            self._read_at = self._clock()
            self._readings += 1
        except IdpCommunicationError as error:
            self._failed_at, self._failure = self._clock(), error.message

    async def _discover(self) -> None:
        # Without its last slash, so that there are not two (section 4).
        found = await self._outbound.get(self._url.removesuffix("/") + "/.well-known/openid-configuration")
        issuer, keys_url = found.get("issuer"), found.get("jwks_uri")
        if issuer != self._url:
            raise IdpCommunicationError(
                f"the provider {shown(self._url)} calls itself {shown(str(issuer))} in its discovery document: the URL must "
                "be the same to the letter"
            )
        if not isinstance(keys_url, str):
            raise IdpCommunicationError(f"the discovery document of {shown(self._url)} has no jwks_uri")
        self._keys_url = keys_url
        await self._read_keys()
        self.metadata = found

    async def _read_keys(self) -> None:
        keys = keys_of(await self._outbound.get(self._keys_url))
        if not keys:
            raise IdpCommunicationError(f"{shown(self._keys_url)} has no key that can verify a token")
        self.keys = keys


class _Turn:
    """A turn to ask a provider. Raises Overloaded where too many wait for theirs."""

    def __init__(self, of: _Issuer) -> None:
        self._of = of

    async def __aenter__(self) -> None:
        if self._of._waiting >= MAX_WAITING:
            raise Overloaded("Too many tokens of one identity provider wait for its keys.", retry_after_seconds=5)
        self._of._waiting += 1
        try:
            await self._of._turn.acquire()
        finally:
            self._of._waiting -= 1

    async def __aexit__(self, *error: object) -> None:
        self._of._turn.release()
