"""Renaming an entity, or moving it to another path: it takes the permission on where it was and on where it will be."""

from __future__ import annotations

from typing import Any

from ..domain.arn import iam_arn
from ..domain.errors import EntityAlreadyExists
from .caller import Caller
from .operation import Need, Operation


def needs_of_move(
    op: Operation[Any], caller: Caller, target: Any, *, kind: str, name: str, new_name: str | None, new_path: str | None
) -> tuple[Need, Need]:
    """What a move of the entity called `name` needs (IAM API Reference, UpdateUser and UpdateGroup)."""
    here = op.need(caller, target)
    path = new_path or (target.path if target else "/")
    arn = iam_arn(caller.account_id, kind, path, new_name or name)
    there = Need(action=op.action, resource=arn, asked=arn, account_id=caller.account_id, context=here.context)
    return (here, there)


def renamed(kind: str, name: str, new: str | None) -> str:
    """The name from now on. Raises EntityAlreadyExists for the same name in another case, as AWS does."""
    if new is not None and new != name and new.lower() == name.lower():
        raise EntityAlreadyExists(f"{kind} with name {new} already exists.")
    return new or name
