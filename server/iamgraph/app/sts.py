"""Temporary credentials: assume a role, and ask who one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from ..domain.arn import parse_arn
from ..domain.entities import (
    PrincipalType,
    Role,
    Session,
    SessionSource,
    Tag,
)
from ..domain.errors import (
    IamError,
    InvalidAuthenticationCode,
    InvalidInput,
    LimitExceeded,
    MalformedPolicyDocument,
    Unauthenticated,
)
from ..domain.names import (
    Between,
    Count,
    Doc,
    ExternalId,
    RoleArn,
    RoleSessionName,
    SerialNumber,
    SourceIdentity,
    TokenCode,
)
from ..domain.policy.evaluate import Policy
from ..domain.tags import check_tags
from ..domain.throttling import Limit
from ..store.session import StoreSession
from .access import resource_control
from .caller import Caller, Identity, mfa_context
from .operation import Command, Need, Place, Query, Target, operation
from .second_factor import SecondFactor, caller_factor, use_caller_code
from .session_policies import SessionPolicy, SessionPolicyArns, narrowing
from .tagging import Tags, request_tags
from .targets import NOTHING
from .temporary import Credentials, issue, new_credentials, role_session
from .work import Tools, Work

CHAINED_SECONDS = 3600
"""The longest session of a role assumed by a role's session (IAM User Guide, "Role chaining"), or with temporary credentials
from GetSessionToken."""


@operation("sts:GetCallerIdentity", on=NOTHING)
class GetCallerIdentity(Query[Identity]):
    """Say who asks. It takes no permission, and answers even under a deny."""

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetCallerIdentity, None]]) -> Sequence[Identity | IamError]:
        return [work.caller.who] * len(asks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumable:
    """A role, and the guardrails on it where it is of another account than the caller."""

    role: Role
    resource_control: tuple[Policy, ...] = ()


class _RoleByArn(Target):
    """A role of any account on this server. One that does not exist answers like one that trusts somebody else."""

    know = "iam:GetRole"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Assumable | None]:
        roles = [await self._role(data, op.role_arn) for op in ops]
        others = list({role.account_id for role in roles if role} - {caller.account_id})
        guards = await resource_control(data, others) if others else {}
        return [
            Assumable(role=role, resource_control=guards.get(role.account_id, ())) if role else None for role in roles
        ]

    @staticmethod
    async def _role(data: StoreSession, arn: str) -> Role | None:
        parsed = parse_arn(arn)
        if parsed is None or parsed.kind != "role":
            return None
        role = (await data.roles.named(parsed.account_id, [parsed.name])).get(parsed.name)
        return role if role is not None and role.arn == arn else None

    def place(self, caller: Caller, op: Any, entity: Assumable | None) -> Place:
        parsed = parse_arn(op.role_arn)
        account_id = parsed.account_id if parsed else caller.account_id
        tags = entity.role.tags if entity is not None else ()
        return Place(resource=op.role_arn, asked=op.role_arn, account_id=account_id, tags=tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedRole:
    """A role session: its credentials, and the same session as a bearer token. `packed_policy_size` is in percent."""

    credentials: Credentials
    access_token: str = field(repr=False)
    assumed_role_arn: str
    packed_policy_size: int
    session: Session


def _is_chaining(caller: Identity) -> bool:
    """Whether the caller's own credentials are a role's, or from GetSessionToken."""
    source = caller.session.source if caller.session is not None else None
    return caller.principal_type is PrincipalType.ROLE or source is SessionSource.SESSION_TOKEN


@operation(
    "sts:AssumeRole", on=_RoleByArn(), raises=(MalformedPolicyDocument, LimitExceeded, InvalidAuthenticationCode)
)
class AssumeRole(Command[AssumedRole]):
    """Take on a role for a while, if its trust policy lets the caller."""

    role_arn: RoleArn
    role_session_name: RoleSessionName
    duration_seconds: Annotated[int, Between(900, 43200), Doc("How long the credentials are good for.")] = 3600
    policy: SessionPolicy | None = None
    policy_arns: Annotated[
        SessionPolicyArns, Doc("Managed policies, of the role's account or of the service, that narrow the session.")
    ] = ()
    external_id: ExternalId | None = None
    source_identity: SourceIdentity | None = None
    tags: Tags = ()
    transitive_tag_keys: Annotated[
        tuple[str, ...], Count(50), Doc("Which of the tags roles assumed from this session inherit.")
    ] = ()
    serial_number: SerialNumber | None = None
    token_code: TokenCode | None = None

    locks_account = False

    def needs(self, caller: Caller, target: Assumable | None) -> Sequence[Need]:
        actions = ["sts:AssumeRole"]
        if self.tags:
            actions.append("sts:TagSession")
        if self.source_identity or caller.who.source_identity:
            actions.append("sts:SetSourceIdentity")
        role, guards = (target.role, target.resource_control) if target is not None else (None, ())
        needs = (self.need(caller, target, action) for action in actions)
        return [replace(need, trust=role, resource_control=guards, is_trust_decision=True) for need in needs]

    def context(self, caller: Caller, target: Assumable | None) -> Mapping[str, str | tuple[str, ...]]:
        context: dict[str, str | tuple[str, ...]] = {
            "sts:RoleSessionName": self.role_session_name,
            **request_tags(self.tags),
            # INVARIANT: policies see the code as right; `execute` gives nothing unless it is.
            **(mfa_context(0) if self.token_code is not None else {}),
        }
        if self.external_id is not None:
            context["sts:ExternalId"] = self.external_id
        identity = self.source_identity or caller.who.source_identity
        if identity:
            context["sts:SourceIdentity"] = identity
        if self.transitive_tag_keys:
            context["sts:TransitiveTagKeys"] = self.transitive_tag_keys
        return context

    def validate(self) -> None:
        parsed = parse_arn(self.role_arn)
        if parsed is None or parsed.service != "iam" or parsed.kind != "role":
            raise InvalidInput(f"{self.role_arn} is invalid", field="roleArn")
        check_tags(self.tags)
        keys = {tag.key.lower() for tag in self.tags}
        if not {key.lower() for key in self.transitive_tag_keys} <= keys:
            raise InvalidInput(
                "The specified transitive tag key must be included in the requested tags.", field="transitiveTagKeys"
            )

    async def look(self, work: Work, target: Assumable) -> SecondFactor | None:
        return await caller_factor(work, self.serial_number, self.token_code)

    async def prepare(self, caller: Caller, tools: Tools, looked: SecondFactor | None) -> SecondFactor | None:
        return looked

    def attempts(self, prepared: SecondFactor | None) -> Sequence[Limit]:
        return prepared.attempts if prepared is not None else ()

    async def execute(self, work: Work, target: Assumable, prepared: SecondFactor | None) -> AssumedRole:
        caller, role = work.caller.who, target.role
        self._check_duration(caller, role)
        tags, transitive = self._inherited(caller)
        policies, packed = await narrowing(work, role.account_id, self.policy, self.policy_arns, whose="role")
        if role.account_id != caller.account.id:
            work.trail.other_account_id = role.account_id
        if caller.session is not None and not await work.data.sessions.hold(caller.session.id, work.now):
            raise Unauthenticated("The session has ended.")
        if prepared is not None:
            await use_caller_code(work, prepared)
        credentials = new_credentials(work, self.duration_seconds)
        session = role_session(
            work,
            credentials,
            role,
            name=self.role_session_name,
            source=SessionSource.ASSUME_ROLE,
            parent_id=caller.session_id,
            policies=policies,
            source_identity=caller.source_identity or self.source_identity,
            tags=tags,
            transitive_tag_keys=transitive,
        )
        token = await issue(work, session, credentials)
        return AssumedRole(
            credentials=credentials,
            access_token=token,
            assumed_role_arn=session.arn,
            packed_policy_size=packed,
            session=session,
        )

    def _check_duration(self, caller: Identity, role: Role) -> None:
        if _is_chaining(caller) and self.duration_seconds > CHAINED_SECONDS:
            raise InvalidInput(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
                field="durationSeconds",
            )
        if self.duration_seconds > role.max_session_seconds:
            raise InvalidInput(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                field="durationSeconds",
            )

    def _inherited(self, caller: Identity) -> tuple[tuple[Tag, ...], tuple[str, ...]]:
        """The session's tags and which of them go on: a transitive tag of the calling session can't be replaced."""
        parent = caller.session
        if parent is None:
            return self.tags, self.transitive_tag_keys
        if parent.source_identity and self.source_identity not in (None, parent.source_identity):
            raise InvalidInput(
                f"the session's source identity is {parent.source_identity!r} and can't be changed",
                field="sourceIdentity",
            )
        kept = {key.lower() for key in parent.transitive_tag_keys}
        if kept & {tag.key.lower() for tag in self.tags}:
            raise InvalidInput(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
                "from the calling session.",
                field="tags",
            )
        inherited = tuple(tag for tag in parent.tags if tag.key.lower() in kept)
        return (*inherited, *self.tags), (*parent.transitive_tag_keys, *self.transitive_tag_keys)
