"""SAML providers: found by name, with the keys that decrypt their assertions, sealed."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from ..domain.entities import Tag
from ..domain.errors import EntityAlreadyExists
from ..domain.providers import AssertionEncryptionMode, SamlPrivateKey, SamlProvider, WholeSamlProvider
from .named import json_text, tags_of, tags_text
from .statements import Row, Statements, insert, instant, instant_or_none

_COLUMNS = "id, account_id, name, entity_id, certificates, valid_until, encryption_mode, created_at, tags"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPrivateKey:
    """A private key and its secret, sealed."""

    id: str
    sealed_secret: str = field(repr=False)


class SamlProviders:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, provider: WholeSamlProvider) -> None:
        """Raises EntityAlreadyExists, also where the name differs in case only. Its private keys are added apart."""
        row = {
            "id": provider.id,
            "account_id": provider.account_id,
            "name": provider.name,
            "name_key": provider.name.lower(),
            "created_at": provider.created_at,
            "tags": tags_text(provider.tags),
            **_changing(provider),
        }
        sql, args = insert("saml_provider", row, skip_duplicates=True)
        if not await self._db.run(sql, *args):
            raise EntityAlreadyExists(f"Provider with name {provider.name} already exists.")

    async def change(self, provider: WholeSamlProvider) -> None:
        """Put what the metadata says, and whether assertions must be encrypted."""
        values = _changing(provider)
        sets = ", ".join(f"{column} = ${number}" for number, column in enumerate(values, 2))
        await self._db.run(f"UPDATE saml_provider SET {sets} WHERE id = $1", provider.id, *values.values())

    async def named(self, account_id: str, names: Sequence[str]) -> dict[str, SamlProvider]:
        """Those of an account's providers that exist, by name."""
        found = await self._where("account_id = $1 AND name = ANY($2)", account_id, list(names))
        return {provider.name: provider for provider in found}

    async def by_ids(self, ids: Sequence[str]) -> dict[str, SamlProvider]:
        """Those of the providers that exist, of any account."""
        return {provider.id: provider for provider in await self._where("id = ANY($1)", list(ids))} if ids else {}

    async def whole(self, ids: Sequence[str]) -> dict[str, WholeSamlProvider]:
        """The same with their metadata."""
        sql = f"SELECT {_COLUMNS}, metadata FROM saml_provider WHERE id = ANY($1)"
        rows = await self._db.fetch(sql, list(ids))
        keys = await self._keys_of(rows)
        return {row["id"]: WholeSamlProvider(**_values(row, keys), metadata=row["metadata"]) for row in rows}

    async def of_account(self, account_id: str) -> list[SamlProvider]:
        """All of an account's, by name (its bytes)."""
        return await self._where("account_id = $1 ORDER BY name", account_id)

    async def count(self, account_id: str) -> int:
        row = await self._db.one("SELECT count(*) AS n FROM saml_provider WHERE account_id = $1", account_id)
        return int(row["n"]) if row else 0

    async def set_tags(self, id: str, tags: Iterable[Tag]) -> None:
        await self._db.run("UPDATE saml_provider SET tags = $2 WHERE id = $1", id, tags_text(tags))

    async def delete(self, id: str) -> None:
        """With its private keys."""
        await self._db.run("DELETE FROM saml_provider WHERE id = $1", id)

    async def add_key(self, provider_id: str, key: SealedPrivateKey, at: datetime) -> None:
        row = {"id": key.id, "provider_id": provider_id, "sealed_secret": key.sealed_secret, "created_at": at}
        sql, args = insert("saml_private_key", row)
        await self._db.run(sql, *args)

    async def remove_key(self, provider_id: str, key_id: str) -> bool:
        """Whether the provider had it."""
        sql = "DELETE FROM saml_private_key WHERE provider_id = $1 AND id = $2"
        return await self._db.run(sql, provider_id, key_id) > 0

    async def sealed_keys(self, provider_id: str) -> list[SealedPrivateKey]:
        """The newest first."""
        rows = await self._db.fetch(
            "SELECT id, sealed_secret FROM saml_private_key WHERE provider_id = $1 ORDER BY created_at DESC, id",
            provider_id,
        )
        return [SealedPrivateKey(id=row["id"], sealed_secret=row["sealed_secret"]) for row in rows]

    async def _where(self, condition: str, *args: object) -> list[SamlProvider]:
        rows = await self._db.fetch(f"SELECT {_COLUMNS} FROM saml_provider WHERE {condition}", *args)
        keys = await self._keys_of(rows)
        return [SamlProvider(**_values(row, keys)) for row in rows]

    async def _keys_of(self, rows: Sequence[Row]) -> dict[str, tuple[SamlPrivateKey, ...]]:
        """The private keys of the providers, by these, the oldest first."""
        if not rows:
            return {}
        sql = "SELECT id, provider_id, created_at FROM saml_private_key WHERE provider_id = ANY($1) ORDER BY created_at, id"
        found: dict[str, tuple[SamlPrivateKey, ...]] = {}
        for row in await self._db.fetch(sql, [row["id"] for row in rows]):
            key = SamlPrivateKey(id=row["id"], created_at=instant(row["created_at"]))
            found[row["provider_id"]] = (*found.get(row["provider_id"], ()), key)
        return found


def _changing(provider: WholeSamlProvider) -> dict[str, object]:
    mode = provider.encryption_mode
    return {
        "metadata": provider.metadata,
        "entity_id": provider.entity_id,
        "certificates": json_text(provider.certificates),
        "valid_until": provider.valid_until,
        "encryption_mode": mode.value if mode is not None else None,
    }


def _values(row: Row, keys: dict[str, tuple[SamlPrivateKey, ...]]) -> dict[str, Any]:
    mode = row["encryption_mode"]
    return {
        "id": row["id"],
        "account_id": row["account_id"],
        "name": row["name"],
        "entity_id": row["entity_id"],
        "certificates": tuple(orjson.loads(row["certificates"])),
        "valid_until": instant_or_none(row["valid_until"]),
        "encryption_mode": AssertionEncryptionMode(mode) if mode is not None else None,
        "private_keys": keys.get(row["id"], ()),
        "created_at": instant(row["created_at"]),
        "tags": tags_of(row["tags"]),
    }
