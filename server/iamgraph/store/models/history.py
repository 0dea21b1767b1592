"""The history and its chains."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from ..columns import Text, Word


# The history refers to nothing: it outlives what it tells of.
class EventRow(Model):
    seq = fields.BigIntField(primary_key=True)
    id = Word(max_length=64, unique=True)
    account_id = Word(max_length=12, null=True)
    name = Word(max_length=128)
    at = fields.DatetimeField()
    request_id = Text()
    transport = Text()
    principal_id = Text(null=True)
    principal_arn = Text(null=True)
    session_id = Text(null=True)
    action = Text()
    resources = Text()
    outcome = Word(max_length=16)
    error_code = Text(null=True)
    error_message = Text(null=True)
    ip_address = Text(null=True)
    user_agent = Text(null=True)
    parameters = Text()
    access_key_id = Word(max_length=128, null=True)
    changes = Text(null=True)

    class Meta:
        table = "event"
        indexes = (
            Index(fields=("account_id", "seq"), name="event_by_account"),
            Index(fields=("account_id", "name", "seq"), name="event_by_name"),
            Index(fields=("account_id", "principal_arn", "seq"), name="event_by_principal"),
            Index(fields=("account_id", "access_key_id", "seq"), name="event_by_access_key"),
            Index(fields=("account_id", "outcome", "seq"), name="event_by_outcome"),
            Index(fields=("account_id", "at"), name="event_by_time"),
        )


# An event's place in its chain. A table of its own, so that whoever writes an event waits for no chain. It refers to
# nothing: a link must stay to tell of an event that was taken away.
class LinkRow(Model):
    seq = fields.BigIntField(primary_key=True, generated=False)
    event_id = Word(max_length=64)
    chain = Word(max_length=12)
    number = fields.BigIntField()
    link = Word(max_length=64)
    key_id = Word(max_length=8)

    class Meta:
        table = "event_link"
        unique_together = (("chain", "number"),)


class HeadRow(Model):
    chain = Word(max_length=12, primary_key=True)
    count = fields.BigIntField()
    link = Word(max_length=64)
    at = fields.DatetimeField()
    horizon = fields.BigIntField()
    key_id = Word(max_length=8)
    signature = Word(max_length=64)

    class Meta:
        table = "chain_head"


# Where a chain begins, once retention has taken what was before.
class AnchorRow(Model):
    chain = Word(max_length=12, primary_key=True)
    number = fields.BigIntField()
    link = Word(max_length=64)
    at = fields.DatetimeField()
    key_id = Word(max_length=8)
    signature = Word(max_length=64)

    class Meta:
        table = "chain_anchor"
