"""SAML providers and their private keys, with an index by the master key that one is sealed under, as in 0004."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0015_oidc_providers")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SamlProviderRow",
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
                ("name", Word(max_length=128)),
                ("name_key", Word(max_length=128)),
                ("metadata", Text(unique=False)),
                ("entity_id", Text(unique=False)),
                ("certificates", Text(unique=False)),
                ("valid_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("encryption_mode", Word(null=True, max_length=8)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("tags", Text(unique=False)),
            ],
            options={
                "table": "saml_provider",
                "app": "store",
                "unique_together": (("account", "name_key"),),
                "indexes": [],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SamlPrivateKeyRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=32)),
                (
                    "provider",
                    fields.ForeignKeyField(
                        "store.SamlProviderRow",
                        source_field="provider_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("sealed_secret", Text(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "saml_private_key",
                "app": "store",
                "indexes": [Index(fields=["provider_id"], name="saml_private_key_by_provider")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            "CREATE INDEX saml_private_key_by_sealing_key ON saml_private_key (substr(sealed_secret, 4, 8), id)",
            "DROP INDEX saml_private_key_by_sealing_key",
        ),
    ]
