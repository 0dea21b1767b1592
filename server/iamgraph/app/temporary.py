"""Temporary credentials: made, and issued with the session that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..domain.arn import parse_arn
from ..domain.entities import PrincipalType, Role, Session, SessionPolicies, SessionSource, Tag
from ..domain.errors import LongTermKeyRequired
from ..domain.ids import IdPrefix
from ..security.tokens import new_secret_access_key, new_token, token_hash
from .caller import Caller, CredentialKind
from .changes import GONE
from .work import Work

USER_SECONDS, ROOT_SECONDS = 43_200, 3_600
"""How long credentials of a user are good if nothing is said, and those of the root at the most."""


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


def check_long_term_key(caller: Caller, operation: str) -> None:
    """Raises LongTermKeyRequired for who did not sign with one."""
    if caller.who.credential.kind is not CredentialKind.LONG_TERM_KEY:
        raise LongTermKeyRequired(f"Cannot call {operation} with session credentials")


def own_seconds(kind: PrincipalType, wanted: int | None) -> int:
    """How long a session lasts that somebody makes for itself, or for a federated user."""
    seconds = wanted or USER_SECONDS
    return min(seconds, ROOT_SECONDS) if kind is PrincipalType.ROOT else seconds


def own_session(
    work: Work,
    credentials: Credentials,
    *,
    source: SessionSource,
    policies: SessionPolicies,
    name: str | None = None,
    tags: tuple[Tag, ...] = (),
    mfa_at: datetime | None = None,
) -> Session:
    """A session that belongs to the calling user or root."""
    who, origin = work.caller.who, work.caller.origin
    own = parse_arn(who.principal_arn)
    assert own is not None
    return Session(
        id=work.tools.entropy(16).hex(),
        account_id=who.account.id,
        principal_type=who.principal_type,
        principal_id=who.principal_id,
        principal_name=own.name or "root",
        principal_path=own.path or "/",
        parent_id=None,
        name=name,
        source=source,
        access_key_id=credentials.access_key_id,
        issued_at=work.now,
        expires_at=credentials.expiration,
        revoked_at=None,
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
        policies=policies,
        source_identity=None,
        tags=tags,
        transitive_tag_keys=(),
        mfa_at=mfa_at,
    )


def role_session(
    work: Work,
    credentials: Credentials,
    role: Role,
    *,
    name: str,
    source: SessionSource,
    parent_id: str | None = None,
    policies: SessionPolicies = SessionPolicies(),  # noqa: B008 (frozen)
    source_identity: str | None = None,
    tags: tuple[Tag, ...] = (),
    transitive_tag_keys: tuple[str, ...] = (),
) -> Session:
    """A session of a role."""
    return Session(
        id=work.tools.entropy(16).hex(),
        account_id=role.account_id,
        principal_type=PrincipalType.ROLE,
        principal_id=role.id,
        principal_name=role.name,
        principal_path=role.path,
        parent_id=parent_id,
        name=name,
        source=source,
        access_key_id=credentials.access_key_id,
        issued_at=work.now,
        expires_at=credentials.expiration,
        revoked_at=None,
        ip_address=work.caller.origin.ip_address,
        user_agent=work.caller.origin.user_agent,
        policies=policies,
        source_identity=source_identity,
        tags=tags,
        transitive_tag_keys=transitive_tag_keys,
        # A role's session has no second factor, whoever assumed it (IAM User Guide, "Secure API access with MFA").
        mfa_at=None,
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
