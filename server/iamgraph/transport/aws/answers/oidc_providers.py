"""OpenID Connect providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....app import oidc_providers as providers
from ....domain.providers import OidcProvider
from ..action import Action, Asked
from ..models import Structure
from .base import instant, page, tag, tags


def _created(provider: OidcProvider, asked: Asked) -> Structure:
    return {"OpenIDConnectProviderArn": provider.arn, "Tags": tags(provider.tags)}


def _provider(provider: OidcProvider, asked: Asked) -> Structure:
    return {
        "Url": provider.name,
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": instant(provider.created_at),
        "Tags": tags(provider.tags),
    }


def _listed(found: Sequence[OidcProvider], asked: Asked) -> Structure:
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in found]}


_THUMBPRINTS = (
    "thumbprints are kept, and decide nothing: certificates are checked by the authorities that the server trusts"
)
ACTIONS: Mapping[str, Action] = {
    "CreateOpenIDConnectProvider": Action(
        operation=providers.CreateOpenIDConnectProvider,
        answer=_created,
        differs=f"the URL may have a port; {_THUMBPRINTS}; `ContextProvider` and `IdentityCenterInstanceArn` are not "
        "supported",
    ),
    "GetOpenIDConnectProvider": Action(operation=providers.GetOpenIDConnectProvider, answer=_provider),
    "ListOpenIDConnectProviders": Action(operation=providers.ListOpenIDConnectProviders, answer=_listed),
    "AddClientIDToOpenIDConnectProvider": Action(operation=providers.AddClientIDToOpenIDConnectProvider),
    "RemoveClientIDFromOpenIDConnectProvider": Action(operation=providers.RemoveClientIDFromOpenIDConnectProvider),
    "UpdateOpenIDConnectProviderThumbprint": Action(
        operation=providers.UpdateOpenIDConnectProviderThumbprint, differs=_THUMBPRINTS
    ),
    "DeleteOpenIDConnectProvider": Action(
        operation=providers.DeleteOpenIDConnectProvider,
        is_idempotent=True,
        differs="a provider that is not there is an error in GraphQL only",
    ),
    "TagOpenIDConnectProvider": Action(operation=providers.TagOpenIDConnectProvider),
    "UntagOpenIDConnectProvider": Action(operation=providers.UntagOpenIDConnectProvider),
    "ListOpenIDConnectProviderTags": Action(
        operation=providers.ListOpenIDConnectProviderTags, answer=page("Tags", tag)
    ),
}
