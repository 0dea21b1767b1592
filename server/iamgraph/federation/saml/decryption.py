"""Decrypts assertions (XML Encryption 1.1): RSA-OAEP for the key and AES-GCM for the content, AES-CBC under a signature."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from .names import ENCRYPTION, ENCRYPTION_11, SIGNATURE, ds, saml, xenc
from .refusal import Refused
from .xml import Bounds, at_most_one, one, parse, text

_GCM: Final[Mapping[str, int]] = {
    f"{ENCRYPTION_11}aes128-gcm": 16,
    f"{ENCRYPTION_11}aes192-gcm": 24,
    f"{ENCRYPTION_11}aes256-gcm": 32,
}
_CBC: Final[Mapping[str, int]] = {
    f"{ENCRYPTION}aes128-cbc": 16,
    f"{ENCRYPTION}aes192-cbc": 24,
    f"{ENCRYPTION}aes256-cbc": 32,
}
_TRANSPORT: Final = frozenset({f"{ENCRYPTION}rsa-oaep-mgf1p", f"{ENCRYPTION_11}rsa-oaep"})
_HASHES: Final[Mapping[str, type[hashes.HashAlgorithm]]] = {
    f"{SIGNATURE}sha1": hashes.SHA1,
    f"{ENCRYPTION}sha256": hashes.SHA256,
    f"{ENCRYPTION}sha512": hashes.SHA512,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384,
}
_MASKS: Final[Mapping[str, type[hashes.HashAlgorithm]]] = {
    f"{ENCRYPTION_11}mgf1sha1": hashes.SHA1,
    f"{ENCRYPTION_11}mgf1sha256": hashes.SHA256,
    f"{ENCRYPTION_11}mgf1sha384": hashes.SHA384,
    f"{ENCRYPTION_11}mgf1sha512": hashes.SHA512,
}
_RECIPIENTS, _NONCE, _BLOCK = 2, 12, 16


def decrypted(
    encrypted: etree._Element, keys: Sequence[RSAPrivateKey], *, is_signed: bool, bounds: Bounds
) -> etree._Element:
    """The assertion in an EncryptedAssertion, as the root of a document of its own. `is_signed`: the ciphertext stands
    under a signature that holds. Raises Refused; INVARIANT: with one text, whatever of the ciphertext was wrong."""
    data = one(encrypted, xenc("EncryptedData"))
    method = _algorithm(data)
    if method not in _GCM and method not in _CBC:
        raise Refused("encryption_method", f"the encryption method {method[:120]!a} is not accepted: AES-GCM is")
    if method in _CBC and not is_signed:
        # Nothing says that the ciphertext is whole, and who may alter it can find out what it holds.
        raise Refused("encryption_method", "AES-CBC is accepted in a signed response alone: AES-GCM is, anywhere")
    inside = data.findall(f"{ds('KeyInfo')}/{xenc('EncryptedKey')}")
    wrapped = [*inside, *encrypted.findall(xenc("EncryptedKey"))]
    if not 1 <= len(wrapped) <= _RECIPIENTS:
        raise Refused("encryption_shape", f"it has {len(wrapped)} encrypted keys; one or {_RECIPIENTS} are read")
    schemes = [_scheme(key) for key in wrapped]
    for key, scheme in zip(wrapped, schemes, strict=True):
        for private in keys:
            plain = _opened(private, scheme, _cipher_value(key), method, _cipher_value(data))
            if plain is not None:
                return _in_place(plain, encrypted, bounds)
    raise Refused("decryption", "none of the provider's private keys decrypts it")


def _algorithm(parent: etree._Element) -> str:
    return one(parent, xenc("EncryptionMethod")).get("Algorithm") or ""


def _scheme(key: etree._Element) -> padding.OAEP:
    method = one(key, xenc("EncryptionMethod"))
    name = method.get("Algorithm") or ""
    digest, mask = at_most_one(method, ds("DigestMethod")), method.find(f"{{{ENCRYPTION_11}}}MGF")
    hash_ = _HASHES.get(digest.get("Algorithm") or "") if digest is not None else hashes.SHA1
    mgf = _MASKS.get(mask.get("Algorithm") or "") if mask is not None else hashes.SHA1
    if name not in _TRANSPORT or hash_ is None or mgf is None or method.find(xenc("OAEPparams")) is not None:
        raise Refused(
            "key_transport",
            f"the key transport {name[:120]!a} is not accepted: RSA-OAEP is",
        )
    return padding.OAEP(mgf=padding.MGF1(mgf()), algorithm=hash_(), label=None)


def _cipher_value(parent: etree._Element) -> bytes:
    value = text(one(one(parent, xenc("CipherData")), xenc("CipherValue")))
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except ValueError:
        return b""


def _opened(key: RSAPrivateKey, scheme: padding.OAEP, wrapped: bytes, method: str, data: bytes) -> bytes | None:
    try:
        content_key = key.decrypt(wrapped, scheme)
    except ValueError:
        return None
    if method in _GCM:
        if len(content_key) != _GCM[method]:
            return None
        try:
            return AESGCM(content_key).decrypt(data[:_NONCE], data[_NONCE:], None)
        except (InvalidTag, ValueError):
            return None
    if len(content_key) != _CBC[method] or len(data) < 2 * _BLOCK or len(data) % _BLOCK:
        return None
    cipher = Cipher(algorithms.AES(content_key), modes.CBC(data[:_BLOCK])).decryptor()
    padded = cipher.update(data[_BLOCK:]) + cipher.finalize()
    # Of XML Encryption's padding only the last byte says anything (5.2.1).
    return padded[: -padded[-1]] if 1 <= padded[-1] <= _BLOCK else None


def _in_place(plain: bytes, encrypted: etree._Element, bounds: Bounds) -> etree._Element:
    """The plain element. It may use prefixes that are declared where it stood (XML Encryption 4.5.3)."""
    if plain[:5] == b"<?xml":
        plain = plain[plain.find(b"?>") + 2 :]
    around = etree.Element("around", nsmap=cast("dict[str, str]", encrypted.nsmap))
    begin = etree.tostring(around).removesuffix(b"/>")
    box = parse(begin + b">" + plain + b"</around>", bounds)
    if len(box) != 1 or (box.text or "").strip() or (box[0].tail or "").strip() or box[0].tag != saml("Assertion"):
        raise Refused("decryption", "none of the provider's private keys decrypts it")
    return parse(etree.tostring(box[0], with_tail=False), bounds)
