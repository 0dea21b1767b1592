"""What is kept of providers: how often they are asked, whatever comes, and what they may say of themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_network

import pytest

from iamgraph.domain.errors import IdpCommunicationError, InvalidIdentityToken
from iamgraph.federation.oidc.issuers import AFTER_FAILURE, EVERY, GOOD_FOR, KEPT_FOR, Issuers
from iamgraph.federation.oidc.tokens import parse
from iamgraph.federation.oidc.verification import OpenIdConnect
from iamgraph.federation.outbound import Reach

from ...identity_provider import IdentityProvider, providing, rsa_key


@dataclass
class Seconds:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with providing() as made:
        yield made


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
async def oidc(clock: Seconds) -> AsyncIterator[OpenIdConnect]:
    made = OpenIdConnect(Reach(networks=[ip_network("127.0.0.0/8")], plain_on_loopback=True))
    made.issuers = Issuers(made.outbound, clock)
    yield made
    await made.close()


async def is_believed(oidc: OpenIdConnect, text: str) -> bool:
    try:
        await oidc.verify(parse(text))
    except InvalidIdentityToken:
        return False
    return True


async def test_a_provider_is_asked_once(oidc: OpenIdConnect, provider: IdentityProvider, clock: Seconds) -> None:
    token = provider.token()
    assert all(await asyncio.gather(*(is_believed(oidc, token) for _ in range(50))))
    assert provider.asked == {"openid-configuration": 1, "jwks": 1}
    clock.now += GOOD_FOR - 1
    assert await is_believed(oidc, token)
    assert provider.asked == {"openid-configuration": 1, "jwks": 1}
    clock.now += 2
    assert all(await asyncio.gather(*(is_believed(oidc, token) for _ in range(50))))
    assert provider.asked == {"openid-configuration": 2, "jwks": 2}


async def test_a_flood_of_unknown_keys_asks_once_in_half_a_minute(
    oidc: OpenIdConnect, provider: IdentityProvider, clock: Seconds
) -> None:
    assert await is_believed(oidc, provider.token())
    evil = rsa_key("evil")
    flood = [provider.token(evil, header={"kid": f"k{n}"}) for n in range(60)]
    for round in (2, 3, 4):
        for _ in range(3):
            assert not any(await asyncio.gather(*(is_believed(oidc, token) for token in flood)))
            assert await is_believed(oidc, provider.token())
            clock.now += EVERY / 3 - 0.1
        assert provider.asked == {"openid-configuration": 1, "jwks": round}
        clock.now += 1


async def test_a_rotation_is_followed_at_once(oidc: OpenIdConnect, provider: IdentityProvider, clock: Seconds) -> None:
    old = provider.token()
    assert await is_believed(oidc, old)
    provider.rotate()
    assert all(await asyncio.gather(*(is_believed(oidc, provider.token()) for _ in range(20))))
    # A key that is not published any more verifies nothing.
    assert not await is_believed(oidc, old)
    assert provider.asked["jwks"] == 2
    # So soon after that one, the next is seen half a minute later.
    provider.rotate("three")
    assert not await is_believed(oidc, provider.token())
    clock.now += EVERY
    assert await is_believed(oidc, provider.token())
    assert provider.asked["jwks"] == 3


async def test_a_rotation_without_key_ids(oidc: OpenIdConnect, provider: IdentityProvider) -> None:
    nameless = {"kid": None}
    assert await is_believed(oidc, provider.token(header=nameless))
    provider.rotate()
    assert await is_believed(oidc, provider.token(header=nameless))
    # With two keys it is not clear which one is meant.
    provider.keys["three"] = ("RS256", rsa_key("three"))
    oidc.issuers._known.clear()
    assert not await is_believed(oidc, provider.token(header=nameless))
    assert await is_believed(oidc, provider.token())


async def test_while_a_provider_is_down(oidc: OpenIdConnect, provider: IdentityProvider, clock: Seconds) -> None:
    token = provider.token()
    provider.is_down = True
    for _ in range(2):
        for _ in range(5):
            with pytest.raises(IdpCommunicationError, match="answered with status 503"):
                await oidc.verify(parse(token))
        clock.now += AFTER_FAILURE
    assert provider.asked == {"openid-configuration": 2}
    provider.is_down = False
    assert await is_believed(oidc, token)
    # What was read is used for a day.
    provider.is_down = True
    clock.now += GOOD_FOR + 1
    assert await is_believed(oidc, token) and await is_believed(oidc, token)
    assert provider.asked["openid-configuration"] == 4
    clock.now += KEPT_FOR
    with pytest.raises(IdpCommunicationError):
        await oidc.verify(parse(token))


@pytest.mark.parametrize("path", ["", "/app/x", "/app/x/", "/"])
async def test_the_issuer_is_compared_to_the_letter(oidc: OpenIdConnect, path: str) -> None:
    """OI-02: with and without a slash at the end are two issuers, and neither is asked by a URL with two slashes."""
    async with providing(path) as provider:
        assert provider.issuer.endswith(path)
        assert await is_believed(oidc, provider.token())
        assert provider.asked == {"openid-configuration": 1, "jwks": 1}
        other = provider.issuer.rstrip("/") + ("" if path.endswith("/") else "/")
        with pytest.raises(IdpCommunicationError) as refused:
            await oidc.verify(parse(provider.token(iss=other)))
        assert repr(other) in refused.value.message and repr(provider.issuer) in refused.value.message


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://accounts.example.com"},
        {"issuer": None},
        {"issuer": ["x"]},
        {"jwks_uri": None},
        {"jwks_uri": "http://idp.example.com/jwks"},
        {"jwks_uri": "https://169.254.169.254/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_what_a_provider_may_not_say(
    oidc: OpenIdConnect, provider: IdentityProvider, discovery: dict[str, object]
) -> None:
    provider.discovery = discovery
    with pytest.raises(IdpCommunicationError):
        await oidc.verify(parse(provider.token()))
    assert provider.asked == {"openid-configuration": 1}


async def test_keys_that_we_do_not_know_are_left_out(oidc: OpenIdConnect, provider: IdentityProvider) -> None:
    good = dict(provider.keys)
    strange: list[dict[str, object]] = [
        {}, {"kty": "RSA"}, {"kty": "RSA", "n": 7, "e": "AQAB"}, {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "one"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "A" * 43}, {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
        {"kty": "new", "kid": "one"}, {"kty": ["RSA"]}, {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": 7},
        {"kty": "RSA", "n": "-" * 4000, "e": "_" * 4000, "kid": "one"},
    ]  # fmt: skip
    provider.further_keys = [*strange, *([{"kty": "new"}] * 80)]
    assert await is_believed(oidc, provider.token())
    provider.keys = {}
    oidc.issuers._known.clear()
    with pytest.raises(IdpCommunicationError, match="has no key that can verify"):
        await oidc.verify(parse(IdentityProvider(issuer=provider.issuer, keys=good).token()))
