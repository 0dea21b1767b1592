"""Asking for the account's credential report, and reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ...domain.errors import (
    CredentialReportExpired,
    CredentialReportNotPresent,
    CredentialReportNotReady,
    IamError,
    LimitExceeded,
)
from ...domain.reports import CREDENTIALS_EVERY, Report, ReportKind, ReportState
from ..operation import Command, Query, operation
from ..targets import EVERYTHING
from ..work import Work
from .maker import ask


class CredentialReportState(Enum):
    STARTED = "STARTED"
    INPROGRESS = "INPROGRESS"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReportRequest:
    """What came of asking for the report. `description` is None where there is nothing to say."""

    state: CredentialReportState
    description: str | None = None


def _is_fresh(report: Report, now: datetime) -> bool:
    return report.finished_at is not None and now - report.finished_at <= CREDENTIALS_EVERY


@operation("iam:GenerateCredentialReport", on=EVERYTHING, raises=(LimitExceeded,))
class GenerateCredentialReport(Command[CredentialReportRequest]):
    """Have a report made of the credentials of the root and all users. One that is younger than four hours stays."""

    async def execute(self, work: Work, target: None, prepared: None) -> CredentialReportRequest:
        last = await work.data.reports.latest(work.caller.account_id, ReportKind.CREDENTIALS)
        if last is not None and last.state is ReportState.STARTED:
            return CredentialReportRequest(
                state=CredentialReportState.INPROGRESS, description="The report is being generated."
            )
        if last is not None and last.state is ReportState.COMPLETED and _is_fresh(last, work.now):
            return CredentialReportRequest(state=CredentialReportState.COMPLETE)
        await ask(work, ReportKind.CREDENTIALS)
        return CredentialReportRequest(
            state=CredentialReportState.STARTED,
            description="No report exists. Starting a new report generation task",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReport:
    """The report as CSV, and when it was made."""

    content: str
    generated_at: datetime


@operation(
    "iam:GetCredentialReport",
    on=EVERYTHING,
    raises=(CredentialReportNotPresent, CredentialReportExpired, CredentialReportNotReady),
)
class GetCredentialReport(Query[CredentialReport]):
    """Read the account's credential report."""

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetCredentialReport, None]]
    ) -> Sequence[CredentialReport | IamError]:
        report = await work.data.reports.latest(work.caller.account_id, ReportKind.CREDENTIALS)
        return [_found(report, work.now)] * len(asks)


def _found(report: Report | None, now: datetime) -> CredentialReport | IamError:
    if report is None or report.state is ReportState.FAILED:
        return CredentialReportNotPresent("No credential report exists. Ask for one with GenerateCredentialReport.")
    if report.content is None or report.finished_at is None:
        return CredentialReportNotReady("The credential report is still being generated.")
    if not _is_fresh(report, now):
        return CredentialReportExpired("The credential report is older than four hours. Ask for a new one.")
    return CredentialReport(content=report.content, generated_at=report.finished_at)
