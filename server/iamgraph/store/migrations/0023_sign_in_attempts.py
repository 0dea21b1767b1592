"""What identity providers said of those who came from them."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0022_oidc_clients")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SignInAttemptRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=32)),
                ("provider_id", Word(max_length=32)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("is_proven", fields.BooleanField(default=False)),
                ("subject", Text(null=True, unique=False)),
                ("said", Text(null=True, unique=False)),
            ],
            options={
                "table": "sign_in_attempt",
                "app": "store",
                "indexes": [
                    Index(fields=["provider_id", "is_proven", "at"], name="sign_in_attempt_by_provider"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
