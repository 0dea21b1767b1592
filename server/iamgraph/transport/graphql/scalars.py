"""The schema's scalars and enums. Scalars accept any text: operations judge it, once the caller may ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NewType

import strawberry

from ...app.questions.exclusions import AttachmentType, PolicyIdentifierType
from ...app.questions.supposed import ContextKeyType
from ...app.reports.credentials import CredentialReportState
from ...domain.entities import AssignmentStatus, EventOutcome, KeyStatus, SessionSource
from ...domain.passkeys import MfaKind
from ...domain.policy.evaluate import Lacking, Outcome, PolicyKind
from ...domain.policy.finding import Severity
from ...domain.providers import AssertionEncryptionMode

ARN = NewType("ARN", str)
AccountId = NewType("AccountId", str)
Action = NewType("Action", str)
DateTime = NewType("DateTime", datetime)
PolicyDocument = NewType("PolicyDocument", str)
Secret = NewType("Secret", str)


def text(value: Any) -> str:
    """The text, as it is."""
    if not isinstance(value, str):
        raise ValueError("a text is wanted")
    return value


def _instant(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(text(value))
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("an instant is wanted, such as 2026-01-31T12:00:00Z") from None
    raise ValueError("an instant needs its zone, such as 2026-01-31T12:00:00Z")


def _rfc3339(value: datetime) -> str:
    """In UTC, to the microsecond, with a `Z`."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _scalar(
    name: str,
    description: str,
    url: str | None = None,
    *,
    serialize: Callable[[Any], Any] = str,
    parse_value: Callable[[Any], Any] = text,
) -> Any:
    return strawberry.scalar(
        name=name, description=description, specified_by_url=url, serialize=serialize, parse_value=parse_value
    )


SCALARS = {
    ARN: _scalar(
        "ARN",
        "An Amazon Resource Name, such as `arn:aws:iam::123456789012:role/deploy`.",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
    ),
    AccountId: _scalar("AccountId", "A twelve-digit account number. A string: leading zeros count."),
    Action: _scalar("Action", "An action, such as `iam:CreateRole`."),
    DateTime: _scalar(
        "DateTime",
        "An instant in UTC, in RFC 3339 form.",
        "https://scalars.graphql.org/andimarek/date-time.html",
        serialize=_rfc3339,
        parse_value=_instant,
    ),
    PolicyDocument: _scalar(
        "PolicyDocument", "A policy in the IAM policy language, as JSON text, exactly as it was stored."
    ),
    Secret: _scalar("Secret", "A value shown once, when it is made. It is never stored in clear and never logged."),
}


@strawberry.enum(description="The code of an error member, and `extensions.code` of a top-level error.")
class ErrorCode(Enum):
    UNAUTHENTICATED = "UNAUTHENTICATED"
    ACCESS_DENIED = "ACCESS_DENIED"
    CONCURRENT_MODIFICATION = "CONCURRENT_MODIFICATION"
    DELETE_CONFLICT = "DELETE_CONFLICT"
    ENTITY_ALREADY_EXISTS = "ENTITY_ALREADY_EXISTS"
    INVALID_AUTHORIZATION_MESSAGE = "INVALID_AUTHORIZATION_MESSAGE"
    INVALID_INPUT = "INVALID_INPUT"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    MALFORMED_POLICY_DOCUMENT = "MALFORMED_POLICY_DOCUMENT"
    NO_SUCH_ENTITY = "NO_SUCH_ENTITY"
    THROTTLED = "THROTTLED"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    AGENT_NOT_ENROLLED = "AGENT_NOT_ENROLLED"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    INVALID_AUTHENTICATION_CODE = "INVALID_AUTHENTICATION_CODE"
    INVALID_PASSKEY = "INVALID_PASSKEY"
    INVALID_IDENTITY_TOKEN = "INVALID_IDENTITY_TOKEN"
    EXPIRED_IDENTITY_TOKEN = "EXPIRED_IDENTITY_TOKEN"
    IDP_REJECTED_CLAIM = "IDP_REJECTED_CLAIM"
    IDP_COMMUNICATION_ERROR = "IDP_COMMUNICATION_ERROR"
    MFA_REQUIRED = "MFA_REQUIRED"
    PASSWORD_CHANGE_REQUIRED = "PASSWORD_CHANGE_REQUIRED"
    PASSWORD_EXPIRED = "PASSWORD_EXPIRED"
    PASSWORD_POLICY_VIOLATION = "PASSWORD_POLICY_VIOLATION"
    CREDENTIAL_REPORT_NOT_PRESENT = "CREDENTIAL_REPORT_NOT_PRESENT"
    CREDENTIAL_REPORT_NOT_READY = "CREDENTIAL_REPORT_NOT_READY"
    CREDENTIAL_REPORT_EXPIRED = "CREDENTIAL_REPORT_EXPIRED"
    BAD_REQUEST = "BAD_REQUEST"
    TOO_COMPLEX = "TOO_COMPLEX"
    INTERNAL = "INTERNAL"


@strawberry.enum(name="AccessKeyStatus")
class AccessKeyStatus(Enum):
    ACTIVE = KeyStatus.ACTIVE.value
    INACTIVE = KeyStatus.INACTIVE.value


@strawberry.enum
class Effect(Enum):
    ALLOW = "Allow"
    DENY = "Deny"


strawberry.enum(Outcome, name="Outcome")
strawberry.enum(Lacking, name="Lacking")
strawberry.enum(PolicyKind, name="PolicyKind")
strawberry.enum(EventOutcome, name="AuditOutcome")
strawberry.enum(SessionSource, name="SessionSource")
strawberry.enum(AssignmentStatus, name="AssignmentStatus")
strawberry.enum(
    AssertionEncryptionMode,
    name="AssertionEncryptionMode",
    description="Whether a SAML provider's assertions must be encrypted.",
)
strawberry.enum(MfaKind, name="MfaKind", description="The kinds of MFA devices.")
strawberry.enum(Severity, name="FindingSeverity")
strawberry.enum(CredentialReportState, name="CredentialReportState")
strawberry.enum(ContextKeyType, name="ContextKeyType")
strawberry.enum(PolicyIdentifierType, name="ExcludedPolicyType")
strawberry.enum(AttachmentType, name="AttachmentType")


@strawberry.enum(name="Transport")
class Transport(Enum):
    GRAPHQL = "GRAPHQL"
    AWS = "AWS"
    BROWSER = "BROWSER"
    CLI = "CLI"
