"""`Viewer`: who is asking."""

from __future__ import annotations

import strawberry
from strawberry import UNSET

from ....app.assumable import ListAssumableRoles
from ....app.caller import Identity
from ....domain.entities import PrincipalType
from ..context import Info
from ..scalars import ARN
from .account import Account, RootUser
from .base import Principal
from .connections import Connection, connect
from .role import Role
from .session import Session
from .user import User


@strawberry.type(
    description="Who is asking. `arn` is the caller's own: for a role session that is the `assumed-role` ARN, and "
    "`principal` is the role; for a federated user, the `federated-user` ARN, and who made it."
)
class Viewer:
    arn: ARN
    principal: Principal
    account: Account
    session: Session | None
    mfa_authenticated: bool
    source_identity: str | None

    @strawberry.field(
        description="The roles of the account that the caller may assume now without an external id, by name. It takes no "
        "permission; more than their names and ARNs does."
    )
    async def assumable_roles(self, info: Info, first: int, after: str | None = UNSET) -> Connection[Role] | None:
        query = ListAssumableRoles(max_items=first, marker=after or None)
        return connect(await info.context.load(query), lambda role: Role.named(role.id, role.arn))

    @classmethod
    def of(cls, who: Identity) -> Viewer:
        session = who.session
        return cls(
            arn=ARN(who.arn),
            principal=principal_of(who),
            account=Account.of(who.account),
            session=Session.of(session) if session is not None else None,
            mfa_authenticated=session is not None and session.mfa_at is not None,
            source_identity=who.source_identity,
        )


def principal_of(who: Identity) -> Principal:
    """The principal's node. Its name and ARN are the caller's to know; the rest takes permission like any other."""
    if who.principal_type is PrincipalType.ROOT:
        return RootUser.of(who.account.id)
    if who.principal_type is PrincipalType.USER:
        return User.named(who.principal_id, who.principal_arn)
    return Role.named(who.principal_id, who.principal_arn)
