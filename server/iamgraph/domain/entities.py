"""What there is: accounts, users, groups, roles, policies, keys and sessions, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from .arn import (
    SERVICE,
    agent_arn,
    assumed_role_arn,
    federated_user_arn,
    iam_arn,
    organizations_arn,
    root_arn,
)
from .mapping.attempt import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A label. Keys are unique on an entity whatever their case; values may be empty."""

    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A tenant. `id` has twelve digits; `revision` counts the changes that may alter a decision."""

    id: str
    alias: str | None
    root_email: str
    is_operator: bool
    created_at: datetime
    closed_at: datetime | None
    revision: int
    root_password_last_used_at: datetime | None = None

    @property
    def arn(self) -> str:
        return root_arn(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or a program with long-term credentials. `id` is `AIDA…` and outlives a renaming."""

    id: str
    account_id: str
    name: str
    path: str
    created_at: datetime
    password_last_used_at: datetime | None = None
    boundary_id: str | None = None
    boundary_arn: str | None = None
    tags: tuple[Tag, ...] = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account_id, "user", self.path, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A set of users that share permissions. It is no principal."""

    id: str
    account_id: str
    name: str
    path: str
    created_at: datetime

    @property
    def arn(self) -> str:
        return iam_arn(self.account_id, "group", self.path, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """An identity to be assumed. `trust_policy` is as it is shown: byte for byte as it was sent, but for principals that
    were renamed or deleted since. `bindings` gives, for each principal that `trust_policy` names, the unique id it means."""

    id: str
    account_id: str
    name: str
    path: str
    description: str | None
    max_session_seconds: int
    trust_policy: str
    bindings: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime
    boundary_id: str | None = None
    boundary_arn: str | None = None
    tags: tuple[Tag, ...] = ()
    last_used_at: datetime | None = None
    last_used_region: str | None = None

    @property
    def arn(self) -> str:
        return iam_arn(self.account_id, "role", self.path, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceProfile:
    """What hands a role to the applications of a machine. It holds one role at most. `id` is `AIPA…`."""

    id: str
    account_id: str
    name: str
    path: str
    created_at: datetime
    role: Role | None = None
    tags: tuple[Tag, ...] = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account_id, "instance-profile", self.path, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What gets credentials of an instance profile's role for the applications of a machine. Until it has enrolled, which it
    can until `expires_at`, it has no `public_key` (32 bytes of Ed25519 in base64)."""

    id: str
    account_id: str
    instance_profile: InstanceProfile
    created_at: datetime
    expires_at: datetime
    public_key: str | None = None
    enrolled_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def arn(self) -> str:
        return agent_arn(self.account_id, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPolicy:
    """A policy with a life of its own. Its text is in its versions; exactly one of them is in force. `account_id` is None
    for what the service owns: every account can use it, and nobody changes it. The counts are those of one account."""

    id: str
    account_id: str | None
    name: str
    path: str
    description: str | None
    default_version: str
    attachment_count: int
    boundary_count: int
    created_at: datetime
    updated_at: datetime
    tags: tuple[Tag, ...] = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account_id or SERVICE, "policy", self.path, self.name)

    @property
    def is_attachable(self) -> bool:
        """AWS also has policies that only its own services attach: here every one can be attached."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """One text of a managed policy, `v1` and up; numbers are never used again. `document` is None in lists."""

    policy_id: str
    version_id: str
    is_default: bool
    created_at: datetime
    document: str | None


class IdentityKind(Enum):
    """What policies can be attached to, and inline policies put into."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"


@dataclass(frozen=True, slots=True, kw_only=True)
class InlinePolicy:
    """A policy that lives and dies with its user, group or role."""

    owner_kind: IdentityKind
    owner_id: str
    name: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A managed policy attached to an identity."""

    policy: ManagedPolicy
    attached_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """The other end: an identity that a managed policy is attached to, or bounds."""

    target: User | Group | Role
    attached_at: datetime
    as_boundary: bool = False


class PolicyUsage(Enum):
    """What a managed policy is to an identity: one that grants, or its boundary."""

    PERMISSIONS_POLICY = "PermissionsPolicy"
    PERMISSIONS_BOUNDARY = "PermissionsBoundary"


class GuardrailKind(Enum):
    """What a guardrail limits: what an account's principals can do, or what can be done to its resources. The values are
    AWS Organizations' policy types."""

    SERVICE_CONTROL = "SERVICE_CONTROL_POLICY"
    RESOURCE_CONTROL = "RESOURCE_CONTROL_POLICY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A control policy that the operator puts on accounts, `p-…`. `account_id` is the operator's, None for what the
    service owns and nobody changes."""

    id: str
    account_id: str | None
    kind: GuardrailKind
    name: str
    description: str | None
    document: str
    created_at: datetime
    updated_at: datetime

    @property
    def arn(self) -> str:
        return organizations_arn(self.account_id or "aws", f"policy/{self.kind.value.lower()}/{self.id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAccount:
    """An account that a guardrail is attached to."""

    account: Account
    attached_at: datetime


class KeyStatus(Enum):
    ACTIVE = "Active"
    INACTIVE = "Inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A long-term key, `AKIA…`. `owner_id` is a user's unique id, or the account's id for the root's keys."""

    id: str
    account_id: str
    owner_id: str
    status: KeyStatus
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMfaDevice:
    """A virtual MFA device, which shows one-time passwords. `owner_id` is the unique id of the user that it is enabled for,
    or the account's id for its root; None while it is enabled for nobody. `last_step` is the latest step of which a code was
    used; `drift` is by how many steps the device's clock is off."""

    id: str
    account_id: str
    name: str
    path: str
    created_at: datetime
    owner_id: str | None = None
    user: User | None = None
    enabled_at: datetime | None = None
    last_step: int = 0
    drift: int = 0
    tags: tuple[Tag, ...] = ()

    @property
    def arn(self) -> str:
        """Its serial number."""
        return iam_arn(self.account_id, "mfa", self.path, self.name)


class AssignmentStatus(Enum):
    """Whether virtual MFA devices are enabled for somebody."""

    ASSIGNED = "Assigned"
    UNASSIGNED = "Unassigned"
    ANY = "Any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A use of an access key or a role: when, and for which service and region the request was signed."""

    at: datetime
    service: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginProfile:
    """A user's password, without the password. It was set at `password_set_at`, and is too old from `password_expires_at`
    on, by the account's password policy; None: it does not expire."""

    user_id: str
    created_at: datetime
    password_reset_required: bool
    password_set_at: datetime
    password_expires_at: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        return self.password_expires_at is not None and now >= self.password_expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """What an account asks of passwords. After `max_age_days` one must be changed at sign-in or, with `hard_expiry`, be set
    anew by somebody else; none may be one of the user's last `reuse_prevention`, the one in use included."""

    minimum_length: int = 8
    require_symbols: bool = False
    require_numbers: bool = False
    require_uppercase: bool = False
    require_lowercase: bool = False
    allow_users_to_change: bool = False
    max_age_days: int | None = None
    reuse_prevention: int | None = None
    hard_expiry: bool = False
    is_default: bool = False


class SessionSource(Enum):
    PASSWORD = "PASSWORD"
    ASSUME_ROLE = "ASSUME_ROLE"
    SESSION_TOKEN = "SESSION_TOKEN"
    FEDERATION_TOKEN = "FEDERATION_TOKEN"
    INSTANCE_PROFILE = "INSTANCE_PROFILE"
    OIDC = "OIDC"
    SAML = "SAML"


class PrincipalType(Enum):
    """Who can hold a session."""

    ROOT = "ROOT"
    USER = "USER"
    ROLE = "ROLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicies:
    """What narrows a session: an inline document and managed policies. None and empty: nothing does."""

    document: str | None = None
    policy_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedOrigin:
    """Which identity provider spoke for somebody when a session began, and whom it named. `provider_id` and `subject`
    together say who that is, and nothing else does; the provider may be gone since. `context` has the context keys that come
    with every request of the session."""

    provider_id: str
    provider_arn: str
    issuer: str
    subject: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Temporary credentials of a principal, and where they came from. `name` is a role session's or a federated user's;
    `principal_id` is a unique id, or the account's id for the root; `principal_name` is the user's or role's name now,
    `principal_tags` its own tags, beside which `tags` are the session's. `federation` is there where an identity provider
    spoke for who holds it."""

    id: str
    account_id: str
    principal_type: PrincipalType
    principal_id: str
    principal_name: str
    principal_path: str
    parent_id: str | None
    name: str | None
    source: SessionSource
    access_key_id: str | None
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    ip_address: str | None
    user_agent: str | None
    policies: SessionPolicies
    source_identity: str | None
    tags: tuple[Tag, ...]
    transitive_tag_keys: tuple[str, ...]
    mfa_at: datetime | None
    principal_tags: tuple[Tag, ...] = ()
    federation: FederatedOrigin | None = None

    @property
    def is_federated_user(self) -> bool:
        """Whether it is a federated user's, which belongs to a user or the root and is neither."""
        return self.source is SessionSource.FEDERATION_TOKEN

    @property
    def arn(self) -> str:
        """The ARN that the session acts under: an `assumed-role` or `federated-user` ARN, a user's, or the root's."""
        if self.is_federated_user:
            return federated_user_arn(self.account_id, self.name or "")
        if self.principal_type is PrincipalType.ROLE:
            return assumed_role_arn(self.account_id, self.principal_name, self.name or "")
        return self.principal_arn

    @property
    def principal_arn(self) -> str:
        """The ARN of the user or role behind the session, or of the root: for a federated user, of who made it."""
        if self.principal_type is PrincipalType.ROOT:
            return root_arn(self.account_id)
        kind = "role" if self.principal_type is PrincipalType.ROLE else "user"
        return iam_arn(self.account_id, kind, self.principal_path, self.principal_name)


class EventOutcome(Enum):
    SUCCEEDED = "SUCCEEDED"
    DENIED = "DENIED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value that a command changed, by its name. None: there was no value before, or is none after."""

    field: str
    before: str | int | None
    after: str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One attempt to perform one operation. `account_id` is None where nobody was authenticated; `access_key_id` is the
    key that the request was signed with; `parameters` is JSON text without secrets; `changes` are those of a command
    that succeeded; `seq` is given by the store, in the order of the history. `attempt` is kept beside it, and is no part of
    the chain: it can be forgotten."""

    id: str
    seq: int | None = None
    account_id: str | None
    name: str
    at: datetime
    request_id: str
    transport: str
    principal_id: str | None
    principal_arn: str | None
    session_id: str | None
    access_key_id: str | None = None
    action: str
    resources: tuple[str, ...]
    outcome: EventOutcome
    error_code: str | None
    error_message: str | None
    ip_address: str | None
    user_agent: str | None
    parameters: str
    changes: tuple[Change, ...] = ()
    attempt: Attempt | None = field(default=None, compare=False)
