"""What can go wrong where credentials are got, each in one line that says what to do."""

from __future__ import annotations


class AgentError(Exception):
    """Base of all: there are no new credentials now."""


class NotEnrolled(AgentError):
    """This machine has no enrolment, or one that can't be used."""


class Gone(AgentError):
    """The server gives this agent nothing any more: it was revoked, or its instance profile is gone or holds no role.
    Credentials that are still kept must not be handed out."""


class Refused(AgentError):
    """The trust policy of the role does not let EC2 assume it. `role_arn` is the role's."""

    def __init__(self, message: str, role_arn: str) -> None:
        super().__init__(message)
        self.role_arn = role_arn


class Unavailable(AgentError):
    """The server does not answer, or not as it should. Trying again later may help."""
