"""The links over the history's events, and the heads of its chains."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from ..domain.chain import Anchor, Content, Head, Link, chain_of
from .events import COLUMNS, LATER_COLUMNS
from .statements import Row, Statements, instant, instant_or_none, utc, values

SEALING_LOCK = 0x1A36_5EA1
_LINK = ("seq", "event_id", "chain", "number", "link", "key_id")
_HEAD = ("chain", "count", "link", "at", "horizon", "key_id", "signature")
_ANCHOR = ("chain", "number", "link", "at", "key_id", "signature")
_WIDTH = 1 + len(COLUMNS) + len(LATER_COLUMNS)
_CONTENT = ", ".join(f"e.{column}" for column in ("seq", *COLUMNS, *LATER_COLUMNS))
_JSON = json.JSONEncoder(separators=(",", ":")).encode
_link_values = attrgetter(*_LINK)
_UNSEALED = "FROM event e WHERE e.seq > $1 AND NOT EXISTS (SELECT 1 FROM event_link l WHERE l.seq = e.seq)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writers:
    """Who may still commit an event with a `seq` up to `last`: none but these transactions."""

    last: int
    transactions: frozenset[str]


class Chains:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def take_turn(self, *, wait: bool = False) -> bool:
        """Whether this transaction may seal: no other one does until it ends. With `wait` it may, once the other one is
        done. On SQLite every writer is alone."""
        if self._db.dialect == "sqlite":
            return True
        if wait:
            await self._db.fetch("SELECT pg_advisory_xact_lock($1)", SEALING_LOCK)
            return True
        row = await self._db.one("SELECT pg_try_advisory_xact_lock($1) AS taken", SEALING_LOCK)
        return bool(row and row["taken"])

    async def writers(self) -> Writers:
        """How far the numbering of events has come, and which transactions were writing events then.

        INVARIANT: once none of these is under way any more, every event with a `seq` up to `last` that will ever be is
        there to see. PostgreSQL numbers a row before it is committed, so that a lower number may come after a higher
        one; but whoever takes a number has locked the table first, and holds the lock until its transaction is over.
        """
        if self._db.dialect == "sqlite":
            row = await self._db.one("SELECT COALESCE(max(seq), 0) AS last FROM event")
            return Writers(last=row["last"] if row else 0, transactions=frozenset())
        # The number first: a lock that is gone when it is looked for was held by somebody who is done.
        row = await self._db.one(
            "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence('event', 'seq')::regclass), 0) AS last"
        )
        held = await self._db.fetch(
            "SELECT DISTINCT virtualtransaction AS id FROM pg_locks WHERE mode = 'RowExclusiveLock' AND granted "
            "AND relation = 'event'::regclass "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return Writers(last=row["last"] if row else 0, transactions=frozenset(lock["id"] for lock in held))

    async def unsealed(self, after: int, limit: int) -> list[Content]:
        """The first events behind the `seq` `after` that have no link, by their `seq`."""
        rows = await self._db.fetch(f"SELECT {_CONTENT} {_UNSEALED} ORDER BY e.seq LIMIT $2", after, limit)
        return [content_of(row) for row in rows]

    async def count_unsealed(self, after: int) -> int:
        row = await self._db.one(f"SELECT count(*) AS count {_UNSEALED}", after)
        return int(row["count"]) if row else 0

    async def backlog(self, after: int, limit: int) -> tuple[int, datetime | None]:
        """How many events behind the seq `after` have no link, counted up to `limit`; and when the first was."""
        row = await self._db.one(
            f"SELECT count(*) AS count, min(e.at) AS at FROM (SELECT e.at {_UNSEALED} ORDER BY e.seq LIMIT $2) AS e",
            after,
            limit,
        )
        return (int(row["count"]), instant_or_none(row["at"])) if row else (0, None)

    async def missed(self, horizon: int) -> list[Content]:
        """Events without a link where every event has one: nobody but this program numbers events, so somebody else put
        these there."""
        below = f"SELECT {_CONTENT} {_UNSEALED} AND e.seq <= $2 ORDER BY e.seq"
        return [content_of(row) for row in await self._db.fetch(below, -(2**63), horizon)]

    async def add(self, links: Sequence[Link]) -> None:
        sql = f"INSERT INTO event_link ({', '.join(_LINK)}) VALUES {values(1, len(_LINK))}"
        await self._db.run_many(sql, [_link_values(link) for link in links])

    async def set_head(self, head: Head) -> None:
        changed = ", ".join(f"{column} = excluded.{column}" for column in _HEAD[1:])
        await self._db.run(
            f"INSERT INTO chain_head ({', '.join(_HEAD)}) VALUES {values(1, len(_HEAD))} "
            f"ON CONFLICT (chain) DO UPDATE SET {changed}",
            *(getattr(head, column) for column in _HEAD),
        )

    async def heads(self, chains: Sequence[str]) -> dict[str, Head]:
        """The heads of those of the chains that have one."""
        rows = await self._db.fetch("SELECT * FROM chain_head WHERE chain = ANY($1)", list(chains))
        return {head.chain: head for head in map(_head, rows)}

    async def all_heads(self) -> dict[str, Head]:
        rows = await self._db.fetch("SELECT * FROM chain_head ORDER BY chain")
        return {head.chain: head for head in map(_head, rows)}

    async def heads_under(self, key_ids: Sequence[str]) -> list[Head]:
        """The heads that name one of these master keys."""
        return [
            _head(row) for row in await self._db.fetch("SELECT * FROM chain_head WHERE key_id = ANY($1)", list(key_ids))
        ]

    async def announce(self, chains: Sequence[str]) -> None:
        """Tell all who listen to the store, once this is committed, that these chains have grown."""
        await self._db.announce(chains)

    async def length(self, chain: str) -> int:
        """The number of the chain's last link; 0 where it has none."""
        row = await self._db.one("SELECT COALESCE(max(number), 0) AS number FROM event_link WHERE chain = $1", chain)
        return int(row["number"]) if row else 0

    async def anchors(self) -> dict[str, Anchor]:
        """The anchors of the chains that do not begin with their first event any more."""
        rows = await self._db.fetch("SELECT * FROM chain_anchor ORDER BY chain")
        return {anchor.chain: anchor for anchor in map(_anchor, rows)}

    async def set_anchor(self, anchor: Anchor) -> None:
        changed = ", ".join(f"{column} = excluded.{column}" for column in _ANCHOR[1:])
        await self._db.run(
            f"INSERT INTO chain_anchor ({', '.join(_ANCHOR)}) VALUES {values(1, len(_ANCHOR))} "
            f"ON CONFLICT (chain) DO UPDATE SET {changed}",
            *(getattr(anchor, column) for column in _ANCHOR),
        )

    async def begin_before(self, at: datetime) -> list[str]:
        """The chains whose first event that is still there is of before `at`."""
        rows = await self._db.fetch(
            "SELECT h.chain FROM chain_head h LEFT JOIN chain_anchor a ON a.chain = h.chain "
            "JOIN event_link l ON l.chain = h.chain AND l.number = COALESCE(a.number, 0) + 1 "
            "JOIN event e ON e.seq = l.seq WHERE e.at < $1 ORDER BY h.chain",
            at,
        )
        return [_text(row["chain"]) for row in rows]

    async def drop(self, chain: str, after: int, last: int) -> None:
        """Take the events of a chain behind the number `after`, up to `last`, away with their links."""
        within = "chain = $1 AND number > $2 AND number <= $3"
        of = f"SELECT seq FROM event_link WHERE {within}"
        await self._db.run(f"DELETE FROM event WHERE seq IN ({of})", chain, after, last)
        await self._db.run(f"DELETE FROM event_link WHERE {within}", chain, after, last)

    async def names(self) -> list[str]:
        """Every chain that has a link."""
        return [_text(row["chain"]) for row in await self._db.fetch("SELECT DISTINCT chain FROM event_link")]

    async def links(self, chain: str, after: int, limit: int) -> list[tuple[Link, Content | None]]:
        """Links behind the number `after`, by their number, with the event of each, or None where it is gone."""
        columns = ", ".join(f"l.{column} AS link_{column}" for column in _LINK)
        rows = await self._db.fetch(
            f"SELECT {columns}, {_CONTENT} FROM event_link l LEFT JOIN event e ON e.seq = l.seq "
            "WHERE l.chain = $1 AND l.number > $2 ORDER BY l.number LIMIT $3",
            chain, after, limit,
        )  # fmt: skip
        return [(_link(row, "link_"), None if row["seq"] is None else content_of(row)) for row in rows]


def content_of(row: Row) -> Content:
    """The event as it is chained: its columns as they are in the table, times alike on both stores.

    INVARIANT: an event that was sealed before the later columns came has the octets that it had then, and nothing else
    has them. Those columns are in an object behind the others, by name and only where they are not null, so that the
    length of the array tells whether there is one, and the object which they are.
    """
    # By their places, at the end of the row: to find each by its name takes SQLite longer than all the rest.
    values = [value if value is None or type(value) is str else _plain(value) for value in tuple(row)[-_WIDTH:]]
    parts, later_values = values[: 1 + len(COLUMNS)], values[1 + len(COLUMNS) :]
    later = {column: value for column, value in zip(LATER_COLUMNS, later_values, strict=True) if value is not None}
    octets = _JSON([*parts, later] if later else parts).encode()
    account_id = row["account_id"]
    chain = chain_of(None if account_id is None else _text(account_id))
    return Content(seq=row["seq"], event_id=_text(row["id"]), chain=chain, at=_instant(row["at"]), octets=octets)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return utc(value).isoformat(timespec="microseconds")
    # SQLite keeps bytes where text belongs, if somebody puts them there.
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


def _link(row: Row, prefix: str = "") -> Link:
    return Link(
        seq=row[f"{prefix}seq"],
        event_id=_text(row[f"{prefix}event_id"]),
        chain=_text(row[f"{prefix}chain"]),
        number=_whole(row[f"{prefix}number"]),
        link=_text(row[f"{prefix}link"]),
        key_id=_text(row[f"{prefix}key_id"]),
    )


def _head(row: Row) -> Head:
    return Head(
        chain=_text(row["chain"]),
        count=_whole(row["count"]),
        link=_text(row["link"]),
        at=_instant(row["at"]),
        horizon=_whole(row["horizon"]),
        key_id=_text(row["key_id"]),
        signature=_text(row["signature"]),
    )


def _anchor(row: Row) -> Anchor:
    return Anchor(
        chain=_text(row["chain"]),
        number=_whole(row["number"]),
        link=_text(row["link"]),
        at=_instant(row["at"]),
        key_id=_text(row["key_id"]),
        signature=_text(row["signature"]),
    )


# SQLite keeps anything in any column. What somebody has put there must not keep the rest from being checked, so it is
# read as something that was never sealed.


def _text(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text.encode("utf-8", "backslashreplace").decode()


def _whole(value: object) -> int:
    return value if isinstance(value, int) else -1


def _instant(value: object) -> datetime:
    try:
        return instant(value)
    except (ValueError, TypeError, AttributeError):
        return datetime.min.replace(tzinfo=UTC)
