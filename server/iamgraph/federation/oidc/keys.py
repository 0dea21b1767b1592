"""The keys that an identity provider publishes (RFC 7517): which of them may verify what."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

# That "EdDSA" does not say on which curve is no matter here: the key does.
warnings.filterwarnings("ignore", category=SecurityWarning, module="joserfc")

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""INVARIANT: the only ones, whatever a token or a provider says. None of them takes a secret that both sides have."""

MAX_KEYS: Final = 100
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_PUBLIC: Final = frozenset({"kty", "n", "e", "crv", "x", "y"})
_LEAST_RSA, _MOST_RSA, _MOST_EXPONENT = 2048, 8192, 2**32
_SLOW_RSA: Final = 4096

PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key. `algorithm` is the only one that it is for, where the provider says so; `is_slow` if to verify with it
    takes more than a millisecond."""

    kid: str | None
    kind: str
    curve: str | None
    algorithm: str | None
    is_slow: bool
    material: PublicKey = field(repr=False)

    def verifies(self, algorithm: str) -> bool:
        """Whether signatures of this algorithm can be by it."""
        return (
            self.kind == _TYPES[algorithm[:2]]
            and self.curve == _CURVES.get(algorithm)
            and self.algorithm in (None, algorithm)
        )


def keys_of(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """The keys of a key set that can verify. Those that can't, or that are for something else, are left out: a provider may
    publish what we don't know."""
    found = document.get("keys")
    entries = found[:MAX_KEYS] if isinstance(found, list) else []
    return tuple(key for entry in entries if isinstance(entry, dict) and (key := _key(entry)) is not None)


def matching(keys: Sequence[Key], kid: str | None, algorithm: str) -> Sequence[Key]:
    """Those that a token with this header can be signed with. Without a key id that must be clear by itself (OpenID Connect
    Core 1.0, section 10.1)."""
    found = [key for key in keys if key.verifies(algorithm) and (kid is None or key.kid == kid)]
    return found if kid is not None or len(found) == 1 else ()


def _key(entry: Mapping[str, Any]) -> Key | None:
    if entry.get("use", "sig") != "sig" or entry.get("kty") not in _TYPES.values():
        return None
    operations, kid, algorithm = entry.get("key_ops"), entry.get("kid"), entry.get("alg")
    if operations is not None and (not isinstance(operations, list) or "verify" not in operations):
        return None
    if not isinstance(kid, str | None) or not isinstance(algorithm, str | None):
        return None
    try:
        material = JWKRegistry.import_key({name: value for name, value in entry.items() if name in _PUBLIC})
        public = material.public_key if isinstance(material, PublicKey) else None
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        return None
    if not isinstance(material, PublicKey):
        return None
    size = public.key_size if isinstance(public, RSAPublicKey) else 0
    if isinstance(public, RSAPublicKey) and (
        not _LEAST_RSA <= size <= _MOST_RSA or public.public_numbers().e >= _MOST_EXPONENT
    ):
        return None
    curve = entry.get("crv") if not isinstance(public, RSAPublicKey) else None
    if curve is not None and curve not in _CURVES.values():
        return None
    return Key(
        kid=kid,
        kind=entry["kty"],
        curve=curve,
        algorithm=algorithm,
        is_slow=size > _SLOW_RSA or curve in ("P-384", "P-521"),
        material=material,
    )
