"""What can be followed: each answer is one event, decided anew."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

import strawberry
from strawberry import UNSET

from ...app.history.live import Watch, Watched
from ...app.history.watching import WatchEvents
from ...domain.entities import Event, EventOutcome
from .context import Info
from .nodes.event import AuditEvent
from .scalars import ARN


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a subscription's answers are made from: batches of events, and what makes the root field's value of one."""

    watch: Watch
    value: Callable[[Event], Any]

    async def __aiter__(self) -> AsyncIterator[Watched]:
        while (watched := await self.watch.next()) is not None:
            yield watched


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="The history of the caller's account as it grows, from now on, in the order of its chain. All of the "
        "filters that are given must hold."
    )
    async def events(
        self,
        info: Info,
        names: list[str] | None = UNSET,
        principal: ARN | None = UNSET,
        resource: ARN | None = UNSET,
        outcome: EventOutcome | None = UNSET,
    ) -> AsyncGenerator[AuditEvent, None]:
        query = WatchEvents(
            names=tuple(names) if isinstance(names, list) else None,
            principal=principal or None,
            resource=resource or None,
            outcome=outcome or None,
        )
        watch = await info.context.watch(query)
        # Strawberry reads off this what type an answer has. It is given in batches, which share a look at the caller.
        return cast(AsyncGenerator[AuditEvent, None], Source(watch=watch, value=AuditEvent.of))
