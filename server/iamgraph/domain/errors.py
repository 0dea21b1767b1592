"""Everything that can go wrong, in IAM's own words: raised once here, rendered once by each transport."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .passkeys import MfaKind
    from .policy.evaluate import Decision
    from .policy.finding import Finding


class IamError(Exception):
    """Base of every expected failure. `code` is its name on AWS's wire; the class name is its name everywhere else."""

    code: ClassVar[str]
    truth: IamError | None = None
    """What the history keeps, where the caller is told something else."""

    def __init_subclass__(cls, code: str | None = None) -> None:
        cls.code = code or cls.__name__

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NoSuchEntity(IamError):
    """The named entity does not exist in this account."""


class EntityAlreadyExists(IamError):
    """An entity of that name already exists."""


class LimitExceeded(IamError):
    """The request would exceed a quota of the account."""

    def __init__(self, message: str, *, limit: int) -> None:
        super().__init__(message)
        self.limit = limit


class DeleteConflict(IamError):
    """The entity is still in use: what blocks it must be removed first."""

    def __init__(self, message: str, *, blocked_by: Sequence[object]) -> None:
        super().__init__(message)
        self.blocked_by = tuple(blocked_by)


class ConcurrentModification(IamError):
    """Another request changed the entity at the same time. Trying again is safe."""


class MalformedPolicyDocument(IamError):
    """The text is not valid JSON, or not a valid policy of its kind."""

    def __init__(self, message: str, *, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class PasswordPolicyViolation(IamError):
    """The password does not meet the account's password policy."""

    def __init__(self, message: str, *, rules: Sequence[str]) -> None:
        super().__init__(message)
        self.rules = tuple(rules)


class InvalidInput(IamError, code="ValidationError"):
    """A parameter does not satisfy its constraints."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class InvalidSimulation(InvalidInput, code="InvalidInput"):
    """What is to be simulated can't be: a policy that is none, a caller that can't be one, a value that is not of its
    type."""


class AccessDenied(IamError):
    """No policy allows the caller to do this, or one forbids it."""

    def __init__(self, message: str, *, action: str, resource: str, decision: Decision) -> None:
        super().__init__(message)
        self.action, self.resource, self.decision = action, resource, decision


class InvalidAuthorizationMessage(IamError, code="InvalidAuthorizationMessageException"):
    """The text is no encoded authorization message that this server made for the account, whole and unchanged."""


class Unauthenticated(IamError, code="InvalidClientTokenId"):
    """The request carries no credentials, or none that are valid now."""


class ExpiredToken(Unauthenticated):
    """The temporary credentials were valid, and have run out."""


class IncompleteSignature(Unauthenticated):
    """The request is signed in a way that can't be read."""


class SignatureDoesNotMatch(Unauthenticated):
    """What came is not what the key signed, was signed with another secret, or too long ago."""


class ServiceUnavailable(IamError):
    """The store does not answer at the moment. Trying again later is safe where the message says that nothing was
    changed."""


class InvalidCredentials(IamError):
    """The account, the name, the password or what the MFA device gave is wrong: the answer never says which."""


class AgentNotEnrolled(IamError):
    """The agent is not enrolled, or not any more; or the request, or the enrolment token, is none of its own."""


class PasswordChangeRequired(IamError):
    """The password is right, and must be changed before signing in."""


class InvalidAuthenticationCode(IamError):
    """The code is not one that the device shows now, was used already, or the device is not the caller's."""


class InvalidPasskey(IamError):
    """The answer of a passkey is malformed, not for this site, user or challenge, too late, or not what was signed."""


class MfaRequired(IamError):
    """The password is right, and one of the user's MFA devices must be shown beside it: a code of a virtual one, or what a
    passkey signs by `passkey_options`, which are JSON text for a browser."""

    def __init__(self, message: str, *, kinds: Sequence[MfaKind], passkey_options: str | None) -> None:
        super().__init__(message)
        self.kinds, self.passkey_options = tuple(kinds), passkey_options


class LongTermKeyRequired(IamError, code="AccessDenied"):
    """Only a request that is signed with a long-term access key can ask for this."""


class InvalidIdentityToken(IamError):
    """What an identity provider is said to have signed can't be believed, or is not for here."""


class ExpiredIdentityToken(IamError, code="ExpiredTokenException"):
    """What an identity provider has signed was good, and has run out: get a new one from it."""


class IdpRejectedClaim(IamError, code="IDPRejectedClaim"):
    """The identity provider has signed a claim that can't be accepted."""


class IdpCommunicationError(IamError, code="IDPCommunicationError"):
    """The identity provider could not be asked for its keys. Trying again later is safe."""


class NotTrusted(IamError, code="AccessDenied"):
    """The role does not trust this identity, or does not exist: the answer never says which."""


class PasswordExpired(IamError):
    """The password is right and too old, and the account lets users not change it any more: an administrator must set it."""


class CredentialReportNotPresent(IamError, code="ReportNotPresent"):
    """The account has no credential report: ask for one first."""


class CredentialReportNotReady(IamError, code="ReportInProgress"):
    """The account's credential report is still being made."""


class CredentialReportExpired(IamError, code="ReportExpired"):
    """The account's credential report is too old: ask for a new one."""


class Throttled(IamError, code="Throttling"):
    """Too much at once. Trying again later is safe."""

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Overloaded(Throttled, code="ServiceUnavailable"):
    """The server has too much to do, whoever asks. Trying again later is safe."""
