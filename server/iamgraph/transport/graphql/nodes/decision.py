"""Why policy said yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from ....domain.policy import evaluate as engine
from ....domain.policy.finding import Finding, Severity
from ..context import Info
from ..scalars import Effect

if TYPE_CHECKING:
    from .policy import ManagedPolicy
    from .targets import PolicyTarget

PolicyType = Annotated["ManagedPolicy", strawberry.lazy(".policy")]
TargetType = Annotated["PolicyTarget", strawberry.lazy(".targets")]


@strawberry.type(description="A statement that decided, and where it stands.")
class MatchedStatement:
    effect: Effect
    kind: engine.PolicyKind
    policy_name: str | None
    sid: str | None
    start_line: int | None = strawberry.field(description="Null for a guardrail.")
    end_line: int | None
    source: strawberry.Private[engine.Policy]

    @strawberry.field
    def policy(self) -> PolicyType | None:
        from .policy import ManagedPolicy

        if self.source.arn is None or self.source.policy_id is None:
            return None
        return ManagedPolicy.named(self.source.policy_id, self.source.arn)

    @strawberry.field
    async def attached_to(self, info: Info) -> TargetType | None:
        from .targets import target_by_id

        return await target_by_id(info, self.source.attached_to) if self.source.attached_to else None

    @classmethod
    def of(cls, match: engine.Match) -> MatchedStatement:
        # Whom a guardrail limits is told which one it is, and no more of it.
        is_guardrail = match.kind in engine.GUARDRAILS
        return cls(
            effect=Effect(match.effect),
            kind=match.kind,
            policy_name=match.policy.name,
            sid=match.statement.sid,
            start_line=None if is_guardrail else match.statement.span.start_line,
            end_line=None if is_guardrail else match.statement.span.end_line,
            source=match.policy,
        )


@strawberry.type
class Decision:
    outcome: engine.Outcome
    because: list[MatchedStatement] = strawberry.field(description="The statements that decided, most decisive first.")
    missing_context: list[str] = strawberry.field(
        description="Condition keys that a policy reads and the request did not give."
    )

    @classmethod
    def of(cls, decision: engine.Decision) -> Decision:
        return cls(
            outcome=decision.outcome,
            because=[MatchedStatement.of(match) for match in decision.because],
            missing_context=list(decision.missing_context),
        )


@strawberry.type
class PolicyFinding:
    severity: Severity
    code: str
    message: str
    line: int | None
    column: int | None
    path: list[str]

    @classmethod
    def of(cls, finding: Finding) -> PolicyFinding:
        return cls(
            severity=finding.severity,
            code=finding.code,
            message=finding.message,
            line=finding.line,
            column=finding.column,
            path=list(finding.path),
        )
