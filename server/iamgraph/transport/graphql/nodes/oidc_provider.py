"""`OidcProvider`: whom an account trusts to say who somebody is."""

from __future__ import annotations

import strawberry

from ....app.oidc_clients import Addresses, GetOpenIDConnectClient
from ....app.oidc_providers import GetOpenIDConnectProvider
from ....domain import providers
from ..context import Info
from ..scalars import DateTime
from .base import Ref, Resource, Seen, Tag, tags_of
from .mapping import Mapping


@strawberry.type(
    description="What this server is registered as with an OpenID Connect provider, so that people sign in with that. "
    "What it has to be told are the last three addresses."
)
class OidcClient:
    source: strawberry.Private[providers.OidcClient]
    client_id: str
    is_confidential: bool = strawberry.field(description="Whether it has a secret.")
    scopes: list[str]
    mfa_values: list[str] = strawberry.field(
        description="Which values of `amr` or `acr` say that a second factor was shown at the provider."
    )
    created_at: DateTime

    @strawberry.field(description="Where people begin to sign in with the provider.")
    def login_url(self, info: Info) -> str:
        return self._addresses(info).login

    @strawberry.field
    def redirect_uri(self, info: Info) -> str:
        return self._addresses(info).redirect

    @strawberry.field
    def backchannel_logout_uri(self, info: Info) -> str:
        return self._addresses(info).backchannel_logout

    @strawberry.field
    def post_logout_redirect_uri(self, info: Info) -> str:
        return self._addresses(info).signed_out

    def _addresses(self, info: Info) -> Addresses:
        return Addresses.of(info.context.kernel.tools, self.source.provider_id)

    @classmethod
    def of(cls, client: providers.OidcClient) -> OidcClient:
        return cls(
            source=client,
            client_id=client.client_id,
            is_confidential=client.is_confidential,
            scopes=list(client.scopes),
            mfa_values=list(client.mfa_values),
            created_at=DateTime(client.created_at),
        )


@strawberry.type(description="An OpenID Connect provider, which the account trusts to say who somebody is.")
class OidcProvider(Mapping, Resource):
    @classmethod
    def of(cls, provider: providers.OidcProvider, seen: Seen = Seen.WHOLE) -> OidcProvider:
        return cls(ref=Ref("OidcProvider", provider.id, provider.arn, seen, provider))

    @classmethod
    def named(cls, provider: providers.OidcProvider) -> OidcProvider:
        return cls.of(provider, Seen.NAMED)

    def reading(self) -> GetOpenIDConnectProvider:
        return GetOpenIDConnectProvider(unique_id=self.ref.unique_id)

    @strawberry.field(description="As its tokens have it in `iss`, byte for byte.")
    def url(self, info: Info) -> str | None:
        return self.part(info, Seen.WHOLE, lambda provider: provider.url)

    @strawberry.field(description="The applications that its tokens may be for.")
    def client_ids(self, info: Info) -> list[str] | None:
        return self.part(info, Seen.WHOLE, lambda provider: list(provider.client_ids))

    @strawberry.field(
        description="Kept for AWS's clients: the provider's certificate is checked by the authorities that this server "
        "trusts."
    )
    def thumbprints(self, info: Info) -> list[str] | None:
        return self.part(info, Seen.WHOLE, lambda provider: list(provider.thumbprints))

    @strawberry.field(description="How people sign in with it; null where they can't.")
    async def client(self, info: Info) -> OidcClient | None:
        found = await info.context.find(GetOpenIDConnectClient(unique_id=self.ref.unique_id))
        return OidcClient.of(found) if found else None

    @strawberry.field
    def created_at(self, info: Info) -> DateTime | None:
        return self.part(info, Seen.WHOLE, lambda provider: provider.created_at)

    @strawberry.field
    def tags(self, info: Info) -> list[Tag] | None:
        return self.part(info, Seen.WHOLE, tags_of)
