"""The code of each expected error."""

from __future__ import annotations

from ...domain import errors as domain
from .scalars import ErrorCode

CODES: dict[str, ErrorCode] = {
    "Unauthenticated": ErrorCode.UNAUTHENTICATED,
    "ExpiredToken": ErrorCode.UNAUTHENTICATED,
    "IncompleteSignature": ErrorCode.UNAUTHENTICATED,
    "SignatureDoesNotMatch": ErrorCode.UNAUTHENTICATED,
    "AccessDenied": ErrorCode.ACCESS_DENIED,
    "ConcurrentModification": ErrorCode.CONCURRENT_MODIFICATION,
    "DeleteConflict": ErrorCode.DELETE_CONFLICT,
    "EntityAlreadyExists": ErrorCode.ENTITY_ALREADY_EXISTS,
    "InvalidAuthorizationMessage": ErrorCode.INVALID_AUTHORIZATION_MESSAGE,
    "InvalidInput": ErrorCode.INVALID_INPUT,
    "InvalidSimulation": ErrorCode.INVALID_INPUT,
    "LimitExceeded": ErrorCode.LIMIT_EXCEEDED,
    "MalformedPolicyDocument": ErrorCode.MALFORMED_POLICY_DOCUMENT,
    "NoSuchEntity": ErrorCode.NO_SUCH_ENTITY,
    "Throttled": ErrorCode.THROTTLED,
    "Overloaded": ErrorCode.THROTTLED,
    "ServiceUnavailable": ErrorCode.SERVICE_UNAVAILABLE,
    "AgentNotEnrolled": ErrorCode.AGENT_NOT_ENROLLED,
    "InvalidCredentials": ErrorCode.INVALID_CREDENTIALS,
    "InvalidAuthenticationCode": ErrorCode.INVALID_AUTHENTICATION_CODE,
    "NotTrusted": ErrorCode.ACCESS_DENIED,
    "InvalidIdentityToken": ErrorCode.INVALID_IDENTITY_TOKEN,
    "ExpiredIdentityToken": ErrorCode.EXPIRED_IDENTITY_TOKEN,
    "IdpRejectedClaim": ErrorCode.IDP_REJECTED_CLAIM,
    "IdpCommunicationError": ErrorCode.IDP_COMMUNICATION_ERROR,
    "LongTermKeyRequired": ErrorCode.ACCESS_DENIED,
    "InvalidPasskey": ErrorCode.INVALID_PASSKEY,
    "MfaRequired": ErrorCode.MFA_REQUIRED,
    "PasswordChangeRequired": ErrorCode.PASSWORD_CHANGE_REQUIRED,
    "CredentialReportNotPresent": ErrorCode.CREDENTIAL_REPORT_NOT_PRESENT,
    "CredentialReportNotReady": ErrorCode.CREDENTIAL_REPORT_NOT_READY,
    "CredentialReportExpired": ErrorCode.CREDENTIAL_REPORT_EXPIRED,
    "PasswordExpired": ErrorCode.PASSWORD_EXPIRED,
    "PasswordPolicyViolation": ErrorCode.PASSWORD_POLICY_VIOLATION,
}


def code_of(error: domain.IamError) -> ErrorCode:
    return CODES[type(error).__name__]


def code_of_name(name: str | None) -> ErrorCode:
    """The code of an error by its class's name, as the history keeps it; a fault of ours has none."""
    return CODES.get(name or "", ErrorCode.INTERNAL)
