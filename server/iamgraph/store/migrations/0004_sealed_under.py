"""Indexes by the master key that a secret is sealed under, so that what a retired one sealed is found at once."""
# ruff: noqa: RUF012

from tortoise import migrations
from tortoise.migrations import operations as ops


def _index(table: str, id: str) -> ops.RunSQL:
    name = f"{table}_by_sealing_key"
    return ops.RunSQL(
        f"CREATE INDEX {name} ON {table} (substr(sealed_secret, 4, 8), {id}) WHERE sealed_secret IS NOT NULL",
        f"DROP INDEX {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("store", "0003_throttles")]

    initial = False

    operations = [_index("access_key", "id"), _index("session", "access_key_id")]
