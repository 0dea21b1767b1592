"""`PolicyTarget`: what a policy can be attached to."""

from __future__ import annotations

from typing import Annotated

import strawberry

from ....app.groups import GetGroup
from ....app.roles import GetRole
from ....app.users import GetUser
from ....domain import entities
from ..context import Info
from .group import Group
from .role import Role
from .user import User

PolicyTarget = Annotated[User | Group | Role, strawberry.union("PolicyTarget")]


def target_of(entity: entities.User | entities.Group | entities.Role) -> User | Group | Role:
    """The node of an entity of which the caller has been told the name only."""
    if isinstance(entity, entities.User):
        return User.named(entity.id, entity.arn, entity)
    if isinstance(entity, entities.Group):
        return Group.named(entity.id, entity.arn, entity)
    return Role.named(entity.id, entity.arn, entity)


async def target_by_id(info: Info, unique_id: str) -> User | Group | Role | None:
    """The node of a unique id, if it still exists and the caller may read it."""
    if unique_id.startswith("AIDA"):
        user = await info.context.find(GetUser(unique_id=unique_id))
        return User.of(user) if isinstance(user, entities.User) else None
    if unique_id.startswith("AGPA"):
        group = await info.context.find(GetGroup(unique_id=unique_id))
        return Group.of(group) if group else None
    role = await info.context.find(GetRole(unique_id=unique_id))
    return Role.of(role) if role else None
