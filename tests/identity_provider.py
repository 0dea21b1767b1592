"""An OpenID Connect provider on this machine, of which tests make what tokens they like. It signs with `cryptography` alone:
what verifies is another implementation."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
HASHES: Mapping[str, type[hashes.HashAlgorithm]] = {
    "256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512
}  # fmt: skip
CURVES: Mapping[str, type[ec.EllipticCurve]] = {"256": ec.SECP256R1, "384": ec.SECP384R1, "512": ec.SECP521R1}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """One key a name: they take long to make."""
    return rsa.generate_private_key(65537, bits)


def private_key(algorithm: str, name: str) -> Private:
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        return ec.generate_private_key(CURVES[algorithm[2:]]())
    return rsa_key(name)


def public_jwk(key: Private) -> dict[str, str]:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return {"kty": "RSA", "n": number(public.public_numbers().n), "e": number(public.public_numbers().e)}
    if isinstance(public, ec.EllipticCurvePublicKey):
        size, numbers = (public.key_size + 7) // 8, public.public_numbers()
        return {
            "kty": "EC", "crv": f"P-{public.key_size}", "x": number(numbers.x, size), "y": number(numbers.y, size)
        }  # fmt: skip
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw())}


def signature(key: Private, algorithm: str, data: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    digest = HASHES.get(algorithm[2:], hashes.SHA256)()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
        size = (key.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if algorithm.startswith("PS"):
        return key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    return key.sign(data, padding.PKCS1v15(), digest)


def signed(key: Private, header: Mapping[str, Any] | str, payload: Mapping[str, Any] | str) -> str:
    """A token. Header and payload may be text, for JSON that no dictionary can hold."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, payload)]
    data = ".".join(b64(part.encode()) for part in parts)
    algorithm = header["alg"] if isinstance(header, Mapping) else json.loads(header)["alg"]
    return f"{data}.{b64(signature(key, algorithm, data.encode()))}"


@dataclass
class IdentityProvider:
    """What it publishes can be changed at any time; `asked` counts who asked for what."""

    issuer: str = ""
    keys: dict[str, tuple[str, Private]] = field(default_factory=lambda: {"one": ("RS256", rsa_key("one"))})
    """By key id: the algorithm and the key. The first one signs."""
    asked: Counter[str] = field(default_factory=Counter)
    discovery: dict[str, Any] = field(default_factory=dict)
    """What the discovery document has beside, or instead of, what it should."""
    further_keys: list[dict[str, Any]] = field(default_factory=list)
    is_down: bool = False

    @property
    def name(self) -> str:
        return self.issuer.partition("://")[2]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a token; None takes one away."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": "system:serviceaccount:apps:web", "aud": "sts.amazonaws.com", "iat": now,
            "exp": now + 600,
        } | changes  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def header(self, **changes: Any) -> dict[str, Any]:
        kid, (algorithm, _) = next(iter(self.keys.items()))
        header = {"alg": algorithm, "kid": kid, "typ": "JWT"} | changes
        return {name: value for name, value in header.items() if value is not None}

    def token(self, key: Private | None = None, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A token of this provider; by another key if one is given."""
        return signed(key or next(iter(self.keys.values()))[1], self.header(**(header or {})), self.claims(**claims))

    def rotate(self, kid: str = "two", algorithm: str = "RS256") -> None:
        """Sign with a new key from now on, and publish that one alone."""
        self.keys = {kid: (algorithm, private_key(algorithm, kid))}

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked[request.path.rpartition("/")[2]] += 1
        if self.is_down:
            return web.Response(status=503)
        if request.path.endswith("/jwks"):
            made = [
                {**public_jwk(key), "kid": kid, "alg": algorithm, "use": "sig"}
                for kid, (algorithm, key) in self.keys.items()
            ]
            return web.json_response({"keys": [*made, *self.further_keys]})
        found = {"issuer": self.issuer, "jwks_uri": self.issuer.rstrip("/") + "/jwks"} | self.discovery
        return web.json_response(found)


@asynccontextmanager
async def providing(path: str = "") -> AsyncIterator[IdentityProvider]:
    """A provider whose issuer ends with `path`."""
    provider = IdentityProvider()
    app = web.Application()
    app.router.add_get(path.rstrip("/") + "/.well-known/openid-configuration", provider._answer)
    app.router.add_get(path.rstrip("/") + "/jwks", provider._answer)
    server = TestServer(app)
    await server.start_server()
    provider.issuer = f"http://127.0.0.1:{server.port}{path}"
    try:
        yield provider
    finally:
        await server.close()
