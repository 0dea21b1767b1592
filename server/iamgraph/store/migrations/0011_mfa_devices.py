"""Virtual MFA devices, with an index by the master key that a seed is sealed under, as in 0004."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0010_service_policies")]

    initial = False

    operations = [
        ops.CreateModel(
            name="MfaDeviceRow",
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
                ("place", Word(max_length=256)),
                ("place_key", Word(max_length=256)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("owner_id", Word(null=True, max_length=21)),
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
                ("enabled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_step", fields.BigIntField()),
                ("drift", fields.IntField()),
                ("sealed_secret", Text(unique=False)),
                ("tags", Text(unique=False)),
            ],
            options={
                "table": "mfa_device",
                "app": "store",
                "unique_together": (("account", "place_key"),),
                "indexes": [
                    Index(fields=["account_id", "place"], name="mfa_device_by_place"),
                    Index(fields=["owner_id"], name="mfa_device_by_owner"),
                    Index(fields=["user_id"], name="mfa_device_by_user"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            "CREATE INDEX mfa_device_by_sealing_key ON mfa_device (substr(sealed_secret, 4, 8), id)",
            "DROP INDEX mfa_device_by_sealing_key",
        ),
    ]
