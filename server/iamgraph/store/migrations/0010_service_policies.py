"""Managed policies that the service owns: of every account's use, and of nobody's account."""
# ruff: noqa: RUF012

from __future__ import annotations

import json

from tortoise import fields, migrations
from tortoise.fields import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State

from iamgraph.store.service_policies import in_force, made

_AT = "2026-11-25T00:00:00.000000+00:00"


def _document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=4)


def _allow(*actions: str, **more: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": actions, "Resource": "*", **more}


# As AWS publishes them (AWS Managed Policy Reference Guide), with AWS's ids, but for the last two: what AWS's policies of
# these names allow of the actions that this server knows, and the reading among its own.
_POLICIES = (
    (
        "ANPAIWMBCKSKIEE64ZLYK",
        "AdministratorAccess",
        "Provides full access to all services and resources.",
        _document({"Effect": "Allow", "Action": "*", "Resource": "*"}),
    ),
    (
        "ANPAI7XKCFMBPM3QQRRVQ",
        "IAMFullAccess",
        "Provides full access to IAM.",
        _document(
            _allow(
                "iam:*",
                "organizations:DescribeAccount",
                "organizations:DescribeOrganization",
                "organizations:DescribeOrganizationalUnit",
                "organizations:DescribePolicy",
                "organizations:ListChildren",
                "organizations:ListParents",
                "organizations:ListPoliciesForTarget",
                "organizations:ListRoots",
                "organizations:ListPolicies",
                "organizations:ListTargetsForPolicy",
            )
        ),
    ),
    (
        "ANPAJKSO7NDY4T57MWDSQ",
        "IAMReadOnlyAccess",
        "Provides read only access to IAM.",
        _document(
            _allow(
                "iam:GenerateCredentialReport",
                "iam:GenerateServiceLastAccessedDetails",
                "iam:Get*",
                "iam:List*",
                "iam:SimulateCustomPolicy",
                "iam:SimulatePrincipalPolicy",
            )
        ),
    ),
    (
        "ANPAJ4L4MM2A7QIEB56MS",
        "IAMUserChangePassword",
        "Provides the ability for an IAM user to change their own password.",
        _document(
            _allow(
                "iam:ChangePassword",
                Resource=["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:user/*/${aws:username}"],
            ),
            _allow("iam:GetAccountPasswordPolicy"),
        ),
    ),
    (
        "ANPAILL3HVNFSB6DCOWYQ",
        "ReadOnlyAccess",
        "Provides read-only access to what this server keeps.",
        _document(
            _allow(
                "access-analyzer:ValidatePolicy",
                "account:GetPrimaryEmail",
                "cloudtrail:LookupEvents",
                "iam:Generate*",
                "iam:Get*",
                "iam:List*",
                "iam:Simulate*",
                "iamgraph:Get*",
                "iamgraph:List*",
                "organizations:Describe*",
                "organizations:List*",
                "sts:GetAccessKeyInfo",
                "sts:GetCallerIdentity",
            )
        ),
    ),
    (
        "ANPAIX2T3QCXHR2OGGCTO",
        "SecurityAudit",
        "Grants access to read security configuration. It is useful for software that audits an account.",
        _document(
            _allow(
                "account:GetPrimaryEmail",
                "cloudtrail:LookupEvents",
                "iam:GenerateCredentialReport",
                "iam:GenerateServiceLastAccessedDetails",
                "iam:Get*",
                "iam:List*",
                "iam:SimulateCustomPolicy",
                "iam:SimulatePrincipalPolicy",
                "iamgraph:Get*",
                "iamgraph:List*",
                "organizations:Describe*",
                "organizations:List*",
                "sts:GetAccessKeyInfo",
            )
        ),
    ),
)

# The tables that refer to this one do so by its name, and foreign keys are off: dropping it deletes nothing else.
_NULLABLE = {
    "sqlite": (
        'CREATE TABLE "managed_policy_new" ('
        '"id" VARCHAR(21) NOT NULL PRIMARY KEY, '
        '"name" VARCHAR(128) NOT NULL, '
        '"name_key" VARCHAR(128) NOT NULL, '
        '"path" VARCHAR(512) NOT NULL, '
        '"description" TEXT, '
        '"default_version" INT NOT NULL, '
        '"last_version" INT NOT NULL, '
        '"created_at" TIMESTAMP NOT NULL, '
        '"updated_at" TIMESTAMP NOT NULL, '
        '"tags" TEXT NOT NULL, '
        '"account_id" VARCHAR(12) REFERENCES "account" ("id") ON DELETE RESTRICT, '
        'CONSTRAINT "uid_managed_pol_account_a50316" UNIQUE ("account_id", "name_key"))',
        "INSERT INTO managed_policy_new (id, name, name_key, path, description, default_version, last_version, created_at, "
        "updated_at, tags, account_id) SELECT id, name, name_key, path, description, default_version, last_version, "
        "created_at, updated_at, tags, account_id FROM managed_policy",
        "DROP TABLE managed_policy",
        "ALTER TABLE managed_policy_new RENAME TO managed_policy",
        'CREATE INDEX "managed_policy_by_name" ON "managed_policy" ("account_id", "name")',
    ),
    "postgres": ("ALTER TABLE managed_policy ALTER COLUMN account_id DROP NOT NULL",),
}


class LetNobodyOwn(ops.AlterField):
    """Tortoise's own way of altering a field loses, on SQLite, unique constraints and indexes."""

    async def database_forward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        if state_editor is not None:
            for statement in _NULLABLE[state_editor.DIALECT]:
                await state_editor._run_sql(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0009_instance_profiles")]

    initial = False

    operations = [
        LetNobodyOwn(
            model_name="PolicyRow",
            name="account",
            field=fields.ForeignKeyField(
                "store.AccountRow",
                source_field="account_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.RunSQL(
            [
                statement
                for id, name, description, document in _POLICIES
                for statement in (*made(id, name, description, _AT), *in_force(id, document, _AT))
            ],
            ops.RunSQL.noop,
        ),
    ]
