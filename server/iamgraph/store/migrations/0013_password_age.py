"""How old passwords may become, and which ones a user had before."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text


class Migration(migrations.Migration):
    dependencies = [("store", "0012_uses")]

    initial = False

    operations = [
        ops.AddField(model_name="PasswordPolicyRow", name="max_age_days", field=fields.IntField(null=True)),
        ops.AddField(model_name="PasswordPolicyRow", name="reuse_prevention", field=fields.IntField(null=True)),
        ops.AddField(model_name="PasswordPolicyRow", name="hard_expiry", field=fields.BooleanField(null=True)),
        # Null where it was set by an earlier version: since the password came to be, for all that is known.
        ops.AddField(
            model_name="LoginProfileRow",
            name="password_set_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.CreateModel(
            name="PastPasswordRow",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "store.UserRow",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("password_hash", Text(unique=False)),
            ],
            options={
                "table": "past_password",
                "app": "store",
                "indexes": [Index(fields=["user_id", "id"], name="past_password_by_user")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
