"""Agents of instance profiles: let one enrol, list them, and revoke one. See `agent_credentials` for what they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

from ..domain.arn import agent_arn
from ..domain.entities import Agent, InstanceProfile
from ..domain.errors import AgentNotEnrolled, IamError, InvalidInput, LimitExceeded, NoSuchEntity
from ..domain.ids import agent_id
from ..domain.names import AgentId, Between, Doc, InstanceProfileName, Match, Secret
from ..domain.throttling import agent_limit
from ..security.possession import PUBLIC_KEY, SIGNATURE, enrolment_text, is_signed
from ..security.tokens import new_token, token_hash
from ..store.pages import Page
from ..store.session import StoreSession
from .caller import Caller
from .changes import GONE, shown_agent
from .edges import paged
from .listing import Listed, Marker, MaxItems
from .operation import Command, Need, Place, Query, Target, operation
from .passing import no_role_in, pass_role_of
from .quotas import ensure
from .targets import INSTANCE_PROFILE, NOTHING
from .throttling import attempt
from .users import UniqueId
from .work import Tools, Work

LISTING = "agents"


class _AgentById(Target):
    """An agent of the caller's account. Policies see it as its instance profile; one that does not exist, or that the caller
    may not know of, as `arn:aws:iamgraph::…:agent/…`."""

    know = "iamgraph:ListAgents"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Agent | None]:
        found = await data.agents.by_ids([op.agent_id for op in ops])
        agents = [found.get(op.agent_id) for op in ops]
        return [agent if agent and agent.account_id == caller.account_id else None for agent in agents]

    def place(self, caller: Caller, op: Any, entity: Agent | None) -> Place:
        asked = agent_arn(caller.account_id, op.agent_id)
        if entity is None:
            return Place(resource=asked, asked=asked, account_id=caller.account_id)
        profile = entity.instance_profile
        return Place(
            resource=profile.arn,
            asked=asked,
            account_id=caller.account_id,
            tags=profile.tags,
            tag_keys=INSTANCE_PROFILE.tag_keys,
        )

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return NoSuchEntity(f"The agent with id {op.agent_id} cannot be found.")


AGENT = _AgentById()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEnrolment:
    """An agent that has yet to enrol, and the token that it can do so with: the only time that it is shown."""

    agent: Agent
    enrolment_token: str = field(repr=False)
    expires_at: datetime


@operation("iamgraph:CreateAgentEnrolment", on=INSTANCE_PROFILE, raises=(NoSuchEntity, LimitExceeded))
class CreateAgentEnrolment(Command[AgentEnrolment]):
    """Make a token with which one agent can enrol, once, to get credentials of the role that an instance profile holds. It
    takes `iam:PassRole` on the role as well."""

    instance_profile_name: InstanceProfileName
    valid_seconds: Annotated[int, Between(60, 86_400), Doc("How long the token is good for.")] = 3600

    def needs(self, caller: Caller, target: InstanceProfile | None) -> Sequence[Need]:
        need = self.need(caller, target)
        return (need,) if target is None else (need, pass_role_of(caller, target))

    async def execute(self, work: Work, target: InstanceProfile, prepared: None) -> AgentEnrolment:
        if target.role is None:
            raise no_role_in(target)
        account_id, agents = work.caller.account_id, work.data.agents
        await agents.sweep(account_id, work.now)
        ensure(await agents.count(account_id), "AgentsPerAccount", work.tools.quotas.agents_per_account)
        agent = Agent(
            id=agent_id(work.tools.entropy(9)),
            account_id=account_id,
            instance_profile=target,
            created_at=work.now,
            expires_at=work.now + timedelta(seconds=self.valid_seconds),
        )
        token = new_token("ige")
        await agents.add(agent, token_hash=token_hash(token))
        work.changed(GONE, shown_agent(agent))
        return AgentEnrolment(agent=agent, enrolment_token=token, expires_at=agent.expires_at)


def not_enrolled(what: str) -> AgentNotEnrolled:
    """INVARIANT: one answer, whether there is no such agent or it is not the one that asks."""
    return AgentNotEnrolled(f"The agent is not enrolled, or not any more, or {what} is not its own.")


async def is_open(work: Work, agent: Agent) -> bool:
    """Whether the agent's account is open."""
    account = (await work.data.accounts.get([agent.account_id]))[agent.account_id]
    return account.closed_at is None


async def count_stranger(work: Work, agent: Agent | None) -> None:
    """Count who has proved to be no agent, by its address. Raises Throttled."""
    if agent is None:
        await attempt(work, [agent_limit(address=work.caller.origin.ip_address)])


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledAgent:
    """What an agent is called from now on, and what it is of. These are no nodes: an agent is no caller that could read."""

    agent_id: str
    agent_arn: str
    instance_profile_arn: str


@operation("iamgraph:EnrolAgent", on=NOTHING, raises=(AgentNotEnrolled,))
class EnrolAgent(Command[EnrolledAgent]):
    """Exchange an enrolment token for the right to ask for credentials, with a key that the agent has made. Who shows the
    same token and the same key again, while the token is good, is given the same answer."""

    enrolment_token: Annotated[str, Match(r"[\w-]*", 1, 128), Secret(), Doc("Of `createAgentEnrolment`.")]
    instance_profile_name: InstanceProfileName
    public_key: Annotated[
        str, Match(PUBLIC_KEY, 44, 44), Doc("The agent's Ed25519 public key (RFC 8032): 32 bytes in base64.")
    ]
    signature: Annotated[
        str,
        Match(SIGNATURE, 88, 88),
        Secret(),
        Doc(
            "Of `iamgraph:EnrolAgent`, the token and the public key, a line each, without a last line break, in base64."
        ),
    ]

    is_public = True
    is_guarded = True
    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def look(self, work: Work, target: None) -> Agent | None:
        agent = await work.data.agents.by_token(token_hash(self.enrolment_token), work.now)
        if agent is None:
            return None
        work.trail.account_id = agent.account_id
        work.trail.resources.append(agent.instance_profile.arn)
        text = enrolment_text(self.enrolment_token, self.public_key)
        return agent if is_signed(self.public_key, text, self.signature) and await is_open(work, agent) else None

    async def guard(self, work: Work, looked: Agent | None) -> None:
        await count_stranger(work, looked)

    async def prepare(self, caller: Caller, tools: Tools, looked: Agent | None) -> Agent:
        if looked is None:
            raise not_enrolled("the enrolment token")
        if looked.instance_profile.name != self.instance_profile_name:
            raise InvalidInput("the enrolment token is for another instance profile", field="instanceProfileName")
        return looked

    async def execute(self, work: Work, target: None, prepared: Agent) -> EnrolledAgent:
        profile_arn = prepared.instance_profile.arn
        work.trail.resources.append(profile_arn)
        if not await work.data.agents.enrol(token_hash(self.enrolment_token), self.public_key, work.now):
            raise not_enrolled("the enrolment token")
        work.trail.principal_id, work.trail.principal_arn = prepared.id, prepared.arn
        agent = (await work.data.agents.by_ids([prepared.id]))[prepared.id]
        work.changed(shown_agent(prepared), shown_agent(agent))
        return EnrolledAgent(agent_id=agent.id, agent_arn=agent.arn, instance_profile_arn=profile_arn)


@operation("iamgraph:ListAgents", on=AGENT, raises=(NoSuchEntity,))
class GetAgent(Query[Agent]):
    """Read one agent."""

    agent_id: AgentId

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetAgent, Agent]]) -> Sequence[Agent | IamError]:
        return [agent for _, agent in asks]


@operation("iamgraph:ListAgents", on=INSTANCE_PROFILE, raises=(NoSuchEntity,))
class ListAgents(Query[Listed[Agent]]):
    """List the agents of an instance profile, by id: those that have yet to enrol, too."""

    instance_profile_name: InstanceProfileName | None = None
    unique_id: UniqueId | None = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListAgents, InstanceProfile]]
    ) -> Sequence[Listed[Agent] | IamError]:
        async def load(ids: Sequence[str], after: tuple[str, ...] | None, limit: int) -> Mapping[str, Page[Agent]]:
            return await work.data.agents.of_profiles(ids, after=after[0] if after else None, limit=limit)

        return await paged(LISTING, asks, load, lambda agent: (agent.id,), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedAgent:
    """The id of an agent that is gone, and how many live sessions ended with it, those chained from its own too."""

    revoked_agent_id: str
    ended_sessions: int


@operation("iamgraph:RevokeAgent", on=AGENT, raises=(NoSuchEntity,))
class RevokeAgent(Command[RevokedAgent]):
    """Take an agent's right to ask for credentials, or its enrolment token, and end the sessions that it was given, at the
    next request."""

    agent_id: AgentId

    async def execute(self, work: Work, target: Agent, prepared: None) -> RevokedAgent:
        # INVARIANT: first the agent. Whoever is giving it credentials holds it until they are there to be ended.
        await work.data.agents.delete(target.id)
        ended = await work.data.sessions.revoke_of_agent(target.id, work.now)
        work.changed(shown_agent(target), GONE)
        return RevokedAgent(revoked_agent_id=target.id, ended_sessions=ended)
