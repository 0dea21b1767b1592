"""A passkey's authenticator and its browser, written apart from what they are checked by: Web Authentication on CBOR (RFC
8949) by hand."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from .service import ACCOUNT, Client

ORIGIN = "http://localhost:8080"
PRESENT, VERIFIED, MADE = 0x01, 0x04, 0x40
ES256, EDDSA, RS256, ES384 = -7, -8, -257, -35
ENABLED = "passkey { __typename id serialNumber name credentialId transports enabledAt user { name } }"


def cbor(value: Any) -> bytes:
    """Whole numbers, octets, text, lists and maps, in the shortest form."""
    match value:
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case list():
            return _head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            return _head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())
    raise TypeError(value)


def _head(major: int, number: int) -> bytes:
    for limit, extra, size in ((24, number, 0), (1 << 8, 24, 1), (1 << 16, 25, 2), (1 << 32, 26, 4)):
        if number < limit:
            return bytes([major << 5 | extra]) + (number.to_bytes(size) if size else b"")
    raise ValueError(number)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _new_key(algorithm: int) -> Any:
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == RS256:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1() if algorithm == ES256 else ec.SECP384R1())


@dataclass(kw_only=True)
class Authenticator:
    """An authenticator with one credential, in a browser at `origin`. `step` is by how much it counts on: 0, not at all.
    Everything that it says of itself can be changed, to lie."""

    algorithm: int = ES256
    origin: str = ORIGIN
    rp_id: str = "localhost"
    step: int = 1
    count: int = 0
    flags: int = PRESENT | VERIFIED
    transports: tuple[str, ...] = ("usb",)
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    client: Mapping[str, Any] = field(default_factory=dict)
    key: Any = None
    user_handle: bytes | None = None

    def __post_init__(self) -> None:
        self.key = self.key or _new_key(self.algorithm)

    def create(self, options: str, **attestation: Any) -> str:
        """What `navigator.credentials.create` gives, as JSON text."""
        asked = json.loads(options)
        self.user_handle = unb64(asked["user"]["id"])
        credential = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + cbor(self._cose())
        data = self._data(self.flags | MADE) + credential
        client = self._client("webauthn.create", asked["challenge"])
        stated = {"fmt": "none", "attStmt": {}} | attestation
        if stated["fmt"] == "packed" and not stated["attStmt"]:
            stated["attStmt"] = {"alg": self.algorithm, "sig": self.sign(data + hashlib.sha256(client).digest())}
        made = {"attestationObject": b64(cbor(stated | {"authData": data})), "transports": list(self.transports)}
        return self._answer({"clientDataJSON": b64(client), **made})

    def get(self, options: str, **changes: str) -> str:
        """What `navigator.credentials.get` gives, as JSON text."""
        self.count += self.step
        data = self._data(self.flags)
        client = self._client("webauthn.get", json.loads(options)["challenge"])
        signed = {
            "clientDataJSON": b64(client),
            "authenticatorData": b64(data),
            "signature": b64(self.sign(data + hashlib.sha256(client).digest())),
            "userHandle": b64(self.user_handle) if self.user_handle is not None else None,
        }
        return self._answer(signed | changes)

    def sign(self, data: bytes) -> bytes:
        if self.algorithm == EDDSA:
            return bytes(self.key.sign(data))
        if self.algorithm == RS256:
            return bytes(self.key.sign(data, padding.PKCS1v15(), hashes.SHA256()))
        return bytes(self.key.sign(data, ec.ECDSA(hashes.SHA256() if self.algorithm == ES256 else hashes.SHA384())))

    def _client(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(told | dict(self.client)).encode()

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _answer(self, response: Mapping[str, Any]) -> str:
        id = b64(self.credential_id)
        return json.dumps({"id": id, "rawId": id, "type": "public-key", "response": response})

    def _cose(self) -> dict[int, Any]:
        """The public key (RFC 9053, 7.1 and 7.2; RFC 8230, 4)."""
        public = self.key.public_key()
        if self.algorithm == EDDSA:
            return {1: 1, 3: EDDSA, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        if self.algorithm == RS256:
            return {1: 3, 3: RS256, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)}
        size, curve = (32, 1) if self.algorithm == ES256 else (48, 2)
        return {1: 2, 3: self.algorithm, -1: curve, -2: numbers.x.to_bytes(size), -3: numbers.y.to_bytes(size)}


async def begun(service: Client, user: str | None = None, token: str | None = None) -> str:
    """The options for a passkey of a user or, without a name, of whose token it is."""
    input = {"userName": user} if user is not None else {}
    return str((await service.good("beginPasskeyRegistration", input, "creationOptions", token))["creationOptions"])


async def registered(
    service: Client, user: str | None, authenticator: Authenticator | None = None, token: str | None = None
) -> tuple[Authenticator, Any]:
    """An authenticator with a passkey of a user or, without a name, of whose token it is; and the passkey."""
    authenticator = authenticator or Authenticator()
    input = {"passkeyName": "key", "credential": authenticator.create(await begun(service, user, token))}
    input |= {"userName": user} if user is not None else {}
    return authenticator, (await service.good("enablePasskey", input, ENABLED, token))["passkey"]


async def asked(service: Client, name: str = "alice") -> Any:
    """What signing in with a user's password alone is answered."""
    password = {"account": ACCOUNT, "userName": name, "password": f"{name}-Passw0rd!"}
    query = """mutation($input: SignInInput!) { signIn(input: $input) {
      __typename ... on MfaRequiredError { code message kinds passkeyOptions } } }"""
    return (await service.ask(query, input=password)).only()
