"""OpenID Connect providers: found by name, which is the URL without its scheme."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from ..domain.entities import Tag
from ..domain.errors import EntityAlreadyExists
from ..domain.providers import OidcProvider
from .named import json_text, tags_of, tags_text
from .statements import Row, Statements, insert, instant

_COLUMNS = "id, account_id, url, client_ids, thumbprints, created_at, tags"


class OidcProviders:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, provider: OidcProvider) -> None:
        """Raises EntityAlreadyExists, also where the name differs in case only."""
        row = {
            "id": provider.id,
            "account_id": provider.account_id,
            "url": provider.url,
            "name": provider.name,
            "name_key": provider.name.lower(),
            "client_ids": json_text(provider.client_ids),
            "thumbprints": json_text(provider.thumbprints),
            "created_at": provider.created_at,
            "tags": tags_text(provider.tags),
        }
        sql, args = insert("oidc_provider", row, skip_duplicates=True)
        if not await self._db.run(sql, *args):
            raise EntityAlreadyExists(f"Provider with url {provider.url} already exists.")

    async def named(self, account_id: str, names: Sequence[str]) -> dict[str, OidcProvider]:
        """Those of an account's providers that exist, by name."""
        found = await self._where("account_id = $1 AND name = ANY($2)", account_id, list(names))
        return {provider.name: provider for provider in found}

    async def by_ids(self, ids: Sequence[str]) -> dict[str, OidcProvider]:
        """Those of the providers that exist, of any account."""
        return {provider.id: provider for provider in await self._where("id = ANY($1)", list(ids))} if ids else {}

    async def like(self, account_id: str, url: str) -> dict[str, OidcProvider]:
        """Those of an account whose URL is this one, but perhaps for slashes at the end: by their URL."""
        found = await self._where("account_id = $1 AND rtrim(url, '/') = rtrim($2, '/')", account_id, url)
        return {provider.url: provider for provider in found}

    async def of_account(self, account_id: str) -> list[OidcProvider]:
        """All of an account's, by name (its bytes)."""
        return await self._where("account_id = $1 ORDER BY name", account_id)

    async def count(self, account_id: str) -> int:
        row = await self._db.one("SELECT count(*) AS n FROM oidc_provider WHERE account_id = $1", account_id)
        return int(row["n"]) if row else 0

    async def set_client_ids(self, id: str, client_ids: Sequence[str]) -> None:
        await self._db.run("UPDATE oidc_provider SET client_ids = $2 WHERE id = $1", id, json_text(client_ids))

    async def set_thumbprints(self, id: str, thumbprints: Sequence[str]) -> None:
        await self._db.run("UPDATE oidc_provider SET thumbprints = $2 WHERE id = $1", id, json_text(thumbprints))

    async def set_tags(self, id: str, tags: Iterable[Tag]) -> None:
        await self._db.run("UPDATE oidc_provider SET tags = $2 WHERE id = $1", id, tags_text(tags))

    async def delete(self, id: str) -> None:
        await self._db.run("DELETE FROM oidc_provider WHERE id = $1", id)

    async def _where(self, condition: str, *args: object) -> list[OidcProvider]:
        rows = await self._db.fetch(f"SELECT {_COLUMNS} FROM oidc_provider WHERE {condition}", *args)
        return [_provider(row) for row in rows]


def _provider(row: Row) -> OidcProvider:
    return OidcProvider(
        id=row["id"],
        account_id=row["account_id"],
        url=row["url"],
        client_ids=tuple(orjson.loads(row["client_ids"])),
        thumbprints=tuple(orjson.loads(row["thumbprints"])),
        created_at=instant(row["created_at"]),
        tags=tags_of(row["tags"]),
    )
