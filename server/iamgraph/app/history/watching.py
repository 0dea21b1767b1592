"""The operation of following an account's history as it grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from ...domain.entities import Event, EventOutcome
from ...domain.errors import IamError
from ...domain.names import Count, Doc
from ..operation import Query, operation
from ..targets import EVERYTHING
from ..work import Work


@operation("cloudtrail:LookupEvents", on=EVERYTHING)
class WatchEvents(Query[int]):
    """Follow the history of the account as it grows. All of the filters that are given must hold.

    It answers with the length of the account's chain, behind which is what follows. `Kernel.watch` goes on from there.
    """

    names: Annotated[tuple[str, ...] | None, Count(50), Doc("Operations, such as `CreateRole`.")] = None
    principal: Annotated[str | None, Doc("The ARN that acted.")] = None
    resource: Annotated[str | None, Doc("An ARN that was acted on.")] = None
    outcome: EventOutcome | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[WatchEvents, None]]) -> Sequence[int | IamError]:
        return [await work.data.chains.length(work.caller.account_id)] * len(asks)

    def wants(self, event: Event) -> bool:
        """Whether the event meets all the filters, as `LookupEvents` takes them."""
        return (
            (self.names is None or event.name in self.names)
            and (self.principal is None or event.principal_arn == self.principal)
            and (self.resource is None or self.resource in event.resources)
            and (self.outcome is None or event.outcome is self.outcome)
        )
