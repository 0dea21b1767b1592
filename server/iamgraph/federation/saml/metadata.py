"""Reads an identity provider's metadata: who it is, the keys that it signs with, and where it is spoken to."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from .instants import instant
from .names import PROTOCOL, ds, md
from .refusal import Refused
from .xml import Bounds, one, parse, text

BOUNDS: Final = Bounds(size=10_000_000, elements=20_000, has_comments=True)
_CERTIFICATES, _ENDPOINTS = 10, 20
"""Ten keys, as on AWS (IAM User Guide, "IAM and AWS STS quotas")."""
_LEAST_RSA, _MOST_RSA, _MOST_EXPONENT = 2048, 8192, 2**32
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a service is spoken to, and by which of SAML's bindings. `response_location` is where answers go."""

    binding: str
    location: str
    response_location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """What an identity provider's metadata says. Each of `certificates` carries a key that it may sign with: two while it
    changes keys."""

    entity_id: str
    certificates: tuple[x509.Certificate, ...] = field(repr=False)
    sign_on: tuple[Endpoint, ...]
    logout: tuple[Endpoint, ...]
    wants_signed_requests: bool
    valid_until: datetime | None


def identity_provider(document: bytes) -> IdentityProvider:
    """What the metadata of one identity provider says. Its own signature is not looked at: who gives it answers for it.
    Raises Refused."""
    root = parse(document, BOUNDS)
    if root.tag == md("EntitiesDescriptor"):
        raise Refused("metadata", "it describes several entities: give the EntityDescriptor of one identity provider")
    if root.tag != md("EntityDescriptor"):
        raise Refused("metadata", "it is no SAML 2.0 metadata: it should be an md:EntityDescriptor")
    entity_id = (root.get("entityID") or "").strip()
    if not 1 <= len(entity_id) <= 1024:
        raise Refused("metadata", "its entityID must have 1 to 1024 characters")
    role = one(root, md("IDPSSODescriptor"))
    if PROTOCOL not in (role.get("protocolSupportEnumeration") or "").split():
        raise Refused("metadata", f"its protocolSupportEnumeration lacks {PROTOCOL}")
    sign_on = _endpoints(role, "SingleSignOnService")
    if not sign_on:
        raise Refused("metadata", "it has no SingleSignOnService")
    return IdentityProvider(
        entity_id=entity_id,
        certificates=_certificates(role),
        sign_on=sign_on,
        logout=_endpoints(role, "SingleLogoutService"),
        wants_signed_requests=role.get("WantAuthnRequestsSigned") in ("true", "1"),
        valid_until=_valid_until(root, role),
    )


def _valid_until(*elements: etree._Element) -> datetime | None:
    """The first of the ends that the elements give."""
    said = [instant(end, "validUntil") for element in elements if (end := element.get("validUntil")) is not None]
    return min(said, default=None)


def _endpoints(role: etree._Element, name: str) -> tuple[Endpoint, ...]:
    found = role.findall(md(name))
    if len(found) > _ENDPOINTS:
        raise Refused("metadata", f"it has {len(found)} endpoints of {name}; at most {_ENDPOINTS} are read")
    return tuple(_endpoint(element) for element in found)


def _endpoint(element: etree._Element) -> Endpoint:
    location = element.get("Location") or ""
    response = element.get("ResponseLocation") or location
    for url in (location, response):
        if not url.startswith(("https://", "http://")) or len(url) > 2048 or any(ord(letter) <= 32 for letter in url):
            raise Refused("metadata", f"the Location {url[:80]!a} is no http or https URL")
    return Endpoint(binding=element.get("Binding") or "", location=location, response_location=response)


def _certificates(role: etree._Element) -> tuple[x509.Certificate, ...]:
    found = [
        _certificate(text(element))
        for key in role.findall(md("KeyDescriptor"))
        if key.get("use") in (None, "signing")
        for element in key.findall(f"{ds('KeyInfo')}/{ds('X509Data')}/{ds('X509Certificate')}")
    ]
    if not 1 <= len(found) <= _CERTIFICATES:
        raise Refused("metadata", f"it has {len(found)} certificates to sign with; it should have 1 to {_CERTIFICATES}")
    return _without_twins(found)


def _certificate(encoded: str) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(encoded.split()), validate=True))
        key = certificate.public_key()
        # A certificate whose dates can't be read is refused here and not at the first response.
        _ = certificate.not_valid_before_utc
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise Refused("metadata", "an X509Certificate can't be read") from None
    except Exception as error:
        raise Refused("metadata", f"an X509Certificate has a key that can't be read: {type(error).__name__}") from None
    if _is_rsa(key) or (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES)):
        return certificate
    raise Refused(
        "metadata",
        f"an X509Certificate has no RSA key of {_LEAST_RSA} to {_MOST_RSA} bits nor one of P-256, P-384 or P-521",
    )


def _is_rsa(key: object) -> bool:
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    # A long exponent would make each verification dear.
    return _LEAST_RSA <= key.key_size <= _MOST_RSA and key.public_numbers().e <= _MOST_EXPONENT


def _without_twins(certificates: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    return tuple(dict.fromkeys(certificates))
