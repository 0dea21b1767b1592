"""What the kernel tells of its work while it runs, for whoever measures it."""

from __future__ import annotations

from enum import Enum

from ..domain.entities import EventOutcome
from ..domain.errors import IamError, Throttled
from .history.events import outcome_of


class Ended(Enum):
    """How an operation ended. As in the history, but that being told to wait is told apart from other failures, and
    faults of ours from those of callers."""

    SUCCEEDED = "succeeded"
    DENIED = "denied"
    FAILED = "failed"
    THROTTLED = "throttled"
    FAULT = "fault"


def ended_by(error: BaseException | None) -> Ended:
    if error is None:
        return Ended.SUCCEEDED
    if isinstance(error, Throttled):
        return Ended.THROTTLED
    if outcome_of(error) is EventOutcome.DENIED:
        return Ended.DENIED
    return Ended.FAILED if isinstance(error, IamError) else Ended.FAULT


class Meters:
    """Is told of each operation and each decision. This one keeps nothing of it: that of a server that nobody watches."""

    def ended(self, name: str, how: Ended, count: int = 1) -> None:
        """`count` operations called `name` ended in this way. A name may be a client's where nobody was let in."""

    def decided(self, seconds: float) -> None:
        """The policy engine has answered one question, in this time."""
