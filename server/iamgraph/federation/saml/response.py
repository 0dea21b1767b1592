"""Takes the assertion out of a SAML response: the one in it, and of that what the identity provider signed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree

from .decryption import decrypted
from .metadata import IdentityProvider
from .names import SUCCESS, ds, saml, samlp
from .refusal import Refused, Rejected
from .signature import signed
from .xml import Bounds, alone, at_most_one, one, parse, text

MAX_TEXT: Final = 100_000
"""The longest response that is read, in characters of base64 (STS API Reference, AssumeRoleWithSAML)."""
BOUNDS: Final = Bounds(size=75_000, elements=2_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What stands around an assertion. Unless `is_signed`, anybody may have written it: it can only speak against it."""

    is_signed: bool
    destination: str | None
    issuer: str | None
    in_response_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An assertion that the identity provider signed, with nothing in it that it did not sign."""

    assertion: etree._Element = field(repr=False)
    envelope: Envelope


def proven(
    encoded: str, provider: IdentityProvider, keys: Sequence[RSAPrivateKey] = (), *, must_be_encrypted: bool = False
) -> Proven:
    """The assertion in a response, in base64 as it is posted. `keys` decrypt. Raises Refused."""
    response = parse(_decoded(encoded), BOUNDS)
    if response.tag != samlp("Response") or response.get("Version") != "2.0":
        raise Refused("shape", "it is no SAML 2.0 response")
    _check_shape(response)
    is_signed = response.find(ds("Signature")) is not None
    if is_signed:
        response = signed(response, provider.certificates)
    _check_status(response, is_signed=is_signed)
    encrypted = response.find(saml("EncryptedAssertion"))
    if encrypted is not None:
        assertion = decrypted(encrypted, keys, is_signed=is_signed, bounds=BOUNDS)
        _check_assertion(assertion)
    elif must_be_encrypted:
        raise Refused("not_encrypted", "the assertion is not encrypted, which the provider requires")
    else:
        assertion = alone(one(response, saml("Assertion")), BOUNDS)
    if assertion.find(ds("Signature")) is not None:
        assertion = signed(assertion, provider.certificates)
    elif not is_signed:
        raise Refused("not_signed", "neither the response nor the assertion is signed")
    issuer = at_most_one(response, saml("Issuer"))
    envelope = Envelope(
        is_signed=is_signed,
        destination=response.get("Destination"),
        issuer=text(issuer) if issuer is not None else None,
        in_response_to=response.get("InResponseTo"),
    )
    return Proven(assertion=assertion, envelope=envelope)


def _decoded(encoded: str) -> bytes:
    if len(encoded) > MAX_TEXT:
        raise Refused("too_large", f"it has {len(encoded)} characters; at most {MAX_TEXT} are read")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("base64", "it is not base64") from None


def _check_shape(response: etree._Element) -> None:
    """One response with one assertion, wherever one looks, and signatures of these two alone. INVARIANT: so there is
    nothing that one reader could take for another."""
    clear, encrypted = response.findall(saml("Assertion")), response.findall(saml("EncryptedAssertion"))
    if len(list(response.iter(samlp("Response")))) != 1:
        raise Refused("shape", "it holds another response")
    if len(list(response.iter(saml("Assertion"), saml("EncryptedAssertion")))) != len(clear) + len(encrypted):
        raise Refused("shape", "it holds an assertion elsewhere than directly in the response")
    if len(clear) + len(encrypted) > 1:
        raise Refused("shape", f"it holds {len(clear) + len(encrypted)} assertions; it should hold one")
    _check_signatures(response, [response, *clear])


def _check_assertion(assertion: etree._Element) -> None:
    """The same of an assertion that was encrypted."""
    if len(list(assertion.iter(saml("Assertion"), saml("EncryptedAssertion"), samlp("Response")))) != 1:
        raise Refused("shape", "the assertion holds another one")
    _check_signatures(assertion, [assertion])


def _check_signatures(root: etree._Element, of: Sequence[etree._Element]) -> None:
    direct = [element.findall(ds("Signature")) for element in of]
    if any(len(found) > 1 for found in direct):
        raise Refused("signature_shape", "it has several signatures; it should have one")
    if len(list(root.iter(ds("Signature")))) != sum(map(len, direct)):
        raise Refused("signature_shape", "it holds a signature elsewhere than directly in what is signed")


def _check_status(response: etree._Element, *, is_signed: bool) -> None:
    """Raises Rejected where the identity provider itself said that it was no success, Refused where anybody may have."""
    value = one(one(response, samlp("Status")), samlp("StatusCode")).get("Value") or ""
    if value == SUCCESS:
        if not list(response.iter(saml("Assertion"), saml("EncryptedAssertion"))):
            raise Refused("shape", "it holds no assertion")
        return
    said = f"the status is {value[:120]!a}"
    raise Rejected("status", said) if is_signed else Refused("status", said)
