"""People sign in with an OpenID Connect provider as users of a client that this server is registered as there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from ..domain.errors import IamError, InvalidInput, NoSuchEntity
from ..domain.names import ClientId, ClientSecret, Count, Doc, MfaValue, OidcProviderArn, OidcScope
from ..domain.providers import OidcClient, OidcProvider
from .changes import GONE, Shown
from .oidc_providers import PROVIDER
from .operation import Command, Query, operation
from .users import UniqueId
from .work import Tools, Work

OPENID = "openid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where people, and a provider, find this server. Each provider has addresses of its own, so that no answer can pass for
    another provider's."""

    login: str
    redirect: str
    backchannel_logout: str
    signed_out: str

    @classmethod
    def of(cls, tools: Tools, provider_id: str) -> Addresses:
        base = f"{tools.public_url}/sso/oidc/{provider_id}"
        return cls(
            login=f"{base}/login",
            redirect=f"{base}/callback",
            backchannel_logout=f"{base}/backchannel-logout",
            signed_out=f"{tools.public_url}/sso/signed-out",
        )


def client_context(provider_id: str) -> str:
    """What a client's secret is sealed to."""
    return f"oidc-client/{provider_id}"


def id_token_context(session_id: str) -> str:
    """What the token is sealed to that a session began with."""
    return f"id-token/{session_id}"


def _shown(client: OidcClient) -> Shown:
    return {
        "clientId": client.client_id,
        "scopes": " ".join(client.scopes),
        "mfaValues": " ".join(client.mfa_values) or None,
    }


def _missing(provider: OidcProvider) -> NoSuchEntity:
    return NoSuchEntity(f"Nobody can sign in with {provider.arn}: it has no client.")


async def client_of(work: Work, provider: OidcProvider) -> OidcClient | None:
    """The provider's client, if it has one."""
    return (await work.data.oidc_clients.of([provider.id])).get(provider.id)


@operation("iamgraph:PutOpenIDConnectClient", on=PROVIDER, raises=(NoSuchEntity,))
class PutOpenIDConnectClient(Command[OidcClient]):
    """Let people sign in with an OpenID Connect provider, as users of one of its client ids. The client that was there
    before, and its secret, are replaced."""

    open_id_connect_provider_arn: OidcProviderArn
    client_id: ClientId
    client_secret: ClientSecret | None = None
    scopes: Annotated[
        tuple[OidcScope, ...], Count(20), Doc("What is asked of the provider; `openid` among it, in any case.")
    ] = ()
    mfa_values: Annotated[
        tuple[MfaValue, ...],
        Count(20),
        Doc("Which values of `amr` or `acr` say that a second factor was shown at the provider, such as `mfa`."),
    ] = ()

    async def execute(self, work: Work, target: OidcProvider, prepared: None) -> OidcClient:
        if self.client_id not in target.client_ids:
            raise InvalidInput(
                f"{self.client_id!a} at 'clientId' is none of the provider's client ids: add it first", field="clientId"
            )
        before = await client_of(work, target)
        client = OidcClient(
            provider_id=target.id,
            account_id=target.account_id,
            client_id=self.client_id,
            is_confidential=self.client_secret is not None,
            scopes=tuple(dict.fromkeys((OPENID, *self.scopes))),
            mfa_values=tuple(dict.fromkeys(self.mfa_values)),
            created_at=work.now,
        )
        sealed = None
        if self.client_secret is not None:
            sealed = work.tools.sealer.seal(self.client_secret.encode(), context=client_context(target.id))
        await work.data.oidc_clients.put(client, sealed)
        work.changed(_shown(before) if before else GONE, _shown(client))
        return client


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedOidcClient:
    """The id of an OpenID Connect provider with which nobody signs in any more."""

    oidc_provider_id: str


@operation("iamgraph:DeleteOpenIDConnectClient", on=PROVIDER, raises=(NoSuchEntity,))
class DeleteOpenIDConnectClient(Command[DeletedOidcClient]):
    """Let nobody sign in with an OpenID Connect provider any more. Sessions go on, and so does
    AssumeRoleWithWebIdentity."""

    open_id_connect_provider_arn: OidcProviderArn

    async def execute(self, work: Work, target: OidcProvider, prepared: None) -> DeletedOidcClient:
        before = await client_of(work, target)
        if before is None:
            raise _missing(target)
        await work.data.oidc_clients.delete(target.id)
        work.changed(_shown(before), GONE)
        return DeletedOidcClient(oidc_provider_id=target.id)


@operation("iamgraph:GetOpenIDConnectClient", on=PROVIDER, raises=(NoSuchEntity,))
class GetOpenIDConnectClient(Query[OidcClient]):
    """Read as which client people sign in with an OpenID Connect provider. The secret is shown to nobody."""

    open_id_connect_provider_arn: OidcProviderArn | None = None
    unique_id: UniqueId | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetOpenIDConnectClient, OidcProvider]]
    ) -> Sequence[OidcClient | IamError]:
        found: dict[str, Any] = dict(await work.data.oidc_clients.of([provider.id for _, provider in asks]))
        return [found.get(provider.id) or _missing(provider) for _, provider in asks]
