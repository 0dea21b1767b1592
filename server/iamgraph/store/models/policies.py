"""Policies, what they are attached to, and guardrails."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.models import Model

from .. import relations
from ..columns import Text, Word
from .identities import AccountRow


# A policy without an account is the service's own: only a migration changes it. `default_version` is the version in force:
# one column, so there can't be two. `last_version` never goes back.
class PolicyRow(Model):
    id = Word(max_length=21, primary_key=True)
    account: fields.ForeignKeyNullableRelation[AccountRow] = fields.ForeignKeyField(
        "store.AccountRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    name = Word(max_length=128)
    name_key = Word(max_length=128)
    path = Word(max_length=512)
    description = Text(null=True)
    default_version = fields.IntField()
    last_version = fields.IntField()
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    tags = Text()

    class Meta:
        table = "managed_policy"
        unique_together = (("account", "name_key"),)
        indexes = (Index(fields=("account_id", "name"), name="managed_policy_by_name"),)


class PolicyVersionRow(Model):
    id = fields.BigIntField(primary_key=True)
    policy = relations.of("PolicyRow", OnDelete.CASCADE)
    number = fields.IntField()
    document = Text()
    created_at = fields.DatetimeField()

    class Meta:
        table = "policy_version"
        unique_together = (("policy", "number"),)


class UserAttachmentRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = relations.of("UserRow")
    policy = relations.of("PolicyRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "user_attachment"
        unique_together = (("owner", "policy"),)
        indexes = (Index(fields=("policy_id",), name="user_attachment_by_policy"),)


class GroupAttachmentRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = relations.of("GroupRow")
    policy = relations.of("PolicyRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "group_attachment"
        unique_together = (("owner", "policy"),)
        indexes = (Index(fields=("policy_id",), name="group_attachment_by_policy"),)


class RoleAttachmentRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = relations.of("RoleRow")
    policy = relations.of("PolicyRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "role_attachment"
        unique_together = (("owner", "policy"),)
        indexes = (Index(fields=("policy_id",), name="role_attachment_by_policy"),)


class UserInlineRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = relations.of("UserRow")
    name = Word(max_length=128)
    document = Text()
    put_at = fields.DatetimeField()

    class Meta:
        table = "user_inline"
        unique_together = (("owner", "name"),)


class GroupInlineRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = relations.of("GroupRow")
    name = Word(max_length=128)
    document = Text()
    put_at = fields.DatetimeField()

    class Meta:
        table = "group_inline"
        unique_together = (("owner", "name"),)


class RoleInlineRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = relations.of("RoleRow")
    name = Word(max_length=128)
    document = Text()
    put_at = fields.DatetimeField()

    class Meta:
        table = "role_inline"
        unique_together = (("owner", "name"),)


# A guardrail without an account is the service's own: nobody changes it.
class GuardrailRow(Model):
    id = Word(max_length=21, primary_key=True)
    account: fields.ForeignKeyNullableRelation[AccountRow] = fields.ForeignKeyField(
        "store.AccountRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    kind = Word(max_length=32)
    name = Word(max_length=128)
    name_key = Word(max_length=128, unique=True)
    description = Text(null=True)
    document = Text()
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "guardrail"
        indexes = (Index(fields=("name",), name="guardrail_by_name"),)


class GuardrailAttachmentRow(Model):
    id = fields.BigIntField(primary_key=True)
    account = relations.of("AccountRow")
    guardrail = relations.of("GuardrailRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "guardrail_attachment"
        unique_together = (("account", "guardrail"),)
        indexes = (Index(fields=("guardrail_id", "account_id"), name="guardrail_attachment_by_guardrail"),)
