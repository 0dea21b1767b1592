"""Checks requests that were signed with a secret access key, as AWS's SDKs sign them: Signature Version 4, in a header or in
the query (presigned)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote_from_bytes, unquote_to_bytes

from ..domain.errors import IncompleteSignature, SignatureDoesNotMatch

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICES = frozenset({"iamgraph", "iam", "sts"})
"""The signing names that are taken. Any region is: clients send their own, `us-east-1`, `global`, or none."""
SKEW = timedelta(minutes=5)
PRESIGNED = timedelta(minutes=15)
"""How long a request that is signed in the query is good for, whatever X-Amz-Expires says: so AWS STS has it, and
Kubernetes' authenticators count on it."""

_CREDENTIAL = rb"([A-Za-z0-9]{1,128})/(\d{8})/([A-Za-z0-9_-]{0,64})/([a-z0-9-]{1,64})/aws4_request"
_AUTHORIZATION = re.compile(
    rb"AWS4-HMAC-SHA256 +Credential=" + _CREDENTIAL + rb", *SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})"
)
_SCOPED = re.compile(_CREDENTIAL)
_SIGNATURE = re.compile(rb"[0-9a-f]{64}")
_ALGORITHM_PARAMETER = b"X-Amz-Algorithm"
_SIGNATURE_PARAMETER = b"X-Amz-Signature"
_STAMP = re.compile(rb"\d{8}T\d{6}Z")
_BLANKS = re.compile(rb"[ \t\r\n]+")
_UNRESERVED = "-_.~"
_Headers = Mapping[bytes, Sequence[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it came over the wire. `target` is its path and query, as sent; `headers` keep their order, and come
    as often as they were sent. `services` are the signing names that it may be signed for."""

    method: bytes
    target: bytes = field(repr=False)
    headers: Sequence[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)
    services: Collection[str] = SERVICES


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signed request says of itself. Nothing of it is true until `is_by` has said so."""

    access_key_id: str
    security_token: str | None = field(repr=False)
    signed_at: datetime
    region: str
    service: str
    is_presigned: bool = False
    is_path_normal: bool = True
    """Whether the path was sent as it is signed: from a `/` on, without segments that are empty, `.` or `..`."""
    string_to_sign: bytes = field(repr=False)
    signature: str = field(repr=False)

    def is_by(self, secret: bytes) -> bool:
        """Whether the request was signed with this secret access key. Takes as long for a wrong one as for the right."""
        key = b"AWS4" + secret
        for part in (_day(self.signed_at), self.region, self.service, "aws4_request"):
            key = _hmac(key, part.encode())
        return hmac.compare_digest(_hmac(key, self.string_to_sign).hex(), self.signature)

    def check_time(self, now: datetime) -> None:
        """Raise SignatureDoesNotMatch, in AWS's words, unless the request was signed within five minutes of `now`; one that
        is presigned within fifteen minutes before."""
        lifetime = PRESIGNED if self.is_presigned else SKEW
        if now - self.signed_at > lifetime:
            raise SignatureDoesNotMatch(
                f"Signature expired: {_stamp(self.signed_at)} is now earlier than {_stamp(now - lifetime)} "
                f"({_stamp(now)} - {lifetime // timedelta(minutes=1)} min.)"
            )
        if self.signed_at - now > SKEW:
            raise SignatureDoesNotMatch(
                f"Signature not yet current: {_stamp(self.signed_at)} is still later than {_stamp(now + SKEW)} "
                f"({_stamp(now)} + 5 min.)"
            )

    def check_path(self) -> None:
        """Raise SignatureDoesNotMatch unless the path was sent as it is signed. What a `..` takes away is not signed at all:
        whoever is between the signer and us could change it."""
        if not self.is_path_normal:
            raise SignatureDoesNotMatch(
                "The path must be sent as it is signed: from a '/' on, without segments that are empty, '.' or '..'."
            )


def _stamp(at: datetime) -> str:
    return f"{_day(at)}T{at.hour:02}{at.minute:02}{at.second:02}Z"


def _day(at: datetime) -> str:
    return f"{at.year:04}{at.month:02}{at.day:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What a request says of its signature, in whichever place."""

    key_id: str
    day: str
    region: str
    service: str
    signed: Sequence[bytes]
    at: datetime
    token: bytes | None
    signature: str
    query: bytes
    """The query without the signature itself."""
    is_presigned: bool


def is_presigned(target: bytes) -> bool:
    """Whether a request to this path and query is signed in the query."""
    query = target.partition(b"?")[2]
    return bool(query) and any(name in (_ALGORITHM_PARAMETER, _SIGNATURE_PARAMETER) for name, _ in _pairs(query))


def read(request: HttpRequest, *, services: Collection[str] | None = None) -> SignedRequest:
    """What the request's Authorization header and its like say, or its query's X-Amz-… parameters, put together as AWS's
    "Create a signed AWS API request" has it. Raises Unauthenticated, with what is wrong: that depends on the request alone,
    never on what is stored."""
    headers = _by_name(request.headers)
    path, _, query = request.target.partition(b"?")
    has_header = b"authorization" in headers
    if has_header and is_presigned(request.target):
        raise IncompleteSignature("The request is signed in the Authorization header and in the query: choose one.")
    claim = _in_header(headers, query) if has_header or not is_presigned(request.target) else _in_query(headers, query)
    allowed = request.services if services is None else services
    if claim.service not in allowed:
        known = ", ".join(sorted(allowed))
        raise SignatureDoesNotMatch(
            f"The request is signed for the service '{claim.service}'. It must be one of: {known}."
        )
    if _day(claim.at) != claim.day:
        raise SignatureDoesNotMatch("The date of the credential's scope is not the date that the request was signed.")
    normal = _normal(path)
    canonical = _canonical(request.method, normal, claim, headers, _payload_hash(request, headers))
    scope = f"{claim.day}/{claim.region}/{claim.service}/aws4_request"
    return SignedRequest(
        access_key_id=claim.key_id,
        security_token=_text(claim.token),
        signed_at=claim.at,
        region=claim.region,
        service=claim.service,
        is_presigned=claim.is_presigned,
        is_path_normal=path == normal,
        string_to_sign=f"{ALGORITHM}\n{_stamp(claim.at)}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}".encode(),
        signature=claim.signature,
    )


def _in_header(headers: _Headers, query: bytes) -> _Claim:
    found = _AUTHORIZATION.fullmatch(_only(headers, b"authorization") or b"")
    if found is None:
        raise IncompleteSignature(
            f"The Authorization header must be '{ALGORITHM} Credential=KEY/DATE/REGION/SERVICE/aws4_request, "
            "SignedHeaders=…, Signature=…'."
        )
    key_id, day, region, service = (part.decode() for part in found.groups()[:4])
    signed = _signed_headers(found[5], headers)
    return _Claim(
        key_id=key_id,
        day=day,
        region=region,
        service=service,
        signed=signed,
        at=_signed_at(headers, signed),
        token=_only(headers, b"x-amz-security-token"),
        signature=found[6].decode(),
        query=query,
        is_presigned=False,
    )


def _in_query(headers: _Headers, query: bytes) -> _Claim:
    given: dict[bytes, bytes] = {}
    for name, value in _pairs(query):
        if name.startswith(b"X-Amz-"):
            if name in given:
                raise IncompleteSignature(f"The parameter {_shown(name)} comes twice. It may come once.")
            given[name] = value
    if given.get(_ALGORITHM_PARAMETER) != ALGORITHM.encode():
        raise IncompleteSignature(f"X-Amz-Algorithm must be {ALGORITHM}.")
    scope = _SCOPED.fullmatch(given.get(b"X-Amz-Credential", b""))
    at = _instant(given[b"X-Amz-Date"]) if _STAMP.fullmatch(given.get(b"X-Amz-Date", b"")) else None
    signature = given.get(_SIGNATURE_PARAMETER, b"")
    if scope is None or at is None or not _SIGNATURE.fullmatch(signature) or b"X-Amz-SignedHeaders" not in given:
        raise IncompleteSignature(
            "A presigned request needs X-Amz-Credential (KEY/DATE/REGION/SERVICE/aws4_request), X-Amz-Date (such as "
            "20260131T120000Z), X-Amz-SignedHeaders and X-Amz-Signature."
        )
    key_id, day, region, service = (part.decode() for part in scope.groups())
    return _Claim(
        key_id=key_id,
        day=day,
        region=region,
        service=service,
        signed=_signed_headers(given[b"X-Amz-SignedHeaders"], headers),
        at=at,
        token=given.get(b"X-Amz-Security-Token"),
        signature=signature.decode(),
        query=b"&".join(pair for pair in query.split(b"&") if _name(pair) != _SIGNATURE_PARAMETER),
        is_presigned=True,
    )


def _shown(name: bytes) -> str:
    return ascii(name.decode("ascii", "replace"))[1:-1][:40]


def _pairs(query: bytes) -> Sequence[tuple[bytes, bytes]]:
    """The parameters, decoded, in the order they came."""
    parted = (pair.partition(b"=") for pair in query.split(b"&") if pair)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parted]


def _name(pair: bytes) -> bytes:
    return unquote_to_bytes(pair.partition(b"=")[0])


def _by_name(headers: Sequence[tuple[bytes, bytes]]) -> _Headers:
    """The values of each header, its name in small letters; blanks around and in a row are not signed."""
    named: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        named.setdefault(name.lower(), []).append(_BLANKS.sub(b" ", value).strip(b" "))
    return named


def _only(headers: _Headers, name: bytes) -> bytes | None:
    """The header's one value. Two of them would let the signer mean one and the reader take the other."""
    values = headers.get(name, ())
    if len(values) > 1:
        raise IncompleteSignature(f"The header {name.decode()} comes {len(values)} times. It may come once.")
    return values[0] if values else None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")


def _signed_headers(listed: bytes, headers: _Headers) -> Sequence[bytes]:
    names = listed.split(b";")
    if names != sorted({name.lower() for name in names}) or not all(name in headers for name in names):
        raise IncompleteSignature(
            "SignedHeaders must list headers of the request, in small letters, sorted, each once."
        )
    # A session token may be added after signing, as AWS's own vectors have it: it proves itself.
    needed = {b"host"} | {name for name in headers if name.startswith(b"x-amz-") and name != b"x-amz-security-token"}
    if not needed <= set(names):
        raise SignatureDoesNotMatch("The headers host and x-amz-… must be signed: each must be in SignedHeaders.")
    return names


def _signed_at(headers: _Headers, signed: Sequence[bytes]) -> datetime:
    stamp = _only(headers, b"x-amz-date")
    if stamp is None:
        stamp = _only(headers, b"date") if b"date" in signed else None
    at = _instant(stamp) if stamp is not None else None
    if at is None:
        raise IncompleteSignature("The request needs a signed x-amz-date (such as 20260131T120000Z) or Date.")
    return at


def _instant(text: bytes) -> datetime | None:
    try:
        if _STAMP.fullmatch(text):
            day, time = text[:8], text[9:15]
            parts = (day[:4], day[4:6], day[6:], time[:2], time[2:4], time[4:])
            return datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[arg-type,misc]
        at = parsedate_to_datetime(text.decode("ascii"))
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _payload_hash(request: HttpRequest, headers: _Headers) -> bytes:
    """The hash of the body. A request that says another one, or that its body is not signed, is refused."""
    actual = hashlib.sha256(request.body).hexdigest().encode()
    stated = _only(headers, b"x-amz-content-sha256")
    if stated is not None and not hmac.compare_digest(stated, actual):
        raise SignatureDoesNotMatch(
            "The header x-amz-content-sha256 must be the SHA-256 of the body: bodies must be signed."
        )
    return actual


def _canonical(method: bytes, normal: bytes, claim: _Claim, headers: _Headers, payload_hash: bytes) -> bytes:
    lines = [name + b":" + b",".join(headers[name]) for name in claim.signed]
    parts = [method, _path(normal), _query(claim.query), *lines, b"", b";".join(claim.signed), payload_hash]
    return b"\n".join(parts)


def _normal(path: bytes) -> bytes:
    """The path without `.`, `..` and empty segments: so for every service but S3."""
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    return b"/" + b"/".join(kept) + (b"/" if kept and path.endswith(b"/") else b"")


def _path(normal: bytes) -> bytes:
    """The path encoded once more than it was sent: this too for every service but S3."""
    return quote_from_bytes(normal, safe="/" + _UNRESERVED).encode()


def _query(query: bytes) -> bytes:
    """The parameters, each encoded in the one canonical way, sorted by name and then by value."""
    pairs = (pair.partition(b"=") for pair in query.split(b"&") if pair)
    return b"&".join(b"=".join(pair) for pair in sorted((_encoded(name), _encoded(value)) for name, _, value in pairs))


def _encoded(text: bytes) -> bytes:
    return quote_from_bytes(unquote_to_bytes(text), safe=_UNRESERVED).encode()


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
