"""Accounts, their roots' passwords and their password policies."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..domain.entities import Account, PasswordPolicy
from ..domain.errors import EntityAlreadyExists
from .failures import Duplicate
from .pages import Page, page_of
from .statements import Row, Statements, insert, instant, instant_or_none

ACCOUNT_COLUMNS = "id, alias, root_email, is_operator, created_at, closed_at, revision, root_password_last_used_at"
JOINED_ACCOUNT = ", ".join(f"a.{column} AS a_{column}" for column in ACCOUNT_COLUMNS.split(", "))
"""The same columns of an account called `a`, beside those of other tables."""


def account_of(row: Row, prefix: str = "") -> Account:
    """The account in columns that may have a prefix, as where a statement joins tables."""
    return Account(
        id=row[f"{prefix}id"],
        alias=row[f"{prefix}alias"],
        root_email=row[f"{prefix}root_email"],
        is_operator=bool(row[f"{prefix}is_operator"]),
        created_at=instant(row[f"{prefix}created_at"]),
        closed_at=instant_or_none(row[f"{prefix}closed_at"]),
        revision=row[f"{prefix}revision"],
        root_password_last_used_at=instant_or_none(row[f"{prefix}root_password_last_used_at"]),
    )


class Accounts:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def get(self, ids: Sequence[str]) -> dict[str, Account]:
        """Those of the accounts that exist, closed ones too."""
        return {account.id: account for account in await self._where("id = ANY($1)", list(ids))}

    async def by_alias(self, alias: str) -> Account | None:
        return next(iter(await self._where("alias = $1", alias)), None)

    async def by_root_email(self, email: str) -> Account | None:
        """The account whose root has the address, whatever its case."""
        return next(iter(await self._where("root_email_key = $1", email.lower())), None)

    async def operator(self) -> Account | None:
        """The account that runs this server, or None before it was set up."""
        return next(iter(await self._where("is_operator")), None)

    async def page(self, after: str | None, limit: int) -> Page[Account]:
        """A page by id."""
        return page_of(await self._where("id > $1 ORDER BY id LIMIT $2", after or "", limit + 1), limit)

    async def add(self, account: Account, *, root_password_hash: str) -> None:
        """Raises EntityAlreadyExists for an id, an alias, an e-mail address or the operator's place that is taken."""
        row = {
            "id": account.id,
            "alias": account.alias,
            "root_email": account.root_email,
            "root_email_key": account.root_email.lower(),
            "root_password_hash": root_password_hash,
            "is_operator": True if account.is_operator else None,
            "created_at": account.created_at,
            "closed_at": account.closed_at,
            "revision": account.revision,
        }
        sql, args = insert("account", row, skip_duplicates=True)
        if not await self._db.run(sql, *args):
            raise EntityAlreadyExists(await self._taken(account))

    async def _taken(self, account: Account) -> str:
        if await self.get([account.id]):
            return f"Account {account.id} already exists."
        if account.alias is not None and await self.by_alias(account.alias):
            return _alias_taken(account.alias)
        if await self.by_root_email(account.root_email):
            return f"An account with the email {account.root_email} already exists."
        return "An operator account already exists."

    async def set_alias(self, account_id: str, alias: str | None) -> None:
        """Raises EntityAlreadyExists where another account has the alias."""
        try:
            await self._db.run_or_duplicate("UPDATE account SET alias = $2 WHERE id = $1", account_id, alias)
        except Duplicate:
            raise EntityAlreadyExists(_alias_taken(alias or "")) from None

    async def root_password_hash(self, account_id: str, *, hold: bool = False) -> str | None:
        """With `hold` nobody else can change it until this transaction ends."""
        sql = "SELECT root_password_hash AS hash FROM account WHERE id = $1" + (" FOR NO KEY UPDATE" if hold else "")
        row = await self._db.one(sql, account_id)
        return row["hash"] if row else None

    async def set_root_password(self, account_id: str, hash: str) -> None:
        await self._db.run("UPDATE account SET root_password_hash = $2 WHERE id = $1", account_id, hash)

    async def used_root_password(self, account_id: str, at: datetime) -> None:
        await self._db.run("UPDATE account SET root_password_last_used_at = $2 WHERE id = $1", account_id, at)

    async def close(self, account_id: str, at: datetime) -> None:
        """Mark the account as closed. The time of an earlier closing stays."""
        await self._db.run("UPDATE account SET closed_at = COALESCE(closed_at, $2) WHERE id = $1", account_id, at)

    async def lock(self, account_id: str) -> int:
        """Take the account until the transaction ends, and say that decisions may change: its new revision. Every other
        transaction that locks it waits. KeyError where there is no such account."""
        rows = await self._db.seek(
            "UPDATE account SET revision = revision + 1 WHERE id = $1 RETURNING revision", account_id
        )
        if not rows:
            raise KeyError(account_id)
        return int(rows[0]["revision"])

    async def hold(self, account_id: str) -> None:
        """`lock`, for what alters no decision: the revision stays. KeyError where there is no such account."""
        if not await self._db.seek("SELECT id FROM account WHERE id = $1 FOR NO KEY UPDATE", account_id):
            raise KeyError(account_id)

    async def lock_all(self, account_ids: Sequence[str]) -> None:
        """`lock` for several, in the order of their ids, so that two who do this never wait for each other."""
        await self._db.fetch(
            "SELECT id FROM account WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", list(account_ids)
        )
        await self._db.run("UPDATE account SET revision = revision + 1 WHERE id = ANY($1)", list(account_ids))

    async def revision(self, account_id: str) -> int:
        """KeyError where there is no such account."""
        row = await self._db.one("SELECT revision FROM account WHERE id = $1", account_id)
        if row is None:
            raise KeyError(account_id)
        return int(row["revision"])

    async def password_policy(self, account_id: str) -> PasswordPolicy | None:
        """The account's own password policy, or None where it has none."""
        row = await self._db.one(
            "SELECT minimum_length, require_symbols, require_numbers, require_uppercase, require_lowercase, "
            "allow_users_to_change, max_age_days, reuse_prevention, hard_expiry "
            "FROM password_policy WHERE account_id = $1",
            account_id,
        )
        return None if row is None else _policy(row)

    async def set_password_policy(self, account_id: str, policy: PasswordPolicy | None) -> None:
        """Replace the account's password policy; None removes it."""
        await self._db.run("DELETE FROM password_policy WHERE account_id = $1", account_id)
        if policy is not None:
            row = {
                "account_id": account_id,
                "minimum_length": policy.minimum_length,
                "require_symbols": policy.require_symbols,
                "require_numbers": policy.require_numbers,
                "require_uppercase": policy.require_uppercase,
                "require_lowercase": policy.require_lowercase,
                "allow_users_to_change": policy.allow_users_to_change,
                "max_age_days": policy.max_age_days,
                "reuse_prevention": policy.reuse_prevention,
                "hard_expiry": policy.hard_expiry,
            }
            sql, args = insert("password_policy", row)
            await self._db.run(sql, *args)

    async def _where(self, condition: str, *args: object) -> list[Account]:
        rows = await self._db.fetch(f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE {condition}", *args)
        return [account_of(row) for row in rows]


def _alias_taken(alias: str) -> str:
    return f"The account alias {alias} already exists."


def _policy(row: Row) -> PasswordPolicy:
    return PasswordPolicy(
        minimum_length=row["minimum_length"],
        require_symbols=bool(row["require_symbols"]),
        require_numbers=bool(row["require_numbers"]),
        require_uppercase=bool(row["require_uppercase"]),
        require_lowercase=bool(row["require_lowercase"]),
        allow_users_to_change=bool(row["allow_users_to_change"]),
        max_age_days=row["max_age_days"],
        reuse_prevention=row["reuse_prevention"],
        hard_expiry=bool(row["hard_expiry"]),
    )
