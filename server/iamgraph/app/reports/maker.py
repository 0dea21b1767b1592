"""Makes the reports that were asked for, in the background: whichever process takes one, all can read it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from ...domain.reports import KEPT, Report, ReportKind, ReportState
from ...store.failures import StoreError
from ...store.session import StoreSession
from ..history.sealer import Opens
from ..quotas import ensure
from ..rounds import Rounds
from ..work import Tools, Work
from . import credential_report, service_access

log = logging.getLogger(__name__)
HELD = timedelta(minutes=1)
"""For how long a process is believed to be making what it has taken; while it is, it says so three times as often."""
SWEPT_EVERY = timedelta(hours=1)
Make = Callable[[StoreSession, Tools, Report], Awaitable[str]]
_MAKES: Mapping[ReportKind, Make] = {
    ReportKind.CREDENTIALS: credential_report.made,
    ReportKind.SERVICE_ACCESS: service_access.made,
}


async def ask(work: Work, kind: ReportKind, parameters: str = "") -> Report:
    """Ask for a report. The account is locked, so that its quota holds. Raises LimitExceeded."""
    account_id = work.caller.account_id
    ensure(await work.data.reports.count(account_id), "ReportsPerAccount", work.tools.quotas.reports_per_account)
    report = Report(
        id=str(UUID(bytes=work.tools.entropy(16), version=4)),
        account_id=account_id,
        kind=kind,
        requested_by=work.caller.who.principal_id,
        parameters=parameters,
        state=ReportState.STARTED,
        requested_at=work.now,
    )
    await work.data.reports.add(report)
    return report


class Reporter:
    """Every `every_seconds` it makes what is due, and now and then removes what is old.

    INVARIANT: what was asked for is made, whatever process dies meanwhile: one that a process has taken is free again once
    the process has been silent for `HELD`.
    """

    def __init__(self, tools: Tools, *, reading: Opens, writing: Opens, every_seconds: float = 1.0) -> None:
        self._tools, self._reading, self._writing = tools, reading, writing
        self._swept_at: datetime | None = None
        self._rounds = Rounds("reporter", self.work, every_seconds=every_seconds, trouble="reports are not made")

    def start(self) -> None:
        """Begin. Needs the running loop."""
        self._rounds.start()

    async def close(self) -> None:
        """Stop, after the report under way."""
        await self._rounds.close()

    async def work(self) -> int:
        """Make what is due, and return how many reports there were. Raises what the store raises."""
        await self._sweep()
        made = 0
        while not self._rounds.is_stopping and (report := await self._take()) is not None:
            await self._make(report)
            made += 1
        return made

    async def _take(self) -> Report | None:
        now = self._tools.clock()
        async with self._reading() as data:
            if not await data.reports.is_any_due(now):
                return None
        async with self._writing() as data:
            return await data.reports.take(now, now + HELD)

    async def _make(self, report: Report) -> None:
        done = asyncio.Event()
        holding = asyncio.create_task(self._hold(report, done))
        try:
            async with self._reading() as data:
                content, state = await _MAKES[report.kind](data, self._tools, report), ReportState.COMPLETED
        except StoreError:
            # It is made once the store answers.
            raise
        except Exception:
            log.exception("the report %s could not be made", report.id)
            content, state = None, ReportState.FAILED
        finally:
            done.set()
            await holding
        async with self._writing() as data:
            await data.reports.finish(report.id, state, content, self._tools.clock())

    async def _hold(self, report: Report, done: asyncio.Event) -> None:
        while not done.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), HELD.total_seconds() / 3)
                return
            # A store that is silent fails what is being made, too.
            with suppress(StoreError):
                async with self._writing() as data:
                    await data.reports.hold(report.id, self._tools.clock() + HELD)

    async def _sweep(self) -> None:
        now = self._tools.clock()
        if self._swept_at is None or now - self._swept_at >= SWEPT_EVERY:
            async with self._writing() as data:
                await data.reports.drop(now - KEPT)
            self._swept_at = now
