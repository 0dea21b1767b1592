"""The history: what was tried, by whom, and how it ended."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from ..domain.entities import Event, EventOutcome
from .named import json_text
from .pages import Page, page_of
from .statements import Row, Statements, instant, values

COLUMNS = (
    "id", "account_id", "name", "at", "request_id", "transport", "principal_id", "principal_arn", "session_id",
    "action", "resources", "outcome", "error_code", "error_message", "ip_address", "user_agent", "parameters",
)  # fmt: skip
_SELECT = f"SELECT seq, {', '.join(COLUMNS)} FROM event"
_INSERT = f"INSERT INTO event ({', '.join(COLUMNS)}) VALUES {values(1, len(COLUMNS))} ON CONFLICT (id) DO NOTHING"


class Events:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, events: Sequence[Event]) -> None:
        """Append the events, in their order. Their `seq` is given here. One whose id is there already stays as it is."""
        if events:
            await self._db.run_many(_INSERT, [_values(event) for event in events])

    async def page(
        self,
        account_id: str,
        *,
        names: Sequence[str] | None = None,
        principal_arn: str | None = None,
        resource: str | None = None,
        outcome: EventOutcome | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int | None,
        limit: int,
    ) -> Page[Event]:
        """A page of an account's events, newest first, behind the event with the `seq` `after`. An event is on it if
        it meets every condition given: its name is one of `names`; it acted on exactly the ARN `resource`; it was at
        `since` or later, and before `until`."""
        args: list[object] = [account_id, limit + 1]
        conditions = ["account_id = $1"]

        def add(condition: str, value: object) -> None:
            if value is not None:
                args.append(value)
                conditions.append(condition.format(f"${len(args)}"))

        add("seq < {}", after)
        add("name = ANY({})", None if names is None else list(names))
        add("principal_arn = {}", principal_arn)
        # What is looked for is a whole element of the JSON array: its quotes are part of it.
        add("replace(resources, {}, '') <> resources", None if resource is None else json_text(resource))
        add("outcome = {}", outcome)
        add("at >= {}", since)
        add("at < {}", until)
        rows = await self._db.fetch(f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY seq DESC LIMIT $2", *args)
        return page_of([_event(row) for row in rows], limit)

    async def forward(self, account_id: str | None, *, since: datetime | None, after: int, limit: int) -> list[Event]:
        """Events of an account, or all, oldest first, behind the one with the `seq` `after`, at `since` or later."""
        args: list[object] = [after, limit]
        conditions = ["seq > $1"]
        for condition, value in (("account_id = ", account_id), ("at >= ", since)):
            if value is not None:
                args.append(value)
                conditions.append(f"{condition}${len(args)}")
        rows = await self._db.fetch(f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY seq LIMIT $2", *args)
        return [_event(row) for row in rows]

    async def chained(self, account_id: str, *, after: int, limit: int) -> list[tuple[int, Event]]:
        """The events of an account's chain behind the number `after`, each with its number, by that. INVARIANT: numbers are
        given after the commit and leave none out, so whoever goes on behind the last one misses nothing."""
        rows = await self._db.fetch(
            "SELECT l.number, e.* FROM event_link l JOIN event e ON e.seq = l.seq "
            "WHERE l.chain = $1 AND l.number > $2 AND e.account_id = $1 ORDER BY l.number LIMIT $3",
            account_id, after, limit,
        )  # fmt: skip
        return [(row["number"], _event(row)) for row in rows]

    async def by_ids(self, ids: Sequence[str]) -> dict[str, Event]:
        """Those of the events that exist, of any account."""
        rows = await self._db.fetch(f"{_SELECT} WHERE id = ANY($1)", list(ids))
        return {row["id"]: _event(row) for row in rows}


def _values(event: Event) -> tuple[object, ...]:
    return (
        event.id,
        event.account_id,
        event.name,
        event.at,
        event.request_id,
        event.transport,
        event.principal_id,
        event.principal_arn,
        event.session_id,
        event.action,
        json_text(event.resources),
        event.outcome,
        event.error_code,
        event.error_message,
        event.ip_address,
        event.user_agent,
        event.parameters,
    )


def _event(row: Row) -> Event:
    return Event(
        id=row["id"],
        seq=row["seq"],
        account_id=row["account_id"],
        name=row["name"],
        at=instant(row["at"]),
        request_id=row["request_id"],
        transport=row["transport"],
        principal_id=row["principal_id"],
        principal_arn=row["principal_arn"],
        session_id=row["session_id"],
        action=row["action"],
        resources=tuple(orjson.loads(row["resources"])),
        outcome=EventOutcome(row["outcome"]),
        error_code=row["error_code"],
        error_message=row["error_message"],
        ip_address=row["ip_address"],
        user_agent=row["user_agent"],
        parameters=row["parameters"],
    )
