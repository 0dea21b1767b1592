"""What the simulators answer: the engine's decisions as AWS's evaluation results (IAM API Reference, "EvaluationResult")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ...domain.policy.evaluate import GUARDRAILS, Decision, Match, Outcome, Policy, PolicyKind, Shares, strictest
from ...domain.policy.reference import Reference, matches_format

T = TypeVar("T")

_IDENTITY, _RESOURCE, _BOUNDARY = "IAM Policy", "Resource Policy", "Permissions Boundary Policy"
_ON_RESOURCES = (PolicyKind.RESOURCE, PolicyKind.TRUST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One decision: on one action and one resource."""

    action: str
    resource: str
    decision: Decision = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a document; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement that decided: from the place after its brace, as AWS was recorded to count, to that after its last
    character. `source_policy_id` is a managed policy's name, `user_NAME_POLICY` for an inline one (`group_…`, `role_…`),
    `PolicyInputList.1` for one that was given, `ResourcePolicy` or the role's ARN for a resource's own."""

    source_policy_id: str
    source_policy_type: str
    start_position: Position
    end_position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationsDecisionDetail:
    allowed_by_organizations: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionsBoundaryDecisionDetail:
    allowed_by_permissions_boundary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSpecificResult:
    """The decision on one resource. `eval_decision_details` says across accounts what each kind of policy comes to; None
    within one, and where service control policies ended the matter."""

    eval_resource_name: str
    eval_resource_decision: Outcome
    matched_statements: tuple[Statement, ...]
    missing_context_values: tuple[str, ...]
    eval_decision_details: Mapping[str, Outcome] | None
    permissions_boundary_decision_detail: PermissionsBoundaryDecisionDetail | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """What becomes of one action on all resources that were asked about: the strictest decision, the statements that made
    it, and all that was missing. `eval_resource_name` is the resource, or of several the format of the ARNs that the action
    is on. Where `*` was asked about alone, there are no results by resource. `eval_decision_details` is empty
    within one account. `simulated` are the decisions themselves, as the engine gave them."""

    eval_action_name: str
    eval_resource_name: str
    eval_decision: Outcome
    matched_statements: tuple[Statement, ...]
    missing_context_values: tuple[str, ...]
    organizations_decision_detail: OrganizationsDecisionDetail
    permissions_boundary_decision_detail: PermissionsBoundaryDecisionDetail | None
    eval_decision_details: Mapping[str, Outcome] | None
    resource_specific_results: tuple[ResourceSpecificResult, ...] | None
    simulated: tuple[Simulated, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """One resource's result, and how each kind of policy had a share in it."""

    result: ResourceSpecificResult
    shares: Shares
    simulated: Simulated


def evaluated(simulated: Simulated, owners: Mapping[str, str]) -> Evaluated:
    """The result on one resource. `owners` are `user_NAME` and the like by the unique ids of those who have inline
    policies."""
    decision = simulated.decision
    shares = decision.shares
    boundary, control = shares.boundary, shares.service_control
    result = ResourceSpecificResult(
        eval_resource_name=simulated.resource,
        eval_resource_decision=decision.outcome,
        matched_statements=tuple(_statement(one, owners) for one in decision.because if one.kind not in GUARDRAILS),
        missing_context_values=decision.missing_context,
        eval_decision_details=_details(shares) if decision.is_cross_account and not _refuses(control) else None,
        permissions_boundary_decision_detail=_boundary([boundary] if boundary else []),
    )
    return Evaluated(result=result, shares=shares, simulated=simulated)


def together(action: str, found: Sequence[Evaluated], reference: Reference) -> EvaluationResult:
    """The results of one action, of which there is one at least, as one."""
    results = [one.result for one in found]
    decision = strictest(result.eval_resource_decision for result in results)
    controls = [one.shares.service_control for one in found if one.shares.service_control is not None]
    boundaries = [one.shares.boundary for one in found if one.shares.boundary is not None]
    deciding = [result for result in results if result.eval_resource_decision is decision]
    names = [result.eval_resource_name for result in results]
    everything = names == ["*"]
    return EvaluationResult(
        eval_action_name=action,
        eval_resource_name=names[0] if len(names) == 1 else _format(action, names[0], reference),
        eval_decision=decision,
        matched_statements=_once(one for result in deciding for one in result.matched_statements),
        missing_context_values=_once(key for result in results for key in result.missing_context_values),
        organizations_decision_detail=_organizations(controls),
        permissions_boundary_decision_detail=_boundary(boundaries),
        eval_decision_details=None if everything else _details_of_all(found),
        resource_specific_results=None if everything else tuple(results),
        simulated=tuple(one.simulated for one in found),
    )


def _statement(match: Match, owners: Mapping[str, str]) -> Statement:
    span = match.statement.span
    return Statement(
        source_policy_id=_policy_id(match.policy, owners),
        source_policy_type=_RESOURCE if match.kind in _ON_RESOURCES else _IDENTITY,
        start_position=Position(line=span.start_line, column=span.start_column + 1),
        end_position=Position(line=span.end_line, column=span.end_column),
    )


def _policy_id(policy: Policy, owners: Mapping[str, str]) -> str:
    if policy.name is None:
        return policy.arn or ""
    owner = owners.get(policy.attached_to or "") if policy.kind is PolicyKind.INLINE else None
    return f"{owner}_{policy.name}" if owner else policy.name


def _details(shares: Shares) -> Mapping[str, Outcome]:
    found = {_IDENTITY: shares.identity, _RESOURCE: shares.resource}
    return found if shares.boundary is None else {**found, _BOUNDARY: shares.boundary}


def _details_of_all(found: Sequence[Evaluated]) -> Mapping[str, Outcome] | None:
    details = [one.result.eval_decision_details for one in found if one.result.eval_decision_details is not None]
    if all(_refuses(one.shares.service_control) for one in found):
        return None
    kinds = dict.fromkeys(kind for one in details for kind in one)
    return {kind: strictest(one[kind] for one in details if kind in one) for kind in kinds}


def _refuses(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome is not Outcome.ALLOWED


def _organizations(outcomes: Sequence[Outcome]) -> OrganizationsDecisionDetail:
    """Where no service control policies are in force, they allow it."""
    return OrganizationsDecisionDetail(allowed_by_organizations=not any(_refuses(outcome) for outcome in outcomes))


def _boundary(outcomes: Sequence[Outcome]) -> PermissionsBoundaryDecisionDetail | None:
    if not outcomes:
        return None
    return PermissionsBoundaryDecisionDetail(allowed_by_permissions_boundary=strictest(outcomes) is Outcome.ALLOWED)


def _format(action: str, resource: str, reference: Reference) -> str:
    """The format of the ARNs that the action is on: the one that the resource has, else the first."""
    prefix, _, name = action.lower().partition(":")
    service = reference.service(prefix)
    known = service.actions.get(name) if service is not None else None
    formats = known.arn_formats if known is not None else ()
    return next((one for one in formats if matches_format(resource, one)), formats[0] if formats else "*")


def _once(found: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(found))
