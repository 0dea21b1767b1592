"""Which identity provider a session began with, and whom it named."""
# ruff: noqa: RUF012

from tortoise import migrations
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0019_agents")]

    initial = False

    operations = [
        ops.AddField(model_name="SessionRow", name="provider_id", field=Word(null=True, max_length=32)),
        ops.AddField(model_name="SessionRow", name="subject", field=Text(null=True, unique=False)),
        ops.AddField(model_name="SessionRow", name="federation", field=Text(null=True, unique=False)),
    ]
