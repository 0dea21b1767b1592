"""Identity providers that accounts trust, their mapping rules, and who has come from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from .arn import OIDC_PROVIDER, SAML_PROVIDER, iam_arn
from .entities import EventOutcome, Tag
from .issuers import without_scheme
from .mapping.attempt import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProvider:
    """An OpenID Connect provider that an account trusts to say who somebody is. `url` is its issuer identifier;
    `client_ids` are the audiences that its tokens may be for."""

    id: str
    account_id: str
    url: str
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    created_at: datetime
    tags: tuple[Tag, ...] = ()

    @property
    def name(self) -> str:
        """Its URL without the scheme."""
        return without_scheme(self.url)

    @property
    def arn(self) -> str:
        return iam_arn(self.account_id, OIDC_PROVIDER, "/", self.name)


class AssertionEncryptionMode(Enum):
    """Whether a SAML provider's assertions must be encrypted."""

    REQUIRED = "Required"
    ALLOWED = "Allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlPrivateKey:
    """A key that decrypts a SAML provider's assertions, without the key."""

    id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlProvider:
    """A SAML 2.0 identity provider that an account trusts to say who somebody is. `id` is AWS's SAMLProviderUUID;
    `entity_id`, `valid_until` and `certificates` are what its metadata says: of the certificates that it signs with the
    SHA-256, in hexadecimal. Without an encryption mode, assertions may be encrypted."""

    id: str
    account_id: str
    name: str
    entity_id: str
    certificates: tuple[str, ...]
    valid_until: datetime | None = None
    encryption_mode: AssertionEncryptionMode | None = None
    private_keys: tuple[SamlPrivateKey, ...] = ()
    created_at: datetime
    tags: tuple[Tag, ...] = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account_id, SAML_PROVIDER, "/", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSamlProvider(SamlProvider):
    """The same with its metadata, which may be long."""

    metadata: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAttempt:
    """An attempt to sign in with an identity provider, and how its event says that it ended. `id` is the event's."""

    id: str
    account_id: str
    attempt: Attempt
    at: datetime
    request_id: str
    outcome: EventOutcome
    reason: str | None
    ip_address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingRules:
    """The rules by which an identity provider's people are offered roles: `rules` is their text, as it was put."""

    provider_id: str
    account_id: str
    rules: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcClient:
    """What this server is registered as with an OpenID Connect provider, for people to sign in: one of the provider's client
    ids, and the scopes that it asks for. Without a secret it is a public client, which proves itself by PKCE alone.
    `mfa_values` are those of `amr` and `acr` that say that a second factor was shown there."""

    provider_id: str
    account_id: str
    client_id: str
    is_confidential: bool
    scopes: tuple[str, ...]
    mfa_values: tuple[str, ...] = ()
    created_at: datetime

    def counts_as_mfa(self, amr: object, acr: object) -> bool:
        """Whether a sign-in with these claims counts as one with a second factor."""
        said = [*(amr if isinstance(amr, list) else ()), acr]
        return any(isinstance(one, str) and one in self.mfa_values for one in said)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFlow:
    """A sign-in that is under way at an identity provider. `browser_hash` is of what the browser keeps meanwhile, and
    `verifier` (RFC 7636) and `nonce` are what its answer must fit."""

    id: str
    provider_id: str
    browser_hash: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    next_path: str | None
    expires_at: datetime
