"""What an OpenID Connect provider's URL may be, and what its ARN says."""

from __future__ import annotations

import pytest

from iamgraph.domain.arn import parse_arn
from iamgraph.domain.errors import InvalidInput
from iamgraph.domain.issuers import check_issuer, without_scheme

GOOD = [
    "https://idp.example.com",
    "https://idp.example.com/",
    "https://idp.example.com/app/x/",
    "https://IDP.example.com:8443/realms/a",
    "https://10.0.0.7/x",
    "https://[2001:db8::1]:8443",
    "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
]
PLAIN = ["http://127.0.0.1:9101", "http://localhost:1/x", "http://[::1]", "http://127.1.2.3"]
BAD = [
    "", "idp.example.com", "HTTPS://idp.example.com", "ftp://idp.example.com", "https://", "https:///x", "https:idp",
    "https://idp.example.com?a=b", "https://idp.example.com/x?", "https://idp.example.com/#f", "https://idp.example.com#",
    "https://user@idp.example.com", "https://a:b@idp.example.com", "https://idp.example.com:0", "https://idp.example.com:65536",
    "https://idp.example.com:x", "https://idp example.com", "https://idp.example.com/a b", "https://idp.example.com/é",
    "https://idp.example.com/a\n", "https://idp.example.com\\@evil", "https://[10.0.0.1]", "https://[::g]", "https://-a",
    "http://idp.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "http://localhost.example.com",
    "http://169.254.169.254/",
]  # fmt: skip


def is_accepted(url: str, *, plain: bool) -> bool:
    try:
        check_issuer(url, plain_on_loopback=plain)
    except InvalidInput as error:
        assert error.field == "url"
        return False
    return True


@pytest.mark.parametrize("plain", [False, True])
def test_which_urls_are_accepted(plain: bool) -> None:
    assert [url for url in GOOD if not is_accepted(url, plain=plain)] == []
    assert [url for url in PLAIN if is_accepted(url, plain=plain)] == (PLAIN if plain else [])
    assert [url for url in BAD if is_accepted(url, plain=plain)] == []


@pytest.mark.parametrize("url", GOOD)
def test_an_arn_holds_all_but_the_scheme(url: str) -> None:
    text = f"arn:aws:iam::111122223333:oidc-provider/{without_scheme(url)}"
    parsed = parse_arn(text)
    assert parsed is not None
    assert (parsed.account_id, parsed.kind, "https://" + parsed.name) == ("111122223333", "oidc-provider", url)
    assert str(parsed) == text


def test_there_is_no_arn_of_nothing() -> None:
    assert parse_arn("arn:aws:iam::111122223333:oidc-provider/") is None
