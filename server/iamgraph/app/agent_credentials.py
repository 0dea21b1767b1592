"""Credentials of an instance profile's role for an agent, which hands them to the applications of its machine.

The agent signs each request with the key that it has enrolled with. The role is assumed by the service that runs
applications, if its trust policy lets that, as EC2 assumes the role of an instance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from ..domain.entities import Agent, Role, SessionSource
from ..domain.errors import AccessDenied, AgentNotEnrolled, InvalidInput, NoSuchEntity
from ..domain.names import AgentId, Between, Doc, Match, Secret
from ..domain.policy.evaluate import Principal, PrincipalKind
from ..domain.throttling import WINDOW, nonce_limit, request_limit
from ..security.possession import SIGNATURE, is_signed, request_text
from .access import Access, resource_control
from .agents import count_stranger, is_open, not_enrolled
from .caller import Caller, request_context, service_context
from .decide import Subject, allows, denied, is_refused
from .operation import Command, Need, operation
from .passing import EC2, no_role_in
from .targets import NOTHING, ROLE
from .temporary import Credentials, issue, new_credentials, role_session
from .throttling import attempt
from .work import Tools, Work

SKEW = timedelta(minutes=5)
"""How long a request is good, and how far an agent's clock may be off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCredentials:
    """Credentials for the applications of an agent's machine, and whose they are."""

    credentials: Credentials
    role_arn: str
    instance_profile_arn: str
    instance_profile_id: str


@operation("sts:AssumeRole", on=NOTHING, raises=(AgentNotEnrolled, NoSuchEntity, AccessDenied))
class IssueAgentCredentials(Command[AgentCredentials]):
    """Give an agent credentials of the role that its instance profile holds. The role's trust policy must let
    `ec2.amazonaws.com` assume it. A request is good once, within five minutes of when it was signed."""

    agent_id: AgentId
    signed_at: Annotated[
        str, Match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", 20, 20), Doc("When it was signed: `2026-01-31T12:00:00Z`.")
    ]
    nonce: Annotated[str, Match(r"[\w-]+", 16, 64), Secret(), Doc("What no other request of the agent's has.")]
    signature: Annotated[
        str,
        Match(SIGNATURE, 88, 88),
        Secret(),
        Doc(
            "Of `iamgraph:IssueAgentCredentials`, `agentId`, `signedAt`, `nonce` and `durationSeconds`, a line each, "
            "without a last line break, by the agent's key, in base64."
        ),
    ]
    duration_seconds: Annotated[
        int,
        Between(900, 21_600),
        Doc("How long the credentials are good for, at most: never longer than the role's longest session."),
    ] = 3600

    is_public = True
    is_guarded = True
    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def look(self, work: Work, target: None) -> Agent | None:
        agent = (await work.data.agents.by_ids([self.agent_id])).get(self.agent_id)
        if agent is None:
            return None
        work.trail.account_id = agent.account_id
        text = request_text(self.agent_id, self.signed_at, self.nonce, self.duration_seconds)
        is_proven = agent.public_key is not None and is_signed(agent.public_key, text, self.signature)
        if not is_proven or not await is_open(work, agent):
            return None
        _act_as(work, agent)
        self._check_time(work.now)
        return agent

    def _check_time(self, now: datetime) -> None:
        """Only who has the key is told what time it is here."""
        try:
            signed_at = datetime.fromisoformat(self.signed_at)
        except ValueError:
            raise InvalidInput(f"{self.signed_at} is no time", field="signedAt") from None
        if abs(signed_at - now) > SKEW:
            raise InvalidInput(
                f"the request was signed at {self.signed_at}, more than 5 minutes from now, which is "
                f"{now:%Y-%m-%dT%H:%M:%SZ}: set the clock of the agent's machine",
                field="signedAt",
            )

    async def guard(self, work: Work, looked: Agent | None) -> None:
        await count_stranger(work, looked)
        if looked is None:
            return
        used = await work.data.throttles.attempt(nonce_limit(looked.id, self.nonce).key, work.now, WINDOW)
        if used.attempts > 1:
            raise InvalidInput("the request has been used already: sign each anew", field="nonce")
        await attempt(work, [request_limit(looked.id)])

    async def prepare(self, caller: Caller, tools: Tools, looked: Agent | None) -> Agent:
        if looked is None:
            raise not_enrolled("the signature")
        return looked

    async def execute(self, work: Work, target: None, prepared: Agent) -> AgentCredentials:
        # The agent may have been revoked, or the profile emptied, since it was looked at.
        is_there = await work.data.agents.use(prepared.id, work.now)
        agent = (await work.data.agents.by_ids([prepared.id])).get(prepared.id) if is_there else None
        if agent is None or not await is_open(work, agent):
            raise not_enrolled("the signature")
        _act_as(work, agent)
        role = agent.instance_profile.role
        if role is None:
            raise no_role_in(agent.instance_profile)
        await _check_trust(work, agent, role)
        credentials = new_credentials(work, min(self.duration_seconds, role.max_session_seconds))
        session = role_session(work, credentials, role, name=agent.id, source=SessionSource.INSTANCE_PROFILE)
        await issue(work, session, credentials)
        return AgentCredentials(
            credentials=credentials,
            role_arn=role.arn,
            instance_profile_arn=agent.instance_profile.arn,
            instance_profile_id=agent.instance_profile.id,
        )


def _act_as(work: Work, agent: Agent) -> None:
    """Let the history say who asks, and for what."""
    work.trail.principal_id, work.trail.principal_arn = agent.id, agent.arn
    if agent.instance_profile.role is not None:
        work.trail.resources.append(agent.instance_profile.role.arn)


async def _check_trust(work: Work, agent: Agent, role: Role) -> None:
    """Raises AccessDenied where EC2 may not assume the role for the agent."""
    account = agent.account_id
    service = Subject(
        principal=Principal(kind=PrincipalKind.SERVICE, service=EC2),
        access=Access(),
        context={
            **request_context(work.caller.origin, work.now),
            **service_context(EC2, account, agent.arn),
            "sts:RoleSessionName": agent.id,
        },
    )
    tags = {f"{key}/{tag.key}": tag.value for tag in role.tags for key in ROLE.tag_keys}
    need = Need(
        action="sts:AssumeRole",
        resource=role.arn,
        asked=role.arn,
        account_id=account,
        context={"aws:ResourceAccount": account, **tags},
        trust=role,
        resource_control=(await resource_control(work.data, [account]))[account],
        is_trust_decision=True,
    )
    decision = allows(service, need)
    if is_refused(need, decision):
        raise denied(service, need, decision, need.resource)
