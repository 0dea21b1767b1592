"""Reports that are asked for first, and read later."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0013_password_age")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ReportRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=36)),
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
                ("kind", Word(max_length=32)),
                ("requested_by", Word(max_length=21)),
                ("parameters", Text(unique=False)),
                ("state", Word(max_length=16)),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("held_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("finished_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("content", Text(null=True, unique=False)),
            ],
            options={
                "table": "report",
                "app": "store",
                "indexes": [
                    Index(fields=["account_id", "kind", "requested_at"], name="report_by_account"),
                    Index(fields=["state", "requested_at"], name="report_by_state"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
