"""SAML providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ....app import saml_providers as providers
from ....domain.providers import SamlProvider, WholeSamlProvider
from ..action import Action, Asked
from ..models import Structure
from .base import instant, page, tag, tags


def _created(provider: SamlProvider, asked: Asked) -> Structure:
    return {"SAMLProviderArn": provider.arn, "Tags": tags(provider.tags)}


def _updated(provider: SamlProvider, asked: Asked) -> Structure:
    return {"SAMLProviderArn": provider.arn}


def _provider(provider: WholeSamlProvider, asked: Asked) -> Structure:
    mode = provider.encryption_mode
    return {
        "SAMLProviderUUID": provider.id,
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": instant(provider.created_at),
        "ValidUntil": _end(provider.valid_until),
        "Tags": tags(provider.tags),
        "AssertionEncryptionMode": mode.value if mode is not None else None,
        "PrivateKeyList": [
            {"KeyId": key.id, "Timestamp": instant(key.created_at)} for key in provider.private_keys
        ] or None,
    }  # fmt: skip


def _listed(found: Sequence[SamlProvider], asked: Asked) -> Structure:
    return {
        "SAMLProviderList": [
            {"Arn": one.arn, "ValidUntil": _end(one.valid_until), "CreateDate": instant(one.created_at)}
            for one in found
        ]
    }


def _end(valid_until: datetime | None) -> datetime | None:
    return instant(valid_until) if valid_until is not None else None


_CONTEXT = "`ContextProvider` and `IdentityCenterInstanceArn` are not supported"
ACTIONS: Mapping[str, Action] = {
    "CreateSAMLProvider": Action(
        operation=providers.CreateSAMLProvider,
        answer=_created,
        differs=f"the metadata is of one identity provider, and at most 1,000,000 characters long; {_CONTEXT}",
    ),
    "GetSAMLProvider": Action(
        operation=providers.GetSAMLProvider,
        answer=_provider,
        differs="`ValidUntil` is there where the metadata says it; no `SAMLKeyHashes`",
    ),
    "ListSAMLProviders": Action(operation=providers.ListSAMLProviders, answer=_listed),
    "UpdateSAMLProvider": Action(operation=providers.UpdateSAMLProvider, answer=_updated, differs=_CONTEXT),
    "DeleteSAMLProvider": Action(operation=providers.DeleteSAMLProvider),
    "TagSAMLProvider": Action(operation=providers.TagSAMLProvider),
    "UntagSAMLProvider": Action(operation=providers.UntagSAMLProvider),
    "ListSAMLProviderTags": Action(operation=providers.ListSAMLProviderTags, answer=page("Tags", tag)),
}
