"""The roots of what can be read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry import UNSET

from ...app.accounts import DescribeAccount, ListAccounts
from ...app.guardrails import ListGuardrails
from ...app.questions.context_keys import GetContextKeysForCustomPolicy, GetContextKeysForPrincipalPolicy
from ...app.questions.decoding import DecodeAuthorizationMessage
from ...app.questions.validation import ValidatePolicy
from ...app.sts import GetCallerIdentity
from ...domain.entities import GuardrailKind
from ...domain.errors import InvalidInput
from ...domain.policy.evaluate import PolicyKind
from ...domain.policy.lint import TRUST_POLICY, ValidationType
from .context import Info
from .nodes.account import Account
from .nodes.authorization import AuthorizeInput, AuthorizeManyInput, authorize, authorize_many
from .nodes.base import Node, Resource
from .nodes.connections import Connection, connect
from .nodes.decision import Decision, PolicyFinding
from .nodes.decoded import DecodedAuthorizationMessage
from .nodes.guardrail import Guardrail
from .nodes.limits import Limits
from .nodes.lookup import node_by_id, resource_by_arn
from .nodes.mapping import ExplainMappingInput, MappingExplanation
from .nodes.simulation import SimulateCustomPolicyInput, SimulateInput, Simulation
from .nodes.viewer import Viewer
from .scalars import ARN, AccountId, PolicyDocument
from .shortcuts import Alike

MAX_NODES = 100
VALIDATION_TYPES = {
    **dict.fromkeys(PolicyKind, ValidationType.IDENTITY_POLICY),
    PolicyKind.TRUST: ValidationType.RESOURCE_POLICY,
    PolicyKind.RESOURCE: ValidationType.RESOURCE_POLICY,
    PolicyKind.SERVICE_CONTROL: ValidationType.SERVICE_CONTROL_POLICY,
    PolicyKind.RESOURCE_CONTROL: ValidationType.RESOURCE_CONTROL_POLICY,
}


@strawberry.input(one_of=True, description="Exactly one of the two.")
class AccountBy:
    id: AccountId | None = UNSET
    alias: str | None = UNSET


@strawberry.type
class Query:
    @strawberry.field(description="Who is asking.")
    async def viewer(self, info: Info) -> Viewer:
        return Viewer.of(await info.context.load(GetCallerIdentity()))

    @strawberry.field(description="Any node, by its id: null where it does not exist, or may not be read.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        return await node_by_id(info, id)

    @strawberry.field(description="Nodes by their ids, in the same order; at most 100.")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        if len(ids) > MAX_NODES:
            raise InvalidInput(f"'ids' holds {len(ids)} items; at most {MAX_NODES} are allowed", field="ids")
        # Together, so that each kind is one batch; a refusal stands in its own node's place.
        found: Any = await asyncio.gather(*(node_by_id(info, id) for id in ids), return_exceptions=True)
        return found

    @strawberry.field(description="The caller's account; any other one for the operator only.")
    async def account(self, info: Info, by: AccountBy) -> Account | None:
        found = await info.context.find(DescribeAccount(account_id=by.id or None, alias=by.alias or None))
        return Account.of(found) if found else None

    @strawberry.field(description="The accounts of the server, for the operator only.")
    async def accounts(self, info: Info, first: int, after: str | None = UNSET) -> Connection[Account] | None:
        return connect(await info.context.load(ListAccounts(max_items=first, marker=after or None)), Account.of)

    @strawberry.field(description="The guardrails of the server, by name, for the operator only.")
    async def guardrails(
        self, info: Info, first: int, after: str | None = UNSET, kind: GuardrailKind | None = UNSET
    ) -> Connection[Guardrail] | None:
        query = ListGuardrails(kind=kind or None, max_items=first, marker=after or None)
        return connect(await info.context.load(query), Guardrail.listed)

    @strawberry.field(
        description="What an ARN names: a user, a group, a role, an instance profile, a policy, an identity provider, an "
        "account's own service, or its root."
    )
    async def resource(self, info: Info, arn: ARN) -> Resource | None:
        return await resource_by_arn(info, arn)

    @strawberry.field(description="What the caller may still ask for: null where the server sets no limit.")
    def limits(self, info: Info) -> Limits | None:
        return Limits.of(info.context.spent) if info.context.spent is not None else None

    @strawberry.field(
        description="What is to be said about a policy that need not be stored, by the checks of IAM Access Analyzer; "
        "at most 100 findings, the gravest. `resourceType` says what a policy of kind RESOURCE is attached to, such as "
        "`AWS::S3::Bucket`."
    )
    async def validate_policy(
        self, info: Info, document: PolicyDocument, kind: PolicyKind, resource_type: str | None = UNSET
    ) -> list[PolicyFinding] | None:
        if resource_type and kind is not PolicyKind.RESOURCE:
            raise InvalidInput("'resourceType' goes with kind RESOURCE only", field="resourceType")
        query = ValidatePolicy(
            policy_document=document,
            policy_type=VALIDATION_TYPES[kind],
            validate_policy_resource_type=TRUST_POLICY if kind is PolicyKind.TRUST else resource_type or None,
        )
        return [PolicyFinding.of(finding) for finding in await info.context.load(query)]

    @strawberry.field(
        description="Whether the caller may do something, another principal of its account, or whoever is behind "
        "credentials that it was shown; decided now, as it would be if they did it, and why. Refused is an answer, too: "
        "look at `outcome`."
    )
    async def authorize(self, info: Info, input: AuthorizeInput) -> Decision | None:
        return Decision(source=await info.context.load(authorize(input)))

    @strawberry.field(
        description="`authorize` for up to 1,000 things at once, of one principal: the decisions in the order of the "
        "requests."
    )
    async def authorize_many(self, info: Info, input: AuthorizeManyInput) -> Sequence[Decision] | None:
        found = await info.context.ask(authorize_many(input))
        return Alike(found.alike, lambda place: Decision(source=found[place]))

    @strawberry.field(
        description="What policy would allow a principal, by the function that decides when it acts: its policies, its "
        "groups', boundary, guardrails and, where a role is to be assumed, its trust policy. At most 1,000 decisions."
    )
    async def simulate(self, info: Info, input: SimulateInput) -> Simulation | None:
        return Simulation.of(await info.context.load(input.query()))

    @strawberry.field(description="What policies would allow, stored or not: by those that are given alone.")
    async def simulate_custom_policy(self, info: Info, input: SimulateCustomPolicyInput) -> Simulation | None:
        return Simulation.of(await info.context.load(input.query()))

    @strawberry.field(description="The context keys that policies read, in conditions and as variables.")
    async def context_keys_for_policies(self, info: Info, policies: list[PolicyDocument]) -> list[str] | None:
        keys = await info.context.load(GetContextKeysForCustomPolicy(policy_input_list=tuple(policies)))
        return list(keys)

    @strawberry.field(
        description="The context keys that the identity-based policies of a user (its groups' too), a group or a role read."
    )
    async def context_keys_for_principal(
        self,
        info: Info,
        principal: ARN,
        additional_policies: list[PolicyDocument] = (),  # type: ignore[assignment]
    ) -> list[str] | None:
        query = GetContextKeysForPrincipalPolicy(
            policy_source_arn=principal, policy_input_list=tuple(additional_policies)
        )
        keys = await info.context.load(query)
        return list(keys)

    @strawberry.field(
        description="Which roles the mapping rules of an identity provider, or a draft of them, would offer to somebody, "
        "and why. Nobody is signed in."
    )
    async def explain_mapping(self, info: Info, input: ExplainMappingInput) -> MappingExplanation | None:
        return MappingExplanation.of(await info.context.load(input.query()))

    @strawberry.field(
        description="What the encoded message of a refusal in this account holds: the `encodedAuthorizationMessage` of an "
        "`AccessDeniedError`, or of the `extensions` of a refused read."
    )
    async def decode_authorization_message(
        self, info: Info, encoded_message: str
    ) -> DecodedAuthorizationMessage | None:
        query = DecodeAuthorizationMessage(encoded_message=encoded_message)
        return DecodedAuthorizationMessage.of(await info.context.load(query))
