"""Instance profiles."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0008_services")]

    initial = False

    operations = [
        ops.CreateModel(
            name="InstanceProfileRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=21)),
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
                ("name", Word(max_length=128)),
                ("name_key", Word(max_length=128)),
                ("path", Word(max_length=512)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "role",
                    fields.ForeignKeyField(
                        "store.RoleRow",
                        source_field="role_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("tags", Text(unique=False)),
            ],
            options={
                "table": "instance_profile",
                "app": "store",
                "unique_together": (("account", "name_key"),),
                "indexes": [
                    Index(fields=["account_id", "name"], name="instance_profile_by_name"),
                    Index(fields=["role_id", "name"], name="instance_profile_by_role"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
