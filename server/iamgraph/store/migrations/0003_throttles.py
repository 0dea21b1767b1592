"""Counters of attempts to sign in, and the addresses that users have signed in from."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Word


class Migration(migrations.Migration):
    dependencies = [("store", "0002_chains")]

    initial = False

    operations = [
        ops.CreateModel(
            name="KnownAddressRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=128)),
                ("principal_id", Word(max_length=21)),
                ("address", Word(max_length=64)),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "known_address",
                "app": "store",
                "indexes": [Index(fields=["principal_id", "address"], name="known_address_by_principal")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ThrottleRow",
            fields=[
                ("key", Word(primary_key=True, unique=True, db_index=True, max_length=256)),
                ("attempts", fields.IntField()),
                ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "throttle",
                "app": "store",
                "indexes": [Index(fields=["ends_at"], name="throttle_by_end")],
                "pk_attr": "key",
            },
            bases=["Model"],
        ),
    ]
