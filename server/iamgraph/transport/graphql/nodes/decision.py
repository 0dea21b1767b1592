"""Why policy said yes or no."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import strawberry

from ....domain.policy import evaluate as engine
from ....domain.policy.explanation import Explanation, ToldNearMiss, ToldStatement
from ....domain.policy.finding import Finding, Severity
from ..context import Info
from ..scalars import Effect

if TYPE_CHECKING:
    from .policy import ManagedPolicy
    from .targets import PolicyTarget

T = TypeVar("T")
PolicyType = Annotated["ManagedPolicy", strawberry.lazy(".policy")]
TargetType = Annotated["PolicyTarget", strawberry.lazy(".targets")]


@strawberry.type(description="A statement of a policy, and where it stands. Lines and columns count from 1.")
class MatchedStatement:
    effect: Effect
    kind: engine.PolicyKind
    policy_name: str | None
    policy_version: str | None = strawberry.field(description="The version of a managed policy, such as `v2`.")
    sid: str | None
    start_line: int | None = strawberry.field(description="Null for a guardrail, as are all its places.")
    start_column: int | None
    end_line: int | None
    end_column: int | None = strawberry.field(description="The column just after its last character.")
    source: strawberry.Private[ToldStatement]

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
    def of(cls, match: engine.Match | ToldStatement) -> MatchedStatement:
        told = match if isinstance(match, ToldStatement) else ToldStatement.of(match)
        place = told.place
        return cls(
            effect=Effect(told.effect),
            kind=told.kind,
            policy_name=told.policy_name,
            policy_version=told.policy_version,
            sid=told.sid,
            start_line=place.start_line if place else None,
            start_column=place.start_column if place else None,
            end_line=place.end_line if place else None,
            end_column=place.end_column if place else None,
            source=told,
        )


@strawberry.type(description="A condition that did not hold, as its policy has it.")
class UnmetCondition:
    operator: str
    key: str
    values: list[str] | None = strawberry.field(description="What the policy wants. Null for an external id.")
    is_missing: bool = strawberry.field(description="Whether the request had no such key.")


@strawberry.type(description="A statement about the request that only its conditions kept from applying.")
class NearMiss:
    statement: MatchedStatement
    unmet: list[UnmetCondition]

    @classmethod
    def of(cls, near: engine.NearMiss | ToldNearMiss) -> NearMiss:
        unmet = [
            UnmetCondition(
                operator=one.operator,
                key=one.key,
                values=None if one.values is None else list(one.values),
                is_missing=one.is_missing,
            )
            for one in near.unmet
        ]
        return cls(statement=MatchedStatement.of(near.match), unmet=unmet)


@strawberry.type
class Decision:
    source: strawberry.Private[engine.Decision | Explanation]

    @strawberry.field
    def outcome(self) -> engine.Outcome:
        return self.source.outcome

    @strawberry.field(description="The decision in one sentence, for a log: its wording may change.")
    def reason(self) -> str:
        return self.source.reason

    @strawberry.field(description="The statements that decided, most decisive first.")
    def because(self, info: Info) -> list[MatchedStatement]:
        return self._by_turns(info, lambda: [MatchedStatement.of(match) for match in self.source.because])

    @strawberry.field(description="The kind of policy that had to allow an implicitly denied request and did not.")
    def lacking(self) -> engine.Lacking | None:
        return self.source.blocked

    @strawberry.field(description="Condition keys that a policy reads and the request did not give.")
    def missing_context(self, info: Info) -> list[str]:
        return self._by_turns(info, lambda: list(self.source.missing_context))

    @strawberry.field(
        description="Statements that would have spoken for another outcome, had their conditions held: allows of an "
        "implicitly denied request, denies of an allowed one. The closest first, ten at most. What a role's trust policy "
        "wants is told within its account only."
    )
    def near(self, info: Info) -> list[NearMiss]:
        return self._by_turns(info, lambda: [NearMiss.of(near) for near in self.source.near])

    @staticmethod
    def _by_turns(info: Info, work: Callable[[], T]) -> T:
        """A thousand decisions are long work; a resolver may give what is awaited, too."""
        return cast(T, info.context.turns.take(work))

    @classmethod
    def of(cls, decision: engine.Decision) -> Decision:
        return cls(source=decision)


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
