"""What all nodes share: ids, and which fields a caller has been granted already."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import strawberry

from ....domain.arn import Arn, parse_arn
from ..context import Info
from ..ids import node_id
from ..scalars import ARN, Action, DateTime

if TYPE_CHECKING:
    from .account import Account
    from .decision import Decision

T = TypeVar("T")
AccountType = Annotated["Account", strawberry.lazy(".account")]
DecisionType = Annotated["Decision", strawberry.lazy(".decision")]


class Seen(IntEnum):
    """How much of an entity a caller has been granted: what its ARN says; what AWS's list answer has; all of it."""

    NAMED = 0
    LISTED = 1
    WHOLE = 2


@strawberry.interface(description="An object with an identifier that is unique across the service, and opaque.")
class Node:
    id: strawberry.ID


@strawberry.interface(description="Something an ARN names.")
class Resource(Node):
    id: strawberry.ID
    arn: ARN
    account: AccountType | None
    created_at: DateTime | None


@strawberry.input(description="A context key of a request, and its values.")
class ContextEntry:
    key: str
    values: list[str]


@strawberry.interface(description="Someone or something that signs requests.")
class Principal(Node):
    id: strawberry.ID
    arn: ARN
    account: AccountType
    created_at: DateTime | None

    @strawberry.field(description="Whether policy allows this principal to act, evaluated now.")
    async def can(
        self, info: Info, action: Action, resource: ARN, context: list[ContextEntry] | None = strawberry.field(default_factory=list)
    ) -> DecisionType | None:
        raise NotImplementedError


class Ref(Generic[T]):
    """An entity that a node stands for: its id and ARN always, the entity itself once it is loaded."""

    __slots__ = ("arn", "entity", "kind", "parsed", "seen", "unique_id")

    def __init__(self, kind: str, unique_id: str, arn: str, seen: Seen = Seen.NAMED, entity: T | None = None) -> None:
        self.kind, self.unique_id, self.arn, self.seen, self.entity = kind, unique_id, arn, seen, entity
        parsed = parse_arn(arn)
        assert parsed is not None
        self.parsed: Arn = parsed

    @property
    def id(self) -> strawberry.ID:
        return strawberry.ID(node_id(self.kind, self.unique_id))

    async def at_least(self, info: Info, seen: Seen, query: Any) -> T:
        """The entity, if the caller has been granted that much of it, or may read it by `query`. Raises AccessDenied."""
        if self.entity is None:
            self.entity = await info.context.load(query)
            self.seen = Seen.WHOLE
        elif self.seen < seen:
            info.context.reveal(query, self.entity)
            self.seen = Seen.WHOLE
        return self.entity


@strawberry.type
class Tag:
    key: str
    value: str
