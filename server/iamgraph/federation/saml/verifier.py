"""Checks responses off the event loop: one at a time, and no more waiting than the server bears."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from ...domain.errors import Overloaded
from .assertion import AnyRequest, Assertion, Receiver, checked
from .metadata import IdentityProvider, identity_provider
from .refusal import Refused
from .response import proven

_WAITING = 64
"""The dearest response takes some 20 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The provider that a response must be by: its metadata, and our private keys in PKCS #8, the likeliest first."""

    metadata: str = field(repr=False)
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    must_be_encrypted: bool = False


class Verifier:
    """What a server checks responses with."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="saml")
        self._held = 0

    async def verify(
        self, response: str, by: Trusted | None, receiver: Receiver, *, answers: str | AnyRequest | None, now: datetime
    ) -> Assertion:
        """What a response, in base64 as it is posted, proves. Without a provider that is nothing, and takes as long. Raises
        Refused, and Overloaded."""
        if self._held >= _WAITING:
            raise Overloaded("Too many SAML responses are being checked. Try again in 2 s.", retry_after_seconds=2)
        self._held += 1
        future = self._thread.submit(_verified, response, by, receiver, answers, now)
        loop = asyncio.get_running_loop()
        # INVARIANT: a place is given back when the work ends, not when its caller goes away.
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._give_back))
        return await asyncio.wrap_future(future)

    def _give_back(self) -> None:
        self._held -= 1

    def close(self) -> None:
        """Stop the thread. Who waits is cancelled."""
        self._thread.shutdown(wait=True, cancel_futures=True)


def _verified(
    response: str, by: Trusted | None, receiver: Receiver, answers: str | AnyRequest | None, now: datetime
) -> Assertion:
    if by is None:
        with suppress(Refused):
            proven(response, _nobody())
        raise Refused("provider", "there is no such provider")
    provider = _provider(by.metadata)
    found = proven(response, provider, _private(by.keys), must_be_encrypted=by.must_be_encrypted)
    return checked(found, provider, receiver, answers=answers, now=now)


@lru_cache(maxsize=64)
def _provider(metadata: str) -> IdentityProvider:
    return identity_provider(metadata.encode())


def _private(keys: Sequence[bytes]) -> list[RSAPrivateKey]:
    """The keys, which were checked when they were given."""
    loaded = [load_der_private_key(key, None, unsafe_skip_rsa_key_validation=True) for key in keys]
    return [key for key in loaded if isinstance(key, RSAPrivateKey)]


@cache
def _nobody() -> IdentityProvider:
    """A provider that signs nothing: its key is kept nowhere."""
    key, name = generate_private_key(SECP256R1()), x509.Name([])
    began = datetime(2000, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, began, began + timedelta(days=1))
    return IdentityProvider(
        entity_id="nobody",
        certificates=(builder.sign(key, SHA256()),),
        sign_on=(),
        logout=(),
        wants_signed_requests=False,
        valid_until=None,
    )
