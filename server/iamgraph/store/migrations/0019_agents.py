"""Agents, and an index by the agent of the sessions that one was given."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Word


class Migration(migrations.Migration):
    dependencies = [("store", "0018_mapping_rules")]

    initial = False

    operations = [
        ops.CreateModel(
            name="AgentRow",
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
                (
                    "instance_profile",
                    fields.ForeignKeyField(
                        "store.InstanceProfileRow",
                        source_field="instance_profile_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("token_hash", Word(unique=True, max_length=64)),
                ("public_key", Word(null=True, max_length=44)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("enrolled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "agent",
                "app": "store",
                "indexes": [
                    Index(fields=["account_id", "expires_at"], name="agent_by_account"),
                    Index(fields=["instance_profile_id", "id"], name="agent_by_instance_profile"),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            "CREATE INDEX session_by_agent ON session (name) WHERE source = 'INSTANCE_PROFILE'",
            "DROP INDEX session_by_agent",
        ),
    ]
