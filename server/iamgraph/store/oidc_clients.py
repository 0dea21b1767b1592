"""What this server is registered as with OpenID Connect providers, and the sign-ins that are under way at them."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from ..domain.providers import OidcClient, SignInFlow
from .named import json_text
from .statements import Row, Statements, insert, instant

_FLOW = "id, provider_id, browser_hash, nonce, verifier, next_path, expires_at"
_COLUMNS = "c.provider_id, p.account_id, c.client_id, c.sealed_secret, c.scopes, c.mfa_values, c.created_at"


class OidcClients:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def of(self, provider_ids: Sequence[str]) -> dict[str, OidcClient]:
        """Those of the providers' clients that there are, by provider."""
        rows = await self._db.fetch(
            f"SELECT {_COLUMNS} FROM oidc_client c JOIN oidc_provider p ON p.id = c.provider_id "
            "WHERE c.provider_id = ANY($1)",
            list(provider_ids),
        )
        return {row["provider_id"]: _client(row) for row in rows}

    async def sealed_secret(self, provider_id: str) -> str | None:
        """None where the client has no secret, or there is none."""
        row = await self._db.one("SELECT sealed_secret FROM oidc_client WHERE provider_id = $1", provider_id)
        return row["sealed_secret"] if row else None

    async def put(self, client: OidcClient, sealed_secret: str | None) -> None:
        """In place of the one that the provider has."""
        await self.delete(client.provider_id)
        row = {
            "provider_id": client.provider_id,
            "client_id": client.client_id,
            "sealed_secret": sealed_secret,
            "scopes": json_text(client.scopes),
            "mfa_values": json_text(client.mfa_values),
            "created_at": client.created_at,
        }
        sql, args = insert("oidc_client", row)
        await self._db.run(sql, *args)

    async def delete(self, provider_id: str) -> bool:
        """Whether there was one."""
        return await self._db.run("DELETE FROM oidc_client WHERE provider_id = $1", provider_id) > 0


class SignInFlows:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, flow: SignInFlow, at: datetime) -> None:
        """And forget those whose time is over."""
        await self._db.run("DELETE FROM sign_in_flow WHERE expires_at <= $1", at)
        row = {
            "id": flow.id,
            "provider_id": flow.provider_id,
            "browser_hash": flow.browser_hash,
            "nonce": flow.nonce,
            "verifier": flow.verifier,
            "next_path": flow.next_path,
            "expires_at": flow.expires_at,
        }
        sql, args = insert("sign_in_flow", row)
        await self._db.run(sql, *args)

    async def of(self, id: str) -> SignInFlow | None:
        """The flow, which stays; None where there is none."""
        row = await self._db.one(f"SELECT {_FLOW} FROM sign_in_flow WHERE id = $1", id)
        return _flow(row) if row else None

    async def take(self, id: str, at: datetime) -> bool:
        """Whether there was one and its time is not over: it is gone with that, so that of many that ask one is told so."""
        rows = await self._db.fetch("DELETE FROM sign_in_flow WHERE id = $1 RETURNING expires_at", id)
        return bool(rows) and instant(rows[0]["expires_at"]) > at


class OidcLogins:
    """Role sessions that began in a browser, at a provider; each with the provider's own id of the sign-in, where it has
    one, and its token, sealed, with which the provider can be asked to end it."""

    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, session_id: str, provider_id: str, provider_session: str | None, sealed_token: str) -> None:
        row = {
            "session_id": session_id,
            "provider_id": provider_id,
            "provider_session": provider_session,
            "sealed_secret": sealed_token,
        }
        sql, args = insert("oidc_login", row)
        await self._db.run(sql, *args)

    async def sealed_token(self, session_id: str) -> str | None:
        row = await self._db.one("SELECT sealed_secret FROM oidc_login WHERE session_id = $1", session_id)
        return row["sealed_secret"] if row else None

    async def sessions(
        self, provider_id: str, *, subject: str | None, provider_session: str | None, at: datetime
    ) -> list[str]:
        """The ids of the sessions of a subject, or of one sign-in of the provider's, that are valid at `at`."""
        rows = await self._db.fetch(
            "SELECT s.id FROM session s JOIN oidc_login l ON l.session_id = s.id WHERE s.provider_id = $1 "
            "AND ($2::text = '' OR s.subject = $2::text) AND ($3::text = '' OR l.provider_session = $3::text) "
            "AND s.revoked_at IS NULL AND s.expires_at > $4 ORDER BY s.id",
            provider_id,
            subject or "",
            provider_session or "",
            at,
        )
        return [row["id"] for row in rows]


def _client(row: Row) -> OidcClient:
    return OidcClient(
        provider_id=row["provider_id"],
        account_id=row["account_id"],
        client_id=row["client_id"],
        is_confidential=row["sealed_secret"] is not None,
        scopes=tuple(orjson.loads(row["scopes"])),
        mfa_values=tuple(orjson.loads(row["mfa_values"])),
        created_at=instant(row["created_at"]),
    )


def _flow(row: Row) -> SignInFlow:
    return SignInFlow(
        id=row["id"],
        provider_id=row["provider_id"],
        browser_hash=row["browser_hash"],
        nonce=row["nonce"],
        verifier=row["verifier"],
        next_path=row["next_path"],
        expires_at=instant(row["expires_at"]),
    )
