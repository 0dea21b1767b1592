"""Accounts, and who and what is in them: users, groups, roles, instance profiles and their agents."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.models import Model

from .. import relations
from ..columns import Text, Word


# `is_operator` is true for one account and null for the others, so that its constraint admits one operator.
class AccountRow(Model):
    id = Word(max_length=12, primary_key=True)
    alias = Word(max_length=63, null=True, unique=True)
    root_email = Word(max_length=254)
    root_email_key = Word(max_length=254, unique=True)
    root_password_hash = Text()
    root_password_last_used_at = fields.DatetimeField(null=True)
    is_operator = fields.BooleanField(null=True, unique=True)
    created_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)
    revision = fields.BigIntField()

    class Meta:
        table = "account"


class PasswordPolicyRow(Model):
    id = fields.BigIntField(primary_key=True)
    account: fields.OneToOneRelation[AccountRow] = fields.OneToOneField(
        "store.AccountRow", related_name=False, on_delete=OnDelete.RESTRICT
    )
    minimum_length = fields.IntField()
    require_symbols = fields.BooleanField()
    require_numbers = fields.BooleanField()
    require_uppercase = fields.BooleanField()
    require_lowercase = fields.BooleanField()
    allow_users_to_change = fields.BooleanField()
    max_age_days = fields.IntField(null=True)
    reuse_prevention = fields.IntField(null=True)
    hard_expiry = fields.BooleanField(null=True)

    class Meta:
        table = "password_policy"


class UserRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = relations.account()
    name = Word(max_length=64)
    name_key = Word(max_length=64)
    path = Word(max_length=512)
    created_at = fields.DatetimeField()
    password_last_used_at = fields.DatetimeField(null=True)
    boundary = relations.boundary()
    tags = Text()

    class Meta:
        table = "iam_user"
        unique_together = (("account", "name_key"),)
        indexes = (
            Index(fields=("account_id", "name"), name="iam_user_by_name"),
            Index(fields=("boundary_id",), name="iam_user_by_boundary"),
        )


class GroupRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = relations.account()
    name = Word(max_length=128)
    name_key = Word(max_length=128)
    path = Word(max_length=512)
    created_at = fields.DatetimeField()

    class Meta:
        table = "iam_group"
        unique_together = (("account", "name_key"),)
        indexes = (Index(fields=("account_id", "name"), name="iam_group_by_name"),)


class MembershipRow(Model):
    id = fields.BigIntField(primary_key=True)
    group = relations.of("GroupRow")
    user = relations.of("UserRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "membership"
        unique_together = (("user", "group"),)
        indexes = (Index(fields=("group_id",), name="membership_by_group"),)


class RoleRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = relations.account()
    name = Word(max_length=64)
    name_key = Word(max_length=64)
    path = Word(max_length=512)
    description = Text(null=True)
    max_session_seconds = fields.IntField()
    trust_policy = Text()
    created_at = fields.DatetimeField()
    boundary = relations.boundary()
    tags = Text()

    class Meta:
        table = "iam_role"
        unique_together = (("account", "name_key"),)
        indexes = (
            Index(fields=("account_id", "name"), name="iam_role_by_name"),
            Index(fields=("boundary_id",), name="iam_role_by_boundary"),
        )


# What a trust policy's text names: `principal_id` outlives the user or role, so it refers to nothing.
class TrustPrincipalRow(Model):
    id = fields.BigIntField(primary_key=True)
    role = relations.of("RoleRow", OnDelete.CASCADE)
    text = Word(max_length=2048)
    principal_id = Word(max_length=21)

    class Meta:
        table = "trust_principal"
        unique_together = (("role", "text"),)


# One column for the role, so that there can't be two; many profiles may hold the same one.
class InstanceProfileRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = relations.account()
    name = Word(max_length=128)
    name_key = Word(max_length=128)
    path = Word(max_length=512)
    created_at = fields.DatetimeField()
    role: fields.ForeignKeyNullableRelation[RoleRow] = fields.ForeignKeyField(
        "store.RoleRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    tags = Text()

    class Meta:
        table = "instance_profile"
        unique_together = (("account", "name_key"),)
        indexes = (
            Index(fields=("account_id", "name"), name="instance_profile_by_name"),
            Index(fields=("role_id", "name"), name="instance_profile_by_role"),
        )


# `token_hash` is that of the enrolment token: who shows it with the same key again, until it expires, is answered alike.
class AgentRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = relations.account()
    instance_profile = relations.of("InstanceProfileRow")
    token_hash = Word(max_length=64, unique=True)
    public_key = Word(max_length=44, null=True)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    enrolled_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "agent"
        indexes = (
            Index(fields=("account_id", "expires_at"), name="agent_by_account"),
            Index(fields=("instance_profile_id", "id"), name="agent_by_instance_profile"),
        )
