"""What users, roles and the root prove themselves with, and the sessions that come of it."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.models import Model

from .. import relations
from ..columns import Text, Word
from .identities import RoleRow, UserRow


# `owner_id` is a user's or an account's id; `user` repeats the user's, so that it can't be deleted under its keys.
class AccessKeyRow(Model):
    id = Word(max_length=128, primary_key=True)
    account = relations.account()
    owner_id = Word(max_length=21)
    user: fields.ForeignKeyNullableRelation[UserRow] = fields.ForeignKeyField(
        "store.UserRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    status = Word(max_length=8)
    sealed_secret = Text()
    created_at = fields.DatetimeField()

    class Meta:
        table = "access_key"
        indexes = (
            Index(fields=("owner_id",), name="access_key_by_owner"),
            Index(fields=("user_id",), name="access_key_by_user"),
        )


# `place` is the path and the name, `place_key` the same in lower case. `owner_id` and `user` are as an access key's, or null
# while the device is enabled for nobody; `sealed_secret` is its seed.
class MfaDeviceRow(Model):
    id = Word(max_length=32, primary_key=True)
    account = relations.account()
    place = Word(max_length=256)
    place_key = Word(max_length=256)
    created_at = fields.DatetimeField()
    owner_id = Word(max_length=21, null=True)
    user: fields.ForeignKeyNullableRelation[UserRow] = fields.ForeignKeyField(
        "store.UserRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    enabled_at = fields.DatetimeField(null=True)
    last_step = fields.BigIntField()
    drift = fields.IntField()
    sealed_secret = Text()
    tags = Text()

    class Meta:
        table = "mfa_device"
        unique_together = (("account", "place_key"),)
        indexes = (
            Index(fields=("account_id", "place"), name="mfa_device_by_place"),
            Index(fields=("owner_id",), name="mfa_device_by_owner"),
            Index(fields=("user_id",), name="mfa_device_by_user"),
        )


class PasskeyRow(Model):
    id = Word(max_length=32, primary_key=True)
    account = relations.account()
    owner_id = Word(max_length=21)
    user: fields.ForeignKeyNullableRelation[UserRow] = fields.ForeignKeyField(
        "store.UserRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    name = Word(max_length=128)
    credential_id = Text()
    credential_key = Word(max_length=64, unique=True)
    public_key = Text()
    sign_count = fields.BigIntField()
    transports = Text()
    enabled_at = fields.DatetimeField()

    class Meta:
        table = "passkey"
        indexes = (
            Index(fields=("account_id",), name="passkey_by_account"),
            Index(fields=("owner_id",), name="passkey_by_owner"),
            Index(fields=("user_id",), name="passkey_by_user"),
        )


class UsedChallengeRow(Model):
    id = Word(max_length=64, primary_key=True)
    expires_at = fields.DatetimeField()

    class Meta:
        table = "used_challenge"
        indexes = (Index(fields=("expires_at",), name="used_challenge_by_end"),)


class LoginProfileRow(Model):
    id = fields.BigIntField(primary_key=True)
    user: fields.OneToOneRelation[UserRow] = fields.OneToOneField(
        "store.UserRow", related_name=False, on_delete=OnDelete.RESTRICT
    )
    password_hash = Text()
    password_reset_required = fields.BooleanField()
    created_at = fields.DatetimeField()
    password_set_at = fields.DatetimeField(null=True)

    class Meta:
        table = "login_profile"


# Hashes of passwords that a user had before, where the account wants them kept: a newer one has a higher id.
class PastPasswordRow(Model):
    id = fields.BigIntField(primary_key=True)
    user = relations.of("UserRow", OnDelete.CASCADE)
    password_hash = Text()

    class Meta:
        table = "past_password"
        indexes = (Index(fields=("user_id", "id"), name="past_password_by_user"),)


# `principal_name` and `principal_path` are as they were at the start, for sessions whose principal is gone. `provider_id`,
# `subject` and, as JSON, `federation` are of the identity provider that spoke for the holder, if one did: it may be gone.
class SessionRow(Model):
    id = Word(max_length=64, primary_key=True)
    account = relations.account()
    principal_type = Word(max_length=8)
    principal_id = Word(max_length=21)
    principal_name = Word(max_length=128)
    principal_path = Word(max_length=512)
    parent: fields.ForeignKeyNullableRelation[SessionRow] = fields.ForeignKeyField(
        "store.SessionRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    name = Word(max_length=64, null=True)
    source = Word(max_length=32)
    token_hash = Word(max_length=64, unique=True)
    access_key_id = Word(max_length=128, null=True, unique=True)
    sealed_secret = Text(null=True)
    session_token_hash = Word(max_length=64, null=True, unique=True)
    issued_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    ip_address = Text(null=True)
    user_agent = Text(null=True)
    policy_document = Text(null=True)
    policy_ids = Text()
    source_identity = Text(null=True)
    tags = Text()
    transitive_tag_keys = Text()
    mfa_at = fields.DatetimeField(null=True)
    provider_id = Word(max_length=32, null=True)
    subject = Text(null=True)
    federation = Text(null=True)

    class Meta:
        table = "session"
        indexes = (
            Index(fields=("principal_id", "issued_at", "id"), name="session_by_principal"),
            Index(fields=("parent_id",), name="session_by_parent"),
        )


# Uses have tables of their own: they are written by the minute, and rewrite no row that requests read.
class AccessKeyUseRow(Model):
    id = fields.BigIntField(primary_key=True)
    access_key: fields.OneToOneRelation[AccessKeyRow] = fields.OneToOneField(
        "store.AccessKeyRow", related_name=False, on_delete=OnDelete.CASCADE
    )
    used_at = fields.DatetimeField()
    service = Word(max_length=64)
    region = Word(max_length=64)

    class Meta:
        table = "access_key_use"


class RoleUseRow(Model):
    id = fields.BigIntField(primary_key=True)
    role: fields.OneToOneRelation[RoleRow] = fields.OneToOneField(
        "store.RoleRow", related_name=False, on_delete=OnDelete.CASCADE
    )
    used_at = fields.DatetimeField()
    region = Word(max_length=64)

    class Meta:
        table = "role_use"
