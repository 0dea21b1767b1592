"""Every sealed value that the store has, by the master key that it is sealed under."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from .statements import Statements

RESEALING_LOCK = 0x1A36_5EA2


class SealedColumn(Enum):
    """Where sealed values are: a table, and the column of what each value is sealed to. The value is in `sealed_secret`."""

    ACCESS_KEY = ("access_key", "id")
    TEMPORARY_KEY = ("session", "access_key_id")
    TOTP_SEED = ("mfa_device", "id")
    SAML_KEY = ("saml_private_key", "id")
    CLIENT_SECRET = ("oidc_client", "provider_id")
    ID_TOKEN = ("oidc_login", "session_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedValue:
    """A value, and the id of the access key, MFA device, private key, provider or session that it is the secret of."""

    column: SealedColumn
    id: str
    sealed: str = field(repr=False)


# A value reads `v1.<8 digits: the key's id>.…`. The tables have an index on this (migrations 0004, 0011, 0016, 0022).
_UNDER = "substr(sealed_secret, 4, 8)"


class Sealed:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def take_turn(self) -> bool:
        """Whether this transaction may re-seal: no other one does until it ends. On SQLite every writer is alone."""
        if self._db.dialect == "sqlite":
            return True
        row = await self._db.one("SELECT pg_try_advisory_xact_lock($1) AS taken", RESEALING_LOCK)
        return bool(row and row["taken"])

    async def under(self, key_id: str, column: SealedColumn, *, after: str, limit: int) -> list[SealedValue]:
        """The first values of a column that are sealed under this key, behind the id `after`, by their id."""
        table, id = column.value
        rows = await self._db.fetch(
            f"SELECT {id} AS id, sealed_secret FROM {table} "
            f"WHERE sealed_secret IS NOT NULL AND {_UNDER} = $1 AND {id} > $2 ORDER BY {id} LIMIT $3",
            key_id, after, limit,
        )  # fmt: skip
        return [SealedValue(column=column, id=row["id"], sealed=row["sealed_secret"]) for row in rows]

    async def replace(self, column: SealedColumn, changes: Mapping[str, tuple[str, str]]) -> int:
        """For each id put the second value where the first still is; how many did. A row that is in another's hands is
        left as it is, so that this never waits while it holds one."""
        table, id = column.value
        free = await self._db.fetch(
            f"SELECT {id} AS id FROM {table} WHERE {id} = ANY($1) FOR NO KEY UPDATE SKIP LOCKED", list(changes)
        )
        sql = f"UPDATE {table} SET sealed_secret = $3 WHERE {id} = $1 AND sealed_secret = $2"
        return sum([await self._db.run(sql, row["id"], *changes[row["id"]]) for row in free])

    async def key_ids(self) -> set[str]:
        """The ids of the keys that values are sealed under, in as many steps as there are."""
        found: set[str] = set()
        for column in SealedColumn:
            last = ""
            while row := await self._db.one(
                f"SELECT {_UNDER} AS id FROM {column.value[0]} "
                f"WHERE sealed_secret IS NOT NULL AND {_UNDER} > $1 ORDER BY {_UNDER} LIMIT 1",
                last,
            ):
                last = row["id"]
                found.add(last)
        return found

    async def counts(self) -> dict[str, int]:
        """How many values are sealed under each key, by its id."""
        found: dict[str, int] = {}
        for column in SealedColumn:
            rows = await self._db.fetch(
                f"SELECT {_UNDER} AS id, count(*) AS count FROM {column.value[0]} "
                f"WHERE sealed_secret IS NOT NULL GROUP BY {_UNDER}"
            )
            for row in rows:
                found[row["id"]] = found.get(row["id"], 0) + row["count"]
        return found
