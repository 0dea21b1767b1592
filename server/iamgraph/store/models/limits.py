"""What is counted: attempts, addresses, budgets."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from ..columns import Word


# Counts go away by themselves: `ends_at` is when a window is over.
class ThrottleRow(Model):
    key = Word(max_length=256, primary_key=True)
    attempts = fields.IntField()
    ends_at = fields.DatetimeField()

    class Meta:
        table = "throttle"
        indexes = (Index(fields=("ends_at",), name="throttle_by_end"),)


# `id` is the principal and the address, so that one statement can insert or update.
class KnownAddressRow(Model):
    id = Word(max_length=128, primary_key=True)
    principal_id = Word(max_length=21)
    address = Word(max_length=64)
    seen_at = fields.DatetimeField()

    class Meta:
        table = "known_address"
        indexes = (Index(fields=("principal_id", "address"), name="known_address_by_principal"),)


# `full_at` is in microseconds since 1970: see `domain.budget`.
class BudgetRow(Model):
    principal_id = Word(max_length=21, primary_key=True)
    full_at = fields.BigIntField()

    class Meta:
        table = "budget"
        indexes = (Index(fields=("full_at",), name="budget_by_full"),)
