"""Temporary credentials: made, and issued with the session that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..domain.entities import Session
from ..domain.ids import IdPrefix
from ..security.tokens import new_secret_access_key, new_token, token_hash
from .changes import GONE
from .work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Temporary credentials, as AWS's SDKs want them."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: datetime


def secret_context(access_key_id: str) -> str:
    """What a temporary key's secret is sealed to."""
    return f"temporary-key/{access_key_id}"


def new_credentials(work: Work, seconds: int) -> Credentials:
    """Credentials that are good for so long, once they are issued."""
    return Credentials(
        access_key_id=work.tools.new_id(IdPrefix.TEMPORARY_KEY),
        secret_access_key=new_secret_access_key(),
        session_token=new_token("igt"),
        expiration=work.now + timedelta(seconds=seconds),
    )


async def issue(work: Work, session: Session, credentials: Credentials) -> str:
    """Keep the session, its tokens as hashes and its secret sealed. Gives the same session as a bearer token: the only time
    that it is shown."""
    token = new_token("igs")
    sealed = work.tools.sealer.seal(
        credentials.secret_access_key.encode(), context=secret_context(credentials.access_key_id)
    )
    await work.data.sessions.add(
        session,
        token_hash=token_hash(token),
        sealed_secret=sealed,
        session_token_hash=token_hash(credentials.session_token),
    )
    work.changed(GONE, {"accessKeyId": credentials.access_key_id})
    return token
