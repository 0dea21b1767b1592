"""OpenID Connect providers."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0014_reports")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OidcProviderRow",
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
                ("url", Word(max_length=255)),
                ("name", Word(max_length=255)),
                ("name_key", Word(max_length=255)),
                ("client_ids", Text(unique=False)),
                ("thumbprints", Text(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("tags", Text(unique=False)),
            ],
            options={
                "table": "oidc_provider",
                "app": "store",
                "unique_together": (("account", "name_key"),),
                "indexes": [],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
