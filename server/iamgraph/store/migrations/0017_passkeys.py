"""Passkeys, and the challenges that they have answered."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0016_saml_providers")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PasskeyRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=32)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "store.AccountRow",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("owner_id", Word(max_length=21)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "store.UserRow",
                        source_field="user_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", Word(max_length=128)),
                ("credential_id", Text(unique=False)),
                ("credential_key", Word(unique=True, max_length=64)),
                ("public_key", Text(unique=False)),
                ("sign_count", fields.BigIntField()),
                ("transports", Text(unique=False)),
                ("enabled_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "passkey",
                "app": "store",
                "indexes": [
                    Index(fields=["account_id"], name="passkey_by_account"),
                    Index(fields=["owner_id"], name="passkey_by_owner"),
                    Index(fields=["user_id"], name="passkey_by_user"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="UsedChallengeRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "used_challenge",
                "app": "store",
                "indexes": [Index(fields=["expires_at"], name="used_challenge_by_end")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
