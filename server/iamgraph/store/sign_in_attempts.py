"""Attempts to sign in with identity providers, beside their events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..domain.entities import Event, EventOutcome
from ..domain.mapping.attempt import Attempt
from ..domain.providers import SignInAttempt
from .pages import Page, page_of
from .statements import Row, Statements, instant

KEPT_PROVEN, KEPT_UNPROVEN = 1000, 200
"""How many of a provider's are kept, the newest. Strangers can make the others, and must not push these out."""

_SELECT = (
    "SELECT a.id, e.account_id, a.provider_id, a.subject, a.said, a.at, e.request_id, e.outcome, e.error_message,"
    " e.ip_address FROM sign_in_attempt a JOIN event e ON e.id = a.id "
)


class SignInAttempts:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, events: Sequence[Event]) -> None:
        """Keep the attempts of those events that have one and an account, and forget the oldest of their providers."""
        found = [
            (event, event.attempt) for event in events if event.attempt is not None and event.account_id is not None
        ]
        await self._db.run_many(
            "INSERT INTO sign_in_attempt (id, provider_id, at, is_proven, subject, said) VALUES ($1, $2, $3, $4, $5, $6) "
            "ON CONFLICT (id) DO NOTHING",
            [
                (event.id, one.provider_id, event.at, one.subject is not None, one.subject, one.said)
                for event, one in found
            ],
        )
        for provider_id, is_proven in {(one.provider_id, one.subject is not None): None for _, one in found}:
            await self._db.run(
                "DELETE FROM sign_in_attempt WHERE provider_id = $1 AND is_proven = $2 AND at < (SELECT at FROM"
                " sign_in_attempt WHERE provider_id = $1 AND is_proven = $2 ORDER BY at DESC LIMIT 1 OFFSET $3)",
                provider_id,
                is_proven,
                (KEPT_PROVEN if is_proven else KEPT_UNPROVEN) - 1,
            )

    async def page(self, provider_id: str, *, after: tuple[datetime, str] | None, limit: int) -> Page[SignInAttempt]:
        """A provider's, newest first, behind the one with this time and id."""
        behind = "" if after is None else "AND (a.at, a.id) < ($3, $4) "
        rows = await self._db.fetch(
            f"{_SELECT}WHERE a.provider_id = $1 {behind}ORDER BY a.at DESC, a.id DESC LIMIT $2",
            provider_id,
            limit + 1,
            *(after or ()),
        )
        return page_of([_attempt(row) for row in rows], limit)

    async def by_ids(self, ids: Sequence[str]) -> dict[str, SignInAttempt]:
        """Those that are there, of any account."""
        rows = await self._db.fetch(f"{_SELECT}WHERE a.id = ANY($1)", list(ids)) if ids else ()
        return {row["id"]: _attempt(row) for row in rows}

    async def forget(self, provider_id: str) -> None:
        await self._db.run("DELETE FROM sign_in_attempt WHERE provider_id = $1", provider_id)


def _attempt(row: Row) -> SignInAttempt:
    return SignInAttempt(
        id=row["id"],
        account_id=row["account_id"],
        attempt=Attempt(provider_id=row["provider_id"], subject=row["subject"], said=row["said"]),
        at=instant(row["at"]),
        request_id=row["request_id"],
        outcome=EventOutcome(row["outcome"]),
        reason=row["error_message"],
        ip_address=row["ip_address"],
    )
