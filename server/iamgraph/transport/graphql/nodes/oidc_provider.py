"""`OidcProvider`: whom an account trusts to say who somebody is."""

from __future__ import annotations

import strawberry

from ....app.oidc_providers import GetOpenIDConnectProvider
from ....domain import entities
from ..context import Info
from ..scalars import DateTime
from .base import Ref, Resource, Seen, Tag, tags_of
from .mapping import Mapping


@strawberry.type(description="An OpenID Connect provider, which the account trusts to say who somebody is.")
class OidcProvider(Mapping, Resource):
    @classmethod
    def of(cls, provider: entities.OidcProvider, seen: Seen = Seen.WHOLE) -> OidcProvider:
        return cls(ref=Ref("OidcProvider", provider.id, provider.arn, seen, provider))

    @classmethod
    def named(cls, provider: entities.OidcProvider) -> OidcProvider:
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

    @strawberry.field
    def created_at(self, info: Info) -> DateTime | None:
        return self.part(info, Seen.WHOLE, lambda provider: provider.created_at)

    @strawberry.field
    def tags(self, info: Info) -> list[Tag] | None:
        return self.part(info, Seen.WHOLE, tags_of)
