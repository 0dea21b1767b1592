"""Fields that users, groups and roles share: their policies, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from ....app.attachments import ListAttachedGroupPolicies, ListAttachedRolePolicies, ListAttachedUserPolicies
from ....app.inline import ListGroupPolicies, ListRolePolicies, ListUserPolicies
from ....app.listing import Listed
from ....app.questions.simulate import SimulatePrincipalPolicy
from ....app.questions.sources import Sourced
from ....app.questions.supposed import ContextEntry as Entry
from ....app.sessions import ListSessions
from ....domain.entities import Attached, IdentityKind, InlinePolicy
from ..context import Info
from ..scalars import ARN, Action
from .base import ContextEntry, Ref
from .connections import Connection, connect
from .decision import Decision

if TYPE_CHECKING:
    from .policy import ManagedPolicyConnection
    from .session import Session

PolicyConnectionType = Annotated["ManagedPolicyConnection", strawberry.lazy(".policy")]

_ATTACHED: dict[IdentityKind, Callable[..., Any]] = {
    IdentityKind.USER: ListAttachedUserPolicies,
    IdentityKind.GROUP: ListAttachedGroupPolicies,
    IdentityKind.ROLE: ListAttachedRolePolicies,
}
_INLINE: dict[IdentityKind, Callable[..., Any]] = {
    IdentityKind.USER: ListUserPolicies,
    IdentityKind.GROUP: ListGroupPolicies,
    IdentityKind.ROLE: ListRolePolicies,
}


async def attached_policies(
    info: Info, kind: IdentityKind, ref: Ref[Any], first: int, after: str | None
) -> ManagedPolicyConnection:
    """The managed policies attached to an identity. AWS's answer has their names and ARNs only."""
    from .policy import ManagedPolicy, ManagedPolicyConnection

    query = _ATTACHED[kind](unique_id=ref.unique_id, max_items=first, marker=after)
    page: Listed[Attached] = await info.context.load(query, ref.entity)
    return ManagedPolicyConnection(page=page, make=ManagedPolicy.attached)


async def inline_policies(
    info: Info, kind: IdentityKind, ref: Ref[Any], first: int, after: str | None
) -> Connection[Any]:
    """The inline policies of an identity: their names, and on permission their documents."""
    from .policy import InlinePolicy as InlineNode

    query = _INLINE[kind](unique_id=ref.unique_id, max_items=first, marker=after)
    page: Listed[InlinePolicy] = await info.context.load(query, ref.entity)
    return connect(page, InlineNode.named)


async def sessions_of(info: Info, ref: Ref[Any], first: int, after: str | None) -> Connection[Session]:
    """The live sessions of a principal, newest first."""
    from .session import Session

    query = ListSessions(principal_id=ref.unique_id, max_items=first, marker=after)
    page = await info.context.load(query, ref.entity)
    return connect(page, Session.of)


async def can(
    info: Info, arn: str, entity: Any, action: Action, resource: ARN, context: list[ContextEntry] | None
) -> Decision:
    """What the engine says about a principal."""
    query = SimulatePrincipalPolicy(
        policy_source_arn=arn,
        action_names=(action,),
        resource_arns=(resource,),
        context_entries=entries(context),
    )
    results = await info.context.load(query, Sourced(entity=entity) if entity is not None else None)
    return Decision.of(results.items[0].simulated[0].decision)


def entries(context: list[ContextEntry] | None) -> tuple[Entry, ...]:
    """Context keys as the simulators have them."""
    return tuple(
        Entry(context_key_name=one.key, context_key_values=tuple(one.values), context_key_type=one.type or None)
        for one in context or ()
    )
