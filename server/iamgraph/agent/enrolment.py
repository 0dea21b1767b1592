"""The enrolment of this machine as an agent: the key that never leaves it, and what the server calls it."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ..security.possession import enrolment_text, public_key_of, request_text, signed
from .errors import AgentError, NotEnrolled
from .files import alone, read_private, write_private
from .given import Given, aws_time, now
from .remote import check_server, mutate

_ISSUED = (
    "credentials { accessKeyId secretAccessKey sessionToken expiration } roleArn instanceProfileArn instanceProfileId"
)

_DENIED = "... on AccessDeniedError { resource }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What this machine asks a server with."""

    server: str
    agent_id: str
    key: Ed25519PrivateKey

    async def ask(self, duration_seconds: int) -> Given:
        """New credentials. Raises Gone, Refused, and Unavailable."""
        asked_at = now()
        signed_at, nonce = aws_time(asked_at), secrets.token_urlsafe(16)
        text = request_text(self.agent_id, signed_at, nonce, duration_seconds)
        input = {
            "agentId": self.agent_id,
            "signedAt": signed_at,
            "nonce": nonce,
            "durationSeconds": duration_seconds,
            "signature": signed(self.key, text),
        }
        done = await mutate(self.server, "issueAgentCredentials", input, _ISSUED, of_errors=_DENIED)
        credentials = done["credentials"]
        return Given(
            agent_id=self.agent_id,
            access_key_id=credentials["accessKeyId"],
            secret_access_key=credentials["secretAccessKey"],
            session_token=credentials["sessionToken"],
            given_at=asked_at,
            expires_at=datetime.fromisoformat(credentials["expiration"]),
            role_arn=done["roleArn"],
            instance_profile_arn=done["instanceProfileArn"],
            instance_profile_id=done["instanceProfileId"],
        )


def _files(folder: Path) -> tuple[Path, Path]:
    return folder / "key.pem", folder / "enrolment.json"


def load(folder: Path) -> Enrolment:
    """The enrolment in a folder. Raises NotEnrolled, and PermissionError where others could read its key."""
    key_file, file = _files(folder)
    try:
        found = orjson.loads(read_private(file))
        server, agent_id = check_server(str(found["server"])), str(found["agentId"])
        return Enrolment(server=server, agent_id=agent_id, key=_key_in(key_file))
    except FileNotFoundError:
        raise NotEnrolled(f"there is no enrolment in {folder}; enrol with `iamgraph enrol` first") from None
    except (ValueError, KeyError, TypeError):
        raise NotEnrolled(f"the enrolment in {folder} can't be read; delete that folder, and enrol anew") from None


def _key_in(file: Path) -> Ed25519PrivateKey:
    """Raises FileNotFoundError, and NotEnrolled where it is no such key."""
    try:
        key = load_pem_private_key(read_private(file), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NotEnrolled(f"the key in {file} can't be read; delete that folder, and enrol anew") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise NotEnrolled(f"the key in {file} is of another kind; delete that folder, and enrol anew")
    return key


async def enrol(folder: Path, server: str, profile: str, token: str) -> str:
    """Exchange a token for an enrolment, and keep that in the folder. Gives the agent's ARN. Who tries again with the same
    token, because the answer was lost, gets the same one. Raises AgentError."""
    server = check_server(server)
    with alone(folder):
        key, file = _key_for(folder), _files(folder)[1]
        public_key = public_key_of(key)
        input = {
            "enrolmentToken": token,
            "instanceProfileName": profile,
            "publicKey": public_key,
            "signature": signed(key, enrolment_text(token, public_key)),
        }
        done = await mutate(server, "enrolAgent", input, "agentId agentArn")
        write_private(file, orjson.dumps({"server": server, "agentId": done["agentId"], "agentArn": done["agentArn"]}))
        return str(done["agentArn"])


def _key_for(folder: Path) -> Ed25519PrivateKey:
    """The key of a folder that has no enrolment: a new one, unless one was made and the enrolment then failed. INVARIANT: it
    is on the disk before the server knows of it. Raises AgentError."""
    file, enrolled = _files(folder)
    if enrolled.exists():
        raise AgentError(f"{folder} has an enrolment already; to enrol anew, revoke that agent and delete the folder")
    with suppress(FileNotFoundError):
        return _key_in(file)
    key = Ed25519PrivateKey.generate()
    write_private(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key
