"""Reports: what takes a while to put together, is asked for first, and read later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

KEPT = timedelta(days=7)
"""How long a report can be read."""
CREDENTIALS_EVERY = timedelta(hours=4)
"""An account's credential report is made anew after this time (IAM User Guide, "Generate credential reports")."""


class ReportKind(Enum):
    CREDENTIALS = "CREDENTIALS"
    SERVICE_ACCESS = "SERVICE_ACCESS"


class ReportState(Enum):
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. `requested_by` is a principal's unique id; `parameters` and `content` are texts that each kind makes and
    reads; `content` is None until it is completed."""

    id: str
    account_id: str
    kind: ReportKind
    requested_by: str
    parameters: str
    state: ReportState
    requested_at: datetime
    finished_at: datetime | None = None
    content: str | None = None
