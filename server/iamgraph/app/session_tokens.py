"""GetSessionToken: temporary credentials of a user or the root for itself, with the second factor in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from ..domain.entities import Session, SessionPolicies, SessionSource
from ..domain.errors import InvalidAuthenticationCode, LongTermKeyRequired
from ..domain.names import Between, Doc, SerialNumber, TokenCode
from ..domain.throttling import Limit
from .caller import Caller
from .operation import Command, Need, operation
from .second_factor import SecondFactor, caller_factor, use_caller_code
from .targets import NOTHING
from .temporary import Credentials, check_long_term_key, issue, new_credentials, own_seconds, own_session
from .work import Tools, Work


def _narrowed(*denied: str) -> str:
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "SessionToken", "Effect": "Deny", "Action": list(denied), "Resource": "*"},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


_STS = (
    "sts:AssumeRoleWith*",
    "sts:AssumeRoot",
    "sts:DecodeAuthorizationMessage",
    "sts:GetAccessKeyInfo",
    "sts:GetFederationToken",
    "sts:GetServiceBearerToken",
    "sts:GetSessionToken",
)
"""All of STS but AssumeRole (with its tags and source identity), GetCallerIdentity and what has been exempt since."""
WITH_MFA, WITHOUT_MFA = _narrowed(*_STS), _narrowed("iam:*", *_STS)
"""What such sessions can't do, as session policies: denied, so that no resource's policy and no password policy lets them
(AWS STS API Reference, GetSessionToken)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionToken:
    """A session of the caller itself: its credentials, and the same session as a bearer token."""

    credentials: Credentials
    access_token: str = field(repr=False)
    session: Session


@operation("sts:GetSessionToken", on=NOTHING, raises=(InvalidAuthenticationCode, LongTermKeyRequired))
class GetSessionToken(Command[SessionToken]):
    """Get temporary credentials for oneself, as a user or the root, with a long-term access key. They may do what the user
    may, but IAM only with a code of an MFA device, and of STS AssumeRole and GetCallerIdentity. It takes no permission."""

    duration_seconds: Annotated[
        int | None,
        Between(900, 129_600),
        Doc("How long the credentials are good for: 12 hours if nothing is said; for the root an hour at most."),
    ] = None
    serial_number: SerialNumber | None = None
    token_code: TokenCode | None = None

    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def look(self, work: Work, target: None) -> SecondFactor | None:
        check_long_term_key(work.caller, "GetSessionToken")
        return await caller_factor(work, self.serial_number, self.token_code)

    async def prepare(self, caller: Caller, tools: Tools, looked: SecondFactor | None) -> SecondFactor | None:
        return looked

    def attempts(self, prepared: SecondFactor | None) -> Sequence[Limit]:
        return prepared.attempts if prepared is not None else ()

    async def execute(self, work: Work, target: None, prepared: SecondFactor | None) -> SessionToken:
        who = work.caller.who
        work.trail.resources.append(who.principal_arn)
        if prepared is not None:
            await use_caller_code(work, prepared)
        credentials = new_credentials(work, own_seconds(who.principal_type, self.duration_seconds))
        session = own_session(
            work,
            credentials,
            source=SessionSource.SESSION_TOKEN,
            policies=SessionPolicies(document=WITHOUT_MFA if prepared is None else WITH_MFA),
            mfa_at=work.now if prepared is not None else None,
        )
        token = await issue(work, session, credentials)
        return SessionToken(credentials=credentials, access_token=token, session=session)
