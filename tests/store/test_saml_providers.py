"""SAML providers in the store: found by name, read with and without their metadata, their keys apart."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from iamgraph.domain.entities import Tag
from iamgraph.domain.errors import EntityAlreadyExists
from iamgraph.domain.providers import AssertionEncryptionMode, SamlPrivateKey, SamlProvider, WholeSamlProvider
from iamgraph.store.saml_providers import SealedPrivateKey
from iamgraph.store.unit import Database

from .made import ACCOUNT, NOW, OTHER, add_account, saml_provider

TAGS = (Tag(key="Team", value="é"),)
WHOLE = saml_provider(
    1,
    "Corp",
    certificates=("ab", "cd"),
    valid_until=NOW + timedelta(days=1),
    encryption_mode=AssertionEncryptionMode.REQUIRED,
    tags=TAGS,
    metadata="<é/>",
)
BARE = saml_provider(2, "B")
ELSEWHERE = saml_provider(3, "Corp", account_id=OTHER)


def slim(provider: WholeSamlProvider) -> SamlProvider:
    return SamlProvider(**{part.name: getattr(provider, part.name) for part in fields(SamlProvider)})


async def test_a_provider_is_read_as_it_was_added(database: Database) -> None:
    first, second = (SealedPrivateKey(id=f"K{n}", sealed_secret=f"sealed{n}") for n in (1, 2))
    async with database.writing() as data:
        for account_id in (ACCOUNT, OTHER):
            await add_account(data, account_id)
        for provider in (WHOLE, BARE, ELSEWHERE):
            await data.saml_providers.add(provider)
        with pytest.raises(EntityAlreadyExists):
            await data.saml_providers.add(saml_provider(9, "cORP"))
        await data.saml_providers.add_key(WHOLE.id, second, NOW + timedelta(seconds=1))
        await data.saml_providers.add_key(WHOLE.id, first, NOW)
    keys = tuple(SamlPrivateKey(id=f"K{n}", created_at=NOW + timedelta(seconds=n - 1)) for n in (1, 2))
    keyed = replace(WHOLE, private_keys=keys)
    async with database.reading() as data:
        found = await data.saml_providers.named(ACCOUNT, ["Corp", "corp", "x"])
        assert found == {"Corp": slim(keyed)}
        assert await data.saml_providers.whole([WHOLE.id, BARE.id]) == {WHOLE.id: keyed, BARE.id: BARE}
        assert await data.saml_providers.by_ids([ELSEWHERE.id, "x"]) == {ELSEWHERE.id: slim(ELSEWHERE)}
        assert await data.saml_providers.of_account(ACCOUNT) == [slim(BARE), slim(keyed)]
        assert [await data.saml_providers.count(account_id) for account_id in (ACCOUNT, OTHER)] == [2, 1]
        assert await data.saml_providers.sealed_keys(WHOLE.id) == [second, first]
    async with database.writing() as data:
        changed = replace(BARE, entity_id="urn:new", certificates=(), metadata="<y/>", valid_until=NOW, tags=TAGS)
        await data.saml_providers.change(changed)
        await data.saml_providers.set_tags(BARE.id, TAGS)
        assert not await data.saml_providers.remove_key(BARE.id, "K1")
        assert await data.saml_providers.remove_key(WHOLE.id, "K1")
        assert await data.saml_providers.sealed_keys(WHOLE.id) == [second]
        await data.saml_providers.delete(WHOLE.id)
        assert await data.saml_providers.sealed_keys(WHOLE.id) == []
        assert await data.saml_providers.whole([WHOLE.id, BARE.id]) == {BARE.id: changed}
        assert await data.saml_providers.of_account(OTHER) == [slim(ELSEWHERE)]
