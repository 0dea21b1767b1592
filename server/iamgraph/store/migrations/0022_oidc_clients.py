"""Signing in with OpenID Connect providers."""
# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from iamgraph.store.columns import Text, Word


class Migration(migrations.Migration):
    dependencies = [("store", "0021_saml_assertions")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OidcClientRow",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "provider",
                    fields.OneToOneField(
                        "store.OidcProviderRow",
                        source_field="provider_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("client_id", Word(max_length=255)),
                ("sealed_secret", Text(null=True, unique=False)),
                ("scopes", Text(unique=False)),
                ("mfa_values", Text(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "oidc_client", "app": "store", "indexes": [], "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SignInFlowRow",
            fields=[
                ("id", Word(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("provider_id", Word(max_length=32)),
                ("browser_hash", Word(max_length=64)),
                ("nonce", Word(max_length=64)),
                ("verifier", Word(max_length=64)),
                ("next_path", Text(null=True, unique=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sign_in_flow",
                "app": "store",
                "indexes": [Index(fields=["expires_at"], name="sign_in_flow_by_end")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OidcLoginRow",
            fields=[
                ("session_id", Word(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("provider_id", Word(max_length=32)),
                ("provider_session", Text(null=True, unique=False)),
                ("sealed_secret", Text(unique=False)),
            ],
            options={
                "table": "oidc_login",
                "app": "store",
                "indexes": [Index(fields=["provider_id", "provider_session"], name="oidc_login_by_provider")],
                "pk_attr": "session_id",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            "CREATE INDEX oidc_login_by_sealing_key ON oidc_login (substr(sealed_secret, 4, 8), session_id)",
            "DROP INDEX oidc_login_by_sealing_key",
        ),
        ops.RunSQL(
            "CREATE INDEX oidc_client_by_sealing_key ON oidc_client (substr(sealed_secret, 4, 8), provider_id)",
            "DROP INDEX oidc_client_by_sealing_key",
        ),
    ]
