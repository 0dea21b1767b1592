"""AWS's own vectors of Signature Version 4, and each of them with one byte flipped, at every place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from iamgraph.domain.errors import Unauthenticated
from iamgraph.security.sigv4 import HttpRequest, read

CASES = Path(__file__).parents[1] / "cases" / "sigv4_vectors.jsonl"
VECTORS: dict[str, dict[str, Any]] = {(case := json.loads(line))["name"]: case for line in CASES.open()}
SECRETS = {"AKIDEXAMPLE": b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
NOT_NORMAL = {
    "get-relative",
    "get-relative-relative",
    "get-slash",
    "get-slash-dot-slash",
    "get-slash-pointless-dot",
    "get-slashes",
}
"""Their paths have segments that are empty, `.` or `..`. What was there before a `..` came is not in the signature, so no
verifier can tell whether it was changed: that of these paths is right, and they are refused for what they are."""


def request(name: str) -> HttpRequest:
    case = VECTORS[name]
    return HttpRequest(
        method=case["method"].encode(),
        target=case["target"].encode(),
        headers=[(name.encode(), value.encode()) for name, value in case["headers"]],
        body=case["body"].encode(),
        services={"service"},
    )


def token(of: HttpRequest) -> str | None:
    return next((value.decode() for name, value in of.headers if name == b"X-Amz-Security-Token"), None)


def is_accepted(sent: HttpRequest, session_token: str | None) -> bool:
    """Whether the request is let in, by all that is asked of one; its key has this session token."""
    try:
        found = read(sent)
        found.check_time(AT)
        found.check_path()
    except Unauthenticated:
        return False
    return found.is_by(SECRETS.get(found.access_key_id, b"nobody's")) and found.security_token == session_token


def flipped(text: bytes) -> Iterator[bytes]:
    return (text[:place] + bytes([byte ^ 1]) + text[place + 1 :] for place, byte in enumerate(text))


def forged(whole: HttpRequest) -> Iterator[HttpRequest]:
    """The request with each byte of its method, path and query, headers' names and values, and body flipped in turn."""
    yield from (replace(whole, method=one) for one in flipped(whole.method))
    yield from (replace(whole, target=one) for one in flipped(whole.target))
    yield from (replace(whole, body=one) for one in flipped(whole.body))
    for place, (name, value) in enumerate(whole.headers):
        pairs = [*((one, value) for one in flipped(name)), *((name, one) for one in flipped(value))]
        for pair in pairs:
            yield replace(whole, headers=[*whole.headers[:place], pair, *whole.headers[place + 1 :]])


def test_there_are_34_of_them() -> None:
    assert len(VECTORS) == 34 and VECTORS.keys() > NOT_NORMAL


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_passes_and_with_any_byte_flipped_it_does_not(name: str) -> None:
    whole = request(name)
    found = read(whole)
    (secret,) = SECRETS.values()
    assert found.is_by(secret) and not found.is_by(secret[:-1] + b"Z")
    assert (found.access_key_id, found.region, found.signed_at) == ("AKIDEXAMPLE", "us-east-1", AT)
    assert is_accepted(whole, token(whole)) is (name not in NOT_NORMAL)
    changed = list(forged(whole))
    assert len(changed) > 200
    assert [one for one in changed if is_accepted(one, token(whole))] == []
