"""The services that accounts register for themselves."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0007_changes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ServiceRow",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
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
                ("prefix", Word(max_length=63)),
                ("definition", Text(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "service",
                "app": "store",
                "unique_together": (("account", "prefix"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
