"""Credentials as they were given, and when they must be renewed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from ..domain.arn import parse_arn

MARGIN = timedelta(minutes=1)
"""How long before they expire credentials are handed out no more: whoever gets them then could do nothing with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Temporary credentials of a role, since when they are there, to which agent they were given, and of which
    instance profile they are."""

    agent_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    given_at: datetime
    expires_at: datetime
    role_arn: str
    instance_profile_arn: str
    instance_profile_id: str

    def is_due(self, now: datetime) -> bool:
        """Whether others should take their place: once half of their time is over. AWS's SDKs take credentials of IMDS that
        are good for less than 20 minutes for those of a service that has failed, and use them for longer than they are
        good."""
        return now >= self.given_at + (self.expires_at - self.given_at) / 2 or now < self.given_at - MARGIN

    def is_good(self, now: datetime) -> bool:
        return now < self.expires_at - MARGIN

    @property
    def role_name(self) -> str:
        return role_name(self.role_arn)

    @property
    def account_id(self) -> str:
        return self.role_arn.split(":")[4]

    @property
    def expiration(self) -> str:
        """When they expire, as AWS writes it."""
        return aws_time(self.expires_at)

    def text(self) -> bytes:
        """As JSON; `parsed` reads it."""
        return orjson.dumps(asdict(self))


def parsed(text: bytes) -> Given:
    """Raises ValueError for what `Given.text` has not made."""
    try:
        found = orjson.loads(text)
        for name in ("given_at", "expires_at"):
            found[name] = datetime.fromisoformat(found[name])
            if found[name].tzinfo is None:
                raise ValueError(f"{name} has no time zone")
        return Given(**found)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(str(error)) from None


def role_name(role_arn: str) -> str:
    """The name in a role's ARN."""
    arn = parse_arn(role_arn)
    return arn.name if arn is not None else ""


def aws_time(at: datetime) -> str:
    """Such as `2026-01-31T12:00:00Z`: cut to the second, which is never later."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> datetime:
    return datetime.now(UTC)
