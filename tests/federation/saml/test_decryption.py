"""Encrypted assertions: what decrypts, and that nothing else tells anything."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from iamgraph.federation.saml.refusal import Refused

from ...saml_idp import SAML, assertion_of, encrypt, pair, sign
from .conftest import Idp

XENC = "http://www.w3.org/2001/04/xmlenc#"


def key(name: str) -> RSAPrivateKey:
    found = load_pem_private_key(pair(name).key, None)
    assert isinstance(found, RSAPrivateKey)
    return found


def encrypted(
    idp: Idp, *, signs_assertion: bool = True, signs_response: bool = False, to: str = "ours", **how: Any
) -> etree._Element:
    response = idp.says()
    if signs_assertion:
        sign(assertion_of(response), idp.pair)
    encrypt(assertion_of(response), pair(to), **how)
    response = etree.fromstring(etree.tostring(response))
    return sign(response, idp.pair) if signs_response else response


GCM = [("Aes128Gcm", 128), ("Aes192Gcm", 192), ("Aes256Gcm", 256)]
CBC = [("Aes128Cbc", 128), ("Aes192Cbc", 192), ("Aes256Cbc", 256)]


@pytest.mark.parametrize(("method", "bits"), GCM)
@pytest.mark.parametrize("signs_response", [True, False])
def test_an_encrypted_assertion_is_read(idp: Idp, method: str, bits: int, signs_response: bool) -> None:
    response = encrypted(idp, method=method, bits=bits, signs_response=signs_response)
    assert idp.read(response, keys=[key("other"), key("ours")], must_be_encrypted=True).subject.value == "alice"


def test_an_encrypted_assertion_need_not_be_signed_where_the_response_is(idp: Idp) -> None:
    response = encrypted(idp, signs_assertion=False, signs_response=True)
    assert idp.read(response, keys=[key("ours")]).subject.value == "alice"


@pytest.mark.parametrize(("method", "bits"), CBC)
def test_cbc_is_read_under_the_signature_of_the_response_alone(idp: Idp, method: str, bits: int) -> None:
    response = encrypted(idp, method=method, bits=bits, signs_response=True)
    assert idp.read(response, keys=[key("ours")]).subject.value == "alice"

    with pytest.raises(Refused) as refused:
        idp.read(encrypted(idp, method=method, bits=bits), keys=[key("ours")])
    assert refused.value.code == "encryption_method"


def test_what_is_encrypted_is_not_therefore_signed(idp: Idp) -> None:
    # Everybody has our public key.
    with pytest.raises(Refused) as refused:
        idp.read(encrypted(idp, signs_assertion=False), keys=[key("ours")])
    assert refused.value.code == "not_signed"


def test_rsa_1_5_is_never_read(idp: Idp) -> None:
    with pytest.raises(Refused) as refused:
        idp.read(encrypted(idp, transport="RsaPkcs1", signs_response=True), keys=[key("ours")])
    assert refused.value.code == "key_transport"


def test_triple_des_is_never_read(idp: Idp) -> None:
    response = encrypted(idp)
    next(response.iter(f"{{{XENC}}}EncryptionMethod")).set("Algorithm", f"{XENC}tripledes-cbc")
    with pytest.raises(Refused) as refused:
        idp.read(response, keys=[key("ours")])
    assert refused.value.code == "encryption_method"


def test_a_provider_may_require_it(idp: Idp) -> None:
    with pytest.raises(Refused) as refused:
        idp.read(sign(idp.says(), idp.pair), keys=[key("ours")], must_be_encrypted=True)
    assert refused.value.code == "not_encrypted"


def test_an_encrypted_assertion_holds_one(idp: Idp) -> None:
    response = idp.says(more=f'<saml:Advice><saml:Assertion xmlns:saml="{SAML}" ID="_x"/></saml:Advice>')
    sign(assertion_of(response), idp.pair)
    encrypt(assertion_of(response), pair("ours"))
    with pytest.raises(Refused) as refused:
        idp.read(response, keys=[key("ours")])
    assert refused.value.code == "shape"


def test_an_encrypted_assertion_is_the_only_one(idp: Idp) -> None:
    response = encrypted(idp)
    response.append(assertion_of(idp.says()))
    with pytest.raises(Refused) as refused:
        idp.read(response, keys=[key("ours")])
    assert refused.value.code == "shape"


def flipped(response: etree._Element, number: int, octet: int) -> etree._Element:
    value = list(response.iter(f"{{{XENC}}}CipherValue"))[number]
    raw = bytearray(base64.b64decode("".join((value.text or "").split())))
    raw[octet] ^= 1
    value.text = base64.b64encode(raw).decode()
    return response


def test_whatever_is_wrong_with_a_ciphertext_is_one_refusal(idp: Idp) -> None:
    key_first = encrypted(idp)
    cut = encrypted(idp)
    next(cut.iter(f"{{{XENC}}}CipherValue")).text = "AAAA"
    odd = encrypted(idp)
    next(odd.iter(f"{{{XENC}}}CipherValue")).text = "***"
    size = encrypted(idp)
    data = next(size.iter(f"{{{XENC}}}EncryptionMethod"))
    data.set("Algorithm", "http://www.w3.org/2009/xmlenc11#aes128-gcm")
    made = [
        encrypted(idp, to="other"),
        flipped(key_first, 0, 5),
        flipped(encrypted(idp), 1, 0),
        flipped(encrypted(idp), 1, 40),
        flipped(encrypted(idp), 1, -1),
        cut,
        odd,
        size,
    ]
    texts = set()
    for response in made:
        with pytest.raises(Refused) as refused:
            idp.read(response, keys=[key("ours")])
        texts.add((refused.value.code, refused.value.text))
    assert texts == {("decryption", "none of the provider's private keys decrypts it")}


def test_nothing_decrypts_without_keys(idp: Idp) -> None:
    with pytest.raises(Refused) as refused:
        idp.read(encrypted(idp))
    assert refused.value.code == "decryption"
