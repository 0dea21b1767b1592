"""What is left of each principal's budget."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Word


class Migration(migrations.Migration):
    dependencies = [("store", "0004_sealed_under")]

    initial = False

    operations = [
        ops.CreateModel(
            name="BudgetRow",
            fields=[
                ("principal_id", Word(primary_key=True, unique=True, db_index=True, max_length=21)),
                ("full_at", fields.BigIntField()),
            ],
            options={
                "table": "budget",
                "app": "store",
                "indexes": [Index(fields=["full_at"], name="budget_by_full")],
                "pk_attr": "principal_id",
            },
            bases=["Model"],
        ),
    ]
