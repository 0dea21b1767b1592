"""Identity providers, their mapping rules, and who has come from them."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.models import Model

from .. import relations
from ..columns import Text, Word


# `name` is the URL without its scheme, as the ARN has it, `name_key` the same in lower case, for context keys have no case.
class OidcProviderRow(Model):
    id = Word(max_length=32, primary_key=True)
    account = relations.account()
    url = Word(max_length=255)
    name = Word(max_length=255)
    name_key = Word(max_length=255)
    client_ids = Text()
    thumbprints = Text()
    created_at = fields.DatetimeField()
    tags = Text()

    class Meta:
        table = "oidc_provider"
        unique_together = (("account", "name_key"),)


class OidcClientRow(Model):
    id = fields.BigIntField(primary_key=True)
    provider: fields.OneToOneRelation[OidcProviderRow] = fields.OneToOneField(
        "store.OidcProviderRow", related_name=False, on_delete=OnDelete.CASCADE
    )
    client_id = Word(max_length=255)
    sealed_secret = Text(null=True)
    scopes = Text()
    mfa_values = Text()
    created_at = fields.DatetimeField()

    class Meta:
        table = "oidc_client"


# `provider_session` is the provider's `sid`, `sealed_secret` the ID token.
class OidcLoginRow(Model):
    session_id = Word(max_length=64, primary_key=True)
    provider_id = Word(max_length=32)
    provider_session = Text(null=True)
    sealed_secret = Text()

    class Meta:
        table = "oidc_login"
        indexes = (Index(fields=("provider_id", "provider_session"), name="oidc_login_by_provider"),)


# `id` is the hash of what the provider gives back. A row goes when its answer comes, or its time is over.
class SignInFlowRow(Model):
    id = Word(max_length=64, primary_key=True)
    provider_id = Word(max_length=32)
    browser_hash = Word(max_length=64)
    nonce = Word(max_length=64)
    verifier = Word(max_length=64)
    next_path = Text(null=True)
    expires_at = fields.DatetimeField()

    class Meta:
        table = "sign_in_flow"
        indexes = (Index(fields=("expires_at",), name="sign_in_flow_by_end"),)


# What `metadata` says is in `entity_id`, `certificates` and `valid_until`, so that it need not be read for a list.
class SamlProviderRow(Model):
    id = Word(max_length=32, primary_key=True)
    account = relations.account()
    name = Word(max_length=128)
    name_key = Word(max_length=128)
    metadata = Text()
    entity_id = Text()
    certificates = Text()
    valid_until = fields.DatetimeField(null=True)
    encryption_mode = Word(max_length=8, null=True)
    created_at = fields.DatetimeField()
    tags = Text()

    class Meta:
        table = "saml_provider"
        unique_together = (("account", "name_key"),)


class SamlPrivateKeyRow(Model):
    id = Word(max_length=32, primary_key=True)
    provider = relations.of("SamlProviderRow", OnDelete.CASCADE)
    sealed_secret = Text()
    created_at = fields.DatetimeField()

    class Meta:
        table = "saml_private_key"
        indexes = (Index(fields=("provider_id",), name="saml_private_key_by_provider"),)


# `id` is a hash of the provider and of the assertion. It refers to nothing, so that a provider that is made again finds it.
class SamlAssertionRow(Model):
    id = Word(max_length=64, primary_key=True)
    believed_until = fields.DatetimeField()

    class Meta:
        table = "saml_assertion"
        indexes = (Index(fields=("believed_until",), name="saml_assertion_by_end"),)


class MappingRulesRow(Model):
    # Of any kind of provider, so that no foreign key can say which; a provider takes its rules along when it is deleted.
    provider_id = Word(max_length=32, primary_key=True)
    account = relations.account()
    rules = Text()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "mapping_rules"


# Beside an event and no part of it, so that what providers say of people can be forgotten while the chain stays whole.
class SignInAttemptRow(Model):
    id = Word(max_length=32, primary_key=True)
    provider_id = Word(max_length=32)
    at = fields.DatetimeField()
    is_proven = fields.BooleanField()
    subject = Text(null=True)
    said = Text(null=True)

    class Meta:
        table = "sign_in_attempt"
        indexes = (Index(fields=("provider_id", "is_proven", "at"), name="sign_in_attempt_by_provider"),)
