"""Errors as AWS's clients know them: each one's code, HTTP status and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...domain.errors import (
    ExpiredToken,
    IamError,
    InvalidAuthenticationCode,
    InvalidCredentials,
    InvalidInput,
    LimitExceeded,
    ServiceUnavailable,
    Throttled,
    Unauthenticated,
)
from .models import Service

RETRY_SECONDS = 1
"""When to ask again while the store does not answer."""

# Those that are of no service in particular (IAM API Reference, "Common Errors"; what is not here is 400).
_STATUSES: Mapping[str, int] = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "InternalFailure": 500,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "NotImplemented": 501,
    "RequestEntityTooLarge": 413,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
}

# Where an operation refuses a value for another reason than the constraints of its shape: each service has its own codes.
_VALUES: Mapping[tuple[str, str], str] = {
    ("iam", "tags"): "InvalidInput",
    ("iam", "tagKeys"): "InvalidInput",
    ("iam", "url"): "InvalidInput",
    ("iam", "thumbprintList"): "InvalidInput",
    ("iam", "samlMetadataDocument"): "InvalidInput",
    ("iam", "addPrivateKey"): "InvalidInput",
    ("iam", "assertionEncryptionMode"): "InvalidInput",
    ("sts", "tags"): "InvalidParameterValue",
    ("sts", "transitiveTagKeys"): "InvalidParameterValue",
}


class WireError(Exception):
    """What is wrong with a request before there is an operation."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as it is sent."""

    code: str
    message: str
    status: int
    retry_after: int | None = None
    encoded_message: str | None = None
    """A refusal in full, sealed."""

    @property
    def type(self) -> str:
        return "Sender" if self.status < 500 else "Receiver"


def failure_of(error: IamError | WireError, service: Service | None, violations: Sequence[str] = ()) -> Failure:
    """The error in AWS's words. `violations` are the constraints that the request's parameters do not satisfy, which is what
    an InvalidInput is about wherever there are any."""
    code, message = error.code, error.message
    is_sts = service is not None and service.name == "sts"
    if isinstance(error, InvalidInput):
        if violations:
            code, message = InvalidInput.code, constraint_text(violations)
        elif error.field == "marker":
            message = "Invalid Marker."
        elif service is not None:
            code = _VALUES.get((service.name, error.field), code)
    elif isinstance(error, ExpiredToken):
        message = "The security token included in the request is expired"
    elif type(error) is Unauthenticated:
        message = "The security token included in the request is invalid."
    elif isinstance(error, InvalidCredentials) or (isinstance(error, InvalidAuthenticationCode) and is_sts):
        code = "AccessDenied"
    elif isinstance(error, LimitExceeded) and is_sts:
        code = "PackedPolicyTooLarge"
    statuses = {**_STATUSES, **(service.statuses if service is not None else {})}
    return Failure(code=code, message=message, status=statuses.get(code, 400), retry_after=_retry_after(error))


def broken(what: str, where: str, must: str) -> str:
    """One constraint that is not satisfied."""
    return f"{what} at '{where}' failed to satisfy constraint: Member must {must}"


def constraint_text(violations: Sequence[str]) -> str:
    """`2 validation errors detected: …; …`."""
    count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected"
    return f"{count}: {'; '.join(violations)}"


def internal(request_id: str) -> Failure:
    """A fault of ours, masked."""
    return Failure(
        code="InternalFailure",
        message=f"Something went wrong here. The request's id says which: {request_id}",
        status=500,
    )


def missing_token() -> WireError:
    return WireError("MissingAuthenticationToken", "Request is missing Authentication Token")


def _retry_after(error: IamError | WireError) -> int | None:
    if isinstance(error, ServiceUnavailable):
        return RETRY_SECONDS
    return error.retry_after_seconds if isinstance(error, Throttled) else None
