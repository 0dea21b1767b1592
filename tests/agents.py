"""An agent of an instance profile, as the server sees one: a key, and what is signed with it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from iamgraph.security.possession import enrolment_text, public_key_of, request_text, signed

from .service import Client
from .wire import AwsKey

ISSUED = (
    "credentials { accessKeyId secretAccessKey sessionToken expiration } roleArn instanceProfileArn instanceProfileId"
)


async def enrolment(service: Client, profile: str = "web", token: str | None = None, **more: Any) -> str:
    """A token to enrol with."""
    input = {"instanceProfileName": profile, **more}
    made = await service.good("createAgentEnrolment", input, "enrolmentToken", token)
    return str(made["enrolmentToken"])


@dataclass(kw_only=True)
class Agent:
    service: Client
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    id: str = ""

    async def enrol(self, token: str, profile: str = "web", *, signer: Ed25519PrivateKey | None = None) -> Any:
        """Show a token, with a signature by the agent's own key or another."""
        public = public_key_of(self.key)
        signature = signed(signer or self.key, enrolment_text(token, public))
        input = {"enrolmentToken": token, "instanceProfileName": profile, "publicKey": public, "signature": signature}
        done = await self.service.do("enrolAgent", input, "agentId agentArn instanceProfileArn")
        self.id = done.get("agentId", self.id)
        return done

    def request(self, *, ahead: timedelta = timedelta(), seconds: int = 3600, **changed: Any) -> dict[str, Any]:
        """A request for credentials, with what is changed after it was signed."""
        at = (self.service.clock() + ahead).strftime("%Y-%m-%dT%H:%M:%SZ")
        nonce = secrets.token_urlsafe(16)
        signature = signed(self.key, request_text(self.id, at, nonce, seconds))
        made = {"agentId": self.id, "signedAt": at, "nonce": nonce, "durationSeconds": seconds, "signature": signature}
        return made | changed

    async def ask(self, request: dict[str, Any] | None = None) -> Any:
        return await self.service.do("issueAgentCredentials", request or self.request(), ISSUED)

    async def key_of_role(self) -> AwsKey:
        """Credentials, which must be given."""
        done = await self.ask()
        assert done["__typename"] == "IssueAgentCredentialsSuccess", done
        given = done["credentials"]
        return AwsKey(
            service=self.service,
            id=given["accessKeyId"],
            secret=given["secretAccessKey"],
            token=given["sessionToken"],
        )


async def enrolled(service: Client, profile: str = "web") -> Agent:
    """A new agent of a profile."""
    agent = Agent(service=service)
    done = await agent.enrol(await enrolment(service, profile), profile)
    assert done["__typename"] == "EnrolAgentSuccess", done
    return agent
