"""`Limits`: what the caller may still ask for."""

from __future__ import annotations

import strawberry

from ....domain.budget import Spent
from ..scalars import DateTime


@strawberry.type(
    description="The budget of the caller's principal, which all its sessions and keys share, in points; as "
    "`extensions.cost` of every response has it. A request costs 1, 1 for each node and 1 for each ten fields that it may "
    "give at most (`first` counts, not what is there), and 10 for each mutation, or 50 for one that hashes a password."
)
class Limits:
    cost: int = strawberry.field(description="What this request costs.")
    limit: int = strawberry.field(description="How many points a full budget has.")
    remaining: int = strawberry.field(description="How many are left, as far as the server that answers knows.")
    restore_rate: int = strawberry.field(description="How many come back each second.")
    reset_at: DateTime = strawberry.field(description="When the budget is full again, if nothing more is asked.")

    @classmethod
    def of(cls, spent: Spent) -> Limits:
        return cls(
            cost=spent.requested,
            limit=spent.limit,
            remaining=spent.remaining,
            restore_rate=spent.restore_rate,
            reset_at=DateTime(spent.full_at),
        )
