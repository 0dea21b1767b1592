"""The roles of an account that the caller may assume: each is asked about as if the caller assumed it now."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from itertools import islice

from ..domain.entities import Role
from ..domain.errors import IamError
from ..store.pages import Page
from .caller import Caller, Identity
from .decide import allows, is_refused
from .listing import Listed, Marker, MaxItems, by_name
from .operation import Need, Query, operation
from .sts import Assumable, AssumeRole
from .targets import NOTHING
from .turns import Turns
from .work import Work

LISTING = "assumable-roles"
_AT_ONCE = 1000
"""How many roles are read from the store at a time."""


def role_session_name(who: Identity) -> str:
    """What a session is called that somebody takes on without naming it: as the user is, or the session behind it."""
    own = who.session.name if who.session is not None else None
    name = own or re.split("[/:]", who.principal_arn)[-1]
    # A user's name may have a single letter, a session's may not.
    return name if len(name) > 1 else f"{name}-session"


@operation("iamgraph:ListAssumableRoles", on=NOTHING)
class ListAssumableRoles(Query[Listed[Role]]):
    """List the roles of the caller's account that it may assume now without an external id, by name. It takes no
    permission."""

    max_items: MaxItems = 100
    marker: Marker | None = None

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListAssumableRoles, None]]
    ) -> Sequence[Listed[Role] | IamError]:
        return [await cls._page(work, query) for query, _ in asks]

    @staticmethod
    async def _page(work: Work, query: ListAssumableRoles) -> Listed[Role] | IamError:
        async def load(after: str | None) -> Page[Role]:
            found = [role async for role in _until(work, after, query.max_items + 1)]
            return Page(items=tuple(islice(found, query.max_items)), more=len(found) > query.max_items)

        return await by_name(LISTING, query.marker, lambda role: role.name, load)


async def _until(work: Work, after: str | None, wanted: int) -> AsyncIterator[Role]:
    """So many of the assumable roles behind a name, or all there are."""
    turns, found, more = Turns(), 0, True
    while more:
        page = await work.data.roles.page(work.caller.account_id, after=after, limit=_AT_ONCE)
        for role in page.items:
            if turns.is_over:
                await turns.give()
            if may_assume(work.caller, role):
                yield role
                found += 1
                if found == wanted:
                    return
        more = page.more
        after = page.items[-1].name if page.items else after


def may_assume(caller: Caller, role: Role) -> bool:
    """Whether the caller could assume a role of its account now. INVARIANT: these are AssumeRole's own questions."""
    op = AssumeRole(role_arn=role.arn, role_session_name=role_session_name(caller.who))
    return not any(is_refused(need, allows(caller, need)) for need in op.needs(caller, Assumable(role=role)))
