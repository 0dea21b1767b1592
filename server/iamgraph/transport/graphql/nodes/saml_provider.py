"""`SamlProvider`: whom an account trusts to say who somebody is, by SAML 2.0."""

from __future__ import annotations

import strawberry

from ....app.saml_providers import GetSAMLProvider
from ....domain import providers
from ....domain.providers import AssertionEncryptionMode
from ..context import Info
from ..scalars import DateTime
from .base import Ref, Resource, Seen, Tag, tags_of
from .mapping import Mapping


@strawberry.type(description="A key that decrypts a SAML provider's assertions. The key itself is never shown.")
class SamlPrivateKey:
    key_id: str
    created_at: DateTime


@strawberry.type(description="A SAML 2.0 identity provider, which the account trusts to say who somebody is.")
class SamlProvider(Mapping, Resource):
    @classmethod
    def of(cls, provider: providers.SamlProvider, seen: Seen = Seen.WHOLE) -> SamlProvider:
        return cls(ref=Ref("SamlProvider", provider.id, provider.arn, seen, provider))

    @classmethod
    def listed(cls, provider: providers.SamlProvider) -> SamlProvider:
        return cls.of(provider, Seen.LISTED)

    @classmethod
    def named(cls, provider: providers.SamlProvider) -> SamlProvider:
        return cls.of(provider, Seen.NAMED)

    def reading(self) -> GetSAMLProvider:
        return GetSAMLProvider(unique_id=self.ref.unique_id)

    @strawberry.field
    def name(self) -> str:
        return self.ref.parsed.name

    @strawberry.field
    def created_at(self, info: Info) -> DateTime | None:
        return self.part(info, Seen.LISTED, lambda provider: provider.created_at)

    @strawberry.field(description="When its metadata runs out, if that says so: it is believed no more from then on.")
    def valid_until(self, info: Info) -> DateTime | None:
        return self.part(info, Seen.LISTED, lambda provider: provider.valid_until)

    @strawberry.field(description="As AWS has it in `SAMLProviderUUID`.")
    def unique_id(self, info: Info) -> str | None:
        return self.part(info, Seen.WHOLE, lambda provider: provider.id)

    @strawberry.field(description="How the identity provider calls itself, as its responses have it in `Issuer`.")
    def entity_id(self, info: Info) -> str | None:
        return self.part(info, Seen.WHOLE, lambda provider: provider.entity_id)

    @strawberry.field(description="Of the certificates that it signs with, the SHA-256, in hexadecimal.")
    def certificates(self, info: Info) -> list[str] | None:
        return self.part(info, Seen.WHOLE, lambda provider: list(provider.certificates))

    @strawberry.field
    async def metadata_xml(self, info: Info) -> str | None:
        found = await info.context.load(self.reading(), self.ref.entity)
        return str(found.metadata)

    @strawberry.field(description="Null: they may be encrypted.")
    def assertion_encryption_mode(self, info: Info) -> AssertionEncryptionMode | None:
        return self.part(info, Seen.WHOLE, lambda provider: provider.encryption_mode)

    @strawberry.field(description="The oldest first.")
    def private_keys(self, info: Info) -> list[SamlPrivateKey] | None:
        return self.part(info, Seen.WHOLE, _keys_of)

    @strawberry.field
    def tags(self, info: Info) -> list[Tag] | None:
        return self.part(info, Seen.WHOLE, tags_of)


def _keys_of(provider: providers.SamlProvider) -> list[SamlPrivateKey]:
    return [SamlPrivateKey(key_id=key.id, created_at=DateTime(key.created_at)) for key in provider.private_keys]
