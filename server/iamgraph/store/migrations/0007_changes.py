"""What an event's command changed, the access key that it was signed with, and where chains begin after retention."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0006_guardrails")]

    initial = False

    operations = [
        ops.AddField(model_name="EventRow", name="access_key_id", field=Word(null=True, max_length=128)),
        ops.AddField(model_name="EventRow", name="changes", field=Text(null=True, unique=False)),
        ops.AddIndex(
            model_name="EventRow",
            index=Index(fields=["account_id", "principal_arn", "seq"], name="event_by_principal"),
        ),
        ops.AddIndex(
            model_name="EventRow",
            index=Index(fields=["account_id", "access_key_id", "seq"], name="event_by_access_key"),
        ),
        ops.AddIndex(
            model_name="EventRow", index=Index(fields=["account_id", "outcome", "seq"], name="event_by_outcome")
        ),
        ops.AddIndex(model_name="EventRow", index=Index(fields=["account_id", "at"], name="event_by_time")),
        ops.CreateModel(
            name="AnchorRow",
            fields=[
                ("chain", Word(primary_key=True, unique=True, db_index=True, max_length=12)),
                ("number", fields.BigIntField()),
                ("link", Word(max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("key_id", Word(max_length=8)),
                ("signature", Word(max_length=64)),
            ],
            options={"table": "chain_anchor", "app": "store", "pk_attr": "chain"},
            bases=["Model"],
        ),
    ]
