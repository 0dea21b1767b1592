"""What an account has registered and asked for: its own services, and reports."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from .. import relations
from ..columns import Text, Word


# `definition` has all the parts of a service, as JSON: it is put and read as a whole.
class ServiceRow(Model):
    id = fields.BigIntField(primary_key=True)
    account = relations.account()
    prefix = Word(max_length=63)
    definition = Text()
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "service"
        unique_together = (("account", "prefix"),)


# `held_until` is until when a process has it to make.
class ReportRow(Model):
    id = Word(max_length=36, primary_key=True)
    account = relations.account()
    kind = Word(max_length=32)
    requested_by = Word(max_length=21)
    parameters = Text()
    state = Word(max_length=16)
    requested_at = fields.DatetimeField()
    held_until = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    content = Text(null=True)

    class Meta:
        table = "report"
        indexes = (
            Index(fields=("account_id", "kind", "requested_at"), name="report_by_account"),
            Index(fields=("state", "requested_at"), name="report_by_state"),
        )
