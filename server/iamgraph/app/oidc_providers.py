"""OpenID Connect providers: say whom an account trusts to speak for somebody, and for which applications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from ..domain.arn import OIDC_PROVIDER, iam_arn, parse_arn
from ..domain.entities import Tag
from ..domain.errors import EntityAlreadyExists, IamError, LimitExceeded, NoSuchEntity
from ..domain.issuers import check_issuer, without_scheme
from ..domain.names import ClientId, Doc, OidcProviderArn, OidcProviderUrl, Thumbprint
from ..domain.providers import OidcProvider
from ..domain.tags import check_tag_keys, check_tags, with_tags, without_tags
from ..store.session import StoreSession
from .caller import Caller
from .changes import GONE, shown_oidc_provider
from .listing import Listed, Marker, MaxItems
from .operation import Command, Need, Place, Query, Target, operation
from .quotas import ensure, ensure_fits
from .tagging import TagKeys, Tags, pages_of_tags, request_tags
from .targets import EVERYTHING
from .users import UniqueId
from .work import Work

TAGS = "oidc-provider-tags"
ClientIds = Annotated[
    tuple[ClientId, ...], Doc("The applications that tokens may be for; without any, none is accepted.")
]
Thumbprints = Annotated[
    tuple[Thumbprint, ...],
    Doc("Kept for AWS's clients: the provider's certificate is checked by the authorities that this server trusts."),
]


class _NewProvider(Target):
    """A provider that the operation makes: it stands where its URL will put it."""

    def place(self, caller: Caller, op: Any, entity: None) -> Place:
        arn = iam_arn(caller.account_id, OIDC_PROVIDER, "/", without_scheme(op.url))
        return Place(resource=arn, asked=arn, account_id=caller.account_id)


class _ProviderByArn(Target):
    """A provider of the caller's account, by its ARN or, where the operation has it, by `unique_id`."""

    know = "iam:GetOpenIDConnectProvider"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[OidcProvider | None]:
        parsed = {arn: parse_arn(arn) for op in ops if (arn := op.open_id_connect_provider_arn) is not None}
        ids = [op.unique_id for op in ops if op.open_id_connect_provider_arn is None]
        names = {arn.name for arn in parsed.values() if arn is not None}
        named = await data.oidc_providers.named(caller.account_id, sorted(names)) if parsed else {}
        by_arn = {provider.arn: provider for provider in named.values()}
        by_id = await data.oidc_providers.by_ids(ids)
        found = [
            by_arn.get(op.open_id_connect_provider_arn)
            if op.open_id_connect_provider_arn is not None
            else by_id.get(op.unique_id)
            for op in ops
        ]
        return [one if one is not None and one.account_id == caller.account_id else None for one in found]

    def place(self, caller: Caller, op: Any, entity: OidcProvider | None) -> Place:
        given = op.open_id_connect_provider_arn
        asked = given if given is not None else iam_arn(caller.account_id, OIDC_PROVIDER, "/", op.unique_id)
        parsed = parse_arn(asked)
        return Place(
            resource=entity.arn if entity is not None else asked,
            asked=asked,
            account_id=parsed.account_id if parsed is not None else caller.account_id,
            tags=entity.tags if entity is not None else (),
            tag_keys=("aws:ResourceTag",),
        )

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        asked = op.open_id_connect_provider_arn or op.unique_id
        return NoSuchEntity(f"OpenIDConnect Provider not found for arn {asked}")


PROVIDER = _ProviderByArn()


async def _changed(work: Work, before: OidcProvider) -> OidcProvider:
    """The provider as the store has it now, the change noted."""
    provider = (await work.data.oidc_providers.by_ids([before.id]))[before.id]
    work.changed(shown_oidc_provider(before), shown_oidc_provider(provider))
    return provider


def _ensure_client_ids(work: Work, client_ids: Sequence[str]) -> None:
    ensure_fits(len(client_ids), "ClientIdsPerOpenIdConnectProvider", work.tools.quotas.client_ids_per_oidc_provider)


def _ensure_thumbprints(work: Work, thumbprints: Sequence[str]) -> None:
    limit = work.tools.quotas.thumbprints_per_oidc_provider
    ensure_fits(len(thumbprints), "ThumbprintsPerOpenIdConnectProvider", limit)


@operation("iam:CreateOpenIDConnectProvider", on=_NewProvider(), raises=(EntityAlreadyExists, LimitExceeded))
class CreateOpenIDConnectProvider(Command[OidcProvider]):
    """Trust an OpenID Connect provider: roles' trust policies can name it from now on."""

    url: OidcProviderUrl
    client_id_list: ClientIds = ()
    thumbprint_list: Thumbprints = ()
    tags: Tags = ()

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        tagging = (self.need(caller, target, "iam:TagOpenIDConnectProvider"),) if self.tags else ()
        return (self.need(caller, target), *tagging)

    def context(self, caller: Caller, target: None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def execute(self, work: Work, target: None, prepared: None) -> OidcProvider:
        check_issuer(self.url, plain_on_loopback=work.tools.oidc.reach.plain_on_loopback)
        account_id, quotas = work.caller.account_id, work.tools.quotas
        used = await work.data.oidc_providers.count(account_id)
        ensure(used, "OpenIdConnectProvidersPerAccount", quotas.oidc_providers_per_account)
        provider = OidcProvider(
            id=work.tools.entropy(16).hex(),
            account_id=account_id,
            url=self.url,
            client_ids=tuple(dict.fromkeys(self.client_id_list)),
            thumbprints=self.thumbprint_list,
            created_at=work.now,
            tags=with_tags((), self.tags, limit=quotas.tags_per_entity),
        )
        _ensure_client_ids(work, provider.client_ids)
        _ensure_thumbprints(work, provider.thumbprints)
        await work.data.oidc_providers.add(provider)
        return provider


@operation("iam:GetOpenIDConnectProvider", on=PROVIDER, raises=(NoSuchEntity,))
class GetOpenIDConnectProvider(Query[OidcProvider]):
    """Read one OpenID Connect provider."""

    open_id_connect_provider_arn: OidcProviderArn | None = None
    unique_id: UniqueId | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetOpenIDConnectProvider, OidcProvider]]
    ) -> Sequence[OidcProvider | IamError]:
        return [provider for _, provider in asks]


@operation("iam:ListOpenIDConnectProviders", on=EVERYTHING)
class ListOpenIDConnectProviders(Query[tuple[OidcProvider, ...]]):
    """List the OpenID Connect providers of the account, by ARN."""

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListOpenIDConnectProviders, None]]
    ) -> Sequence[tuple[OidcProvider, ...] | IamError]:
        return [tuple(await work.data.oidc_providers.of_account(work.caller.account_id))] * len(asks)


@operation("iam:AddClientIDToOpenIDConnectProvider", on=PROVIDER, raises=(NoSuchEntity, LimitExceeded))
class AddClientIDToOpenIDConnectProvider(Command[OidcProvider]):
    """Accept tokens of a provider for one more application. One that is there already is no error."""

    open_id_connect_provider_arn: OidcProviderArn
    client_id: ClientId

    async def execute(self, work: Work, target: OidcProvider, prepared: None) -> OidcProvider:
        client_ids = tuple(dict.fromkeys((*target.client_ids, self.client_id)))
        _ensure_client_ids(work, client_ids)
        await work.data.oidc_providers.set_client_ids(target.id, client_ids)
        return await _changed(work, target)


@operation("iam:RemoveClientIDFromOpenIDConnectProvider", on=PROVIDER, raises=(NoSuchEntity,))
class RemoveClientIDFromOpenIDConnectProvider(Command[OidcProvider]):
    """Accept no tokens of a provider for an application any more. One that is not there is no error."""

    open_id_connect_provider_arn: OidcProviderArn
    client_id: ClientId

    async def execute(self, work: Work, target: OidcProvider, prepared: None) -> OidcProvider:
        client_ids = tuple(client_id for client_id in target.client_ids if client_id != self.client_id)
        await work.data.oidc_providers.set_client_ids(target.id, client_ids)
        return await _changed(work, target)


@operation("iam:UpdateOpenIDConnectProviderThumbprint", on=PROVIDER, raises=(NoSuchEntity, LimitExceeded))
class UpdateOpenIDConnectProviderThumbprint(Command[OidcProvider]):
    """Replace the thumbprints that are kept of a provider's certificates."""

    open_id_connect_provider_arn: OidcProviderArn
    thumbprint_list: Thumbprints

    async def execute(self, work: Work, target: OidcProvider, prepared: None) -> OidcProvider:
        _ensure_thumbprints(work, self.thumbprint_list)
        await work.data.oidc_providers.set_thumbprints(target.id, self.thumbprint_list)
        return await _changed(work, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedOidcProvider:
    """The id of an OpenID Connect provider that is gone."""

    deleted_oidc_provider_id: str


@operation("iam:DeleteOpenIDConnectProvider", on=PROVIDER, raises=(NoSuchEntity,))
class DeleteOpenIDConnectProvider(Command[DeletedOidcProvider]):
    """Trust an OpenID Connect provider no more. The roles whose trust policies name it stay, and nobody assumes them by
    it."""

    open_id_connect_provider_arn: OidcProviderArn

    async def execute(self, work: Work, target: OidcProvider, prepared: None) -> DeletedOidcProvider:
        await work.data.oidc_providers.delete(target.id)
        await work.data.mapping_rules.delete(target.id)
        await work.data.sign_in_attempts.forget(target.id)
        work.changed(shown_oidc_provider(target), GONE)
        return DeletedOidcProvider(deleted_oidc_provider_id=target.id)


@operation("iam:TagOpenIDConnectProvider", on=PROVIDER, raises=(NoSuchEntity, LimitExceeded))
class TagOpenIDConnectProvider(Command[OidcProvider]):
    """Add tags to an OpenID Connect provider. A tag of the same key, whatever its case, is replaced."""

    open_id_connect_provider_arn: OidcProviderArn
    tags: Tags

    def context(self, caller: Caller, target: OidcProvider | None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def execute(self, work: Work, target: OidcProvider, prepared: None) -> OidcProvider:
        tags = with_tags(target.tags, self.tags, limit=work.tools.quotas.tags_per_entity)
        await work.data.oidc_providers.set_tags(target.id, tags)
        return await _changed(work, target)


@operation("iam:UntagOpenIDConnectProvider", on=PROVIDER, raises=(NoSuchEntity,))
class UntagOpenIDConnectProvider(Command[OidcProvider]):
    """Remove the tags of the given keys from an OpenID Connect provider. A key that is not there is no error."""

    open_id_connect_provider_arn: OidcProviderArn
    tag_keys: TagKeys

    def context(self, caller: Caller, target: OidcProvider | None) -> Mapping[str, str | tuple[str, ...]]:
        return {"aws:TagKeys": self.tag_keys}

    def validate(self) -> None:
        check_tag_keys(self.tag_keys)

    async def execute(self, work: Work, target: OidcProvider, prepared: None) -> OidcProvider:
        await work.data.oidc_providers.set_tags(target.id, without_tags(target.tags, self.tag_keys))
        return await _changed(work, target)


@operation("iam:ListOpenIDConnectProviderTags", on=PROVIDER, raises=(NoSuchEntity,))
class ListOpenIDConnectProviderTags(Query[Listed[Tag]]):
    """List the tags of an OpenID Connect provider, by key."""

    open_id_connect_provider_arn: OidcProviderArn
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListOpenIDConnectProviderTags, OidcProvider]]
    ) -> Sequence[Listed[Tag] | IamError]:
        return pages_of_tags(TAGS, asks)
