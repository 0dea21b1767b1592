"""The members that result unions have for what can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry

from ...domain import errors as domain
from ...domain.passkeys import MfaKind
from .context import Info
from .errors import code_of
from .nodes.base import Node
from .nodes.decision import Decision, PolicyFinding
from .nodes.entities import node_of
from .scalars import ARN, Action, ErrorCode


@strawberry.interface(
    name="Error",
    description="Why an operation was refused. Every `…Result` union holds its `…Success` and implementations of this.",
)
class Error:
    code: ErrorCode
    message: str


@strawberry.type(description=domain.NoSuchEntity.__doc__)
class NoSuchEntityError(Error):
    pass


@strawberry.type(description=domain.EntityAlreadyExists.__doc__)
class EntityAlreadyExistsError(Error):
    pass


@strawberry.type(description=domain.InvalidCredentials.__doc__)
class InvalidCredentialsError(Error):
    pass


@strawberry.type(description=domain.InvalidAuthenticationCode.__doc__)
class InvalidAuthenticationCodeError(Error):
    pass


@strawberry.type(description=domain.NotTrusted.__doc__)
class NotTrustedError(Error):
    pass


@strawberry.type(description=domain.InvalidIdentityToken.__doc__)
class InvalidIdentityTokenError(Error):
    pass


@strawberry.type(description=domain.ExpiredIdentityToken.__doc__)
class ExpiredIdentityTokenError(Error):
    pass


@strawberry.type(description=domain.IdpRejectedClaim.__doc__)
class IdpRejectedClaimError(Error):
    pass


@strawberry.type(description=domain.IdpCommunicationError.__doc__)
class IdpCommunicationError(Error):
    pass


@strawberry.type(description=domain.LongTermKeyRequired.__doc__)
class LongTermKeyRequiredError(Error):
    pass


@strawberry.type(description=domain.InvalidPasskey.__doc__)
class InvalidPasskeyError(Error):
    pass


@strawberry.type(description=domain.AgentNotEnrolled.__doc__)
class AgentNotEnrolledError(Error):
    pass


@strawberry.type(description="The password is right, and one of the user's MFA devices must be shown beside it.")
class MfaRequiredError(Error):
    kinds: list[MfaKind] = strawberry.field(description="What kinds of MFA devices the user has: any one device will do.")
    passkey_options: str | None = strawberry.field(
        description="What a browser's `navigator.credentials.get` takes, as JSON text, to sign with a passkey: good for "
        "one answer within five minutes. Null where the user has no passkey, or this server takes none."
    )


@strawberry.type(description=domain.PasswordChangeRequired.__doc__)
class PasswordChangeRequiredError(Error):
    pass


@strawberry.type(description=domain.PasswordExpired.__doc__)
class PasswordExpiredError(Error):
    pass


@strawberry.type(description=domain.LimitExceeded.__doc__)
class LimitExceededError(Error):
    limit: int


@strawberry.type(description=domain.DeleteConflict.__doc__)
class DeleteConflictError(Error):
    blocked_by: list[Node]


@strawberry.type(description=domain.InvalidInput.__doc__)
class InvalidInputError(Error):
    field: str


@strawberry.type(description=domain.MalformedPolicyDocument.__doc__)
class MalformedPolicyDocumentError(Error):
    findings: list[PolicyFinding]


@strawberry.type(description=domain.PasswordPolicyViolation.__doc__)
class PasswordPolicyViolationError(Error):
    rules: list[str]


@strawberry.type(description=domain.AccessDenied.__doc__)
class AccessDeniedError(Error):
    action: Action
    resource: ARN
    decision: Decision
    refusal: strawberry.Private[domain.AccessDenied]

    @strawberry.field(
        description="The refusal in full, sealed: `decodeAuthorizationMessage` opens it for who may, in this account."
    )
    def encoded_authorization_message(self, info: Info) -> str:
        return info.context.message_of(self.refusal)


@strawberry.type(description=domain.Throttled.__doc__)
class ThrottledError(Error):
    retry_after_seconds: int


_Made = Callable[[Any], dict[str, Any]]
MEMBERS: dict[type[domain.IamError], tuple[type[Error], _Made]] = {
    domain.NoSuchEntity: (NoSuchEntityError, lambda e: {}),
    domain.EntityAlreadyExists: (EntityAlreadyExistsError, lambda e: {}),
    domain.AgentNotEnrolled: (AgentNotEnrolledError, lambda e: {}),
    domain.InvalidCredentials: (InvalidCredentialsError, lambda e: {}),
    domain.InvalidAuthenticationCode: (InvalidAuthenticationCodeError, lambda e: {}),
    domain.NotTrusted: (NotTrustedError, lambda e: {}),
    domain.InvalidIdentityToken: (InvalidIdentityTokenError, lambda e: {}),
    domain.ExpiredIdentityToken: (ExpiredIdentityTokenError, lambda e: {}),
    domain.IdpRejectedClaim: (IdpRejectedClaimError, lambda e: {}),
    domain.IdpCommunicationError: (IdpCommunicationError, lambda e: {}),
    domain.LongTermKeyRequired: (LongTermKeyRequiredError, lambda e: {}),
    domain.InvalidPasskey: (InvalidPasskeyError, lambda e: {}),
    domain.MfaRequired: (MfaRequiredError, lambda e: {"kinds": list(e.kinds), "passkey_options": e.passkey_options}),
    domain.PasswordChangeRequired: (PasswordChangeRequiredError, lambda e: {}),
    domain.PasswordExpired: (PasswordExpiredError, lambda e: {}),
    domain.LimitExceeded: (LimitExceededError, lambda e: {"limit": e.limit}),
    domain.DeleteConflict: (DeleteConflictError, lambda e: {"blocked_by": [node_of(x) for x in e.blocked_by]}),
    domain.InvalidInput: (InvalidInputError, lambda e: {"field": e.field}),
    domain.MalformedPolicyDocument: (
        MalformedPolicyDocumentError,
        lambda e: {"findings": [PolicyFinding.of(finding) for finding in e.findings]},
    ),
    domain.PasswordPolicyViolation: (PasswordPolicyViolationError, lambda e: {"rules": list(e.rules)}),
    domain.AccessDenied: (
        AccessDeniedError,
        lambda e: {"action": e.action, "resource": e.resource, "decision": Decision.of(e.decision), "refusal": e},
    ),
    domain.Throttled: (ThrottledError, lambda e: {"retry_after_seconds": e.retry_after_seconds}),
    domain.Overloaded: (ThrottledError, lambda e: {"retry_after_seconds": e.retry_after_seconds}),
}


def member_of(error: domain.IamError) -> Error:
    """The union member that stands for an error."""
    made, extra = MEMBERS[type(error)]
    return made(code=code_of(error), message=error.message, **extra(error))
