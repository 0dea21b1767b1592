"""A refusal as it may be told, in plain values that outlive the request, its caller and the policies that decided it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .document import Effect, Principals, Span
from .evaluate import Decision
from .explain import WITHHELD, Unmet
from .terms import GUARDRAILS, Lacking, Match, Outcome, PolicyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a statement stands in its document. Lines and columns count from 1; the end is just after the last
    character."""

    start_line: int
    start_column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCondition:
    """One key under one operator. `values` is None for a secret that two parties share."""

    operator: str
    key: str
    values: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStatement:
    """A statement, whose policy it is of, and what it says. Of a guardrail only its effect, its name and its Sid."""

    effect: Effect
    kind: PolicyKind
    policy_name: str | None
    policy_version: str | None
    arn: str | None
    policy_id: str | None
    attached_to: str | None
    sid: str | None
    place: Place | None = None
    principals: tuple[str, ...] = ()
    not_principal: bool = False
    actions: tuple[str, ...] = ()
    not_action: bool = False
    resources: tuple[str, ...] = ()
    not_resource: bool = False
    conditions: tuple[ToldCondition, ...] = ()

    @classmethod
    def of(cls, match: Match) -> ToldStatement:
        """As whoever it decided about may be told of it."""
        policy, statement = match.policy, match.statement
        told = cls(
            effect=match.effect,
            kind=match.kind,
            policy_name=policy.name,
            policy_version=policy.version_id,
            arn=policy.arn,
            policy_id=policy.policy_id,
            attached_to=policy.attached_to,
            sid=statement.sid,
        )
        if match.kind in GUARDRAILS:
            return told
        return replace(
            told,
            place=_place(statement.span),
            principals=_principals(statement.principals),
            not_principal=statement.not_principal,
            actions=statement.actions,
            not_action=statement.not_action,
            resources=statement.resources or (),
            not_resource=statement.not_resource,
            conditions=tuple(
                ToldCondition(operator=one.operator, key=one.key, values=_told(one.key, one.values))
                for one in statement.conditions
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldNearMiss:
    """See `NearMiss`."""

    match: ToldStatement
    unmet: tuple[Unmet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextKey:
    """A key of the request's context. `values` is None for a secret that two parties share."""

    key: str
    values: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A whole refusal: who asked for what, in which context, and by what it was decided: see `Decision`. `account_id` is
    the account of who asked, `at` what the request had as aws:CurrentTime. `is_abridged` where something was left out or
    cut, which shows by `…`, to make it fit."""

    account_id: str
    principal_id: str | None
    principal_arn: str | None
    principal_name: str | None
    action: str
    resource: str
    at: str | None
    outcome: Outcome
    blocked: Lacking | None
    reason: str
    because: tuple[ToldStatement, ...]
    near: tuple[ToldNearMiss, ...]
    missing_context: tuple[str, ...]
    context: tuple[ContextKey, ...]
    is_abridged: bool = False

    @classmethod
    def of(cls, decision: Decision, *, resource: str) -> Explanation:
        """`resource` is what the caller was told that it asked about."""
        request = decision.request
        principal, context = request.principal, request.context
        return cls(
            # Who has no account is explained to the one whose resource it is.
            account_id=principal.account or request.resource_account,
            principal_id=_one(context, "aws:userid") or principal.unique_id,
            principal_arn=principal.arn,
            principal_name=_one(context, "aws:username"),
            action=request.action,
            resource=resource,
            at=_one(context, "aws:CurrentTime"),
            outcome=decision.outcome,
            blocked=decision.blocked,
            reason=decision.reason,
            because=tuple(map(ToldStatement.of, decision.because)),
            near=tuple(ToldNearMiss(match=ToldStatement.of(one.match), unmet=one.unmet) for one in decision.near),
            missing_context=decision.missing_context,
            context=tuple(
                ContextKey(key=key, values=_told(key, (value,) if isinstance(value, str) else tuple(value)))
                for key, value in sorted(context.items())
            ),
        )


def _told(key: str, values: tuple[str, ...]) -> tuple[str, ...] | None:
    return None if key.lower() in WITHHELD else values


def _one(context: Mapping[str, str | Sequence[str]], key: str) -> str | None:
    value = context.get(key)
    return value if isinstance(value, str) else None


def _place(span: Span) -> Place:
    return Place(
        start_line=span.start_line,
        start_column=span.start_column,
        end_line=span.end_line,
        end_column=span.end_column,
    )


def _principals(principals: Principals | None) -> tuple[str, ...]:
    if principals is None:
        return ()
    named = (*principals.aws, *principals.service, *principals.federated, *principals.canonical_user)
    return ("*", *named) if principals.everyone else named
