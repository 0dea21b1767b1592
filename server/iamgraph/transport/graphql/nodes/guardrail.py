"""`Guardrail`: a control policy on accounts, and the accounts that it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import UNSET

from ....app.guardrails import DescribeGuardrail, ListTargetsForGuardrail
from ....domain import entities
from ....domain.entities import GuardrailKind
from ..context import Info
from ..ids import node_id
from ..scalars import ARN, DateTime, PolicyDocument
from .base import Node, Seen
from .connections import Paged, PageInfo, page_info

if TYPE_CHECKING:
    from .account import Account

AccountType = Annotated["Account", strawberry.lazy(".account")]

strawberry.enum(
    GuardrailKind,
    name="GuardrailKind",
    description="`SERVICE_CONTROL` limits what an account's principals can do, its root too; `RESOURCE_CONTROL` what can "
    "be done to its resources, by anybody.",
)


@strawberry.type
class GuardrailTargetEdge:
    cursor: str
    node: AccountType
    attached_at: DateTime


@strawberry.type
class GuardrailTargetConnection(Paged):
    @strawberry.field
    def edges(self) -> list[GuardrailTargetEdge]:
        return [
            GuardrailTargetEdge(cursor=cursor, node=node, attached_at=DateTime(item.attached_at))
            for cursor, item, node in self.placed()
        ]

    @strawberry.field
    def nodes(self) -> list[AccountType]:
        return self.all_nodes()

    @strawberry.field
    def page_info(self) -> PageInfo:
        return page_info(self.page)


@strawberry.type(
    description="A control policy that the operator puts on accounts. Whom it limits may know its name and kind; what it "
    "says, and whom else it limits, is for the operator's callers."
)
class Guardrail(Node):
    name: str
    kind: GuardrailKind
    entity: strawberry.Private[entities.Guardrail]
    seen: strawberry.Private[Seen]

    @classmethod
    def of(cls, guardrail: entities.Guardrail, seen: Seen = Seen.WHOLE) -> Guardrail:
        return cls(name=guardrail.name, kind=guardrail.kind, entity=guardrail, seen=seen)

    @classmethod
    def listed(cls, guardrail: entities.Guardrail) -> Guardrail:
        return cls.of(guardrail, Seen.LISTED)

    @classmethod
    def named(cls, guardrail: entities.Guardrail) -> Guardrail:
        return cls.of(guardrail, Seen.NAMED)

    def _part(self, info: Info, seen: Seen) -> entities.Guardrail:
        """The guardrail, if the caller has been granted that much of it, or may read all. Raises AccessDenied."""
        if self.seen < seen:
            info.context.reveal(DescribeGuardrail(guardrail_id=self.entity.id), self.entity)
            self.seen = Seen.WHOLE
        return self.entity

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(node_id("Guardrail", self.entity.id))

    @strawberry.field
    def arn(self, info: Info) -> ARN | None:
        return ARN(self._part(info, Seen.LISTED).arn)

    @strawberry.field
    def description(self, info: Info) -> str | None:
        return self._part(info, Seen.LISTED).description

    @strawberry.field(description="Whether it is the service's own, which nobody changes.")
    def is_service_owned(self, info: Info) -> bool | None:
        return self._part(info, Seen.LISTED).account_id is None

    @strawberry.field
    def document(self, info: Info) -> PolicyDocument | None:
        return PolicyDocument(self._part(info, Seen.WHOLE).document)

    @strawberry.field
    def created_at(self, info: Info) -> DateTime | None:
        return DateTime(self._part(info, Seen.WHOLE).created_at)

    @strawberry.field
    def updated_at(self, info: Info) -> DateTime | None:
        return DateTime(self._part(info, Seen.WHOLE).updated_at)

    @strawberry.field(description="The accounts that it is on, by their ids.")
    async def attachments(self, info: Info, first: int, after: str | None = UNSET) -> GuardrailTargetConnection | None:
        from .account import Account

        query = ListTargetsForGuardrail(guardrail_id=self.entity.id, max_items=first, marker=after or None)
        page = await info.context.load(query, self.entity)
        return GuardrailTargetConnection(page=page, make=lambda item: Account.named(item.account.id))
