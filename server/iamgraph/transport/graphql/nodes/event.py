"""`AuditEvent`: one attempt to perform one operation."""

from __future__ import annotations

import json

import strawberry

from ....domain import entities
from ....domain.entities import EventOutcome
from ..context import Info
from ..errors import code_of_name
from ..ids import node_id
from ..scalars import ARN, Action, DateTime, ErrorCode, Transport
from .base import Known, Principal


@strawberry.type(
    description="A value that a command changed. `before` and `after` are JSON text; null where there was, or is, none."
)
class Change:
    field: str = strawberry.field(description="The value's name: a parameter's, or `tags.` and a tag's key.")
    before: str | None
    after: str | None


def _json(value: str | int | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


@strawberry.type(description="One attempt to perform one operation, allowed or not.")
class AuditEvent(Known):
    name: str = strawberry.field(description="The operation's name: the same on every transport.")
    at: DateTime
    request_id: strawberry.ID
    transport: Transport
    principal_arn: ARN | None = strawberry.field(description="None where nobody was authenticated.")
    access_key_id: str | None = strawberry.field(
        description="The access key that the request was signed with. None for a bearer token."
    )
    action: Action
    resources: list[ARN]
    outcome: EventOutcome
    error_code: ErrorCode | None
    error_message: str | None
    ip_address: str | None
    user_agent: str | None
    parameters: str = strawberry.field(description="The parameters as JSON, with secrets left out.")
    changes: list[Change] = strawberry.field(
        description="What the command changed. None of it is secret; empty for reads, and for what was refused or failed."
    )
    principal_id: strawberry.Private[str | None]

    @classmethod
    def of(cls, event: entities.Event) -> AuditEvent:
        return cls(
            node_id=node_id("AuditEvent", event.id),
            name=event.name,
            at=DateTime(event.at),
            request_id=strawberry.ID(event.request_id),
            transport=Transport(event.transport),
            principal_arn=ARN(event.principal_arn) if event.principal_arn else None,
            access_key_id=event.access_key_id,
            action=Action(event.action),
            resources=[ARN(arn) for arn in event.resources],
            outcome=event.outcome,
            error_code=code_of_name(event.error_code) if event.outcome is not EventOutcome.SUCCEEDED else None,
            error_message=event.error_message,
            ip_address=event.ip_address,
            user_agent=event.user_agent,
            parameters=event.parameters,
            changes=[
                Change(field=change.field, before=_json(change.before), after=_json(change.after))
                for change in event.changes
            ],
            principal_id=event.principal_id,
        )

    @strawberry.field(description="Who acted, where it still exists.")
    async def principal(self, info: Info) -> Principal | None:
        from .principals import principal_by_id

        return await principal_by_id(info, self.principal_id) if self.principal_id else None
