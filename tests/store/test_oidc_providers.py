"""OpenID Connect providers in the store: found by the name that their URL gives them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamgraph.domain.entities import Tag
from iamgraph.domain.errors import EntityAlreadyExists
from iamgraph.store.unit import Database

from .made import ACCOUNT, OTHER, add_account, oidc_provider

TAGS = (Tag(key="Team", value="é"),)
WHOLE = oidc_provider(
    1, "https://idp.example.com/Team/", client_ids=("é", 'a"b'), thumbprints=("0" * 40,), tags=TAGS
)  # fmt: skip
BARE = oidc_provider(2, "https://idp.example.com/Team")
ELSEWHERE = oidc_provider(3, WHOLE.url, account_id=OTHER)


async def test_a_provider_is_read_as_it_was_added(database: Database) -> None:
    async with database.writing() as data:
        for account_id in (ACCOUNT, OTHER):
            await add_account(data, account_id)
        for provider in (WHOLE, BARE, ELSEWHERE):
            await data.oidc_providers.add(provider)
        for taken in (WHOLE.url, WHOLE.url.lower(), WHOLE.url.replace("https", "http")):
            with pytest.raises(EntityAlreadyExists):
                await data.oidc_providers.add(oidc_provider(9, taken))
    async with database.reading() as data:
        found = await data.oidc_providers.named(ACCOUNT, [WHOLE.name, BARE.name.upper(), "idp.example.com"])
        assert found == {"idp.example.com/Team/": WHOLE}
        assert await data.oidc_providers.by_ids([ELSEWHERE.id, "x"]) == {ELSEWHERE.id: ELSEWHERE}
        assert await data.oidc_providers.of_account(ACCOUNT) == [BARE, WHOLE]
        both = {provider.url: provider for provider in (BARE, WHOLE)}
        for url, found in ((BARE.url, both), (WHOLE.url + "/", both), (WHOLE.url.lower(), {}), ("", {})):
            assert await data.oidc_providers.like(ACCOUNT, url) == found
        assert [await data.oidc_providers.count(account_id) for account_id in (ACCOUNT, OTHER)] == [2, 1]
    async with database.writing() as data:
        await data.oidc_providers.set_client_ids(BARE.id, ["x"])
        await data.oidc_providers.set_thumbprints(BARE.id, ["f" * 40])
        await data.oidc_providers.set_tags(BARE.id, TAGS)
        await data.oidc_providers.delete(WHOLE.id)
        changed = replace(BARE, client_ids=("x",), thumbprints=("f" * 40,), tags=TAGS)
        assert await data.oidc_providers.of_account(ACCOUNT) == [changed]
        assert await data.oidc_providers.of_account(OTHER) == [ELSEWHERE]
