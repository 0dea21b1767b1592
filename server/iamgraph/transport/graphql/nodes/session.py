"""`Session`: temporary credentials of a principal, and where they came from."""

from __future__ import annotations

from collections.abc import Sequence

import strawberry

from ....app.sessions import GetSession, ListChildSessions
from ....domain import entities
from ....domain.entities import FederatedOrigin, SessionSource
from ..context import Info
from ..ids import node_id
from ..scalars import ARN, DateTime, PolicyDocument
from .base import Known, Principal


@strawberry.type(description="Which identity provider spoke for somebody when a session began, and whom it named.")
class SessionFederation:
    provider_arn: ARN = strawberry.field(description="The provider may be gone since.")
    issuer: str
    subject: str = strawberry.field(description="Whom the provider named. Only together with the provider is that somebody.")

    @classmethod
    def of(cls, origin: FederatedOrigin) -> SessionFederation:
        return cls(provider_arn=ARN(origin.provider_arn), issuer=origin.issuer, subject=origin.subject)


@strawberry.type(description="Temporary credentials of a principal, and where they came from.")
class Session(Known):
    arn: ARN
    name: str | None
    source: SessionSource
    issued_at: DateTime
    expires_at: DateTime
    revoked_at: DateTime | None
    inner: strawberry.Private[entities.Session]
    is_whole: strawberry.Private[bool] = True

    @classmethod
    def of(cls, session: entities.Session, is_whole: bool = True) -> Session:
        return cls(
            node_id=node_id("Session", session.id),
            arn=ARN(session.arn),
            name=session.name,
            source=session.source,
            issued_at=DateTime(session.issued_at),
            expires_at=DateTime(session.expires_at),
            revoked_at=DateTime(session.revoked_at) if session.revoked_at else None,
            inner=session,
            is_whole=is_whole,
        )

    async def _whole(self, info: Info) -> entities.Session:
        return self.inner if self.is_whole else await info.context.load(GetSession(session_id=self.inner.id))

    @strawberry.field
    async def ip_address(self, info: Info) -> str | None:
        return (await self._whole(info)).ip_address

    @strawberry.field
    async def user_agent(self, info: Info) -> str | None:
        return (await self._whole(info)).user_agent

    @strawberry.field(description="Null where no identity provider spoke for who holds the session.")
    async def federation(self, info: Info) -> SessionFederation | None:
        origin = (await self._whole(info)).federation
        return SessionFederation.of(origin) if origin is not None else None

    @strawberry.field(description="The policy that narrows the session.")
    async def session_policy(self, info: Info) -> PolicyDocument | None:
        document = (await self._whole(info)).policies.document
        return PolicyDocument(document) if document is not None else None

    @strawberry.field(description="The user, role or root that the session acts for.")
    async def principal(self, info: Info) -> Principal | None:
        from .principals import principal_by_id

        return await principal_by_id(info, self.inner.principal_id)

    @strawberry.field(description="The session that this one was chained from, if it is of this account.")
    async def parent(self, info: Info) -> Session | None:
        if self.inner.parent_id is None:
            return None
        found = await info.context.find(GetSession(session_id=self.inner.parent_id))
        return Session.of(found) if found else None

    @strawberry.field(description="Sessions of this account chained from this one.")
    async def children(self, info: Info) -> list[Session] | None:
        found = await info.context.load(ListChildSessions(session_id=self.inner.id), self.inner)
        return sessions(found)


def sessions(found: Sequence[entities.Session], is_whole: bool = True) -> list[Session]:
    return [Session.of(session, is_whole) for session in found]
