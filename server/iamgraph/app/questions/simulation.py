"""What both simulators share: their parameters, the questions that those make, and the pages of answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from ...domain.cursor import encode_cursor
from ...domain.entities import Role
from ...domain.errors import IamError, InvalidInput, InvalidSimulation
from ...domain.names import ArnText, Count, Counted, Doc, Match, Secret
from ...domain.policy.evaluate import Policy, PolicyKind
from ...domain.policy.grammar import PolicyType
from ...domain.policy.reference import Reference
from ..decide import Subject
from ..listing import Listed, Marker, MaxItems, position
from ..operation import Query
from ..services import knowledge
from ..turns import Turns
from ..work import Work
from .evaluation import EvaluationResult, Simulated, evaluated, together
from .question import ACTION, Question, account_of, answer, named_alike, trusting
from .scenarios import check_scenario
from .supposed import ContextEntry, Texts, caller_arn, check_context, check_length, context_of, owner_of

LISTING = "simulation"
MAX_DECISIONS, MAX_WORK = 1000, 25_000
"""On one page, and what they may take together: each of them one, and one for each 1,024 characters of the policies that
were given. An action is always decided on all of its resources."""

Policies = Annotated[
    tuple[Annotated[str, Match(r".*", 1, 131072)], ...],
    Count(100),
    # Out of the history: drafts may be long, and nothing was changed.
    Secret(),
]


@dataclass(frozen=True, kw_only=True, repr=False)
class Simulation(Query[Listed[EvaluationResult]]):
    """Actions on resources, and the circumstances."""

    action_names: Annotated[
        tuple[Annotated[str, Match(r".+", 3, 128)], ...], Count(1000), Doc("Actions, such as `iam:CreateRole`.")
    ]
    resource_arns: Annotated[
        tuple[Annotated[str, Match(r"[^\x00-\x1f\x7f]+", 1, 2048)], ...],
        Count(1000),
        Doc("ARNs of resources, or `*`. They need not exist."),
    ] = ("*",)
    permissions_boundary_policy_input_list: Annotated[Policies, Doc("A permissions boundary, one at most.")] = ()
    resource_policy: Annotated[
        str | None,
        Match(r".*", 1, 131072),
        Secret(),
        Doc("The policy that each resource has: of a role, its trust policy."),
    ] = None
    resource_owner: Annotated[
        str | None, Match(r"[^\x00-\x1f\x7f]+", 1, 2048), Doc("Whose resources without an account in their ARN are.")
    ] = None
    caller_arn: Annotated[ArnText | None, Doc("The user, group or role that is to ask.")] = None
    context_entries: Annotated[
        tuple[ContextEntry, ...], Count(100), Counted(), Doc("Context keys of the request, with their values.")
    ] = ()
    resource_handling_option: Annotated[
        str | None, Match(r"[\x20-\x7e]+", 1, 64), Doc("A scenario, whose kinds of resources must all be given.")
    ] = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    def validate(self) -> None:
        if not self.action_names:
            raise InvalidInput("'actionNames' is empty; name one action at least", field="actionNames")
        for action in self.action_names:
            if not ACTION.fullmatch(action):
                raise InvalidInput(f"{action!a} is not one action, such as iam:CreateRole", field="actionNames")
        if len(self.permissions_boundary_policy_input_list) > 1:
            raise InvalidSimulation(
                "an identity has one permissions boundary at most", field="permissionsBoundaryPolicyInputList"
            )
        check_length(self.characters)
        check_context(self.context_entries)
        check_scenario(self.resource_handling_option, self.resources)
        owner_of(self.resource_owner)
        self.page()
        if self.caller_arn is not None:
            caller_arn("callerArn", self.caller_arn)
        self._check_resource_policy()

    def _check_resource_policy(self) -> None:
        """Only roles of all that IAM has have policies of their own, which are about assuming them."""
        if self.resource_policy is None:
            return
        others = [action for action in self.action_names if not _is_trust(action)]
        bare = [arn for arn in self.resources if arn.split(":")[2:3] == ["iam"]]
        if others and bare:
            message = (
                f"{bare[0][:80]!a} has no policy that says who may {others[0]}; only a role has one, for sts:AssumeRole"
            )
            raise InvalidSimulation(message, field="resourcePolicy")

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources, each once."""
        return tuple(dict.fromkeys(self.resource_arns)) or ("*",)

    @property
    def characters(self) -> int:
        """How long the policies are together that were given."""
        return sum(len(text) for given in self.texts() for text in given.texts)

    def texts(self) -> Sequence[Texts]:
        """All policies that were given: the boundary's, then the resource's as what the actions make it."""
        boundary = Texts(
            field="permissionsBoundaryPolicyInputList",
            texts=self.permissions_boundary_policy_input_list,
            type=PolicyType.BOUNDARY,
            kind=PolicyKind.PERMISSIONS_BOUNDARY,
        )
        given = () if self.resource_policy is None else (self.resource_policy,)
        trusts = [_is_trust(action) for action in self.action_names]
        return (
            boundary,
            Texts(
                field="resourcePolicy",
                texts=given if any(trusts) else (),
                type=PolicyType.TRUST,
                kind=PolicyKind.TRUST,
            ),
            Texts(
                field="resourcePolicy",
                texts=given if not all(trusts) else (),
                type=PolicyType.RESOURCE,
                kind=PolicyKind.RESOURCE,
            ),
        )

    def page(self) -> tuple[tuple[str, ...], bool]:
        """The actions of this page, and whether there are more. Raises InvalidInput."""
        names = tuple(dict.fromkeys(self.action_names))
        after = position(LISTING, self.marker)
        if after is not None and after[0] not in names:
            raise InvalidInput("'marker' is not a cursor that this list gave", field="marker")
        start = names.index(after[0]) + 1 if after else 0
        each = len(self.resources)
        most = min(MAX_DECISIONS // each, MAX_WORK // (each * (1 + self.characters // 1024)))
        if most == 0:
            message = (
                f"{each} resources are more than policies of {self.characters} characters can be asked about at once"
            )
            raise InvalidSimulation(message, field="resourceArns")
        end = start + min(self.max_items, most)
        return names[start:end], end < len(names)

    def questions(self, assumed: Assumed) -> list[Question]:
        """What is asked on this page, action by action."""
        actions, _ = self.page()
        context = named_alike(assumed.subject, context_of(self.context_entries))
        owners = {
            arn: assumed.owner if assumed.owns_all else account_of(arn) or assumed.owner for arn in self.resources
        }
        return [
            Question(
                action=action,
                resource=resource,
                context=context,
                account_id=owner,
                policy=assumed.trust if _is_trust(action) else assumed.policy,
            )
            for action in actions
            for resource, owner in owners.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """Who asks under which policies, the policy of each resource (`trust` where an action is about assuming a role), and
    the account of those that name none; or, where it `owns_all`, of all. `owners` are `user_NAME`, `group_NAME` and
    `role_NAME` by the unique ids of those who have inline policies."""

    subject: Subject
    trust: Policy | None = None
    policy: Policy | None = None
    owner: str | None = None
    owns_all: bool = False
    owners: Mapping[str, str]


def _is_trust(action: str) -> bool:
    return Question(action=action, resource="*").is_trust_decision


async def simulated(
    work: Work, asked: Sequence[tuple[Simulation, Assumed | IamError]]
) -> Sequence[Listed[EvaluationResult] | IamError]:
    """The page of each simulation, or what is wrong with it."""
    questions = [[] if isinstance(assumed, IamError) else one.questions(assumed) for one, assumed in asked]
    every = [question for several in questions for question in several]
    roles, reference = await trusting(work, every), await _reference(work, every)
    answers: list[Listed[EvaluationResult] | IamError] = []
    for (one, assumed), several in zip(asked, questions, strict=True):
        if isinstance(assumed, IamError):
            answers.append(assumed)
            continue
        answers.append(
            Listed(
                items=await _results(assumed, several, roles, reference, each=len(one.resources)),
                more=one.page()[1],
                has_previous=one.marker is not None,
                cursor=lambda result: encode_cursor(LISTING, result.eval_action_name),
            )
        )
    return answers


async def _reference(work: Work, questions: Sequence[Question]) -> Reference:
    """What is known of the services that are asked about; of the account's own where the server knows one of them not."""
    asked = {question.action.partition(":")[0].lower() for question in questions if question.resource != "*"}
    return work.tools.reference if asked <= {*work.tools.reference.prefixes()} else await knowledge(work)


async def _results(
    assumed: Assumed, questions: Sequence[Question], roles: Mapping[str, Role], reference: Reference, *, each: int
) -> tuple[EvaluationResult, ...]:
    """The results, action by action, of `each` resources; after each decision others may have their turn."""
    found, turns = [], Turns()
    for question in questions:
        decision = answer(assumed.subject, question, roles)
        made = Simulated(action=question.action, resource=question.resource, decision=decision)
        found.append(evaluated(made, assumed.owners))
        if turns.is_over:
            await turns.give()
    groups = [found[start : start + each] for start in range(0, len(found), each)]
    # In a thread: what a service has may have to be read first.
    return await asyncio.to_thread(
        lambda: tuple(together(group[0].simulated.action, group, reference) for group in groups)
    )
