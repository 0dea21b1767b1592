"""What one request has read: one line of history an operation and outcome, not one an edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..domain.entities import EventOutcome

MAX_RESOURCES = 100


@dataclass(slots=True)
class Read:
    """The reads of one operation with one outcome. Of the resources the first hundred are kept."""

    action: str
    parameters: str
    error_message: str | None
    resources: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Reads:
    """Collects while the request runs; the kernel writes it to the history when the request ends.

    INVARIANT: of a stream (`is_stream`) each line is written once, however often it reads. What it reads about an event
    would otherwise be an event, about which it reads, and so on for ever.
    """

    seen: dict[tuple[str, EventOutcome, str | None], Read] = field(default_factory=dict)
    is_stream: bool = False
    taken: set[tuple[str, EventOutcome, str | None]] = field(default_factory=set)

    def add(
        self,
        name: str,
        action: str,
        resource: str,
        parameters: Callable[[], str],
        outcome: EventOutcome,
        error_code: str | None = None,
        error_message: str | None = None,
    ) -> None:
        """`parameters` is asked for the first read of its line only."""
        key = (name, outcome, error_code)
        read = self.seen.get(key)
        if read is None:
            if key in self.taken:
                return
            read = self.seen[key] = Read(action, parameters(), error_message)
        if len(read.resources) < MAX_RESOURCES:
            read.resources[resource] = None

    def take(self) -> dict[tuple[str, EventOutcome, str | None], Read]:
        seen, self.seen = self.seen, {}
        if self.is_stream:
            self.taken.update(seen)
        return seen
