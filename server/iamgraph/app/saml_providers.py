"""SAML providers: say whom an account trusts to speak for somebody, by the metadata of a SAML 2.0 identity provider."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from cryptography.hazmat.primitives.hashes import SHA256

from ..domain.arn import SAML_PROVIDER, iam_arn, parse_arn
from ..domain.entities import Tag
from ..domain.errors import EntityAlreadyExists, IamError, InvalidInput, LimitExceeded, NoSuchEntity
from ..domain.ids import saml_id
from ..domain.names import (
    Doc,
    SamlMetadata,
    SamlPrivateKeyId,
    SamlPrivateKeyText,
    SamlProviderArn,
    SamlProviderName,
)
from ..domain.providers import AssertionEncryptionMode, SamlProvider, WholeSamlProvider
from ..domain.tags import check_tag_keys, check_tags, with_tags, without_tags
from ..federation.saml.metadata import IdentityProvider, identity_provider
from ..federation.saml.refusal import Refused
from ..store.session import StoreSession
from .caller import Caller
from .changes import GONE, shown_saml_provider
from .listing import Listed, Marker, MaxItems
from .operation import Command, Need, Place, Query, Target, operation
from .quotas import ensure
from .saml_keys import add_key, read_key
from .tagging import TagKeys, Tags, pages_of_tags, request_tags
from .targets import EVERYTHING
from .users import UniqueId
from .work import Tools, Work

TAGS = "saml-provider-tags"
EncryptionMode = Annotated[
    AssertionEncryptionMode, Doc("Whether assertions must be encrypted. They may be wherever there is a private key.")
]


class _NewProvider(Target):
    """A provider that the operation makes: it stands where its name will put it."""

    def place(self, caller: Caller, op: Any, entity: None) -> Place:
        arn = iam_arn(caller.account_id, SAML_PROVIDER, "/", op.name)
        return Place(resource=arn, asked=arn, account_id=caller.account_id)


class _ProviderByArn(Target):
    """A provider of the caller's account, by its ARN or, where the operation has it, by `unique_id`."""

    know = "iam:GetSAMLProvider"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[SamlProvider | None]:
        parsed = {arn: parse_arn(arn) for op in ops if (arn := op.saml_provider_arn) is not None}
        names = {arn.name for arn in parsed.values() if arn is not None}
        named = await data.saml_providers.named(caller.account_id, sorted(names)) if names else {}
        by_arn = {provider.arn: provider for provider in named.values()}
        by_id = await data.saml_providers.by_ids([op.unique_id for op in ops if op.saml_provider_arn is None])
        found = [
            by_arn.get(op.saml_provider_arn) if op.saml_provider_arn is not None else by_id.get(op.unique_id)
            for op in ops
        ]
        return [one if one is not None and one.account_id == caller.account_id else None for one in found]

    def place(self, caller: Caller, op: Any, entity: SamlProvider | None) -> Place:
        given = op.saml_provider_arn
        asked = given if given is not None else iam_arn(caller.account_id, SAML_PROVIDER, "/", op.unique_id)
        parsed = parse_arn(asked)
        return Place(
            resource=entity.arn if entity is not None else asked,
            asked=asked,
            account_id=parsed.account_id if parsed is not None else caller.account_id,
            tags=entity.tags if entity is not None else (),
            tag_keys=("aws:ResourceTag",),
        )

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return NoSuchEntity(f"Manifest not found for arn {op.saml_provider_arn or op.unique_id}")


PROVIDER = _ProviderByArn()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What of an operation's parameters takes a while to read, where it is given."""

    metadata: IdentityProvider | None
    key: bytes | None = field(repr=False)


async def _read(tools: Tools, metadata: str | None, key: str | None) -> _Read:
    """Read the parameters off the event loop. Raises InvalidInput."""
    found = await asyncio.to_thread(_metadata, metadata) if metadata is not None else None
    if found is not None and found.valid_until is not None and found.valid_until <= tools.clock():
        raise _invalid_metadata(f"it was valid until {found.valid_until:%Y-%m-%dT%H:%M:%SZ}")
    return _Read(metadata=found, key=await asyncio.to_thread(read_key, key) if key is not None else None)


def _metadata(document: str) -> IdentityProvider:
    try:
        return identity_provider(document.encode("utf-8", "surrogatepass"))
    except Refused as refused:
        raise _invalid_metadata(refused.text) from None


def _invalid_metadata(why: str) -> InvalidInput:
    return InvalidInput(f"Could not parse metadata: {why}", field="samlMetadataDocument")


def _fingerprints(found: IdentityProvider) -> tuple[str, ...]:
    return tuple(certificate.fingerprint(SHA256()).hex() for certificate in found.certificates)


def _check_mode(mode: AssertionEncryptionMode | None, keys: int) -> None:
    if mode is AssertionEncryptionMode.REQUIRED and not keys:
        raise InvalidInput(
            "where encryption is required there must be a private key that decrypts", field="assertionEncryptionMode"
        )


async def _changed(work: Work, before: SamlProvider) -> SamlProvider:
    """The provider as the store has it now, the change noted."""
    provider = (await work.data.saml_providers.by_ids([before.id]))[before.id]
    work.changed(shown_saml_provider(before), shown_saml_provider(provider))
    return provider


@operation("iam:CreateSAMLProvider", on=_NewProvider(), raises=(EntityAlreadyExists, LimitExceeded))
class CreateSAMLProvider(Command[SamlProvider]):
    """Trust a SAML 2.0 identity provider: roles' trust policies can name it from now on."""

    name: SamlProviderName
    saml_metadata_document: SamlMetadata
    assertion_encryption_mode: EncryptionMode | None = None
    add_private_key: SamlPrivateKeyText | None = None
    tags: Tags = ()

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        tagging = (self.need(caller, target, "iam:TagSAMLProvider"),) if self.tags else ()
        return (self.need(caller, target), *tagging)

    def context(self, caller: Caller, target: None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)
        _check_mode(self.assertion_encryption_mode, 1 if self.add_private_key is not None else 0)

    async def prepare(self, caller: Caller, tools: Tools, looked: None) -> _Read:
        return await _read(tools, self.saml_metadata_document, self.add_private_key)

    async def execute(self, work: Work, target: None, prepared: _Read) -> SamlProvider:
        account_id, quotas, found = work.caller.account_id, work.tools.quotas, prepared.metadata
        assert found is not None
        used = await work.data.saml_providers.count(account_id)
        ensure(used, "SAMLProvidersPerAccount", quotas.saml_providers_per_account)
        provider = WholeSamlProvider(
            id=saml_id(work.tools.entropy(16)),
            account_id=account_id,
            name=self.name,
            entity_id=found.entity_id,
            certificates=_fingerprints(found),
            valid_until=found.valid_until,
            encryption_mode=self.assertion_encryption_mode,
            created_at=work.now,
            tags=with_tags((), self.tags, limit=quotas.tags_per_entity),
            metadata=self.saml_metadata_document,
        )
        await work.data.saml_providers.add(provider)
        if prepared.key is not None:
            await add_key(work, provider.id, prepared.key)
        return (await work.data.saml_providers.by_ids([provider.id]))[provider.id]


@operation("iam:GetSAMLProvider", on=PROVIDER, raises=(NoSuchEntity,))
class GetSAMLProvider(Query[WholeSamlProvider]):
    """Read one SAML provider."""

    saml_provider_arn: SamlProviderArn | None = None
    unique_id: UniqueId | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetSAMLProvider, SamlProvider]]
    ) -> Sequence[WholeSamlProvider | IamError]:
        found = await work.data.saml_providers.whole([provider.id for _, provider in asks])
        return [
            found.get(provider.id) or NoSuchEntity(f"Manifest not found for arn {provider.arn}") for _, provider in asks
        ]


@operation("iam:ListSAMLProviders", on=EVERYTHING)
class ListSAMLProviders(Query[tuple[SamlProvider, ...]]):
    """List the SAML providers of the account, by ARN."""

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListSAMLProviders, None]]
    ) -> Sequence[tuple[SamlProvider, ...] | IamError]:
        return [tuple(await work.data.saml_providers.of_account(work.caller.account_id))] * len(asks)


@operation("iam:UpdateSAMLProvider", on=PROVIDER, raises=(NoSuchEntity, LimitExceeded))
class UpdateSAMLProvider(Command[SamlProvider]):
    """Replace a SAML provider's metadata, say whether its assertions must be encrypted, and change private keys: add the new
    one, and remove the old one once the identity provider encrypts to the new one."""

    saml_provider_arn: SamlProviderArn
    saml_metadata_document: SamlMetadata | None = None
    assertion_encryption_mode: EncryptionMode | None = None
    add_private_key: SamlPrivateKeyText | None = None
    remove_private_key: SamlPrivateKeyId | None = None

    async def prepare(self, caller: Caller, tools: Tools, looked: None) -> _Read:
        return await _read(tools, self.saml_metadata_document, self.add_private_key)

    async def execute(self, work: Work, target: SamlProvider, prepared: _Read) -> SamlProvider:
        providers, mode = work.data.saml_providers, self.assertion_encryption_mode or target.encryption_mode
        if self.remove_private_key is not None and not await providers.remove_key(target.id, self.remove_private_key):
            raise NoSuchEntity(f"Private key {self.remove_private_key} not found for arn {target.arn}")
        kept = len(target.private_keys) - (self.remove_private_key is not None)
        if prepared.key is not None:
            ensure(kept, "PrivateKeysPerSAMLProvider", work.tools.quotas.private_keys_per_saml_provider)
            await add_key(work, target.id, prepared.key)
        _check_mode(mode, kept + (prepared.key is not None))
        whole = replace((await providers.whole([target.id]))[target.id], encryption_mode=mode)
        if (found := prepared.metadata) is not None and self.saml_metadata_document is not None:
            whole = replace(
                whole,
                metadata=self.saml_metadata_document,
                entity_id=found.entity_id,
                certificates=_fingerprints(found),
                valid_until=found.valid_until,
            )
        await providers.change(whole)
        return await _changed(work, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedSamlProvider:
    """The id of a SAML provider that is gone."""

    deleted_saml_provider_id: str


@operation("iam:DeleteSAMLProvider", on=PROVIDER, raises=(NoSuchEntity,))
class DeleteSAMLProvider(Command[DeletedSamlProvider]):
    """Trust a SAML provider no more. The roles whose trust policies name it stay, and nobody assumes them by it."""

    saml_provider_arn: SamlProviderArn

    async def execute(self, work: Work, target: SamlProvider, prepared: None) -> DeletedSamlProvider:
        await work.data.saml_providers.delete(target.id)
        await work.data.mapping_rules.delete(target.id)
        await work.data.sign_in_attempts.forget(target.id)
        work.changed(shown_saml_provider(target), GONE)
        return DeletedSamlProvider(deleted_saml_provider_id=target.id)


@operation("iam:TagSAMLProvider", on=PROVIDER, raises=(NoSuchEntity, LimitExceeded))
class TagSAMLProvider(Command[SamlProvider]):
    """Add tags to a SAML provider. A tag of the same key, whatever its case, is replaced."""

    saml_provider_arn: SamlProviderArn
    tags: Tags

    def context(self, caller: Caller, target: SamlProvider | None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def execute(self, work: Work, target: SamlProvider, prepared: None) -> SamlProvider:
        tags = with_tags(target.tags, self.tags, limit=work.tools.quotas.tags_per_entity)
        await work.data.saml_providers.set_tags(target.id, tags)
        return await _changed(work, target)


@operation("iam:UntagSAMLProvider", on=PROVIDER, raises=(NoSuchEntity,))
class UntagSAMLProvider(Command[SamlProvider]):
    """Remove the tags of the given keys from a SAML provider. A key that is not there is no error."""

    saml_provider_arn: SamlProviderArn
    tag_keys: TagKeys

    def context(self, caller: Caller, target: SamlProvider | None) -> Mapping[str, str | tuple[str, ...]]:
        return {"aws:TagKeys": self.tag_keys}

    def validate(self) -> None:
        check_tag_keys(self.tag_keys)

    async def execute(self, work: Work, target: SamlProvider, prepared: None) -> SamlProvider:
        await work.data.saml_providers.set_tags(target.id, without_tags(target.tags, self.tag_keys))
        return await _changed(work, target)


@operation("iam:ListSAMLProviderTags", on=PROVIDER, raises=(NoSuchEntity,))
class ListSAMLProviderTags(Query[Listed[Tag]]):
    """List the tags of a SAML provider, by key."""

    saml_provider_arn: SamlProviderArn
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListSAMLProviderTags, SamlProvider]]
    ) -> Sequence[Listed[Tag] | IamError]:
        return pages_of_tags(TAGS, asks)
