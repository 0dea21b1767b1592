"""Questions of what a principal may do, asked about it: what answers is what decides when it acts itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..domain.arn import parse_arn
from ..domain.entities import Account, PrincipalType, Role, User
from ..domain.policy.evaluate import Decision
from .access import AccessCache
from .caller import principal_context, principal_of, request_context
from .decide import Subject, allows
from .operation import Need
from .work import Work

ContextEntries = tuple[tuple[str, tuple[str, ...]], ...]
"""Context keys, each with its values."""

_TRUSTED = frozenset({"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"})
_SESSION_NAME = "simulation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May it perform `action` on `resource`, an ARN or `*`? `context` are the keys of the request, beside those that its
    principal brings."""

    action: str
    resource: str
    context: ContextEntries = ()

    @property
    def is_trust_decision(self) -> bool:
        """Whether a role's trust policy has a say."""
        return self.action.lower() in _TRUSTED


async def subject(work: Work, cache: AccessCache, entity: User | Role | Account) -> Subject:
    """A principal of the caller's account as it would ask now: a role through a session named `simulation`. Its policies
    are read now, whatever revision they have: the cache only keeps a batch from reading them twice."""
    account = work.caller.who.account
    kind = {Account: PrincipalType.ROOT, User: PrincipalType.USER, Role: PrincipalType.ROLE}[type(entity)]
    name, tags = ("root", ()) if isinstance(entity, Account) else (entity.name, entity.tags)
    session = _SESSION_NAME if kind is PrincipalType.ROLE else None
    own = f"arn:aws:sts::{account.id}:assumed-role/{name}/{session}" if session else entity.arn
    now = request_context(work.caller.origin, work.now)
    return Subject(
        principal=principal_of(kind, account_id=account.id, arn=own, principal_arn=entity.arn, principal_id=entity.id),
        access=await cache.of_principal(work.data, kind, entity.id, account, 0),
        context={
            **{key: now[key] for key in ("aws:CurrentTime", "aws:EpochTime")},
            **principal_context(
                kind,
                account_id=account.id,
                principal_arn=entity.arn,
                principal_id=entity.id,
                name=name,
                session_name=session,
                tags=tags,
            ),
        },
    )


async def trusting(work: Work, questions: Sequence[Question]) -> Mapping[str, Role]:
    """The roles of the caller's account, by ARN, that the questions are about the trust of."""
    asked = [parse_arn(question.resource) for question in questions if question.is_trust_decision]
    own = work.caller.account_id
    names = {arn.name for arn in asked if arn and arn.kind == "role" and arn.account_id == own}
    found = await work.data.roles.named(own, sorted(names)) if names else {}
    return {role.arn: role for role in found.values()}


def answer(subject: Subject, question: Question, roles: Mapping[str, Role]) -> Decision:
    """The engine's answer. `roles` are those of `trusting`: any other role answers like one that trusts somebody else."""
    account_id = account_of(question.resource) or subject.principal.account
    assert account_id is not None
    need = Need(
        action=question.action,
        resource=question.resource,
        asked=question.resource,
        account_id=account_id,
        # One value is a key of one value, which is the same to operators on sets.
        context={key: values[0] if len(values) == 1 else values for key, values in question.context},
        trust=roles.get(question.resource),
        is_trust_decision=question.is_trust_decision,
    )
    return allows(subject, need)


def account_of(arn: str) -> str | None:
    """The account that an ARN of any service names, if it names one."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and re.fullmatch(r"\d{12}", parts[4], re.ASCII) else None
