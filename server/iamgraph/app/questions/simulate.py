"""Asking what policy would say, without doing anything: the function that decides when it is done, and the same reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from ...domain.entities import Account, Group, Role, User
from ...domain.errors import IamError, InvalidInput, InvalidSimulation, NoSuchEntity
from ...domain.names import ArnText, Count, Doc, Secret
from ...domain.policy.evaluate import Layers, PolicyKind, Principal, PrincipalKind
from ...domain.policy.grammar import PolicyType
from ..access import Access, AccessCache
from ..caller import Caller
from ..decide import Subject
from ..listing import Listed
from ..operation import Beside, Need, operation
from ..targets import EVERYTHING
from ..work import Work
from .evaluation import EvaluationResult
from .exclusions import PolicyIdentifier, without
from .question import subject
from .simulation import Assumed, Policies, Simulation, simulated
from .sources import SOURCE, Source, Sourced, no_such
from .supposed import Texts, caller_arn, owner_of, policies_of, principal_called


@operation("iam:SimulatePrincipalPolicy", on=SOURCE, raises=(NoSuchEntity, InvalidSimulation))
class SimulatePrincipalPolicy(Simulation):
    """Say whether policy would allow a user, a group, a role or the root actions on resources, now, and why."""

    policy_source_arn: Annotated[ArnText, Doc("The user, group, role or root whose policies are in force.")]
    policy_input_list: Annotated[Policies, Doc("Further identity-based policies.")] = ()
    policy_exclusion_list: Annotated[
        tuple[PolicyIdentifier, ...], Count(256), Doc("Policies that are to be left out.")
    ] = ()

    def needs(self, caller: Caller, target: Sourced | None) -> Sequence[Need]:
        own = self.need(caller, target)
        if self.caller_arn in (None, self.policy_source_arn):
            return (own,)
        other = None if target is None or target.caller is None else Sourced(entity=target.caller)
        asks = replace(self, policy_source_arn=self.caller_arn, caller_arn=None)
        need = asks.need(caller, other)
        # No other action lets somebody know of it.
        beside = Beside(know=need, absent=asks.need(caller, None), missing=no_such(asks.policy_source_arn))
        return (own, replace(need, beside=beside))

    def texts(self) -> Sequence[Texts]:
        return (*super().texts(), Texts(field="policyInputList", texts=self.policy_input_list))

    def validate(self) -> None:
        super().validate()
        source = caller_arn("policySourceArn", self.policy_source_arn)
        for one in self.policy_exclusion_list:
            one.check()
        if source.kind == "root" and (self.policy_input_list or self.permissions_boundary_policy_input_list):
            raise InvalidSimulation("the root has no identity-based policies, nor a boundary", field="policySourceArn")
        _check_has_name(self, self.caller_arn or self.policy_source_arn)

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[SimulatePrincipalPolicy, Sourced]]
    ) -> Sequence[Listed[EvaluationResult] | IamError]:
        cache = AccessCache()
        entities = {one.id: one for _, sourced in asks for one in (sourced.entity, sourced.caller) if one is not None}
        subjects = {id: await subject(work, cache, entity) for id, entity in entities.items()}
        owners = await _owners(work, entities.values(), subjects.values())
        return await simulated(
            work, [(query, await query._assumed(sourced, subjects, owners)) for query, sourced in asks]
        )

    async def _assumed(
        self, sourced: Sourced, subjects: Mapping[str, Subject], owners: Mapping[str, str]
    ) -> Assumed | IamError:
        if self.caller_arn is not None and sourced.caller is None:
            return no_such(self.caller_arn)
        of = subjects[sourced.entity.id]
        try:
            (boundary, trust, policy, further) = await policies_of(*self.texts())
        except InvalidInput as error:
            return error
        layers = of.access.layers
        if self.policy_exclusion_list:
            layers = without(layers, self.policy_exclusion_list, owners)
        if further or boundary:
            layers = replace(
                layers, identity=(*layers.identity, *further), boundary=boundary[0] if boundary else layers.boundary
            )
        who = of if sourced.caller is None else subjects[sourced.caller.id]
        if layers is not who.access.layers:
            who = replace(who, access=Access(layers=layers))
        return Assumed(
            subject=who,
            trust=trust[0] if trust else None,
            policy=policy[0] if policy else None,
            owner=owner_of(self.resource_owner),
            owners=owners,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedOrganizationPolicy:
    """The service control policies of one level of an organization: its root, a unit, or the account."""

    service_control_policy_input_list: tuple[str, ...]


@operation("iam:SimulateCustomPolicy", on=EVERYTHING, raises=(InvalidSimulation,))
class SimulateCustomPolicy(Simulation):
    """Say whether policies would allow actions on resources, and why: those that are given, in the context that is given."""

    policy_input_list: Annotated[Policies, Doc("Identity-based policies.")]
    ordered_organization_policy_input_list: Annotated[
        tuple[OrderedOrganizationPolicy, ...],
        Count(7),
        Secret(),
        Doc("Service control policies: each level's, the organization's root first, the account last."),
    ] = ()

    def texts(self) -> Sequence[Texts]:
        control = PolicyKind.SERVICE_CONTROL
        levels = (
            Texts(
                field=f"orderedOrganizationPolicyInputList.{number}.ServiceControlPolicyInputList",
                texts=level.service_control_policy_input_list,
                type=PolicyType.SCP,
                kind=control,
            )
            for number, level in enumerate(self.ordered_organization_policy_input_list, 1)
        )
        return (*super().texts(), Texts(field="policyInputList", texts=self.policy_input_list), *levels)

    def validate(self) -> None:
        super().validate()
        if self.caller_arn is None:
            for field, given in (("resourcePolicy", self.resource_policy), ("resourceOwner", self.resource_owner)):
                if given is not None:
                    raise InvalidSimulation(f"'{field}' needs 'callerArn', or it is nobody who asks", field="callerArn")
        else:
            _check_has_name(self, self.caller_arn)

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[SimulateCustomPolicy, None]]
    ) -> Sequence[Listed[EvaluationResult] | IamError]:
        return await simulated(work, [(query, await query._assumed(work)) for query, _ in asks])

    async def _assumed(self, work: Work) -> Assumed | IamError:
        try:
            (boundary, trust, policy, identity, *levels) = await policies_of(*self.texts())
        except InvalidInput as error:
            return error
        layers = Layers(identity=identity, boundary=boundary[0] if boundary else None, service_control=levels)
        who = Principal(kind=PrincipalKind.USER, account=work.caller.account_id)
        if self.caller_arn is not None:
            who = principal_called(caller_arn("callerArn", self.caller_arn))
        return Assumed(
            subject=Subject(principal=who, access=Access(layers=layers), context={}),
            trust=trust[0] if trust else None,
            policy=policy[0] if policy else None,
            owner=owner_of(self.resource_owner) or who.account,
            # A caller that nobody named is of whatever account has the resource.
            owns_all=self.caller_arn is None,
            owners={},
        )


def _check_has_name(query: Simulation, arn: str) -> None:
    if query.resource_policy is not None and caller_arn("callerArn", arn).kind == "group":
        message = "a group is no principal that a resource's policy could name; give the ARN of a user or role"
        raise InvalidSimulation(message, field="callerArn")


async def _owners(work: Work, entities: Iterable[Source], subjects: Iterable[Subject]) -> Mapping[str, str]:
    """Those of the inline policies of subjects: the entities, and the users' groups."""
    kinds = {User: "user", Group: "group", Role: "role"}
    found = {one.id: f"{kinds[type(one)]}_{one.name}" for one in entities if not isinstance(one, Account)}
    policies = [policy for one in subjects for policy in one.access.layers.identity]
    inline = {policy.attached_to for policy in policies if policy.kind is PolicyKind.INLINE}
    groups = sorted(id for id in inline if id is not None and id not in found)
    if groups:
        found |= {group.id: f"group_{group.name}" for group in (await work.data.groups.by_ids(groups)).values()}
    return found
