"""The history's chains: a link for each event, and the head of each chain."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Word


class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="HeadRow",
            fields=[
                ("chain", Word(primary_key=True, unique=True, db_index=True, max_length=12)),
                ("count", fields.BigIntField()),
                ("link", Word(max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("horizon", fields.BigIntField()),
                ("key_id", Word(max_length=8)),
                ("signature", Word(max_length=64)),
            ],
            options={"table": "chain_head", "app": "store", "pk_attr": "chain"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LinkRow",
            fields=[
                ("seq", fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ("event_id", Word(max_length=64)),
                ("chain", Word(max_length=12)),
                ("number", fields.BigIntField()),
                ("link", Word(max_length=64)),
                ("key_id", Word(max_length=8)),
            ],
            options={
                "table": "event_link",
                "app": "store",
                "unique_together": (("chain", "number"),),
                "pk_attr": "seq",
            },
            bases=["Model"],
        ),
    ]
