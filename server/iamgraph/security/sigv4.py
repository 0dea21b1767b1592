"""Checks requests that were signed with a secret access key, as AWS's SDKs sign them (Signature Version 4, in a header)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote_from_bytes, unquote_to_bytes

from ..domain.errors import Unauthenticated

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICES = frozenset({"iamgraph", "iam", "sts"})
"""The signing names that are taken. Any region is: clients send their own, `us-east-1`, `global`, or none."""
SKEW = timedelta(minutes=5)

_AUTHORIZATION = re.compile(
    rb"AWS4-HMAC-SHA256 +Credential=([A-Za-z0-9]{1,128})/(\d{8})/([A-Za-z0-9_-]{0,64})/([a-z0-9-]{1,64})"
    rb"/aws4_request, *SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})"
)
_STAMP = re.compile(rb"\d{8}T\d{6}Z")
_UNRESERVED = "-_.~"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it came over the wire. `target` is its path and query, as sent; `headers` keep their order, and come
    as often as they were sent."""

    method: bytes
    target: bytes
    headers: Sequence[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signed request says of itself. Nothing of it is true until `is_by` has said so."""

    access_key_id: str
    security_token: str | None = field(repr=False)
    signed_at: datetime
    region: str
    service: str
    string_to_sign: bytes = field(repr=False)
    signature: str = field(repr=False)

    def is_by(self, secret: bytes) -> bool:
        """Whether the request was signed with this secret access key. Takes as long for a wrong one as for the right."""
        key = b"AWS4" + secret
        for part in (f"{self.signed_at:%Y%m%d}", self.region, self.service, "aws4_request"):
            key = _hmac(key, part.encode())
        return hmac.compare_digest(_hmac(key, self.string_to_sign).hex(), self.signature)

    def check_time(self, now: datetime) -> None:
        """Raise Unauthenticated unless the request was signed within five minutes of `now`."""
        if abs(now - self.signed_at) > SKEW:
            signed, here = f"{self.signed_at:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%dT%H%M%SZ}"
            raise Unauthenticated(f"The request was signed at {signed}, over 5 minutes from the time here, {here}.")


def read(request: HttpRequest, *, services: Collection[str] = SERVICES) -> SignedRequest:
    """What the request's Authorization header and its like say, put together as AWS's "Create a signed AWS API request"
    has it. Raises Unauthenticated, with what is wrong: that depends on the request alone, never on what is stored."""
    headers = _by_name(request.headers)
    found = _AUTHORIZATION.fullmatch(_only(headers, b"authorization") or b"")
    if found is None:
        raise Unauthenticated(
            f"The Authorization header must be '{ALGORITHM} Credential=KEY/DATE/REGION/SERVICE/aws4_request, "
            "SignedHeaders=…, Signature=…'."
        )
    key_id, day, region, service = (part.decode() for part in found.groups()[:4])
    if service not in services:
        known = ", ".join(sorted(services))
        raise Unauthenticated(f"The request is signed for the service '{service}'. It must be one of: {known}.")
    signed = _signed_headers(found[5], headers)
    at = _signed_at(headers, signed)
    if f"{at:%Y%m%d}" != day:
        raise Unauthenticated("The date of the credential's scope is not the date that the request was signed.")
    canonical = _canonical(request, headers, signed, _payload_hash(request, headers))
    scope = f"{day}/{region}/{service}/aws4_request"
    return SignedRequest(
        access_key_id=key_id,
        security_token=_text(_only(headers, b"x-amz-security-token")),
        signed_at=at,
        region=region,
        service=service,
        string_to_sign=f"{ALGORITHM}\n{at:%Y%m%dT%H%M%SZ}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}".encode(),
        signature=found[6].decode(),
    )


_Headers = Mapping[bytes, Sequence[bytes]]


def _by_name(headers: Sequence[tuple[bytes, bytes]]) -> _Headers:
    """The values of each header, its name in small letters; blanks around and in a row are not signed."""
    named: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        named.setdefault(name.lower(), []).append(b" ".join(value.split()))
    return named


def _only(headers: _Headers, name: bytes) -> bytes | None:
    """The header's one value. Two of them would let the signer mean one and the reader take the other."""
    values = headers.get(name, ())
    if len(values) > 1:
        raise Unauthenticated(f"The header {name.decode()} comes {len(values)} times. It may come once.")
    return values[0] if values else None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")


def _signed_headers(listed: bytes, headers: _Headers) -> Sequence[bytes]:
    names = listed.split(b";")
    if names != sorted({name.lower() for name in names}) or not all(name in headers for name in names):
        raise Unauthenticated("SignedHeaders must list headers of the request, in small letters, sorted, each once.")
    needed = {b"host"} | {name for name in headers if name.startswith(b"x-amz-")}
    if not needed <= set(names):
        raise Unauthenticated("The headers host and x-amz-… must be signed: each must be in SignedHeaders.")
    return names


def _signed_at(headers: _Headers, signed: Sequence[bytes]) -> datetime:
    stamp = _only(headers, b"x-amz-date")
    if stamp is None:
        stamp = _only(headers, b"date") if b"date" in signed else None
    at = _instant(stamp) if stamp is not None else None
    if at is None:
        raise Unauthenticated("The request needs a signed x-amz-date (such as 20260131T120000Z) or Date.")
    return at


def _instant(text: bytes) -> datetime | None:
    try:
        if _STAMP.fullmatch(text):
            return datetime.strptime(text.decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        at = parsedate_to_datetime(text.decode("ascii"))
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _payload_hash(request: HttpRequest, headers: _Headers) -> bytes:
    """The hash of the body. A request that says another one, or that its body is not signed, is refused."""
    actual = hashlib.sha256(request.body).hexdigest().encode()
    stated = _only(headers, b"x-amz-content-sha256")
    if stated is not None and not hmac.compare_digest(stated, actual):
        raise Unauthenticated("The header x-amz-content-sha256 must be the SHA-256 of the body: bodies must be signed.")
    return actual


def _canonical(request: HttpRequest, headers: _Headers, signed: Sequence[bytes], payload_hash: bytes) -> bytes:
    path, _, query = request.target.partition(b"?")
    lines = [name + b":" + b",".join(headers[name]) for name in signed]
    parts = [request.method, _path(path), _query(query), *lines, b"", b";".join(signed), payload_hash]
    return b"\n".join(parts)


def _path(path: bytes) -> bytes:
    """The path without `.`, `..` and empty segments, and encoded once more than it was sent: so for every service but S3."""
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    whole = b"/" + b"/".join(kept) + (b"/" if kept and path.endswith(b"/") else b"")
    return quote_from_bytes(whole, safe="/" + _UNRESERVED).encode()


def _query(query: bytes) -> bytes:
    """The parameters, each encoded in the one canonical way, sorted by name and then by value."""
    pairs = (pair.partition(b"=") for pair in query.split(b"&") if pair)
    return b"&".join(b"=".join(pair) for pair in sorted((_encoded(name), _encoded(value)) for name, _, value in pairs))


def _encoded(text: bytes) -> bytes:
    return quote_from_bytes(unquote_to_bytes(text), safe=_UNRESERVED).encode()


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
