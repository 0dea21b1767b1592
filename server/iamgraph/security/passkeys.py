"""Passkeys and security keys (Web Authentication, Level 3): what a browser is asked for, and whether to believe its answer.

The JSON texts are those of `PublicKeyCredential.parseCreationOptionsFromJSON`, `parseRequestOptionsFromJSON` and `toJSON`.
INVARIANT: answers come from anybody and hold any bytes: none raises anything but PasskeyError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ..domain.passkeys import Passkey, RelyingParty

NAME = "iamgraph"
ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
MAX_CREDENTIAL_ID = 1023
"""How many octets an authenticator's name for a credential may have (Web Authentication, 4)."""
_MAX_TOLD = 300
_MAX_KEY_BITS = 4096
"""Larger RSA keys take their time at every sign-in, and no authenticator has any."""

T = TypeVar("T")


class PasskeyError(Exception):
    """An answer of a browser or an authenticator is not to be believed. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A credential that an authenticator says it has made. Nothing of it is checked but its form."""

    challenge: bytes
    parsed: RegistrationCredential


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What an authenticator has signed, or so it says. Nothing of it is checked but its form."""

    credential_id: str
    challenge: bytes
    user_handle: bytes | None
    parsed: AuthenticationCredential


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """A credential that an authenticator has made: see `Passkey`."""

    credential_id: str
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]


def creation_options(
    party: RelyingParty, *, challenge: bytes, owner_id: str, owner_name: str, seconds: int, known: Sequence[Passkey]
) -> str:
    """What `navigator.credentials.create` takes, to make a passkey on an authenticator that has none of the known."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=NAME,
        user_id=owner_id.encode(),
        user_name=owner_name,
        challenge=challenge,
        timeout=seconds * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(known),
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json(options)


def request_options(party: RelyingParty, *, challenge: bytes, seconds: int, known: Sequence[Passkey]) -> str:
    """What `navigator.credentials.get` takes, to sign with one of the passkeys."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=seconds * 1000,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return options_to_json(options)


def _descriptors(known: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(transport) for transport in passkey.transports] or None,
        )
        for passkey in known
    ]


def registration(text: str) -> Registration:
    """The answer of `create`, as JSON text. Raises PasskeyError."""

    def read() -> Registration:
        parsed = parse_registration_credential_json(text)
        return Registration(challenge=parse_client_data_json(parsed.response.client_data_json).challenge, parsed=parsed)

    return _believed(read)


def assertion(text: str) -> Assertion:
    """The answer of `get`, as JSON text. Raises PasskeyError."""

    def read() -> Assertion:
        parsed = parse_authentication_credential_json(text)
        return Assertion(
            credential_id=bytes_to_base64url(parsed.raw_id),
            challenge=parse_client_data_json(parsed.response.client_data_json).challenge,
            user_handle=parsed.response.user_handle,
            parsed=parsed,
        )

    return _believed(read)


def verify_registration(party: RelyingParty, given: Registration) -> NewCredential:
    """The credential, made for this site on one of its pages with somebody at the authenticator, by the challenge that it
    holds. Raises PasskeyError. Which authenticator it is, is neither asked for nor believed: an attestation is `none`, or
    the credential's own signature."""

    def verify() -> NewCredential:
        _same_origin(given.parsed.response.client_data_json)
        made = parse_attestation_object(given.parsed.response.attestation_object)
        if made.fmt not in (AttestationFormat.NONE, AttestationFormat.PACKED) or made.att_stmt.x5c:
            raise PasskeyError("it has an attestation by the authenticator's maker; ask for none")
        if made.auth_data.attested_credential_data is not None:
            _check_key(made.auth_data.attested_credential_data.credential_public_key)
        found = verify_registration_response(
            credential=given.parsed,
            expected_challenge=given.challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            supported_pub_key_algs=ALGORITHMS,
        )
        if found.credential_id != given.parsed.raw_id or len(found.credential_id) > MAX_CREDENTIAL_ID:
            raise PasskeyError("its id is another one than the authenticator's, or too long")
        return NewCredential(
            credential_id=bytes_to_base64url(found.credential_id),
            public_key=found.credential_public_key,
            sign_count=found.sign_count,
            transports=tuple(sorted({one.value for one in given.parsed.response.transports or ()})),
        )

    return _believed(verify)


def verify_assertion(party: RelyingParty, given: Assertion, passkey: Passkey) -> int:
    """What the passkey's authenticator has counted, once it has signed for this site on one of its pages with somebody
    there, by the challenge that it holds. Raises PasskeyError, also where it did not count on."""

    def verify() -> int:
        _same_origin(given.parsed.response.client_data_json)
        if given.user_handle is not None and given.user_handle != passkey.owner_id.encode():
            raise PasskeyError("it was made for another user")
        found = verify_authentication_response(
            credential=given.parsed,
            expected_challenge=given.challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
        )
        return found.new_sign_count

    return _believed(verify)


def _same_origin(client_data: bytes) -> None:
    """Refuse what a page of another site has framed: whoever sits there may not see for whom."""
    if json.loads(client_data).get("crossOrigin") not in (None, False):
        raise PasskeyError("it was made in a frame of another site's page")


def _check_key(public_key: bytes) -> None:
    """Refuse a key that nothing can be verified with: its owner could never sign in."""
    try:
        decoded = decode_credential_public_key(public_key)
        size = getattr(decoded_public_key_to_cryptography(decoded), "key_size", 0)
    except Exception as error:  # as below
        raise PasskeyError("its public key is none that is known here") from error
    if decoded.alg not in ALGORITHMS:
        raise PasskeyError(f"its algorithm is {int(decoded.alg)}, not one of ES256 (-7), EdDSA (-8) and RS256 (-257)")
    if size > _MAX_KEY_BITS:
        raise PasskeyError(f"its public key has more than {_MAX_KEY_BITS} bits")


def _believed(read: Callable[[], T]) -> T:
    try:
        return read()
    except PasskeyError:
        raise
    except WebAuthnException as error:
        raise PasskeyError(_told(error)) from error
    except Exception as error:  # bytes that nobody has thought of reach the parsers, which say so in many ways
        raise PasskeyError(f"it can't be read ({type(error).__name__})") from error


def _told(error: WebAuthnException) -> str:
    """The library's reason, which may quote what it was given: in ASCII, and not too long."""
    text = str(error).removesuffix(" See __cause__ for more info").rstrip(".")
    return text.encode("ascii", "backslashreplace").decode()[:_MAX_TOLD]
