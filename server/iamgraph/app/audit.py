"""Reading the history of an account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from ..domain.entities import Event, EventOutcome
from ..domain.errors import IamError, InvalidInput, NoSuchEntity
from ..domain.names import Count, Doc
from .listing import Listed, Marker, MaxItems, listed, position
from .operation import Query, operation
from .targets import EVERYTHING
from .work import Work

LISTING = "events"


@operation("cloudtrail:LookupEvents", on=EVERYTHING)
class LookupEvents(Query[Listed[Event]]):
    """Read the history of the account, newest first. All of the filters that are given must hold."""

    names: Annotated[tuple[str, ...] | None, Count(50), Doc("Operations, such as `CreateRole`.")] = None
    principal: Annotated[str | None, Doc("The ARN that acted.")] = None
    resource: Annotated[str | None, Doc("An ARN that was acted on.")] = None
    outcome: EventOutcome | None = None
    since: Annotated[datetime | None, Doc("At this instant or later.")] = None
    until: Annotated[datetime | None, Doc("Before this instant.")] = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[LookupEvents, None]]) -> Sequence[Listed[Event] | IamError]:
        return [await _page(work, query) for query, _ in asks]


async def _page(work: Work, query: LookupEvents) -> Listed[Event] | IamError:
    try:
        key = position(LISTING, query.marker)
        after = _sequence(key[0]) if key else None
    except InvalidInput as error:
        return error
    page = await work.data.events.page(
        work.caller.account_id,
        names=query.names,
        principal_arn=query.principal,
        resource=query.resource,
        outcome=query.outcome,
        since=query.since,
        until=query.until,
        after=after,
        limit=query.max_items,
    )
    return listed(LISTING, page, lambda event: (str(event.seq),), query.marker)


def _sequence(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise InvalidInput("'marker' is not a cursor that this list gave", field="marker")
    return int(text)


@operation("cloudtrail:LookupEvents", on=EVERYTHING, raises=(NoSuchEntity,))
class GetEvent(Query[Event]):
    """Read one event of the account's history."""

    event_id: Annotated[str, Doc("The event's id.")]

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetEvent, None]]) -> Sequence[Event | IamError]:
        found = await work.data.events.by_ids([query.event_id for query, _ in asks])
        events = [found.get(query.event_id) for query, _ in asks]
        return [
            event
            if event is not None and event.account_id == work.caller.account_id
            else NoSuchEntity("The event cannot be found.")
            for event in events
        ]
