"""Which tokens are believed: each class of attack on JSON Web Tokens, signed by another implementation than verifies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from iamgraph.domain.errors import ExpiredIdentityToken, IamError, InvalidIdentityToken
from iamgraph.federation.oidc.tokens import MAX_TOKEN, parse
from iamgraph.federation.oidc.verification import OpenIdConnect
from iamgraph.federation.outbound import Reach

from ...identity_provider import IdentityProvider, b64, private_key, providing, public_jwk, rsa_key, signed

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
AUDIENCES = ("sts.amazonaws.com", "other.example.com")
Make = Callable[[IdentityProvider], str]


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with providing() as made:
        yield made


@pytest.fixture
async def oidc() -> AsyncIterator[OpenIdConnect]:
    made = OpenIdConnect(Reach(networks=[ip_network("127.0.0.0/8")], plain_on_loopback=True))
    yield made
    await made.close()


async def believed(oidc: OpenIdConnect, text: str, client_ids: tuple[str, ...] = AUDIENCES) -> tuple[str, str]:
    """Whose token it is, and for which application."""
    token = parse(text)
    token.check_times(time.time())
    audience = token.audience(client_ids)
    await oidc.verify(token)
    return token.subject, audience


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_algorithm_verifies(oidc: OpenIdConnect, provider: IdentityProvider, algorithm: str) -> None:
    provider.keys = {"k": (algorithm, private_key(algorithm, "one"))}
    good = provider.token()
    assert await believed(oidc, good) == ("system:serviceaccount:apps:web", "sts.amazonaws.com")
    header, payload, signature = good.split(".")
    other = b64(json.dumps(provider.claims(sub="root")).encode())
    for bad in (
        f"{header}.{other}.{signature}",
        f"{header}.{payload}.{b64(bytes(len(base64.urlsafe_b64decode(signature + '=='))))}",
        provider.token(private_key(algorithm, "two")),
    ):
        with pytest.raises(InvalidIdentityToken):
            await believed(oidc, bad)


GOOD: dict[str, Make] = {
    "no typ": lambda p: p.token(header={"typ": None}),
    "typ as a media type": lambda p: p.token(header={"typ": "application/jwt"}),
    "no key id, and one key": lambda p: p.token(header={"kid": None}),
    "a chain of certificates in the header": lambda p: p.token(header={"x5c": ["MIIB" * 1000]}),
    "a time with a fraction": lambda p: p.token(iat=time.time()),
    "a minute too early": lambda p: p.token(iat=int(time.time()) + 50, nbf=int(time.time()) + 50),
    "a minute too late": lambda p: p.token(exp=int(time.time()) - 50),
    "two audiences, one of them named": lambda p: p.token(aud=list(AUDIENCES), azp="sts.amazonaws.com"),
    "a list of one audience": lambda p: p.token(aud=["sts.amazonaws.com"]),
    "the longest subject": lambda p: p.token(sub="s" * 255),
}


@pytest.mark.parametrize("name", GOOD)
async def test_what_is_accepted(oidc: OpenIdConnect, provider: IdentityProvider, name: str) -> None:
    assert (await believed(oidc, GOOD[name](provider)))[1] == "sts.amazonaws.com"


def hmac_token(provider: IdentityProvider, secret: bytes, algorithm: str = "HS256") -> str:
    data = ".".join(
        b64(json.dumps(part).encode()) for part in (provider.header(alg=algorithm), provider.claims(sub="root"))
    )
    return f"{data}.{b64(hmac.new(secret, data.encode(), hashlib.new('sha' + algorithm[2:]).name).digest())}"


def published(provider: IdentityProvider, encoding: Encoding) -> bytes:
    public = provider.keys["one"][1].public_key()
    return public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def with_secret_key(provider: IdentityProvider) -> str:
    """The provider, by mistake, publishes a symmetric key, and the token is by that."""
    provider.further_keys = [{"kty": "oct", "kid": "one", "k": b64(b"s" * 32), "alg": "HS256"}]
    return hmac_token(provider, b"s" * 32)


def psychic(provider: IdentityProvider) -> str:
    provider.keys = {"e": ("ES256", ec.generate_private_key(ec.SECP256R1()))}
    return provider.token().rpartition(".")[0] + "." + b64(bytes(64))


def der_signature(provider: IdentityProvider) -> str:
    """A signature in the form that X.509 has, where a JWT has two numbers."""
    key = ec.generate_private_key(ec.SECP256R1())
    provider.keys = {"e": ("ES256", key)}
    data = provider.token().rpartition(".")[0]
    from cryptography.hazmat.primitives import hashes

    return f"{data}.{b64(key.sign(data.encode(), ec.ECDSA(hashes.SHA256())))}"


def with_own_key(provider: IdentityProvider, **header: Any) -> str:
    """Signed by a stranger, whose key the header has or leads to."""
    return provider.token(rsa_key("evil"), header=header, sub="root")


def unpublishing(provider: IdentityProvider, **entry: Any) -> str:
    """A token by a key that is published as one for something else."""
    key = rsa_key("other")
    provider.further_keys = [{**public_jwk(key), "kid": "other", **entry}]
    return provider.token(key, header={"kid": "other"})


def raw(provider: IdentityProvider, header: str | None = None, payload: str | None = None) -> str:
    return signed(
        provider.keys["one"][1],
        header or json.dumps(provider.header()),
        payload or json.dumps(provider.claims()),
    )


def doubled(text: str, name: str, value: str) -> str:
    """JSON text in which a name stands twice, the second time with this value."""
    return text[:-1] + f', "{name}": {value}}}'


def spare_bits(provider: IdentityProvider) -> str:
    """The same signature, written another way: the last letter has four bits that stand for nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = provider.token()
    return good[:-1] + alphabet[alphabet.index(good[-1]) | 1]


EVIL_JWK = public_jwk(rsa_key("evil"))
BAD: dict[str, Make] = {
    "alg none": lambda p: f"{b64(json.dumps(p.header(alg='none')).encode())}.{b64(json.dumps(p.claims()).encode())}.",
    "alg none, with a signature": lambda p: ".".join(
        [b64(json.dumps(p.header(alg="none")).encode()), *p.token().split(".")[1:]]
    ),
    "alg None": lambda p: p.token(header={"alg": "nOnE"}),
    "no alg": lambda p: raw(p, '{"alg":"RS256"}').replace(
        b64(b'{"alg":"RS256"}'), b64(json.dumps({"kid": "one"}).encode())
    ),
    "HS256 with the key as PEM": lambda p: hmac_token(p, published(p, Encoding.PEM)),
    "HS256 with the key as DER": lambda p: hmac_token(p, published(p, Encoding.DER)),
    "HS256 with the key as a JWK": lambda p: hmac_token(p, json.dumps(public_jwk(p.keys["one"][1])).encode()),
    "HS256 with nothing": lambda p: hmac_token(p, b""),
    "HS512 with the key as PEM": lambda p: hmac_token(p, published(p, Encoding.PEM), "HS512"),
    "HS256 with a key that the provider publishes": with_secret_key,
    "RS256 by a key that is for RS512 alone": lambda p: unpublishing(p, alg="RS512"),
    "a key for encryption": lambda p: unpublishing(p, use="enc"),
    "a key for other operations": lambda p: unpublishing(p, key_ops=["encrypt"]),
    "a key id that leads to a file": lambda p: with_own_key(p, kid="../../../../dev/null"),
    "a key id with SQL": lambda p: with_own_key(p, kid="x' UNION SELECT 'key"),
    "a key id that is a list": lambda p: p.token(header={"kid": ["one"]}),
    "an empty key id": lambda p: p.token(header={"kid": ""}),
    "an endless key id": lambda p: p.token(header={"kid": "k" * 2000}),
    "another's key id": lambda p: with_own_key(p, kid="one"),
    "its own key in the header": lambda p: with_own_key(p, jwk=EVIL_JWK),
    "its own key in the header, by no id": lambda p: with_own_key(p, jwk=EVIL_JWK, kid=None),
    "a URL of its own keys": lambda p: with_own_key(p, jku="https://evil.example.com/jwks"),
    "a URL of its own certificate": lambda p: with_own_key(p, x5u="https://evil.example.com/cert"),
    "crit": lambda p: p.token(header={"crit": ["exp"], "exp": 1}),
    "an empty crit": lambda p: p.token(header={"crit": []}),
    "a payload that is not encoded": lambda p: p.token(header={"b64": False}),
    "alg twice": lambda p: raw(p, doubled(json.dumps(p.header()), "alg", '"RS256"')),
    "sub twice": lambda p: raw(p, payload=doubled(json.dumps(p.claims()), "sub", '"root"')),
    "iss twice": lambda p: raw(p, payload=doubled(json.dumps(p.claims(iss="https://x")), "iss", json.dumps(p.issuer))),
    "zeros for a signature": psychic,
    "a signature of another form": der_signature,
    "an access token": lambda p: p.token(header={"typ": "at+jwt"}),
    "an access token, by its media type": lambda p: p.token(header={"typ": "application/AT+JWT"}),
    "a logout token": lambda p: p.token(header={"typ": "logout+jwt"}),
    "a logout token without a type": lambda p: p.token(
        events={"http://schemas.openid.net/event/backchannel-logout": {}}
    ),
    "a type that is a number": lambda p: p.token(header={"typ": 1}),
    "another issuer": lambda p: p.token(iss="https://accounts.example.com"),
    "the issuer with a slash more": lambda p: p.token(iss=p.issuer + "/"),
    "the issuer in other letters": lambda p: p.token(iss=p.issuer.replace("http", "HTTP")),
    "a list of issuers": lambda p: p.token(iss=[p.issuer, "https://x"]),
    "no issuer": lambda p: p.token(iss=None),
    "an issuer null": lambda p: raw(p, payload=json.dumps({**p.claims(), "iss": None})),
    "no subject": lambda p: p.token(sub=None),
    "an empty subject": lambda p: p.token(sub=""),
    "a subject too long": lambda p: p.token(sub="s" * 256),
    "a subject that is a number": lambda p: p.token(sub=7),
    "a list of subjects": lambda p: p.token(sub=["root"]),
    "no audience": lambda p: p.token(aud=None),
    "an empty list of audiences": lambda p: p.token(aud=[]),
    "another audience": lambda p: p.token(aud="elsewhere"),
    "another audience, and we are its azp": lambda p: p.token(aud=["elsewhere"], azp="sts.amazonaws.com"),
    "our audience, and another azp": lambda p: p.token(azp="elsewhere"),
    "an audience that we don't trust beside ours": lambda p: p.token(
        aud=["sts.amazonaws.com", "elsewhere"], azp="sts.amazonaws.com"
    ),
    "two audiences, none of them named": lambda p: p.token(aud=list(AUDIENCES)),
    "an audience that begins like ours": lambda p: p.token(aud="sts.amazonaws.com.evil.example.com"),
    "audiences that are no texts": lambda p: p.token(aud=[["sts.amazonaws.com"]]),
    "an audience that is an object": lambda p: p.token(aud={"sts.amazonaws.com": 1}),
    "an azp that is a list": lambda p: p.token(azp=["sts.amazonaws.com"]),
    "no end": lambda p: p.token(exp=None),
    "an end that is a text": lambda p: p.token(exp=str(int(time.time()) + 600)),
    "an end that is true": lambda p: p.token(exp=True),
    "an end that never comes": lambda p: raw(
        p, payload=json.dumps(p.claims()).replace(str(p.claims()["exp"]), "Infinity")
    ),
    "an end beyond all numbers": lambda p: raw(
        p, payload=json.dumps(p.claims()).replace(str(p.claims()["exp"]), "1e999")
    ),
    "an end that is no number": lambda p: raw(p, payload=json.dumps(p.claims()).replace(str(p.claims()["exp"]), "NaN")),
    "no beginning": lambda p: p.token(iat=None),
    "issued in the future": lambda p: p.token(iat=int(time.time()) + 90),
    "not good yet": lambda p: p.token(nbf=int(time.time()) + 90),
    "a beginning that is a text": lambda p: p.token(nbf="0"),
    "two parts": lambda p: p.token().rpartition(".")[0],
    "four parts": lambda p: p.token() + ".x",
    "no signature": lambda p: p.token().rpartition(".")[0] + ".",
    "five parts, as an encrypted token has": lambda p: ".".join(["e30"] * 5),
    "padding": lambda p: p.token() + "=",
    "a line's end": lambda p: p.token() + "\n",
    "a blank": lambda p: " " + p.token(),
    "base64 of another alphabet": lambda p: "+/" + p.token(),
    "a signature with bits to spare": spare_bits,
    "a header that is a list": lambda p: f"{b64(b'[]')}.{b64(b'{}')}.AAAA",
    "a payload that is no JSON": lambda p: raw(p, payload="sub=root"),
    "a payload that is no object": lambda p: raw(p, payload='["root"]'),
    "a payload of depths": lambda p: raw(p, payload="[" * 6000),
    "a payload that is not UTF-8": lambda p: f"{b64(b'{}')}.{b64(bytes([0xFF]))}.AAAA",
    "too long": lambda p: p.token(x="x" * MAX_TOKEN),
    "nothing": lambda p: "",
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_refused(oidc: OpenIdConnect, provider: IdentityProvider, name: str) -> None:
    assert await believed(oidc, provider.token())
    text = BAD[name](provider)
    oidc.issuers._known.clear()
    with pytest.raises(IamError) as refused:
        await believed(oidc, text)
    # A token of another issuer is not looked for at ours.
    is_elsewhere = "issuer" in name
    assert is_elsewhere or type(refused.value) is InvalidIdentityToken, refused.value


async def test_a_token_runs_out(oidc: OpenIdConnect, provider: IdentityProvider) -> None:
    with pytest.raises(ExpiredIdentityToken, match=r"^Token expired: current date/time [0-9]+ must be before the expi"):
        await believed(oidc, provider.token(exp=int(time.time()) - 70))


async def test_a_key_of_one_provider_is_none_of_another(oidc: OpenIdConnect, provider: IdentityProvider) -> None:
    async with providing() as other:
        other.keys = {"one": ("RS256", rsa_key("other"))}
        assert await believed(oidc, other.token())
        with pytest.raises(InvalidIdentityToken):
            await believed(oidc, provider.token(rsa_key("other")))
        with pytest.raises(InvalidIdentityToken):
            await believed(oidc, other.token(iss=provider.issuer))


@pytest.mark.parametrize("bits", [1024, 2048, 4096])
async def test_small_keys_verify_nothing(oidc: OpenIdConnect, provider: IdentityProvider, bits: int) -> None:
    provider.keys = {"k": ("RS256", rsa_key(f"of {bits}", bits))}
    if bits >= 2048:
        assert await believed(oidc, provider.token())
        return
    with pytest.raises(IamError):
        await believed(oidc, provider.token())
