"""The mapping rules of identity providers."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0017_passkeys")]

    initial = False

    operations = [
        ops.CreateModel(
            name="MappingRulesRow",
            fields=[
                ("provider_id", Word(primary_key=True, unique=True, db_index=True, max_length=32)),
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
                ("rules", Text(unique=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "mapping_rules",
                "app": "store",
                "indexes": [],
                "pk_attr": "provider_id",
            },
            bases=["Model"],
        ),
    ]
