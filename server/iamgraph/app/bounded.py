"""Users and roles as targets together with their permissions boundary, which policies see as `iam:PermissionsBoundary`
where somebody changes what the user or role may do: this is what makes handing out that right to others safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..domain.entities import Role, User
from ..domain.errors import NoSuchEntity
from ..store.session import StoreSession
from .boundaries import boundary_context
from .caller import Caller
from .operation import Place, Target
from .targets import ROLE, USER, Entity

E = TypeVar("E", User, Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded(Generic[E]):
    """A user or role, and the ARN of the policy that bounds it."""

    entity: E
    boundary_arn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedEntity(Target):
    """What `inner` finds, with its boundary. Policies see it where they see `inner`."""

    inner: Entity
    know: str

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Any]:
        found = await self.inner.load(caller, data, ops)
        ids = sorted({entity.boundary_id for entity in found if entity is not None and entity.boundary_id})
        policies = await data.policies.by_ids(ids) if ids else {}
        arns = {policy.id: policy.arn for policy in policies.values()}
        return [
            Bounded(entity=entity, boundary_arn=arns.get(entity.boundary_id)) if entity is not None else None
            for entity in found
        ]

    def place(self, caller: Caller, op: Any, entity: Any) -> Place:
        return self.inner.place(caller, op, entity.entity if entity is not None else None)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return self.inner.missing(caller, op)


def target_boundary(target: Bounded[Any] | None) -> Mapping[str, str | tuple[str, ...]]:
    """`iam:PermissionsBoundary`: the boundary that the target has."""
    return boundary_context(target.boundary_arn if target is not None else None)


BOUNDED_USER = BoundedEntity(inner=USER, know=USER.know)
BOUNDED_ROLE = BoundedEntity(inner=ROLE, know=ROLE.know)
