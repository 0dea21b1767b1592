"""The private keys that decrypt the assertions of SAML providers: read from PEM, and sealed."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ..domain.errors import InvalidInput
from ..domain.ids import saml_id
from ..store.saml_providers import SealedPrivateKey
from .work import Work

_LEAST_BITS, _MOST_BITS = 2048, 4096


def private_key_context(key_id: str) -> str:
    """What a private key is sealed to."""
    return f"saml-private-key/{key_id}"


def read_key(pem: str) -> bytes:
    """The key in PKCS #8. It takes a while, for the key is checked. Raises InvalidInput, which tells nothing of it."""
    try:
        key = load_pem_private_key(pem.encode("latin-1"), None)
    except (ValueError, TypeError, UnicodeEncodeError, UnsupportedAlgorithm):
        raise _invalid("is no private key in PEM that is open without a password") from None
    if not isinstance(key, RSAPrivateKey) or not _LEAST_BITS <= key.key_size <= _MOST_BITS:
        raise _invalid(f"is no RSA key of {_LEAST_BITS} to {_MOST_BITS} bits")
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


async def add_key(work: Work, provider_id: str, key: bytes) -> None:
    """Keep a key for the provider."""
    key_id = saml_id(work.tools.entropy(16))
    sealed = work.tools.sealer.seal(key, context=private_key_context(key_id))
    await work.data.saml_providers.add_key(provider_id, SealedPrivateKey(id=key_id, sealed_secret=sealed), work.now)


def _invalid(why: str) -> InvalidInput:
    return InvalidInput(f"the private key {why}", field="addPrivateKey")
