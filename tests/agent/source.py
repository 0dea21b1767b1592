"""Where an agent under test gets its credentials from: a server that says what the test wants."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from iamgraph.agent.errors import AgentError
from iamgraph.agent.given import Given, now

ACCOUNT = "111122223333"
AGENT = "ag-0123456789abcdef0"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/app"


def given(number: int = 1, *, age: timedelta = timedelta(), lasts: timedelta = timedelta(hours=1)) -> Given:
    """Credentials that were given so long ago, for so long."""
    at = now() - age
    return Given(
        agent_id=AGENT,
        access_key_id=f"ASIA{number:016}",
        secret_access_key="secret",
        session_token="igt_token",
        given_at=at,
        expires_at=at + lasts,
        role_arn=ROLE,
        instance_profile_arn=f"arn:aws:iam::{ACCOUNT}:instance-profile/web",
        instance_profile_id="AIPA00000000000000000",
    )


@dataclass
class Source:
    """Gives what comes next, and counts how often it was asked. It holds its answers while it is not `open`."""

    answers: list[Given | AgentError] = field(default_factory=list)
    asked: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def __call__(self) -> Given:
        self.asked += 1
        await self.open.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, AgentError):
            raise answer
        return answer
