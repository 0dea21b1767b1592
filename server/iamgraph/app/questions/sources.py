"""Users, groups, roles and roots by their ARN: whose policies a simulation starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...domain.arn import Arn, parse_arn
from ...domain.entities import Account, Group, Role, User
from ...domain.errors import NoSuchEntity
from ...store.session import StoreSession
from ..caller import Caller
from ..operation import Place, Target

Source = User | Group | Role | Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """Whose policies are in force, and, where that is somebody else, who is to ask under them."""

    entity: Source
    caller: Source | None = None


class _SourceByArn(Target):
    """An entity of the caller's account by `policy_source_arn`, and by `caller_arn` where the operation has that."""

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Sourced | None]:
        own = caller.account_id
        texts = {text for op in ops for text in (op.policy_source_arn, getattr(op, "caller_arn", None)) if text}
        asked = {text: arn for text in texts if (arn := parse_arn(text)) and _is_iam(arn) and arn.account_id == own}
        found: dict[str, Source] = {}
        for kind, repository in (("user", data.users), ("group", data.groups), ("role", data.roles)):
            names = sorted({arn.name for arn in asked.values() if arn.kind == kind})
            if names:
                entities: Any = (await repository.named(own, names)).values()
                found |= {entity.arn: entity for entity in entities}
        if any(arn.kind == "root" for arn in asked.values()):
            found[caller.who.account.arn] = caller.who.account
        sources = [(found.get(op.policy_source_arn), found.get(getattr(op, "caller_arn", None) or "")) for op in ops]
        return [Sourced(entity=source, caller=other) if source is not None else None for source, other in sources]

    def place(self, caller: Caller, op: Any, entity: Sourced | None) -> Place:
        asked = op.policy_source_arn
        if entity is not None:
            tags = getattr(entity.entity, "tags", ())
            return Place(resource=entity.entity.arn, asked=asked, account_id=caller.account_id, tags=tags)
        arn = parse_arn(asked)
        return Place(resource=asked, asked=asked, account_id=arn.account_id if arn else caller.account_id)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return no_such(op.policy_source_arn)


def no_such(arn: str) -> NoSuchEntity:
    return NoSuchEntity(f"The user, group or role with ARN {arn} cannot be found.")


def _is_iam(arn: Arn) -> bool:
    return arn.service == "iam"


SOURCE = _SourceByArn()
