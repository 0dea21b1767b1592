"""Which role somebody may take on for whom an identity provider speaks: the one that trusts it, and no other is told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..domain.arn import parse_arn
from ..domain.entities import FederatedOrigin, PrincipalType, Role, Session, SessionPolicies, SessionSource, Tag
from ..domain.errors import IamError, InvalidInput, NotTrusted
from ..domain.policy.evaluate import Principal, PrincipalKind
from .access import Access, resource_control
from .caller import request_context
from .decide import Subject, allows, is_refused, refusal_text
from .operation import Need
from .temporary import Credentials
from .work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Federated:
    """Somebody that a provider has spoken for, and what their session would have. `described` is for the history, `context`
    is what a trust policy sees."""

    origin: FederatedOrigin
    source: SessionSource
    described: str
    context: Mapping[str, str | tuple[str, ...]] = field(repr=False)
    session_name: str
    tags: tuple[Tag, ...]
    transitive_tag_keys: tuple[str, ...]
    source_identity: str | None

    @property
    def further_actions(self) -> Sequence[str]:
        """What the trust policy must allow beside the action that is asked for."""
        tagging = ("sts:TagSession",) if self.tags else ()
        return (*tagging, *(("sts:SetSourceIdentity",) if self.source_identity is not None else ()))


async def trusting_role(work: Work, role_arn: str, action: str, who: Federated) -> Role:
    """The role, if it trusts them. INVARIANT: a role that does not exist is decided on and answers like one that trusts
    somebody else. Raises NotTrusted."""
    parsed = parse_arn(role_arn)
    assert parsed is not None
    named = (await work.data.roles.named(parsed.account_id, [parsed.name])).get(parsed.name)
    role = named if named is not None and named.arn == role_arn else None
    guards = (await resource_control(work.data, [parsed.account_id])).get(parsed.account_id, ())
    subject = Subject(
        principal=Principal(kind=PrincipalKind.FEDERATED, provider=who.origin.provider_arn),
        access=Access(),
        context=request_context(work.caller.origin, work.now),
    )
    need = Need(
        action=action,
        resource=role_arn,
        asked=role_arn,
        account_id=parsed.account_id,
        context={
            **who.context,
            **_role_context(role),
            "aws:ResourceAccount": parsed.account_id,
            "sts:RoleSessionName": who.session_name,
        },
        trust=role,
        resource_control=guards,
        is_trust_decision=True,
    )
    told = NotTrusted(f"Not authorized to perform {action}")
    for each in (action, *who.further_actions):
        asked = replace(need, action=each)
        decision = allows(subject, asked)
        if is_refused(asked, decision):
            raise for_strangers(NotTrusted(refusal_text(who.described, asked, decision)), told)
    if role is None:
        raise told
    return role


def check_seconds(role: Role, seconds: int) -> None:
    """Raise InvalidInput where a session of the role may not be as long."""
    if seconds > role.max_session_seconds:
        raise InvalidInput(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", field="durationSeconds"
        )


def federated_session(
    work: Work, role: Role, who: Federated, policies: SessionPolicies, credentials: Credentials
) -> Session:
    """The session of a role that trusts somebody."""
    return Session(
        id=work.tools.entropy(16).hex(),
        account_id=role.account_id,
        principal_type=PrincipalType.ROLE,
        principal_id=role.id,
        principal_name=role.name,
        principal_path=role.path,
        parent_id=None,
        name=who.session_name,
        source=who.source,
        access_key_id=credentials.access_key_id,
        issued_at=work.now,
        expires_at=credentials.expiration,
        revoked_at=None,
        ip_address=work.caller.origin.ip_address,
        user_agent=work.caller.origin.user_agent,
        policies=policies,
        source_identity=who.source_identity,
        tags=who.tags,
        transitive_tag_keys=who.transitive_tag_keys,
        mfa_at=None,
        federation=who.origin,
    )


def _role_context(role: Role | None) -> Mapping[str, str]:
    tags = role.tags if role is not None else ()
    return {f"{kind}/{tag.key}": tag.value for tag in tags for kind in ("aws:ResourceTag", "iam:ResourceTag")}


def for_strangers(truth: IamError, told: IamError) -> IamError:
    """What somebody without credentials is told. The history has the truth."""
    told.truth = truth
    return told
