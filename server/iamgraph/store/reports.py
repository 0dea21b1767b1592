"""Reports: asked for, taken by one process to be made, finished, read, and removed."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..domain.reports import Report, ReportKind, ReportState
from .statements import Row, Statements, insert, instant, instant_or_none

_COLUMNS = "id, account_id, kind, requested_by, parameters, state, requested_at, finished_at, content"
_DUE = "state = 'STARTED' AND (held_until IS NULL OR held_until <= $1)"


class Reports:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, report: Report) -> None:
        row = {
            "id": report.id,
            "account_id": report.account_id,
            "kind": report.kind,
            "requested_by": report.requested_by,
            "parameters": report.parameters,
            "state": report.state,
            "requested_at": report.requested_at,
            "finished_at": report.finished_at,
            "content": report.content,
        }
        sql, args = insert("report", row)
        await self._db.run(sql, *args)

    async def get(self, ids: Sequence[str]) -> dict[str, Report]:
        """Those of the reports that exist, of any account."""
        rows = await self._db.fetch(f"SELECT {_COLUMNS} FROM report WHERE id = ANY($1)", list(ids))
        return {row["id"]: _report(row) for row in rows}

    async def latest(self, account_id: str, kind: ReportKind) -> Report | None:
        """The one of an account that was asked for last."""
        row = await self._db.one(
            f"SELECT {_COLUMNS} FROM report WHERE account_id = $1 AND kind = $2 ORDER BY requested_at DESC, id LIMIT 1",
            account_id,
            kind,
        )
        return _report(row) if row is not None else None

    async def count(self, account_id: str) -> int:
        row = await self._db.one("SELECT count(*) AS n FROM report WHERE account_id = $1", account_id)
        return int(row["n"]) if row else 0

    async def is_any_due(self, now: datetime) -> bool:
        """Whether one is to be made that no process is making."""
        return bool(await self._db.fetch(f"SELECT id FROM report WHERE {_DUE} LIMIT 1", now))

    async def take(self, now: datetime, until: datetime) -> Report | None:
        """The one that has waited longest to be made, which nobody else is given before `until`."""
        row = await self._db.one(
            f"UPDATE report SET held_until = $2 WHERE id = (SELECT id FROM report WHERE {_DUE} "
            f"ORDER BY requested_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) RETURNING {_COLUMNS}",
            now,
            until,
        )
        return _report(row) if row is not None else None

    async def hold(self, id: str, until: datetime) -> None:
        """Go on making one that was taken."""
        await self._db.run("UPDATE report SET held_until = $2 WHERE id = $1 AND state = 'STARTED'", id, until)

    async def finish(self, id: str, state: ReportState, content: str | None, at: datetime) -> None:
        """What came of one. Where two processes made it, the first one's stays."""
        await self._db.run(
            "UPDATE report SET state = $2, content = $3, finished_at = $4 WHERE id = $1 AND state = 'STARTED'",
            id, state, content, at,
        )  # fmt: skip

    async def drop(self, before: datetime) -> int:
        """Remove those that were asked for before then; how many there were."""
        return await self._db.run("DELETE FROM report WHERE requested_at < $1", before)


def _report(row: Row) -> Report:
    return Report(
        id=row["id"],
        account_id=row["account_id"],
        kind=ReportKind(row["kind"]),
        requested_by=row["requested_by"],
        parameters=row["parameters"],
        state=ReportState(row["state"]),
        requested_at=instant(row["requested_at"]),
        finished_at=instant_or_none(row["finished_at"]),
        content=row["content"],
    )
