"""Whether an OpenID Connect provider has signed a token."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from joserfc import jws
from joserfc.errors import JoseError

from ...domain.errors import InvalidIdentityToken, Overloaded
from ...domain.names import shown
from ..outbound import Outbound, Reach
from .issuers import Issuers
from .keys import Key
from .tokens import MAX_TOKEN, Token

_MAX_TRIED = 4
"""How many keys with the same key id are tried."""
_MAX_SLOW = 50
"""How many signatures that take longer than a millisecond may wait to be verified."""


class OpenIdConnect:
    """Verifies tokens with the keys that their providers publish."""

    def __init__(self, reach: Reach | None = None) -> None:
        self.outbound = Outbound(reach or Reach())
        self.issuers = Issuers(self.outbound)
        self._slow, self._turn = 0, asyncio.Lock()

    @property
    def reach(self) -> Reach:
        return self.outbound.reach

    async def verify(self, token: Token) -> None:
        """Return if the token's issuer has signed it. Whether that issuer is trusted, and for whom the token is, is for the
        caller to know. Raises InvalidIdentityToken, IdpCommunicationError and Overloaded."""
        keys = await self.issuers.keys(token.issuer, token.key_id, token.algorithm)
        if not keys:
            raise InvalidIdentityToken(
                f"the provider {shown(token.issuer)} has no key {shown(str(token.key_id))} for {token.algorithm}"
            )
        if await self._is_by_one_of(token, keys):
            return
        # A provider that names no keys can have changed its only one.
        if token.key_id is None and await self.issuers.newer(token.issuer):
            keys = await self.issuers.keys(token.issuer, None, token.algorithm)
            if await self._is_by_one_of(token, keys):
                return
        raise InvalidIdentityToken(f"the signature is not one of the provider {shown(token.issuer)}")

    async def close(self) -> None:
        """Let go of connections."""
        await self.outbound.close()

    async def _is_by_one_of(self, token: Token, keys: Sequence[Key]) -> bool:
        for key in keys[:_MAX_TRIED]:
            if await self._is_by(token, key):
                return True
        return False

    async def _is_by(self, token: Token, key: Key) -> bool:
        if not key.is_slow:
            return _is_signed(token, key)
        if self._slow >= _MAX_SLOW:
            raise Overloaded("Too many tokens are being verified.", retry_after_seconds=1)
        self._slow += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(_is_signed, token, key)
        finally:
            self._slow -= 1


def _is_signed(token: Token, key: Key) -> bool:
    registry = jws.JWSRegistry(algorithms=[token.algorithm], strict_check_header=False)
    # What was taken apart before is bounded; a chain of certificates (x5c) is more than the library expects.
    registry.max_header_length = registry.max_payload_length = MAX_TOKEN
    try:
        found = jws.deserialize_compact(token.text, key.material, registry=registry)
    except (JoseError, ValueError, TypeError):
        return False
    # INVARIANT: what is believed is what was verified, however the library reads a token.
    return found.payload == token.payload
