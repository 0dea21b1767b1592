"""Sessions: who has credentials now, where those came from, and ending them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

from ..domain.entities import Account, Role, Session, User
from ..domain.errors import IamError, InvalidInput, NoSuchEntity
from ..domain.names import Doc, Match
from ..store.session import StoreSession
from .caller import Caller
from .listing import Listed, Marker, MaxItems, listed, position
from .operation import Command, Need, Place, Query, Target, operation
from .work import Work

SessionId = Annotated[str, Match(r"[\w-]+", 1, 64), Doc("The session's id.")]
LISTING = "sessions"


class _SessionById(Target):
    """A session of the caller's account. Policies see it as the principal whose session it is; one that does not exist,
    or that the caller may not know of, as `arn:aws:iamgraph::…:session/…`."""

    know = "iamgraph:ListSessions"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Session | None]:
        found = await data.sessions.by_ids([op.session_id for op in ops])
        sessions = [found.get(op.session_id) for op in ops]
        return [session if session and session.account_id == caller.account_id else None for session in sessions]

    def place(self, caller: Caller, op: Any, entity: Session | None) -> Place:
        asked = f"arn:aws:iamgraph::{caller.account_id}:session/{op.session_id}"
        if entity is None:
            return Place(resource=asked, asked=asked, account_id=caller.account_id)
        arn, tags = entity.principal_arn, entity.principal_tags
        return Place(resource=arn, asked=asked, account_id=caller.account_id, tags=tags)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return NoSuchEntity(f"The session with id {op.session_id} cannot be found.")


SESSION = _SessionById()


def _is_own(caller: Caller, session: Session | None) -> bool:
    return session is not None and session.id == caller.who.session_id


@operation("iamgraph:ListSessions", on=SESSION, raises=(NoSuchEntity,))
class GetSession(Query[Session]):
    """Read one session. One's own takes no permission."""

    session_id: SessionId

    def needs(self, caller: Caller, target: Session | None) -> Sequence[Need]:
        return () if _is_own(caller, target) else (self.need(caller, target),)

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetSession, Session]]) -> Sequence[Session | IamError]:
        return [session for _, session in asks]


@operation("iamgraph:ListSessions", on=SESSION, raises=(NoSuchEntity,))
class ListChildSessions(Query[tuple[Session, ...]]):
    """List the sessions that were chained from one, in the caller's account, oldest first."""

    session_id: SessionId

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListChildSessions, Session]]
    ) -> Sequence[tuple[Session, ...] | IamError]:
        found = await work.data.sessions.children([session.id for _, session in asks])
        own = work.caller.account_id
        return [tuple(child for child in found.get(session.id, ()) if child.account_id == own) for _, session in asks]


class _HolderById(Target):
    """A user or role of the caller's account by its unique id, or the root by the account's id."""

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Any]:
        ids = [op.principal_id for op in ops]
        users = await data.users.by_ids([i for i in ids if i.startswith("AIDA")])
        roles = await data.roles.by_ids([i for i in ids if i.startswith("AROA")])
        known: Mapping[str, User | Role] = {**users, **roles}
        found = [known.get(i) or (caller.who.account if i == caller.account_id else None) for i in ids]
        return [e if e is not None and _account_of(e) == caller.account_id else None for e in found]

    def place(self, caller: Caller, op: Any, entity: User | Role | Account | None) -> Place:
        asked = f"arn:aws:iam::{caller.account_id}:{_kind(op.principal_id)}/{op.principal_id}"
        resource = entity.arn if entity is not None else asked
        tags = getattr(entity, "tags", ())
        return Place(resource=resource, asked=asked, account_id=caller.account_id, tags=tags)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return NoSuchEntity(f"The principal with id {op.principal_id} cannot be found.")


def _kind(principal_id: str) -> str:
    return "role" if principal_id.startswith("AROA") else "user"


def _account_of(entity: User | Role | Account) -> str:
    return entity.id if isinstance(entity, Account) else entity.account_id


HOLDER = _HolderById()


@operation("iamgraph:ListSessions", on=HOLDER, raises=(NoSuchEntity,))
class ListSessions(Query[Listed[Session]]):
    """List the live sessions of a user, a role or the root, newest first."""

    principal_id: Annotated[str, Doc("The principal's unique id; the account's id for the root.")]
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[ListSessions, Any]]) -> Sequence[Listed[Session] | IamError]:
        answers: dict[tuple[str | None, int], Mapping[str, Listed[Session]] | IamError] = {}
        for query, _ in asks:
            same = (query.marker, query.max_items)
            if same not in answers:
                ids = [q.principal_id for q, _ in asks if (q.marker, q.max_items) == same]
                answers[same] = await _pages(work, ids, query)
        return [_answer(answers[(q.marker, q.max_items)], q.principal_id) for q, _ in asks]


async def _pages(work: Work, ids: Sequence[str], query: ListSessions) -> Mapping[str, Listed[Session]] | IamError:
    try:
        key = position(LISTING, query.marker, 2)
        after = (_instant(key[0]), key[1]) if key else None
    except InvalidInput as error:
        return error
    pages = await work.data.sessions.page(ids, after=after, limit=query.max_items, at=work.now)
    return {
        owner: listed(LISTING, page, lambda s: (s.issued_at.isoformat(), s.id), query.marker)
        for owner, page in pages.items()
    }


def _instant(text: str) -> str:
    """The text, if it is an instant with a zone."""
    with suppress(ValueError, OverflowError):
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None and instant.astimezone(UTC):
            return text
    raise InvalidInput("'marker' is not a cursor that this list gave", field="marker")


def _answer(pages: Mapping[str, Listed[Session]] | IamError, owner: str) -> Listed[Session] | IamError:
    return pages if isinstance(pages, IamError) else pages.get(owner, Listed())


@operation("iamgraph:RevokeSession", on=SESSION, raises=(NoSuchEntity,))
class RevokeSession(Command[tuple[Session, ...]]):
    """End a session and every session chained from it, at the next request. One's own takes no permission."""

    session_id: SessionId

    locks_account = False

    def needs(self, caller: Caller, target: Session | None) -> Sequence[Need]:
        return () if _is_own(caller, target) else (self.need(caller, target),)

    async def execute(self, work: Work, target: Session, prepared: None) -> tuple[Session, ...]:
        revoked = await work.data.sessions.revoke(target.id, work.now)
        # Sessions chained into other accounts end too; theirs are not ours to show.
        return tuple(session for session in revoked if session.account_id == work.caller.account_id)
