"""What policy would say: the simulators' input and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import UNSET

from ....app.listing import Listed
from ....app.questions import exclusions
from ....app.questions.evaluation import EvaluationResult, Simulated
from ....app.questions.simulate import OrderedOrganizationPolicy, SimulateCustomPolicy, SimulatePrincipalPolicy
from ....app.questions.simulation import MAX_DECISIONS
from ....domain.errors import InvalidInput
from ..scalars import ARN, Action, PolicyDocument
from .base import ContextEntry
from .identity import entries

if TYPE_CHECKING:
    from .decision import Decision

DecisionType = Annotated["Decision", strawberry.lazy(".decision")]


@strawberry.input(description="An inline policy. `attachedTo` may have one `*`, and `?` for single characters.")
class InlinePolicyIdentifier:
    policy_name: str
    attachment_type: exclusions.AttachmentType
    attached_to: str


@strawberry.input(one_of=True, description="Policies, by exactly one of the three.")
class PolicyIdentifier:
    type: exclusions.PolicyIdentifierType | None = UNSET
    arn: ARN | None = strawberry.field(
        default=UNSET, description="Managed policies that are attached. The name may have one `*`, and `?`."
    )
    inline: InlinePolicyIdentifier | None = UNSET


@strawberry.input(description="The parameters of `simulate`, which is AWS's SimulatePrincipalPolicy.")
class SimulateInput:
    principal: ARN = strawberry.field(description="The user, group, role or root whose policies are in force.")
    actions: list[Action]
    resources: list[ARN] = strawberry.field(default_factory=lambda: [ARN("*")])
    context: list[ContextEntry] = strawberry.field(
        default_factory=list, description="Keys of the request, beside those that the principal brings."
    )
    additional_policies: list[PolicyDocument] = strawberry.field(
        default_factory=list, description="Further identity-based policies."
    )
    excluded_policies: list[PolicyIdentifier] = strawberry.field(
        default_factory=list, description="Policies that are to be left out. What matches nothing is ignored."
    )
    permissions_boundary: PolicyDocument | None = strawberry.field(
        default=UNSET, description="A boundary in place of the one that is set."
    )
    caller: ARN | None = strawberry.field(
        default=UNSET, description="The user or role that is to ask, as if it had the principal's policies."
    )
    resource_policy: PolicyDocument | None = strawberry.field(
        default=UNSET,
        description="The policy that each resource has; of roles, the trust policy, in place of the stored one.",
    )
    resource_owner: ARN | None = strawberry.field(
        default=UNSET, description="The root ARN of the account that owns resources whose ARN names none."
    )
    resource_handling_option: str | None = strawberry.field(
        default=UNSET, description="An EC2 scenario of AWS's, whose kinds of resources must all be given."
    )

    def query(self) -> SimulatePrincipalPolicy:
        return SimulatePrincipalPolicy(
            policy_source_arn=self.principal,
            action_names=tuple(self.actions),
            resource_arns=tuple(self.resources),
            context_entries=entries(self.context),
            policy_input_list=tuple(self.additional_policies),
            policy_exclusion_list=tuple(_identifier(one) for one in self.excluded_policies),
            permissions_boundary_policy_input_list=_one(self.permissions_boundary),
            caller_arn=_given(self.caller),
            resource_policy=_given(self.resource_policy),
            resource_owner=_given(self.resource_owner),
            resource_handling_option=_given(self.resource_handling_option),
            max_items=MAX_DECISIONS,
        )


@strawberry.input(
    description="The parameters of `simulateCustomPolicy`. The context is what is given, and nothing else."
)
class SimulateCustomPolicyInput:
    policies: list[PolicyDocument] = strawberry.field(description="Identity-based policies.")
    actions: list[Action]
    resources: list[ARN] = strawberry.field(default_factory=lambda: [ARN("*")])
    context: list[ContextEntry] = strawberry.field(default_factory=list)
    permissions_boundary: PolicyDocument | None = UNSET
    service_control_policies: list[list[PolicyDocument]] = strawberry.field(
        default_factory=list, description="Each level's, the organization's root first, the account last; 7 at most."
    )
    caller: ARN | None = strawberry.field(
        default=UNSET, description="Who is to ask; by default a user of the account that owns the resource."
    )
    resource_policy: PolicyDocument | None = strawberry.field(
        default=UNSET, description="The policy that each resource has; of roles, the trust policy."
    )
    resource_owner: ARN | None = strawberry.field(
        default=UNSET, description="The root ARN of the account that owns resources whose ARN names none."
    )
    resource_handling_option: str | None = strawberry.field(
        default=UNSET, description="An EC2 scenario of AWS's, whose kinds of resources must all be given."
    )

    def query(self) -> SimulateCustomPolicy:
        return SimulateCustomPolicy(
            policy_input_list=tuple(self.policies),
            action_names=tuple(self.actions),
            resource_arns=tuple(self.resources),
            context_entries=entries(self.context),
            permissions_boundary_policy_input_list=_one(self.permissions_boundary),
            ordered_organization_policy_input_list=tuple(
                OrderedOrganizationPolicy(service_control_policy_input_list=tuple(level))
                for level in self.service_control_policies
            ),
            caller_arn=_given(self.caller),
            resource_policy=_given(self.resource_policy),
            resource_owner=_given(self.resource_owner),
            resource_handling_option=_given(self.resource_handling_option),
            max_items=MAX_DECISIONS,
        )


@strawberry.type(description="The decision on one action and one resource.")
class SimulationResult:
    action: Action
    resource: ARN
    source: strawberry.Private[Simulated]

    @strawberry.field
    def decision(self) -> DecisionType:
        from .decision import Decision

        return Decision.of(self.source.decision)


@strawberry.type(description="What policy would say, action by action, and for each in the order of the resources.")
class Simulation:
    results: list[SimulationResult]

    @classmethod
    def of(cls, found: Listed[EvaluationResult]) -> Simulation:
        """Raises InvalidInput where there is more than one answer can have."""
        if found.more:
            most = f"at most {MAX_DECISIONS} decisions are made at once, fewer where policies are long"
            message = f"{most}: ask about fewer actions or resources"
            raise InvalidInput(message, field="actions")
        return cls(
            results=[
                SimulationResult(action=Action(one.action), resource=ARN(one.resource), source=one)
                for result in found.items
                for one in result.simulated
            ]
        )


def _given(text: str | None) -> str | None:
    return text if isinstance(text, str) else None


def _one(text: PolicyDocument | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else ()


def _identifier(given: PolicyIdentifier) -> exclusions.PolicyIdentifier:
    inline = given.inline or None
    return exclusions.PolicyIdentifier(
        policy_type=given.type or None,
        policy_arn=_given(given.arn),
        inline_policy_identifier=None
        if inline is None
        else exclusions.InlinePolicyIdentifier(
            policy_name=inline.policy_name,
            attachment_type=inline.attachment_type,
            attachment_name=inline.attached_to,
        ),
    )
