"""The history: what was tried, by whom, and how it ended."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from ..domain.entities import Change, Event, EventOutcome
from .named import json_text
from .sign_in_attempts import SignInAttempts
from .statements import Row, Statements, instant, values

COLUMNS = (
    "id", "account_id", "name", "at", "request_id", "transport", "principal_id", "principal_arn", "session_id",
    "action", "resources", "outcome", "error_code", "error_message", "ip_address", "user_agent", "parameters",
)  # fmt: skip
LATER_COLUMNS = ("access_key_id", "changes")
"""Columns that came after the first chains were made: see `chains.content_of`."""
_ALL = (*COLUMNS, *LATER_COLUMNS)
_SELECT = f"SELECT seq, {', '.join(_ALL)} FROM event"
_INSERT = f"INSERT INTO event ({', '.join(_ALL)}) VALUES {values(1, len(_ALL))} ON CONFLICT (id) DO NOTHING"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events of an account: those that meet every condition given. The name is one of `names`; it acted on exactly
    the ARN `resource`; it was at `since` or later, and before `until`."""

    names: tuple[str, ...] | None = None
    principal_arn: str | None = None
    access_key_id: str | None = None
    resource: str | None = None
    outcome: EventOutcome | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events, newest first, and whether there are older (`has_next`) and newer ones (`has_previous`) that the filter lets
    through."""

    items: tuple[Event, ...]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """Somebody did something, or tried to, at last at `at`. `first` is the least `seq` of the events that were looked at."""

    principal_id: str | None
    action: str
    at: datetime
    first: int


_NEVER = 2**63 - 1


def _conditions(account_id: str, filter: EventFilter, dialect: str) -> tuple[list[str], list[object]]:
    args: list[object] = [account_id]
    conditions = ["account_id = $1"]
    names, resource = filter.names, filter.resource
    # SQLite knows no sizes: a range of time without an end, mostly a long one, it would read and sort whole for each page.
    # With the plus it reads in the list's order, until the page is full.
    is_open = filter.since is None or filter.until is None
    at = "+at" if is_open and dialect == "sqlite" else "at"
    wanted: tuple[tuple[str, object], ...] = (
        # One name is told apart from many, since both stores then read its index in the list's order.
        ("name = {}", names[0] if names is not None and len(names) == 1 else None),
        ("name = ANY({})", list(names) if names is not None and len(names) != 1 else None),
        ("principal_arn = {}", filter.principal_arn),
        ("access_key_id = {}", filter.access_key_id),
        # What is looked for is a whole element of the JSON array: its quotes are part of it.
        ("replace(resources, {}, '') <> resources", None if resource is None else json_text(resource)),
        ("outcome = {}", filter.outcome),
        (f"{at} >= {{}}", filter.since),
        (f"{at} < {{}}", filter.until),
    )
    for condition, value in wanted:
        if value is not None:
            args.append(value)
            conditions.append(condition.format(f"${len(args)}"))
    return conditions, args


class Events:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, events: Sequence[Event]) -> None:
        """Append the events, in their order. Their `seq` is given here. One whose id is there already stays as it is."""
        if len(events) == 1:
            await self._db.run(_INSERT, *_values(events[0]))
        elif events:
            await self._db.run_many(_INSERT, [_values(event) for event in events])
        if any(event.attempt is not None for event in events):
            await SignInAttempts(self._db).add(events)

    async def page(
        self,
        account_id: str,
        filter: EventFilter,
        *,
        marker: int | None,
        limit: int,
        from_end: bool = False,
    ) -> EventPage:
        """A page of an account's events that the filter lets through, newest first: the first ones behind the event with
        the `seq` `marker`, or, `from_end`, the last ones in front of it."""
        conditions, args = _conditions(account_id, filter, self._db.dialect)

        async def rows(comparison: str, order: str, at_most: int) -> Sequence[Row]:
            given, where = [*args, at_most], conditions
            if marker is not None:
                given.append(marker)
                where = [*conditions, f"seq {comparison} ${len(given)}"]
            sql = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ${len(args) + 1}"
            return await self._db.fetch(sql, *given)

        found = await (rows(">", "ASC", limit + 1) if from_end else rows("<", "DESC", limit + 1))
        passed = False
        if marker is not None:
            passed = bool(await (rows("<=", "DESC", 1) if from_end else rows(">=", "ASC", 1)))
        items, more = [_event(row) for row in found[:limit]], len(found) > limit
        if from_end:
            return EventPage(items=tuple(reversed(items)), has_next=passed, has_previous=more)
        return EventPage(items=tuple(items), has_next=more, has_previous=passed)

    async def last_actions(self, account_id: str, *, before: int | None, limit: int) -> list[Acted]:
        """Of the `limit` events of an account before the one with the `seq` `before`, or the last ones: who did what, once
        each, with the newest time."""
        rows = await self._db.fetch(
            "SELECT c.principal_id, c.action, max(c.at) AS at, min(c.seq) AS seq FROM "
            "(SELECT seq, at, principal_id, action FROM event WHERE account_id = $1 AND seq < $2 "
            "ORDER BY seq DESC LIMIT $3) c "
            "GROUP BY c.principal_id, c.action",
            account_id, before if before is not None else _NEVER, limit,
        )  # fmt: skip
        return [
            Acted(principal_id=row["principal_id"], action=row["action"], at=instant(row["at"]), first=row["seq"])
            for row in rows
        ]

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
        event.access_key_id,
        _changes_text(event.changes),
    )


def _changes_text(changes: Sequence[Change]) -> str | None:
    return json_text([[change.field, change.before, change.after] for change in changes]) if changes else None


def _changes(text: str | None) -> tuple[Change, ...]:
    read = orjson.loads(text) if text else ()
    return tuple(Change(field=field, before=before, after=after) for field, before, after in read)


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
        access_key_id=row["access_key_id"],
        action=row["action"],
        resources=tuple(orjson.loads(row["resources"])),
        outcome=EventOutcome(row["outcome"]),
        error_code=row["error_code"],
        error_message=row["error_message"],
        ip_address=row["ip_address"],
        user_agent=row["user_agent"],
        parameters=row["parameters"],
        changes=_changes(row["changes"]),
    )
