"""What is read of an identity provider's metadata, and what is refused before it is believed."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from iamgraph.federation.saml.metadata import Endpoint, identity_provider
from iamgraph.federation.saml.refusal import Refused

from ...saml_idp import SAMLP, ecdsa_pair, made, metadata, pair
from .conftest import ISSUER

REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)


def test_it_says_who_the_provider_is_and_how_it_signs() -> None:
    logout = f'<md:SingleLogoutService Binding="{REDIRECT}" Location="https://idp.test/slo" ResponseLocation="https://idp.test/done"/>'
    found = identity_provider(
        metadata(
            ISSUER,
            pair("old"),
            ecdsa_pair(),
            pair("old"),
            attributes=' validUntil="2030-01-01T00:00:00.5Z"',
            more=logout,
        ).encode()
    )
    assert (found.entity_id, len(found.certificates)) == (ISSUER, 2)
    assert found.sign_on == (
        Endpoint(binding=REDIRECT, location="https://idp.test/sso", response_location="https://idp.test/sso"),
    )
    assert found.logout == (
        Endpoint(binding=REDIRECT, location="https://idp.test/slo", response_location="https://idp.test/done"),
    )
    assert found.valid_until == datetime(2030, 1, 1, microsecond=500_000, tzinfo=UTC)
    assert not found.wants_signed_requests


def test_a_key_for_encryption_signs_nothing() -> None:
    text = metadata(ISSUER, pair("old"), pair("new")).replace('use="signing"', 'use="encryption"', 1)
    assert len(identity_provider(text.encode()).certificates) == 1


def test_the_earlier_end_counts() -> None:
    text = metadata(ISSUER, pair("old"), attributes=' validUntil="2030-01-01T00:00:00Z"')
    text = text.replace("<md:IDPSSODescriptor", '<md:IDPSSODescriptor validUntil="2029-01-01T00:00:00Z"')
    assert identity_provider(text.encode()).valid_until == datetime(2029, 1, 1, tzinfo=UTC)


def with_key(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return metadata(ISSUER, made(private, began=BEGAN))


GOOD = metadata(ISSUER, pair("old"))
SEVERAL = f'<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">{GOOD}{GOOD}</md:EntitiesDescriptor>'
ROLE = GOOD[GOOD.index("<md:IDPSSODescriptor") : GOOD.index("</md:EntityDescriptor>")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SEVERAL, "several entities"),
        ("<x/>", "no SAML 2.0 metadata"),
        ("{}", "not well-formed"),
        (f"<!DOCTYPE x>{GOOD}", "document type"),
        (GOOD.replace(ISSUER, ""), "entityID"),
        (GOOD.replace(ISSUER, "x" * 1025), "entityID"),
        (GOOD.replace("IDPSSODescriptor", "SPSSODescriptor"), "IDPSSODescriptor"),
        (GOOD.replace(ROLE, ROLE * 2), "IDPSSODescriptor"),
        (GOOD.replace(SAMLP, "urn:oasis:names:tc:SAML:1.1:protocol"), "protocolSupportEnumeration"),
        (GOOD.replace("SingleSignOnService", "ArtifactResolutionService"), "SingleSignOnService"),
        (GOOD.replace("https://idp.test/sso", "javascript:alert(1)"), "http or https"),
        (GOOD.replace("https://idp.test/sso", "https://idp.test/ sso"), "http or https"),
        (metadata(ISSUER), "0 certificates"),
        (metadata(ISSUER, *[pair("old")] * 11), "11 certificates"),
        (GOOD.replace(pair("old").in_metadata, "AAAA"), "can't be read"),
        (GOOD.replace(pair("old").in_metadata, "*"), "can't be read"),
        (metadata(ISSUER, pair("old"), attributes=' validUntil="tomorrow"'), "validUntil"),
        (metadata(ISSUER, pair("old"), attributes=' validUntil="2030-02-30T00:00:00Z"'), "validUntil"),
        (with_key(rsa.generate_private_key(65537, 1024)), "2048"),
        (with_key(ec.generate_private_key(ec.SECP256K1())), "P-256"),
    ],
)
def test_what_is_no_metadata_of_one_provider_is_refused(text: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        identity_provider(text.encode())
    assert why in refused.value.text


@settings(deadline=None)
@given(st.data())
def test_any_change_of_metadata_is_read_or_refused(data: st.DataObject) -> None:
    raw = GOOD.encode()
    start = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:start] + data.draw(st.binary(max_size=20)) + raw[start + data.draw(st.integers(0, 20)) :]
    with contextlib.suppress(Refused):
        identity_provider(changed)
