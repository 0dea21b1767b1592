"""Guardrails, and the accounts that they are attached to. Every member has the one that allows everything."""
# ruff: noqa: RUF012, S608 (the constants are below)

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word

_MADE_AT = "2026-11-25T00:00:00.000000+00:00"
_FULL_ACCESS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


class Migration(migrations.Migration):
    dependencies = [("store", "0005_budgets")]

    initial = False

    operations = [
        ops.CreateModel(
            name="GuardrailRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=21)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "store.AccountRow",
                        source_field="account_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", Word(max_length=32)),
                ("name", Word(max_length=128)),
                ("name_key", Word(unique=True, max_length=128)),
                ("description", Text(null=True, unique=False)),
                ("document", Text(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "guardrail",
                "app": "store",
                "indexes": [Index(fields=["name"], name="guardrail_by_name")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GuardrailAttachmentRow",
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
                (
                    "guardrail",
                    fields.ForeignKeyField(
                        "store.GuardrailRow",
                        source_field="guardrail_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("attached_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "guardrail_attachment",
                "app": "store",
                "unique_together": (("account", "guardrail"),),
                "indexes": [Index(fields=["guardrail_id", "account_id"], name="guardrail_attachment_by_guardrail")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            [
                "INSERT INTO guardrail (id, kind, name, name_key, description, document, created_at, updated_at) VALUES "
                "('p-FullAWSAccess', 'SERVICE_CONTROL_POLICY', 'FullAWSAccess', 'fullawsaccess', "
                f"'Allows access to every operation', '{_FULL_ACCESS}', '{_MADE_AT}', '{_MADE_AT}')",
                "INSERT INTO guardrail_attachment (account_id, guardrail_id, attached_at) "
                f"SELECT id, 'p-FullAWSAccess', '{_MADE_AT}' FROM account WHERE is_operator IS NULL",
            ],
            ops.RunSQL.noop,
        ),
    ]
