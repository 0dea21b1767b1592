"""Questions of what a principal may do, asked about it: what answers is what decides when it acts itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from ...domain.arn import SERVICE, assumed_role_arn, parse_arn
from ...domain.entities import Account, Group, PrincipalType, Role, User
from ...domain.policy.evaluate import Decision, Policy, Principal, PrincipalKind
from ..access import AccessCache
from ..caller import account_context, principal_context, principal_of, request_context
from ..decide import Asker, Context, Subject, allows
from ..operation import TAG_KEYS, Need
from ..work import Work

ContextEntry = tuple[str, tuple[str, ...]]
"""A context key, with its values."""
ContextEntries = tuple[ContextEntry, ...]

ACTION = re.compile(r"(?=.{3,128}\Z)[A-Za-z0-9.-]+:[^\x00-\x20\x7f-\U0010ffff:*?]+")
"""One action of any service."""

_OWNED = re.compile(r"(?:[^:]*:){4}(\d{12}):", re.ASCII)
_TRUSTED = frozenset({"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"})
SESSION_NAME = "simulation"
"""What the session is called through which a role is asked about."""


# A named tuple, since a batch has a thousand: a frozen dataclass takes several times as long to make and to hash.
class Question(NamedTuple):
    """May it perform `action` on `resource`, an ARN or `*`? `context` are the keys of the request, beside those that its
    principal brings. `account_id` owns the resource: by default the account that its ARN names, else the principal's.
    `policy` is the resource's own as it is supposed to be; of a role, the trust policy in place of the one that it has."""

    action: str
    resource: str
    context: ContextEntries = ()
    account_id: str | None = None
    policy: Policy | None = None

    @property
    def is_trust_decision(self) -> bool:
        """Whether a role's trust policy has a say."""
        return self.action.lower() in _TRUSTED


async def subject(
    work: Work, cache: AccessCache, entity: User | Group | Role | Account, *, revision: int = 0
) -> Subject:
    """A principal of the caller's account as it would ask now: a role through a session named `simulation`, a group as a
    user of whom nothing but that group is known. Its policies are those of the cache that have the revision; a cache of
    one's own only keeps a batch from reading them twice."""
    account = work.caller.who.account
    if isinstance(entity, Group):
        return Subject(
            principal=Principal(kind=PrincipalKind.USER, account=account.id),
            access=await cache.of_group(work.data, entity.id, account, revision),
            context={**instant(work), **account_context(PrincipalType.USER, account.id)},
        )
    kind = {Account: PrincipalType.ROOT, User: PrincipalType.USER, Role: PrincipalType.ROLE}[type(entity)]
    name, tags = ("root", ()) if isinstance(entity, Account) else (entity.name, entity.tags)
    session = SESSION_NAME if kind is PrincipalType.ROLE else None
    own = assumed_role_arn(account.id, name, session) if session else entity.arn
    return Subject(
        principal=principal_of(kind, account_id=account.id, arn=own, principal_arn=entity.arn, principal_id=entity.id),
        access=await cache.of_principal(work.data, kind, entity.id, account, revision),
        context={
            **instant(work),
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


def instant(work: Work) -> Context:
    """The context keys that say when a question is asked."""
    now = request_context(work.caller.origin, work.now)
    return {key: now[key] for key in ("aws:CurrentTime", "aws:EpochTime")}


def trust_actions(actions: Iterable[str]) -> Set[str]:
    """Those, as they are written, in which a role's trust policy has a say."""
    return {action for action in set(actions) if action.lower() in _TRUSTED}


async def trusting(work: Work, questions: Sequence[Question]) -> Mapping[str, Role]:
    """The roles of the caller's account, by ARN, that the questions are about the trust of."""
    trusted = trust_actions(question.action for question in questions)
    asked = [parse_arn(one.resource) for one in questions if one.action in trusted and one.policy is None]
    own = work.caller.account_id
    names = {arn.name for arn in asked if arn and arn.kind == "role" and arn.account_id == own}
    found = await work.data.roles.named(own, sorted(names)) if names else {}
    return {role.arn: role for role in found.values()}


def answer(subject: Asker, question: Question, roles: Mapping[str, Role]) -> Decision:
    """The engine's answer. `roles` are those of `trusting`: any other role answers like one that trusts somebody else. The
    keys that are given take the place of those of the request."""
    return allows(subject, need_of(question, subject, roles))


def need_of(question: Question, subject: Asker, roles: Mapping[str, Role]) -> Need:
    """What a question comes to for the engine: see `answer`."""
    account_id = question.account_id or account_of(question.resource) or subject.principal.account
    assert account_id is not None
    role = roles.get(question.resource) if question.is_trust_decision else None
    # One value is a key of one value, which is the same to operators on sets.
    given = {key: values[0] if len(values) == 1 else values for key, values in question.context}
    return Need(
        action=question.action,
        resource=question.resource,
        asked=question.resource,
        account_id=account_id,
        context={
            "aws:ResourceAccount": service_if_owns(question.resource) or account_id,
            **_tags(role, given),
            **given,
        },
        trust=role,
        resource_policy=question.policy,
        is_trust_decision=question.is_trust_decision,
    )


def named_alike(subject: Asker, context: ContextEntries) -> ContextEntries:
    """Keys that are given, by the names that the subject's own have, whatever case they were given in: so that one without
    values takes the subject's away."""
    if not context:
        return context
    names = {name.lower(): name for name in ("aws:ResourceAccount", *subject.context)}
    return tuple((names.get(key.lower(), key), values) for key, values in context)


def _tags(role: Role | None, given: Context) -> Context:
    """The tags of a role that would be assumed, but for those whose keys are given, whatever their case."""
    if role is None:
        return {}
    tags = {f"{key}/{tag.key}": tag.value for tag in role.tags for key in TAG_KEYS}
    taken = {key.lower() for key in given}
    return {key: value for key, value in tags.items() if key.lower() not in taken}


def service_if_owns(arn: str) -> str | None:
    """Who owns it, where that is the service: its policies are every account's to use."""
    parsed = parse_arn(arn)
    return SERVICE if parsed is not None and parsed.account_id == SERVICE else None


def account_of(arn: str) -> str | None:
    """The account that an ARN of any service names, if it names one."""
    found = _OWNED.match(arn)
    return found[1] if found else None
