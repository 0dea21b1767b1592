"""Reading the history of an account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from ...domain.cursor import encode_cursor
from ...domain.entities import Event, EventOutcome
from ...domain.errors import IamError, InvalidInput, NoSuchEntity
from ...domain.names import Count, Doc
from ...store.events import EventFilter
from ..listing import Listed, Marker, MaxItems, position
from ..operation import Query, operation
from ..targets import EVERYTHING
from ..work import Work

LISTING = "events"


@operation("cloudtrail:LookupEvents", on=EVERYTHING)
class LookupEvents(Query[Listed[Event]]):
    """Read the history of the account, newest first. All of the filters that are given must hold."""

    names: Annotated[tuple[str, ...] | None, Count(50), Doc("Operations, such as `CreateRole`.")] = None
    principal: Annotated[str | None, Doc("The ARN that acted.")] = None
    access_key_id: Annotated[str | None, Doc("The access key that the request was signed with.")] = None
    resource: Annotated[str | None, Doc("An ARN that was acted on.")] = None
    outcome: EventOutcome | None = None
    since: Annotated[datetime | None, Doc("At this instant or later.")] = None
    until: Annotated[datetime | None, Doc("Before this instant.")] = None
    max_items: MaxItems = 100
    marker: Marker | None = None
    from_end: Annotated[
        bool, Doc("The page that ends in front of the marker, or with the oldest event, instead of one behind it.")
    ] = False

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[LookupEvents, None]]) -> Sequence[Listed[Event] | IamError]:
        return [await _page(work, query) for query, _ in asks]


async def _page(work: Work, query: LookupEvents) -> Listed[Event] | IamError:
    try:
        key = position(LISTING, query.marker)
        seq = _sequence(key[0]) if key else None
    except InvalidInput as error:
        return error
    filter = EventFilter(
        names=query.names,
        principal_arn=query.principal,
        access_key_id=query.access_key_id,
        resource=query.resource,
        outcome=query.outcome,
        since=query.since,
        until=query.until,
    )
    page = await work.data.events.page(
        work.caller.account_id, filter, marker=seq, limit=query.max_items, from_end=query.from_end
    )
    return Listed(
        items=page.items,
        more=page.has_next,
        has_previous=page.has_previous,
        cursor=lambda event: encode_cursor(LISTING, str(event.seq)),
    )


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
