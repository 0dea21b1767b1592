"""Who asks, and by which road. Passed by hand: a context variable would leak into a shared batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache

from ..domain.entities import Account, PrincipalType, Session, Tag
from ..domain.errors import Unauthenticated
from ..domain.policy.evaluate import Bound, Principal, PrincipalKind
from .access import Access
from .noted import Noted
from .reads import Reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from. `ip_address` is the client's, behind trusted proxies too."""

    request_id: str
    transport: str
    ip_address: str | None
    user_agent: str | None
    is_secure: bool
    referer: str | None = None
    reads: Reads = field(default_factory=Reads)
    noted: Noted = field(default_factory=Noted)


REGION = "us-east-1"
"""Where AWS has what is global, as IAM is; and so the region of whatever is asked here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a request was signed for. A bearer token is for this service alone."""

    service: str = "iamgraph"
    region: str = REGION


_UNSIGNED = Scope()


class CredentialKind(Enum):
    BEARER_TOKEN = "BEARER_TOKEN"
    TEMPORARY_KEY = "TEMPORARY_KEY"
    LONG_TERM_KEY = "LONG_TERM_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a request showed for itself, as the store finds it again: `key` is a token's hash, or an access key's id."""

    kind: CredentialKind
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An authenticated principal: `principal_id` is a unique id, or the account's id for its root. `arn` is what it acts
    under, `principal_arn` the user, role or root behind that, and `tags` are that one's. `session` is None where it signed
    with a long-term key."""

    account: Account
    principal_type: PrincipalType
    principal_id: str
    principal_arn: str
    arn: str
    credential: Credential
    session: Session | None = None
    tags: tuple[Tag, ...] = ()

    @property
    def session_id(self) -> str | None:
        return self.session.id if self.session is not None else None

    @property
    def access_key_id(self) -> str | None:
        """The key that signed the request; None where it showed a bearer token."""
        return None if self.credential.kind is CredentialKind.BEARER_TOKEN else self.credential.key

    @property
    def source_identity(self) -> str | None:
        return self.session.source_identity if self.session is not None else None


_NOBODY = Principal(kind=PrincipalKind.ANONYMOUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The one who asks. `identity` is None for somebody who showed no valid credentials; `refusal` is why a request that
    was signed is not believed. `bounds` keeps the policies as they are bound to the context of its requests."""

    origin: Origin
    identity: Identity | None = None
    refusal: Unauthenticated | None = None
    scope: Scope = _UNSIGNED
    access: Access | None = None
    principal: Principal = _NOBODY
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    bounds: dict[object, Bound] = field(init=False, repr=False, compare=False, default_factory=dict)

    @property
    def is_anonymous(self) -> bool:
        return self.identity is None

    @property
    def who(self) -> Identity:
        """The identity; only operations for authenticated callers may ask."""
        if self.identity is None:
            raise RuntimeError("an operation for authenticated callers ran without one")
        return self.identity

    @property
    def account_id(self) -> str:
        return self.who.account.id


def principal_of(kind: PrincipalType, *, account_id: str, arn: str, principal_arn: str, principal_id: str) -> Principal:
    """The principal as the policy engine sees it."""
    if kind is PrincipalType.ROOT:
        return Principal(kind=PrincipalKind.ROOT, arn=arn, account=account_id, unique_id=principal_id)
    if kind is PrincipalType.USER:
        return Principal(kind=PrincipalKind.USER, arn=arn, account=account_id, unique_id=principal_id)
    return Principal(
        kind=PrincipalKind.ROLE_SESSION, arn=arn, account=account_id, role_arn=principal_arn, unique_id=principal_id
    )


def federated_user_of(who: Identity) -> Principal:
    """A federated user as the policy engine sees it: its own, and the user's or root's that made it."""
    return Principal(
        kind=PrincipalKind.FEDERATED_USER,
        arn=who.arn,
        account=who.account.id,
        user_arn=who.principal_arn,
        unique_id=who.principal_id,
    )


def principal_context(
    kind: PrincipalType,
    *,
    account_id: str,
    principal_arn: str,
    principal_id: str,
    name: str,
    session_name: str | None,
    tags: tuple[Tag, ...],
) -> dict[str, str | tuple[str, ...]]:
    """The context keys that describe a principal (IAM User Guide, "AWS global condition context keys")."""
    context = {**account_context(kind, account_id), "aws:PrincipalArn": principal_arn}
    if kind is PrincipalType.ROOT:
        context |= {"aws:userid": account_id}
    elif kind is PrincipalType.USER:
        context |= {"aws:userid": principal_id, "aws:username": name}
    else:
        context |= {"aws:userid": f"{principal_id}:{session_name or ''}"}
    return context | _tag_context(tags)


def federated_user_context(session: Session, tags: tuple[Tag, ...]) -> dict[str, str | tuple[str, ...]]:
    """Those of a federated user, which has no `aws:username` (IAM User Guide, "IAM policy elements: Variables and tags")."""
    return {
        **account_context(session.principal_type, session.account_id),
        "aws:PrincipalType": "FederatedUser",
        "aws:PrincipalArn": session.arn,
        "aws:userid": federated_user_id(session),
        **_tag_context(tags),
    }


def federated_user_id(session: Session) -> str:
    """What AWS gives as a federated user's id: `account:name`."""
    return f"{session.account_id}:{session.name or ''}"


def _tag_context(tags: tuple[Tag, ...]) -> dict[str, str | tuple[str, ...]]:
    return {f"aws:PrincipalTag/{tag.key}": tag.value for tag in tags}


def service_context(service: str, account_id: str, source_arn: str) -> dict[str, str | tuple[str, ...]]:
    """Those that describe a service which acts for a resource of an account (IAM User Guide, "The confused deputy
    problem")."""
    return {
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": service,
        "aws:SourceAccount": account_id,
        "aws:SourceArn": source_arn,
    }


_TYPES = {PrincipalType.ROOT: "Account", PrincipalType.USER: "User", PrincipalType.ROLE: "AssumedRole"}


def account_context(kind: PrincipalType, account_id: str) -> dict[str, str | tuple[str, ...]]:
    """Those that all principals of a kind in an account have alike."""
    return {
        "aws:PrincipalAccount": account_id,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalType": _TYPES[kind],
    }


def request_context(origin: Origin, now: datetime) -> dict[str, str | tuple[str, ...]]:
    """The context keys that describe a request, whoever makes it."""
    seconds = int(now.timestamp())
    context: dict[str, str | tuple[str, ...]] = {
        "aws:CurrentTime": _whole_seconds(seconds),
        "aws:EpochTime": str(seconds),
        "aws:SecureTransport": "true" if origin.is_secure else "false",
        "aws:RequestedRegion": REGION,
        "aws:ViaAWSService": "false",
    }
    if origin.ip_address:
        context["aws:SourceIp"] = origin.ip_address
    if origin.user_agent:
        context["aws:UserAgent"] = origin.user_agent
    if origin.referer:
        context["aws:Referer"] = origin.referer
    return context


@lru_cache(maxsize=5_000)
def _whole_seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def mfa_context(age_seconds: int) -> dict[str, str | tuple[str, ...]]:
    """Those of a second factor that was shown so long ago."""
    return {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": str(age_seconds)}


def session_context(session: Session, now: datetime) -> dict[str, str | tuple[str, ...]]:
    """The context keys that only temporary credentials bring."""
    context: dict[str, str | tuple[str, ...]] = {
        "aws:TokenIssueTime": _whole_seconds(int(session.issued_at.timestamp())),
        "aws:MultiFactorAuthPresent": "false",
    }
    if session.mfa_at is not None:
        context |= mfa_context(int((now - session.mfa_at).total_seconds()))
    if session.source_identity:
        context["aws:SourceIdentity"] = session.source_identity
    if session.federation is not None:
        context |= {**session.federation.context, "aws:FederatedProvider": session.federation.provider_arn}
    return context


def session_tags(own: tuple[Tag, ...], session: tuple[Tag, ...]) -> tuple[Tag, ...]:
    """A principal's tags under a session: a session tag replaces one of the same key, whatever its case."""
    replaced = {tag.key.lower() for tag in session}
    return (*(tag for tag in own if tag.key.lower() not in replaced), *session)
