"""Signature Version 4: requests of every shape as botocore signs them, each with one byte flipped, and what is refused."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from iamgraph.domain.errors import IncompleteSignature, SignatureDoesNotMatch, Unauthenticated
from iamgraph.security.sigv4 import PRESIGNED, SKEW, HttpRequest, SignedRequest, is_presigned, read

SECRET = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SHAPES: dict[str, tuple[str, str, list[tuple[str, str]], str]] = {
    "nothing to it": ("GET", "/", [], ""),
    "a path": ("GET", "/graphql", [], ""),
    "a path with what must be encoded": ("GET", "/a%20b/%C3%A9/(c)", [], ""),
    "a path with dots and empty segments": ("GET", "/a/./b//../c/", [], ""),
    "a path of what need not be encoded": ("GET", "/-._~0aZ", [], ""),
    "parameters out of order": ("GET", "/?b=2&a=1&B=3&a=0&a=", [], ""),
    "a parameter without a value": ("GET", "/?first&second=2", [], ""),
    "parameters that are encoded": ("GET", "/?p=%2F%20%3D%26&%C3%A9=%E2%82%AC", [], ""),
    "a header twice": ("GET", "/", [("My-Header", "b"), ("My-Header", "a")], ""),
    "blanks around and in a row": ("GET", "/", [("My-Header", '  a   b  "c   d"  ')], ""),
    "headers out of order": ("GET", "/", [("Zeta", "1"), ("Alpha", "2"), ("x-amz-meta", "3")], ""),
    "a body": ("POST", "/graphql", [("Content-Type", "application/json")], '{"query": "{ viewer { arn } }"}'),
    "a body of many letters": ("POST", "/graphql", [("Content-Type", "application/json; charset=utf-8")], '{"é": "€"}'),
    "a token": ("POST", "/graphql", [("X-Amz-Security-Token", "igt_token")], "{}"),
    "another method": ("DELETE", "/x?y=z", [], ""),
}


def made(method: str, target: str, headers: list[tuple[str, str]], body: str) -> HttpRequest:
    """The request as botocore signs it."""
    request = AWSRequest(method=method, url=f"https://iam.example.com{target}", data=body.encode())
    for name, value in [("Host", "iam.example.com"), *headers]:
        request.headers.add_header(name, value)
    token = request.headers.get("X-Amz-Security-Token")
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", SECRET.decode(), token), "service", "us-east-1")
    with patch("botocore.auth.get_current_datetime", lambda *_, **__: AT.replace(tzinfo=None)):
        signer.add_auth(request)
    sent = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    return HttpRequest(method=method.encode(), target=target.encode(), headers=sent, body=body.encode())


VECTORS = {name: made(*shape) for name, shape in SHAPES.items()}


def vector(name: str) -> HttpRequest:
    return VECTORS[name]


def read_vector(request: HttpRequest) -> SignedRequest:
    return read(request, services={"service"})


def passes(request: HttpRequest) -> bool:
    try:
        found = read_vector(request)
        found.check_path()
        return found.is_by(SECRET)
    except Unauthenticated:
        return False


def header(request: HttpRequest, name: str) -> str:
    return next(value.decode() for known, value in request.headers if known.lower() == name.lower().encode())


def changed(request: HttpRequest, name: str, value: str | None) -> HttpRequest:
    """The request with another value of a header, or without it."""
    rest = [pair for pair in request.headers if pair[0].lower() != name.lower().encode()]
    return replace(request, headers=rest if value is None else [*rest, (name.encode(), value.encode())])


def signed(request: HttpRequest, *names: str, service: str = "iam", stamp: str | None = None) -> HttpRequest:
    """The request with a right signature over the headers named, for what is refused though its signature is right."""
    day, listed = "20150830", ";".join(names)
    scope = f"{day}/us-east-1/{service}/aws4_request"
    lines = [f"{name}:{header(request, name)}" for name in sorted(set(names)) if name != "absent"]
    parts = [request.method.decode(), request.target.decode(), "", *lines, "", listed]
    canonical = "\n".join([*parts, hashlib.sha256(request.body).hexdigest()])
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp or f'{day}T123600Z'}\n{scope}\n{hashed}"
    key = b"AWS4" + SECRET
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    value = f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={listed}, Signature={signature}"
    return changed(request, "authorization", value)


def plain(**headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"host": "iam.example.com", "x-amz-date": "20150830T123600Z"} | named
    pairs = [(name.encode(), value.encode()) for name, value in sent.items()]
    return HttpRequest(method=b"POST", target=b"/graphql", headers=pairs, body=b"{}")


@pytest.mark.parametrize("name", VECTORS)
def test_what_botocore_signs_passes(name: str) -> None:
    found = read_vector(vector(name))
    assert found.is_by(SECRET) and not found.is_by(SECRET[:-1] + b"Z")
    assert (found.access_key_id, found.region, found.service, found.signed_at) == (
        "AKIDEXAMPLE", "us-east-1", "service", AT,
    )  # fmt: skip
    assert found.security_token == ("igt_token" if name == "a token" else None)


def flipped(text: bytes) -> Iterator[bytes]:
    """The text with one letter or digit made another, at each place in turn."""
    for place, byte in enumerate(text):
        if bytes([byte]).isalnum():
            yield text[:place] + bytes([byte ^ 1]) + text[place + 1 :]


@pytest.mark.parametrize("name", VECTORS)
def test_a_request_with_one_byte_flipped_is_refused(name: str) -> None:
    whole = vector(name)
    forged = [replace(whole, method=method) for method in flipped(whole.method)]
    forged += [replace(whole, target=target) for target in flipped(whole.target)]
    forged += [replace(whole, body=body) for body in flipped(whole.body)]
    forged += [replace(whole, body=whole.body + b"x"), replace(whole, target=whole.target + b"x")]
    for place, (known, value) in enumerate(whole.headers):
        rest = [*whole.headers[:place], *whole.headers[place + 1 :]]
        names = header(whole, "authorization").split("SignedHeaders=")[1].split(",")[0].split(";")
        if known.lower() == b"authorization":
            # The key's id is no part of what is signed: it says whose secret to check with.
            start = value.index(b"/") + 1
            values = [value[:start] + end for end in flipped(value[start:])]
        elif known.lower().decode() in names:
            values = list(flipped(value))
        else:
            continue
        forged += [replace(whole, headers=[*rest, (known, one)]) for one in values]
    assert len(forged) > 100
    for one in forged:
        assert not passes(one), one.headers


def test_what_is_signed_rightly_and_refused() -> None:
    good = signed(plain(), "host", "x-amz-date")
    assert read(good).is_by(SECRET)
    wrong = {
        "must be signed": [
            signed(plain(), "x-amz-date"),
            signed(plain(x_amz_target="x"), "host", "x-amz-date"),
            changed(good, "X-Amz-Meta", "y"),
        ],
        "SignedHeaders must": [
            signed(plain(), "x-amz-date", "host"),
            signed(plain(), "host", "host", "x-amz-date"),
            signed(plain(), "Host", "x-amz-date"),
            signed(plain(), "absent", "host", "x-amz-date"),
        ],
        "service 's3'": [signed(plain(), "host", "x-amz-date", service="s3")],
        "SHA-256 of the body": [
            signed(plain(x_amz_content_sha256=stated), "host", "x-amz-content-sha256", "x-amz-date")
            for stated in (
                "UNSIGNED-PAYLOAD",
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                "",
                hashlib.sha256(b"").hexdigest(),
            )
        ],
        "x-amz-date": [
            signed(plain(x_amz_date=stamp), "host", "x-amz-date", stamp=stamp)
            for stamp in ("", "20150830T123600", "2015-08-30T12:36:00Z", "20150830T126100Z", "2015083٠T123600Z")
        ],
        "date of the credential's scope": [
            signed(plain(x_amz_date="20150831T000000Z"), "host", "x-amz-date", stamp="20150831T000000Z")
        ],
        "comes 2 times": [
            replace(good, headers=[*good.headers, pair]) for pair in good.headers if pair[0].lower() != b"host"
        ],
    }
    for reason, requests in wrong.items():
        for request in requests:
            with pytest.raises(Unauthenticated, match=reason):
                read(request)


def test_an_authorization_header_is_read_strictly() -> None:
    good = signed(plain(), "host", "x-amz-date")
    value = header(good, "authorization")
    assert read(changed(good, "authorization", value.replace(", ", ","))).is_by(SECRET)
    signature = value[-64:]
    for bad in (
        "AWS4-HMAC-SHA256",
        value.replace("HMAC", "ECDSA-P256"),
        value.replace("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"),
        value.replace("aws4_request", "aws4_reques"),
        value.replace("AKIDEXAMPLE", ""),
        value.replace("AKIDEXAMPLE", "A" * 129),
        value.replace("us-east-1", "us/east"),
        value.replace("us-east-1", "r" * 65),
        value.replace(signature, signature.upper()),
        value.replace(signature, signature[:-1]),
        value.replace(signature, ""),
        value.replace("SignedHeaders=host;x-amz-date", "SignedHeaders="),
        value + ", Signature=" + signature,
        value + "\x00",
    ):
        with pytest.raises(Unauthenticated, match="Authorization header must"):
            read(changed(good, "authorization", bad))
    with pytest.raises(Unauthenticated, match="Authorization header must"):
        read(changed(good, "authorization", None))


def test_any_region_and_each_of_the_services() -> None:
    for service in ("iamgraph", "iam", "sts"):
        assert read(signed(plain(), "host", "x-amz-date", service=service)).is_by(SECRET)
    value = header(signed(plain(), "host", "x-amz-date"), "authorization")
    for region in ("eu-central-1", "global", ""):
        request = changed(plain(), "authorization", value.replace("us-east-1", region))
        assert read(request).region == region and not read(request).is_by(SECRET)


def test_a_date_header_serves_where_it_is_signed() -> None:
    dated = changed(plain(date="Sun, 30 Aug 2015 12:36:00 GMT"), "x-amz-date", None)
    assert read(signed(dated, "date", "host")).is_by(SECRET)
    with pytest.raises(Unauthenticated, match="x-amz-date"):
        read(signed(dated, "host"))
    for bad in ("yesterday", "Sun, 30 Aug 2015 12:36:00 -0000", "Sun, 30 Aug 2015 25:36:00 GMT", ""):
        with pytest.raises(Unauthenticated, match="x-amz-date"):
            read(signed(changed(dated, "date", bad), "date", "host"))


def test_five_minutes_either_way() -> None:
    found = read(signed(plain(), "host", "x-amz-date"))
    just = timedelta(microseconds=1)
    for now in (AT, AT - SKEW, AT + SKEW):
        found.check_time(now)
    for now in (AT - SKEW - just, AT + SKEW + just):
        with pytest.raises(Unauthenticated, match=r"^Signature (expired|not yet current): 20150830T123600Z is"):
            found.check_time(now)


PRESIGNABLE = {
    "nothing to it": ("/", {}, None),
    "parameters": ("/?Action=GetCallerIdentity&Version=2011-06-15&b=%2F%20&b=1", {}, None),
    "a header": ("/?Action=GetCallerIdentity&Version=2011-06-15", {"x-k8s-aws-id": "cluster"}, None),
    "a token": ("/?Action=GetCallerIdentity&Version=2011-06-15", {}, "igt_to/ken+="),
}


def presigned(target: str, headers: dict[str, str], token: str | None) -> HttpRequest:
    """The request as botocore signs it in its query."""
    request = AWSRequest(method="GET", url=f"https://iam.example.com{target}", headers=headers)
    signer = SigV4QueryAuth(Credentials("AKIDEXAMPLE", SECRET.decode(), token), "service", "us-east-1", expires=60)
    with patch("botocore.auth.get_current_datetime", lambda *_, **__: AT.replace(tzinfo=None)):
        signer.add_auth(request)
    sent = [(b"Host", b"iam.example.com"), *((k.encode(), v.encode()) for k, v in request.headers.items())]
    return HttpRequest(
        method=b"GET", target=request.url.removeprefix("https://iam.example.com").encode(), headers=sent, body=b""
    )


@pytest.mark.parametrize("name", PRESIGNABLE)
def test_what_botocore_presigns_passes_and_with_one_byte_flipped_it_does_not(name: str) -> None:
    whole = presigned(*PRESIGNABLE[name])
    found = read_vector(whole)
    assert is_presigned(whole.target) and found.is_presigned and found.is_by(SECRET)
    assert (found.access_key_id, found.signed_at, found.security_token) == ("AKIDEXAMPLE", AT, PRESIGNABLE[name][2])
    key_id = whole.target.index(b"AKIDEXAMPLE")
    ignored = range(key_id, key_id + len("AKIDEXAMPLE"))
    forged = [
        replace(whole, target=target)
        for place, target in zip(
            [i for i, b in enumerate(whole.target) if bytes([b]).isalnum()], flipped(whole.target), strict=True
        )
        if place not in ignored
    ]
    forged += [replace(whole, body=b"x"), replace(whole, method=b"HEAD"), replace(whole, target=whole.target + b"&x=y")]
    forged += [changed(whole, "host", "iam.example.org"), changed(whole, "x-amz-meta", "y")]
    forged += [changed(whole, known.decode(), "other") for known, _ in whole.headers]
    assert len(forged) > 100
    for one in forged:
        assert not passes(one), one.target


def test_a_presigned_request_is_read_strictly() -> None:
    good = presigned(*PRESIGNABLE["a header"])
    for old, new in (
        (b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA1"),
        (b"X-Amz-Algorithm", b"X-Amz-Other"),
        (b"X-Amz-SignedHeaders", b"X-Amz-Other"),
        (b"X-Amz-Date=2015", b"X-Amz-Date=15"),
        (b"X-Amz-Signature=", b"X-Amz-Signature=0"),
        (b"%2Faws4_request", b""),
        (b"X-Amz-Date=", b"X-Amz-Date=20150830T123600Z&X-Amz-Date="),
    ):
        assert old in good.target
        with pytest.raises(IncompleteSignature):
            read_vector(replace(good, target=good.target.replace(old, new)))
    with pytest.raises(IncompleteSignature, match="choose one"):
        read_vector(changed(good, "authorization", header(vector("nothing to it"), "authorization")))


def test_a_presigned_request_lives_for_a_quarter_of_an_hour() -> None:
    found = read_vector(presigned(*PRESIGNABLE["parameters"]))
    just = timedelta(microseconds=1)
    for now in (AT - SKEW, AT, AT + PRESIGNED):
        found.check_time(now)
    for now in (AT - SKEW - just, AT + PRESIGNED + just):
        with pytest.raises(SignatureDoesNotMatch):
            found.check_time(now)


@pytest.mark.parametrize("target", ["//", "/./", "/x/..", "/x/../", "/..", "/graphql/../", "", ".", "x", "//?a=/../"])
def test_a_path_is_sent_as_it_is_signed(target: str) -> None:
    whole = replace(made("GET", "/", [], ""), target=target.encode())
    with pytest.raises(SignatureDoesNotMatch, match="must be sent as it is signed"):
        read_vector(whole).check_path()
    for good in ("/", "/graphql", "/graphql/", "/a%2F..%2Fb", "/...", "/?a=/../", "/.well-known/x"):
        read_vector(replace(whole, target=good.encode())).check_path()


def test_nothing_of_a_secret_is_shown() -> None:
    request = signed(plain(x_amz_security_token="igt_secret"), "host", "x-amz-date", "x-amz-security-token")
    shown = repr(request) + repr(read(request))
    assert "igt_secret" not in shown and header(request, "authorization")[-64:] not in shown
