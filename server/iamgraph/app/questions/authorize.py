"""Authorisation as a service: may the caller, another principal, or whoever is behind credentials that were handed over do
this, now? The answer is what the engine would say if it asked itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from ...domain.arn import parse_arn
from ...domain.entities import Account, Role, User
from ...domain.errors import IamError, InvalidCredentials, InvalidInput, NoSuchEntity
from ...domain.names import ArnText, Count, Counted, Doc, Match, Secret, shown
from ...domain.policy.evaluate import Decision
from ...domain.policy.global_keys import is_of_principal
from ..caller import Caller, request_context
from ..decide import Asker, Subject
from ..identity import Handed, Holder
from ..operation import Need, Place, Query, Target, operation
from ..turns import Turns
from ..work import Work
from .batch import Decisions, Questions, answers
from .question import ACTION, ContextEntries, Question, instant, subject, trusting

MAX_REQUESTS = 1000
_RESOURCE = re.compile(r"\*|arn:[\w-]+:[\w.-]+:[^:\s]*:[^:\s]*:[^\x00-\x1f\x7f]+", re.ASCII)
_LONGEST = 2048
_ENTRIES, _VALUES = Count(100), Count(100)
_KEY, _VALUE = Match(r"[^\x00-\x1f\x7f]+", 1, 256), Match(r".*", 0, 2048)
_KEY_ID, _TOKEN = Match(r"\w+", 16, 128), Match(r".+", 1, 4096)

Principal = User | Role | Account | Holder | Caller


class _Asked(Target):
    """Who is asked about: the caller itself; a user, a role or the root of its account, by ARN; or whoever is behind
    credentials. Credentials of which nothing is known in the account stand at `arn:aws:iamgraph::…:credentials/unknown`."""

    async def find(self, work: Work, ops: Sequence[Any]) -> Sequence[Principal | None]:
        if all(op.is_about_itself for op in ops):
            return [work.caller] * len(ops)
        arns = list(dict.fromkeys(op.principal for op in ops if op.principal is not None))
        handed = dict.fromkeys(op.credentials for op in ops if op.credentials is not None)
        named = await self._named(work, arns)
        held = {one: await self._holder(work, one) for one in handed}
        return [
            work.caller if op.is_about_itself else held[op.credentials] if op.principal is None else named[op.principal]
            for op in ops
        ]

    @staticmethod
    async def _named(work: Work, arns: Sequence[str]) -> Mapping[str, User | Role | Account | None]:
        own: dict[str, User | Role | Account | None] = dict.fromkeys(arns)
        account = work.caller.who.account
        if account.arn in own:
            own[account.arn] = account
        for kind, repository in (("user", work.data.users), ("role", work.data.roles)):
            parsed = [arn for arn in map(parse_arn, arns) if arn and arn.kind == kind and arn.account_id == account.id]
            found = await repository.named(account.id, sorted({arn.name for arn in parsed})) if parsed else {}
            own |= {entity.arn: entity for entity in found.values() if entity.arn in own}
        return own

    @staticmethod
    async def _holder(work: Work, handed: Handed) -> Holder | None:
        holder = await work.authenticator.holder(work.data, handed, work.caller.origin)
        return holder if holder is not None and holder.account_id == work.caller.account_id else None

    def place(self, caller: Caller, op: Any, entity: Principal | None) -> Place:
        account_id = caller.account_id
        if op.credentials is not None:
            unknown = f"arn:aws:iamgraph::{account_id}:credentials/unknown"
            if isinstance(entity, Holder):
                return Place(resource=entity.principal_arn, asked=unknown, account_id=account_id, tags=entity.tags)
            return Place(resource=unknown, asked=unknown, account_id=account_id)
        parsed = parse_arn(op.principal)
        asked, of = op.principal, parsed.account_id if parsed else account_id
        tags = entity.tags if isinstance(entity, User | Role) else ()
        return Place(resource=asked, asked=asked, account_id=of, tags=tags)

    def missing(self, caller: Caller, op: Any) -> IamError | None:
        if op.credentials is not None:
            return _not_good()
        return NoSuchEntity(f"The principal {op.principal} cannot be found.")


ASKED = _Asked()


@dataclass(frozen=True, kw_only=True, repr=False)
class _Authorization(Query[Any]):
    """What both operations have in common: whom they ask about."""

    principal: Annotated[
        str | None,
        ArnText,
        Doc(
            "A user, a role or the root of the caller's account, decided by its policies alone. By default the caller."
        ),
    ] = None
    credentials: Annotated[
        Handed | None, Secret(), Doc("Credentials that the caller was shown: decided as if their holder asked.")
    ] = None

    @property
    def questions(self) -> Questions:
        raise NotImplementedError

    @property
    def is_about_itself(self) -> bool:
        return self.principal is None and self.credentials is None

    def at(self, i: int) -> str:
        """Where a question stands in the parameters."""
        raise NotImplementedError

    def needs(self, caller: Caller, target: Principal | None) -> Sequence[Need]:
        return () if self.is_about_itself else (self.need(caller, target),)

    def validate(self) -> None:
        if self.principal is not None and self.credentials is not None:
            raise InvalidInput("'principal' and 'credentials' can't both be given", field="credentials")
        if self.principal is not None:
            _check_principal(self.principal)
        if self.credentials is not None:
            _check_credentials(self.credentials)
        questions = self.questions
        are_plain = _are_plain(questions)
        if not are_plain or any(questions.contexts):
            self._check_each(questions, are_plain=are_plain)

    def _check_each(self, questions: Questions, *, are_plain: bool) -> None:
        actions: set[str] = set()
        contexts: set[ContextEntries] = {()}
        several = zip(questions.actions, questions.resources, questions.contexts, strict=True)
        for i, (action, resource, context) in enumerate(several):
            if not are_plain and action not in actions:
                _check_action(action, self.at(i))
                actions.add(action)
            if not are_plain and (len(resource) > _LONGEST or not _RESOURCE.fullmatch(resource)):
                raise _no_arn(resource, self.at(i))
            if context not in contexts:
                _check_context(context, self.at(i) + "context")
                contexts.add(context)

    @classmethod
    async def decided(
        cls, work: Work, asks: Sequence[tuple[_Authorization, Principal]]
    ) -> Sequence[Decisions | IamError]:
        """What each asks, in the order of its questions."""
        batches = [query.questions for query, _ in asks if query.questions.trusted]
        roles = await trusting(work, [one for questions in batches for one in questions]) if batches else {}
        askers = [await _asker(work, target) for _, target in asks]
        turns = Turns()
        return [
            _not_good() if asker is None else await answers(asker, query.questions, roles, turns)
            for asker, (query, _) in zip(askers, asks, strict=True)
        ]


@operation("iamgraph:Authorize", on=ASKED, raises=(NoSuchEntity, InvalidCredentials))
class Authorize(_Authorization):
    """Say whether the caller may do something now, or a principal of its account, or who is behind credentials; and why."""

    action_name: Annotated[str, Doc("One action, of any service, such as `docs:Read`.")]
    resource_arn: Annotated[str, Doc("The ARN of what it would be done to, or `*`.")]
    context_entries: Annotated[
        ContextEntries, Counted(), Doc("Further context keys of the request, with their values.")
    ] = ()

    @cached_property
    def questions(self) -> Questions:
        return Questions((self.action_name,), (self.resource_arn,), (self.context_entries,))

    def at(self, i: int) -> str:
        return ""

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[Authorize, Principal]]) -> Sequence[Decision | IamError]:
        found = await cls.decided(work, asks)
        return [one if isinstance(one, IamError) else one[0] for one in found]


@operation("iamgraph:Authorize", on=ASKED, raises=(NoSuchEntity, InvalidCredentials))
class AuthorizeMany(_Authorization):
    """`Authorize`, of many questions about one: the decisions in the order of the questions."""

    requests: Annotated[
        Questions | tuple[Question, ...], Count(MAX_REQUESTS), Counted(), Doc("What would be done, up to 1,000 times.")
    ]

    @cached_property
    def questions(self) -> Questions:
        return self.requests if isinstance(self.requests, Questions) else Questions.of(self.requests)

    def at(self, i: int) -> str:
        return f"requests[{i}]."

    def validate(self) -> None:
        if not self.requests:
            raise InvalidInput(f"'requests' is empty; from 1 to {MAX_REQUESTS} are wanted", field="requests")
        super().validate()

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[AuthorizeMany, Principal]]) -> Sequence[Decisions | IamError]:
        return await cls.decided(work, asks)


async def _asker(work: Work, target: Principal) -> Asker | None:
    """Who is asked about, with the context of a request that it made now; None for credentials that are not good."""
    if isinstance(target, Caller):
        return target
    if not isinstance(target, Holder):
        revision = work.caller.who.account.revision
        return await subject(work, work.authenticator.access, target, revision=revision)
    holder = target.caller
    if holder is None or holder.access is None:
        return None
    # The request that shows the credentials to the caller is not the one that the caller makes.
    of_request = request_context(work.caller.origin, work.now)
    own = {key: value for key, value in holder.context.items() if key not in of_request}
    return Subject(principal=holder.principal, access=holder.access, context={**instant(work), **own})


def _not_good() -> InvalidCredentials:
    """INVARIANT: one answer, whether they are unknown, wrong, expired, revoked, inactive or another account's."""
    return InvalidCredentials("The credentials are not valid, or not of this account.")


def _check_principal(arn: str) -> None:
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "iam" or parsed.kind not in ("user", "role", "root"):
        wanted = "the ARN of a user, a role or an account's root"
        raise InvalidInput(f"{shown(arn)} at 'principal' is not {wanted}", field="principal")


def _check_credentials(handed: Handed) -> None:
    if isinstance(handed, str):
        _TOKEN.check("credentials.accessToken", handed, is_secret=True)
        return
    # Not even what stands for the id is told back: it may be the secret, in the wrong place.
    _KEY_ID.check("credentials.accessKey.accessKeyId", handed.access_key_id, is_secret=True)
    _TOKEN.check("credentials.accessKey.secretAccessKey", handed.secret_access_key, is_secret=True)
    if handed.session_token is not None:
        _TOKEN.check("credentials.accessKey.sessionToken", handed.session_token, is_secret=True)


def _check_action(action: str, at: str) -> None:
    if not ACTION.fullmatch(action):
        wanted = "one action, such as docs:Read, with at most 128 characters"
        raise InvalidInput(f"{shown(action)} at '{at}action' is not {wanted}", field=f"{at}action")


def _are_plain(questions: Questions) -> bool:
    """Whether actions and resources are plainly sound: the resources start alike, and can be printed."""
    start, resources = questions.start, questions.resources
    if start is None or not all(map(ACTION.fullmatch, set(questions.actions))):
        return False
    lengths = [*map(len, resources)]
    return len(start) < min(lengths) and max(lengths) <= _LONGEST and "".join(resources).isprintable()


def _no_arn(resource: str, at: str) -> InvalidInput:
    wanted = "an ARN, such as arn:aws:docs::111122223333:page/1, with at most 2048 characters, or *"
    return InvalidInput(f"{shown(resource)} at '{at}resource' is not {wanted}", field=f"{at}resource")


def _check_context(context: ContextEntries, at: str) -> None:
    _ENTRIES.check(at, context)
    seen: set[str] = set()
    for i, (key, values) in enumerate(context):
        _KEY.check(f"{at}[{i}].key", key)
        if is_of_principal(key):
            said = "says who asks, and can't be given: it comes from the principal"
            raise InvalidInput(f"{shown(key)} at '{at}[{i}].key' {said}", field=f"{at}[{i}].key")
        if key.lower() in seen:
            raise InvalidInput(f"{shown(key)} at '{at}[{i}].key' is there twice", field=f"{at}[{i}].key")
        seen.add(key.lower())
        _VALUES.check(f"{at}[{i}].values", values)
        _VALUE.check(f"{at}[{i}].values", values, is_secret=True)
