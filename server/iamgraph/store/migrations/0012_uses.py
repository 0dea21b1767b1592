"""When access keys, roles and roots' passwords were last used."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Word


class Migration(migrations.Migration):
    dependencies = [("store", "0011_mfa_devices")]

    initial = False

    operations = [
        ops.AddField(
            model_name="AccountRow",
            name="root_password_last_used_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.CreateModel(
            name="AccessKeyUseRow",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "access_key",
                    fields.OneToOneField(
                        "store.AccessKeyRow",
                        source_field="access_key_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("service", Word(max_length=64)),
                ("region", Word(max_length=64)),
            ],
            options={"table": "access_key_use", "app": "store", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RoleUseRow",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "role",
                    fields.OneToOneField(
                        "store.RoleRow",
                        source_field="role_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("region", Word(max_length=64)),
            ],
            options={"table": "role_use", "app": "store", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
