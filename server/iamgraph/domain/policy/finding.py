"""What a reader of a policy should know: its mistakes, with their place in the text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """Access Analyzer's kinds of finding."""

    ERROR = "ERROR"
    SECURITY_WARNING = "SECURITY_WARNING"
    WARNING = "WARNING"
    SUGGESTION = "SUGGESTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One mistake. `line` and `column` count from 1; `path` leads there from the document's root, such as
    `("Statement", "0", "Action")`."""

    severity: Severity
    code: str
    message: str
    line: int | None = None
    column: int | None = None
    path: tuple[str, ...] = ()
