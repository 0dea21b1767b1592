"""Which SAML assertions were used."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Word


class Migration(migrations.Migration):
    dependencies = [("store", "0020_federated_sessions")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SamlAssertionRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("believed_until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "saml_assertion",
                "app": "store",
                "indexes": [Index(fields=["believed_until"], name="saml_assertion_by_end")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
