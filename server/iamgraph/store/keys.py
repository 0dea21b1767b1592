"""Long-term access keys and their sealed secrets."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..domain.entities import AccessKey, Account, KeyStatus, User
from .accounts import JOINED_ACCOUNT, account_of
from .pages import grouped
from .remembered import Remembered
from .statements import Row, Statements, insert, instant
from .users import USER_COLUMNS, user_of

_COLUMNS = "id, account_id, owner_id, status, created_at"
_WITH_OWNER = (
    f"SELECT k.id AS key, {USER_COLUMNS}, {JOINED_ACCOUNT}, k.sealed_secret, "
    f"{', '.join(f'k.{column} AS k_{column}' for column in _COLUMNS.split(', '))} "
    "FROM access_key k JOIN account a ON a.id = k.account_id LEFT JOIN iam_user e ON e.id = k.owner_id "
    "WHERE k.id = ANY($1)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedKey:
    """A key, its secret, sealed, and whom it speaks for: a user, or the account's root (`user` is None)."""

    key: AccessKey
    sealed_secret: str = field(repr=False)
    account: Account
    user: User | None


class Keys:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, key: AccessKey, sealed_secret: str) -> None:
        row = {
            "id": key.id,
            "account_id": key.account_id,
            "owner_id": key.owner_id,
            "user_id": None if key.owner_id == key.account_id else key.owner_id,
            "status": key.status,
            "sealed_secret": sealed_secret,
            "created_at": key.created_at,
        }
        sql, args = insert("access_key", row)
        await self._db.run(sql, *args)

    async def get(self, ids: Sequence[str]) -> dict[str, AccessKey]:
        """Those of the keys that exist, by id."""
        rows = await self._db.fetch(f"SELECT {_COLUMNS} FROM access_key WHERE id = ANY($1)", list(ids))
        return {row["id"]: _key(row) for row in rows}

    async def with_owner(self, id: str) -> OwnedKey | None:
        """The key and whom it speaks for, in one statement; None where there is no such key, or its user is gone. Whether
        the key is active, or the account closed, is for the caller to see."""
        row = await self._db.look_up(_WITH_OWNER, id)
        return _OWNED.of(id, row) if row else None

    async def of(self, owner_ids: Sequence[str]) -> dict[str, tuple[AccessKey, ...]]:
        """The keys of each user or root, oldest first."""
        rows = await self._db.fetch(
            f"SELECT {_COLUMNS} FROM access_key WHERE owner_id = ANY($1) ORDER BY created_at, id", list(owner_ids)
        )
        return grouped(owner_ids, ((row["owner_id"], _key(row)) for row in rows))

    async def set_status(self, id: str, status: KeyStatus) -> None:
        await self._db.run("UPDATE access_key SET status = $2 WHERE id = $1", id, status)

    async def delete(self, id: str) -> bool:
        """Whether there was one."""
        return await self._db.run("DELETE FROM access_key WHERE id = $1", id) > 0

    async def sealed_secret(self, id: str) -> str | None:
        row = await self._db.one("SELECT sealed_secret FROM access_key WHERE id = $1", id)
        return row["sealed_secret"] if row else None


def _key(row: Row, prefix: str = "") -> AccessKey:
    return AccessKey(
        id=row[f"{prefix}id"],
        account_id=row[f"{prefix}account_id"],
        owner_id=row[f"{prefix}owner_id"],
        status=KeyStatus(row[f"{prefix}status"]),
        created_at=instant(row[f"{prefix}created_at"]),
    )


def _owned_key(row: Row) -> OwnedKey | None:
    if row["id"] is None and row["k_owner_id"] != row["k_account_id"]:
        return None
    return OwnedKey(
        key=_key(row, "k_"),
        sealed_secret=row["sealed_secret"],
        account=account_of(row, "a_"),
        user=user_of(row) if row["id"] is not None else None,
    )


_OWNED = Remembered(_owned_key)
