"""Responses of Auth0's samlp, an identity provider that shares nothing with what reads them here."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from iamgraph.federation.saml.assertion import checked
from iamgraph.federation.saml.metadata import IdentityProvider, identity_provider
from iamgraph.federation.saml.response import proven

from ...saml_idp import PASSWORD, PERSISTENT, pair
from .conftest import US
from .test_decryption import key

FOLDER = Path(__file__).with_name("samlp")
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules").is_dir(),
    reason="needs Node.js, and once `npm ci` in tests/federation/saml/samlp",
)

AES_GCM, AES_CBC = "http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
CLAIMS = {"groups": ["admins", "<&>"], "mail": "alice@example.com"}


def options(
    *, response: bool, assertion: bool, encryption: str | None = None, asked: str | None = None
) -> dict[str, Any]:
    ours = x509.load_pem_x509_certificate(pair("ours").certificate).public_key()
    public = ours.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    encrypting = {
        "encryptionPublicKey": public,
        "encryptionCert": pair("ours").certificate.decode(),
        "encryptionAlgorithm": encryption,
        "disallowEncryptionWithInsecureAlgorithm": False,
        "warnOnInsecureEncryptionAlgorithm": False,
    }
    return {
        "issuer": "urn:samlp",
        "key": pair("idp").key.decode(),
        "cert": pair("idp").certificate.decode(),
        "audience": US.audience,
        "recipient": US.recipient,
        "destination": US.recipient,
        "signResponse": response,
        "signAssertion": assertion,
        "signatureAlgorithm": "rsa-sha256",
        "digestAlgorithm": "sha256",
        "nameIdentifierFormat": PERSISTENT,
        "authnContextClassRef": PASSWORD,
        "sessionIndex": "s1",
        "lifetimeInSeconds": 300,
        "user": {"id": "alice", "claims": CLAIMS},
        **({"inResponseTo": asked} if asked is not None else {}),
        **(encrypting if encryption is not None else {}),
    }


SHAPES: Mapping[str, dict[str, Any]] = {
    "response": {"response": True, "assertion": False},
    "assertion": {"response": False, "assertion": True},
    "both": {"response": True, "assertion": True},
    "encrypted": {"response": False, "assertion": True, "encryption": AES_GCM},
    "encrypted in a signed response": {"response": True, "assertion": True, "encryption": AES_CBC},
    "asked for": {"response": True, "assertion": True, "asked": "_request"},
}


@dataclass(frozen=True, kw_only=True)
class Said:
    provider: IdentityProvider
    responses: Mapping[str, str]


@pytest.fixture(scope="module")
def said() -> Said:
    lines = "\n".join(json.dumps(options(**shape)) for shape in SHAPES.values())
    found = subprocess.run(
        ["node", "respond.cjs"], cwd=FOLDER, input=lines, capture_output=True, text=True, timeout=60, check=True
    )
    metadata, *responses = found.stdout.split()
    provider = identity_provider(base64.b64decode(metadata))
    return Said(provider=provider, responses=dict(zip(SHAPES, responses, strict=True)))


def test_its_metadata_is_read(said: Said) -> None:
    assert (said.provider.entity_id, len(said.provider.certificates)) == ("urn:samlp", 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_its_responses_are_read(said: Said, shape: str) -> None:
    asked = SHAPES[shape].get("asked")
    must_be_encrypted = "encryption" in SHAPES[shape]
    found = proven(said.responses[shape], said.provider, [key("ours")], must_be_encrypted=must_be_encrypted)
    assertion = checked(found, said.provider, US, answers=asked, now=datetime.now(UTC))
    assert (assertion.subject.value, assertion.subject.format) == ("alice", PERSISTENT)
    assert assertion.attributes == {"groups": ("admins", "<&>"), "mail": ("alice@example.com",)}
    assert (assertion.issuer, assertion.authn_context, assertion.in_response_to) == ("urn:samlp", PASSWORD, asked)
