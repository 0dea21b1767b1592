"""How tables refer to each other: nothing goes along with what it refers to, unless it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.models import Model

if TYPE_CHECKING:
    from .models.identities import AccountRow
    from .models.policies import PolicyRow


def account() -> fields.ForeignKeyRelation[AccountRow]:
    return fields.ForeignKeyField("store.AccountRow", related_name=False, on_delete=OnDelete.RESTRICT)


def boundary() -> fields.ForeignKeyNullableRelation[PolicyRow]:
    return fields.ForeignKeyField("store.PolicyRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True)


def of(model: str, on_delete: OnDelete = OnDelete.RESTRICT) -> fields.ForeignKeyRelation[Model]:
    return fields.ForeignKeyField(f"store.{model}", related_name=False, on_delete=on_delete)
