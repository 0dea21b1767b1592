"""What the engine is asked, by which policies it decides, and what it names in its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

from .compile import CompiledPolicy
from .document import Effect, Statement
from .principals import Principal


class PolicyKind(Enum):
    """What a policy is in force as."""

    MANAGED = "managed"
    INLINE = "inline"
    TRUST = "trust"
    RESOURCE = "resource"
    PERMISSIONS_BOUNDARY = "permissions boundary"
    SESSION = "session"
    SERVICE_CONTROL = "service control"
    RESOURCE_CONTROL = "resource control"


GUARDRAILS: Final = frozenset({PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL})
"""What an operator puts on an account. INVARIANT: a decision tells which of their statements decided, and nothing of what
they say: not the keys that they read, either."""


class Outcome(Enum):
    """The answer."""

    ALLOWED = "allowed"
    EXPLICITLY_DENIED = "explicitDeny"
    IMPLICITLY_DENIED = "implicitDeny"


class Lacking(Enum):
    """The kind of policy that had to allow an implicitly denied request and did not."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"
    SERVICE_CONTROL = "service control policy"
    RESOURCE_CONTROL = "resource control policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One document in force, and whose it is. `attached_to` is the unique id of the user, group or role. `bindings`,
    for trust policies, gives for each principal text in the document the unique id that it was bound to when saved;
    None compares principals by their text. Of a guardrail (service control, resource control) whom it limits is told its
    name and the statement's Sid, never what it says."""

    kind: PolicyKind
    policy: CompiledPolicy
    name: str | None = None
    arn: str | None = None
    policy_id: str | None = None
    version_id: str | None = None
    attached_to: str | None = None
    bindings: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks for what. `resource_account` owns the resource. `context` is complete: a key that is not there is absent
    from the request. A list is a key of several values."""

    principal: Principal
    action: str
    resource: str
    resource_account: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


_OF: Final = {
    PolicyKind.MANAGED: "the managed policy",
    PolicyKind.INLINE: "the inline policy",
    PolicyKind.TRUST: "the role's trust policy",
    PolicyKind.RESOURCE: "the resource's policy",
    PolicyKind.PERMISSIONS_BOUNDARY: "the permissions boundary",
    PolicyKind.SESSION: "the session policy",
    PolicyKind.SERVICE_CONTROL: "the service control policy",
    PolicyKind.RESOURCE_CONTROL: "the resource control policy",
}


@dataclass(frozen=True, kw_only=True)
class Match:
    """A statement that applies to the request. `index` is its policy's place in its layer, `statement_index` its own in
    the document, `level` the level of a control policy, 0 being the organization's root."""

    effect: Effect
    kind: PolicyKind
    policy: Policy
    statement: Statement
    index: int
    statement_index: int
    level: int | None = None

    @cached_property
    def named(self) -> str:
        """The statement as a sentence names it. Of a guardrail that is its name and the statement's Sid alone."""
        policy, sid = self.policy, self.statement.sid
        is_placed = sid or self.kind not in GUARDRAILS
        place = f"statement {sid or self.statement_index + 1}" if is_placed else "a statement"
        name = f" {policy.name}" if policy.name else ""
        version = f" ({policy.version_id})" if policy.version_id else ""
        return f"{place} of {_OF[self.kind]}{name}{version}"
