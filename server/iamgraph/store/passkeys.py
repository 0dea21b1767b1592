"""Passkeys, and which challenges they have answered."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime

from ..domain.errors import EntityAlreadyExists
from ..domain.passkeys import Passkey
from .pages import grouped
from .statements import Row, Statements, insert, instant
from .users import USER_COLUMNS, user_of

_OWN = "id, account_id, owner_id, name, credential_id, public_key, sign_count, transports, enabled_at"
_COLUMNS = f"{USER_COLUMNS}, {', '.join(f'p.{column} AS p_{column}' for column in _OWN.split(', '))}"
_SELECT = f"SELECT {_COLUMNS} FROM passkey p LEFT JOIN iam_user e ON e.id = p.user_id"


class Passkeys:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, passkey: Passkey) -> None:
        """Raises EntityAlreadyExists where the credential is somebody's already, in whatever account."""
        row = {
            "id": passkey.id,
            "account_id": passkey.account_id,
            "owner_id": passkey.owner_id,
            "user_id": passkey.user.id if passkey.user is not None else None,
            "name": passkey.name,
            "credential_id": passkey.credential_id,
            # What has up to 1023 octets is too long for an index of some databases.
            "credential_key": hashlib.sha256(passkey.credential_id.encode()).hexdigest(),
            "public_key": base64.b64encode(passkey.public_key).decode(),
            "sign_count": passkey.sign_count,
            "transports": " ".join(passkey.transports),
            "enabled_at": passkey.enabled_at,
        }
        sql, args = insert("passkey", row, skip_duplicates=True)
        if not await self._db.run(sql, *args):
            raise EntityAlreadyExists(
                "This passkey is registered already: use another authenticator, or a new passkey."
            )

    async def by_ids(self, ids: Sequence[str]) -> dict[str, Passkey]:
        """Those of the passkeys that exist, of any account."""
        return {passkey.id: passkey for passkey in await self._where("p.id = ANY($1)", list(ids))} if ids else {}

    async def of(self, owner_ids: Sequence[str]) -> dict[str, tuple[Passkey, ...]]:
        """The passkeys of each user or root, by serial number."""
        found = sorted(await self._where("p.owner_id = ANY($1)", list(owner_ids)), key=lambda passkey: passkey.arn)
        return grouped(owner_ids, ((passkey.owner_id, passkey) for passkey in found))

    async def count(self, account_id: str) -> int:
        row = await self._db.one("SELECT count(*) AS n FROM passkey WHERE account_id = $1", account_id)
        return int(row["n"]) if row else 0

    async def use(self, id: str, sign_count: int) -> bool:
        """Note what the authenticator has counted. False where it did not count on from the last time, though it counts:
        then there are two of it. INVARIANT: one statement, so that of two at once with one count one succeeds."""
        sql = "UPDATE passkey SET sign_count = $2 WHERE id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))"
        return await self._db.run(sql, id, sign_count) > 0

    async def delete(self, id: str) -> None:
        await self._db.run("DELETE FROM passkey WHERE id = $1", id)

    async def use_challenge(self, challenge: bytes, expires_at: datetime) -> bool:
        """Whether a challenge, which is good until then, is answered for the first time. INVARIANT: of many transactions
        that have it, in whatever process, one commits with True."""
        row = {"id": hashlib.sha256(challenge).hexdigest(), "expires_at": expires_at}
        sql, args = insert("used_challenge", row, skip_duplicates=True)
        return await self._db.run(sql, *args) > 0

    async def forget_challenges(self, at: datetime) -> None:
        """Forget those that are not good any more. Those that another transaction forgets are left to it."""
        await self._db.run(
            "DELETE FROM used_challenge WHERE id IN "
            "(SELECT id FROM used_challenge WHERE expires_at <= $1 FOR NO KEY UPDATE SKIP LOCKED)",
            at,
        )

    async def _where(self, condition: str, *args: object) -> list[Passkey]:
        return [_passkey(row) for row in await self._db.fetch(f"{_SELECT} WHERE {condition}", *args)]


def _passkey(row: Row) -> Passkey:
    return Passkey(
        id=row["p_id"],
        account_id=row["p_account_id"],
        owner_id=row["p_owner_id"],
        user=user_of(row) if row["id"] is not None else None,
        name=row["p_name"],
        credential_id=row["p_credential_id"],
        public_key=base64.b64decode(row["p_public_key"]),
        sign_count=row["p_sign_count"],
        transports=tuple(row["p_transports"].split()),
        enabled_at=instant(row["p_enabled_at"]),
    )
