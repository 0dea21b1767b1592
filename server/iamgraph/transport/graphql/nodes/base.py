"""What all nodes share: ids, and which fields a caller has been granted already."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, cast

import strawberry

from ....app.questions.supposed import ContextKeyType
from ....domain.arn import Arn, parse_arn
from ..context import Info
from ..ids import node_id
from ..scalars import ARN, Action, DateTime

if TYPE_CHECKING:
    from .account import Account
    from .decision import Decision

T = TypeVar("T")
P = TypeVar("P")
AccountType = Annotated["Account", strawberry.lazy(".account")]
DecisionType = Annotated["Decision", strawberry.lazy(".decision")]


class Seen(IntEnum):
    """How much of an entity a caller has been granted: what its ARN says; what AWS's list answer has; all of it."""

    NAMED = 0
    LISTED = 1
    WHOLE = 2


@strawberry.interface(description="An object with an identifier that is unique across the service, and opaque.")
class Node:
    @strawberry.field
    def id(self) -> strawberry.ID:
        raise NotImplementedError


@strawberry.interface(description="Something an ARN names.")
class Resource(Node):
    @strawberry.field
    def arn(self) -> ARN:
        raise NotImplementedError

    @strawberry.field
    def account(self) -> AccountType | None:
        raise NotImplementedError

    @strawberry.field
    def created_at(self) -> DateTime | None:
        raise NotImplementedError


@strawberry.input(
    description="A context key of a request, and its values. With a `type`, the values must be of it: one, or any number "
    "where it is a list."
)
class ContextEntry:
    key: str
    values: list[str]
    type: ContextKeyType | None = strawberry.UNSET


@strawberry.interface(description="Someone or something that signs requests.")
class Principal(Resource):
    @strawberry.field
    def account(self) -> AccountType:
        raise NotImplementedError

    @strawberry.field(description="Whether policy allows this principal to act, evaluated now.")
    async def can(
        self,
        info: Info,
        action: Action,
        resource: ARN,
        context: list[ContextEntry] = (),  # type: ignore[assignment]
    ) -> DecisionType | None:
        raise NotImplementedError


class Ref(Generic[T]):
    """An entity that a node stands for: its id and ARN always, the entity itself once it is loaded."""

    __slots__ = ("_parsed", "arn", "entity", "kind", "seen", "unique_id")

    def __init__(self, kind: str, unique_id: str, arn: str, seen: Seen = Seen.NAMED, entity: T | None = None) -> None:
        self.kind, self.unique_id, self.arn, self.seen, self.entity = kind, unique_id, arn, seen, entity
        self._parsed: Arn | None = None

    @property
    def parsed(self) -> Arn:
        """The ARN, taken apart when that is first asked for."""
        if self._parsed is None:
            self._parsed = parse_arn(self.arn)
            assert self._parsed is not None
        return self._parsed

    @property
    def id(self) -> strawberry.ID:
        return strawberry.ID(node_id(self.kind, self.unique_id))

    async def at_least(self, info: Info, seen: Seen, query: Any) -> T:
        """The entity, if the caller has been granted that much of it, or may read it by `query`. Raises AccessDenied."""
        entity: Any = self.entity
        if entity is None:
            entity = self.entity = await info.context.load(query)
            self.seen = Seen.WHOLE
        elif self.seen < seen:
            info.context.reveal(query, entity)
            self.seen = Seen.WHOLE
        made: T = entity
        return made


@strawberry.type
class Known(Node):
    """A node that is whole when it is made. It is no type of the schema."""

    node_id: strawberry.Private[str]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.node_id)


@strawberry.type
class Tag:
    key: str
    value: str


@strawberry.type
class Referring:
    """A node that stands for an entity. It is no type of the schema."""

    ref: strawberry.Private[Ref[Any]]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return self.ref.id

    @strawberry.field
    def arn(self) -> ARN:
        return ARN(self.ref.arn)

    @strawberry.field
    def account(self) -> AccountType:
        from .account import Account

        return Account.named(self.ref.parsed.account_id)

    def part(self, info: Info, seen: Seen, pick: Callable[[Any], P]) -> P:
        """What `pick` takes of the entity, once the caller may see that much of it: at once where that is so already, for
        an awaitable a field is what a page of a hundred is slow by; otherwise an awaitable of it, which a resolver may
        give as well."""
        if self.ref.entity is not None and self.ref.seen >= seen:
            return pick(self.ref.entity)
        return cast(P, self._part(info, seen, pick))

    async def _part(self, info: Info, seen: Seen, pick: Callable[[Any], Any]) -> Any:
        return pick(await self.ref.at_least(info, seen, self.reading()))

    def reading(self) -> Any:
        """The query that reads the entity as a whole."""
        raise NotImplementedError


@strawberry.type
class Entity(Referring):
    """What users, groups, roles and policies have in common. It is no type of the schema."""

    @strawberry.field
    def name(self) -> str:
        # The end of the ARN: to take the whole apart for it is what a page of names would be slow by.
        return self.ref.arn.rpartition("/")[2]

    @strawberry.field
    def path(self) -> str:
        return self.ref.parsed.path

    @strawberry.field(
        description="The stable identifier, such as `AIDA…` for a user. It outlives a renaming, and is never used again."
    )
    def unique_id(self, info: Info) -> str | None:
        return self.part(info, Seen.LISTED, lambda entity: entity.id)

    @strawberry.field
    def created_at(self, info: Info) -> DateTime | None:
        return self.part(info, Seen.LISTED, lambda entity: entity.created_at)


def tags_of(entity: Any) -> list[Tag]:
    return [Tag(key=tag.key, value=tag.value) for tag in entity.tags]
