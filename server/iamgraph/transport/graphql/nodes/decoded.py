"""What an encoded authorization message holds."""

from __future__ import annotations

from datetime import datetime

import strawberry

from ....app.questions import decoding
from ..scalars import ARN, AccountId, Action, DateTime
from .decision import Decision


@strawberry.type(description="A key of a request's context, and its values.")
class ContextKey:
    key: str
    values: list[str] | None = strawberry.field(description="Null for an external id.")


@strawberry.type(description="A refusal in full, as its encoded message holds it.")
class DecodedAuthorizationMessage:
    decoded_message: str = strawberry.field(
        description="JSON in the form that AWS's DecodeAuthorizationMessage gives, with more than that has."
    )
    account_id: AccountId = strawberry.field(description="The account of who was refused.")
    principal_id: str | None = strawberry.field(description="As policies see it in `aws:userid`.")
    principal_arn: ARN | None
    action: Action
    resource: ARN
    at: DateTime | None = strawberry.field(description="When: what the request had as `aws:CurrentTime`.")
    decision: Decision = strawberry.field(
        description="What decided then. The policies and entities that it leads to are those of today."
    )
    context: list[ContextKey] = strawberry.field(description="The condition keys that policies saw.")
    is_abridged: bool = strawberry.field(
        description="Whether something was left out or cut, which shows by `…`, to make the message fit."
    )

    @classmethod
    def of(cls, decoded: decoding.DecodedAuthorizationMessage) -> DecodedAuthorizationMessage:
        x = decoded.explanation
        return cls(
            decoded_message=decoded.decoded_message,
            account_id=AccountId(x.account_id),
            principal_id=x.principal_id,
            principal_arn=ARN(x.principal_arn) if x.principal_arn is not None else None,
            action=Action(x.action),
            resource=ARN(x.resource),
            at=DateTime(datetime.fromisoformat(x.at)) if x.at is not None else None,
            decision=Decision(source=x),
            context=[
                ContextKey(key=one.key, values=None if one.values is None else list(one.values)) for one in x.context
            ],
            is_abridged=x.is_abridged,
        )
