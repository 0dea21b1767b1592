"""Finding a principal's node by its unique id, or by the account's id for the root."""

from __future__ import annotations

from ....app.roles import GetRole
from ....app.users import GetUser
from ....domain import entities
from ..context import Info
from .account import RootUser
from .base import Principal
from .role import Role
from .user import User


async def principal_by_id(info: Info, principal_id: str) -> Principal | None:
    """The principal, if it still exists and the caller may read it."""
    if principal_id.startswith("AIDA"):
        user = await info.context.find(GetUser(unique_id=principal_id))
        return User.of(user) if isinstance(user, entities.User) else None
    if principal_id.startswith("AROA"):
        role = await info.context.find(GetRole(unique_id=principal_id))
        return Role.of(role) if role else None
    return RootUser.of(principal_id) if principal_id == info.context.caller.account_id else None
