"""The tables. Migrations are made from these classes; what is read and written goes by the statements of the repos.

Repos write SQL because Tortoise binds a model class to one dialect and one connection for the whole process, while a
process may have several stores open; and because the hot reads need window functions and unions.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.indexes import Index
from tortoise.models import Model

from .columns import Text, Word


def _account() -> fields.ForeignKeyRelation[AccountRow]:
    return fields.ForeignKeyField("store.AccountRow", related_name=False, on_delete=OnDelete.RESTRICT)


def _boundary() -> fields.ForeignKeyNullableRelation[PolicyRow]:
    return fields.ForeignKeyField("store.PolicyRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True)


def _of(model: str, on_delete: OnDelete = OnDelete.RESTRICT) -> fields.ForeignKeyRelation[Model]:
    return fields.ForeignKeyField(f"store.{model}", related_name=False, on_delete=on_delete)


# `is_operator` is true for one account and null for the others, so that its constraint admits one operator.
class AccountRow(Model):
    id = Word(max_length=12, primary_key=True)
    alias = Word(max_length=63, null=True, unique=True)
    root_email = Word(max_length=254)
    root_email_key = Word(max_length=254, unique=True)
    root_password_hash = Text()
    root_password_last_used_at = fields.DatetimeField(null=True)
    is_operator = fields.BooleanField(null=True, unique=True)
    created_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)
    revision = fields.BigIntField()

    class Meta:
        table = "account"


class PasswordPolicyRow(Model):
    id = fields.BigIntField(primary_key=True)
    account: fields.OneToOneRelation[AccountRow] = fields.OneToOneField(
        "store.AccountRow", related_name=False, on_delete=OnDelete.RESTRICT
    )
    minimum_length = fields.IntField()
    require_symbols = fields.BooleanField()
    require_numbers = fields.BooleanField()
    require_uppercase = fields.BooleanField()
    require_lowercase = fields.BooleanField()
    allow_users_to_change = fields.BooleanField()
    max_age_days = fields.IntField(null=True)
    reuse_prevention = fields.IntField(null=True)
    hard_expiry = fields.BooleanField(null=True)

    class Meta:
        table = "password_policy"


class UserRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = _account()
    name = Word(max_length=64)
    name_key = Word(max_length=64)
    path = Word(max_length=512)
    created_at = fields.DatetimeField()
    password_last_used_at = fields.DatetimeField(null=True)
    boundary = _boundary()
    tags = Text()

    class Meta:
        table = "iam_user"
        unique_together = (("account", "name_key"),)
        indexes = (
            Index(fields=("account_id", "name"), name="iam_user_by_name"),
            Index(fields=("boundary_id",), name="iam_user_by_boundary"),
        )


class GroupRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = _account()
    name = Word(max_length=128)
    name_key = Word(max_length=128)
    path = Word(max_length=512)
    created_at = fields.DatetimeField()

    class Meta:
        table = "iam_group"
        unique_together = (("account", "name_key"),)
        indexes = (Index(fields=("account_id", "name"), name="iam_group_by_name"),)


class RoleRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = _account()
    name = Word(max_length=64)
    name_key = Word(max_length=64)
    path = Word(max_length=512)
    description = Text(null=True)
    max_session_seconds = fields.IntField()
    trust_policy = Text()
    created_at = fields.DatetimeField()
    boundary = _boundary()
    tags = Text()

    class Meta:
        table = "iam_role"
        unique_together = (("account", "name_key"),)
        indexes = (
            Index(fields=("account_id", "name"), name="iam_role_by_name"),
            Index(fields=("boundary_id",), name="iam_role_by_boundary"),
        )


# What a trust policy's text names: `principal_id` outlives the user or role, so it refers to nothing.
class TrustPrincipalRow(Model):
    id = fields.BigIntField(primary_key=True)
    role = _of("RoleRow", OnDelete.CASCADE)
    text = Word(max_length=2048)
    principal_id = Word(max_length=21)

    class Meta:
        table = "trust_principal"
        unique_together = (("role", "text"),)


# A policy without an account is the service's own: only a migration changes it. `default_version` is the version in force:
# one column, so there can't be two. `last_version` never goes back.
class PolicyRow(Model):
    id = Word(max_length=21, primary_key=True)
    account: fields.ForeignKeyNullableRelation[AccountRow] = fields.ForeignKeyField(
        "store.AccountRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    name = Word(max_length=128)
    name_key = Word(max_length=128)
    path = Word(max_length=512)
    description = Text(null=True)
    default_version = fields.IntField()
    last_version = fields.IntField()
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    tags = Text()

    class Meta:
        table = "managed_policy"
        unique_together = (("account", "name_key"),)
        indexes = (Index(fields=("account_id", "name"), name="managed_policy_by_name"),)


class PolicyVersionRow(Model):
    id = fields.BigIntField(primary_key=True)
    policy = _of("PolicyRow", OnDelete.CASCADE)
    number = fields.IntField()
    document = Text()
    created_at = fields.DatetimeField()

    class Meta:
        table = "policy_version"
        unique_together = (("policy", "number"),)


# One column for the role, so that there can't be two; many profiles may hold the same one.
class InstanceProfileRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = _account()
    name = Word(max_length=128)
    name_key = Word(max_length=128)
    path = Word(max_length=512)
    created_at = fields.DatetimeField()
    role: fields.ForeignKeyNullableRelation[RoleRow] = fields.ForeignKeyField(
        "store.RoleRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    tags = Text()

    class Meta:
        table = "instance_profile"
        unique_together = (("account", "name_key"),)
        indexes = (
            Index(fields=("account_id", "name"), name="instance_profile_by_name"),
            Index(fields=("role_id", "name"), name="instance_profile_by_role"),
        )


# `token_hash` is that of the enrolment token: who shows it with the same key again, until it expires, is answered alike.
class AgentRow(Model):
    id = Word(max_length=21, primary_key=True)
    account = _account()
    instance_profile = _of("InstanceProfileRow")
    token_hash = Word(max_length=64, unique=True)
    public_key = Word(max_length=44, null=True)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    enrolled_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "agent"
        indexes = (
            Index(fields=("account_id", "expires_at"), name="agent_by_account"),
            Index(fields=("instance_profile_id", "id"), name="agent_by_instance_profile"),
        )


class UserAttachmentRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = _of("UserRow")
    policy = _of("PolicyRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "user_attachment"
        unique_together = (("owner", "policy"),)
        indexes = (Index(fields=("policy_id",), name="user_attachment_by_policy"),)


class GroupAttachmentRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = _of("GroupRow")
    policy = _of("PolicyRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "group_attachment"
        unique_together = (("owner", "policy"),)
        indexes = (Index(fields=("policy_id",), name="group_attachment_by_policy"),)


class RoleAttachmentRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = _of("RoleRow")
    policy = _of("PolicyRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "role_attachment"
        unique_together = (("owner", "policy"),)
        indexes = (Index(fields=("policy_id",), name="role_attachment_by_policy"),)


class UserInlineRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = _of("UserRow")
    name = Word(max_length=128)
    document = Text()
    put_at = fields.DatetimeField()

    class Meta:
        table = "user_inline"
        unique_together = (("owner", "name"),)


class GroupInlineRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = _of("GroupRow")
    name = Word(max_length=128)
    document = Text()
    put_at = fields.DatetimeField()

    class Meta:
        table = "group_inline"
        unique_together = (("owner", "name"),)


class RoleInlineRow(Model):
    id = fields.BigIntField(primary_key=True)
    owner = _of("RoleRow")
    name = Word(max_length=128)
    document = Text()
    put_at = fields.DatetimeField()

    class Meta:
        table = "role_inline"
        unique_together = (("owner", "name"),)


class MembershipRow(Model):
    id = fields.BigIntField(primary_key=True)
    group = _of("GroupRow")
    user = _of("UserRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "membership"
        unique_together = (("user", "group"),)
        indexes = (Index(fields=("group_id",), name="membership_by_group"),)


# `owner_id` is a user's or an account's id; `user` repeats the user's, so that it can't be deleted under its keys.
class AccessKeyRow(Model):
    id = Word(max_length=128, primary_key=True)
    account = _account()
    owner_id = Word(max_length=21)
    user: fields.ForeignKeyNullableRelation[UserRow] = fields.ForeignKeyField(
        "store.UserRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    status = Word(max_length=8)
    sealed_secret = Text()
    created_at = fields.DatetimeField()

    class Meta:
        table = "access_key"
        indexes = (
            Index(fields=("owner_id",), name="access_key_by_owner"),
            Index(fields=("user_id",), name="access_key_by_user"),
        )


# `place` is the path and the name, `place_key` the same in lower case. `owner_id` and `user` are as an access key's, or null
# while the device is enabled for nobody; `sealed_secret` is its seed.
class MfaDeviceRow(Model):
    id = Word(max_length=32, primary_key=True)
    account = _account()
    place = Word(max_length=256)
    place_key = Word(max_length=256)
    created_at = fields.DatetimeField()
    owner_id = Word(max_length=21, null=True)
    user: fields.ForeignKeyNullableRelation[UserRow] = fields.ForeignKeyField(
        "store.UserRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    enabled_at = fields.DatetimeField(null=True)
    last_step = fields.BigIntField()
    drift = fields.IntField()
    sealed_secret = Text()
    tags = Text()

    class Meta:
        table = "mfa_device"
        unique_together = (("account", "place_key"),)
        indexes = (
            Index(fields=("account_id", "place"), name="mfa_device_by_place"),
            Index(fields=("owner_id",), name="mfa_device_by_owner"),
            Index(fields=("user_id",), name="mfa_device_by_user"),
        )


# `name` is the URL without its scheme, as the ARN has it, `name_key` the same in lower case, for context keys have no case.
class OidcProviderRow(Model):
    id = Word(max_length=32, primary_key=True)
    account = _account()
    url = Word(max_length=255)
    name = Word(max_length=255)
    name_key = Word(max_length=255)
    client_ids = Text()
    thumbprints = Text()
    created_at = fields.DatetimeField()
    tags = Text()

    class Meta:
        table = "oidc_provider"
        unique_together = (("account", "name_key"),)


# What `metadata` says is in `entity_id`, `certificates` and `valid_until`, so that it need not be read for a list.
class SamlProviderRow(Model):
    id = Word(max_length=32, primary_key=True)
    account = _account()
    name = Word(max_length=128)
    name_key = Word(max_length=128)
    metadata = Text()
    entity_id = Text()
    certificates = Text()
    valid_until = fields.DatetimeField(null=True)
    encryption_mode = Word(max_length=8, null=True)
    created_at = fields.DatetimeField()
    tags = Text()

    class Meta:
        table = "saml_provider"
        unique_together = (("account", "name_key"),)


class SamlPrivateKeyRow(Model):
    id = Word(max_length=32, primary_key=True)
    provider = _of("SamlProviderRow", OnDelete.CASCADE)
    sealed_secret = Text()
    created_at = fields.DatetimeField()

    class Meta:
        table = "saml_private_key"
        indexes = (Index(fields=("provider_id",), name="saml_private_key_by_provider"),)


class PasskeyRow(Model):
    id = Word(max_length=32, primary_key=True)
    account = _account()
    owner_id = Word(max_length=21)
    user: fields.ForeignKeyNullableRelation[UserRow] = fields.ForeignKeyField(
        "store.UserRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    name = Word(max_length=128)
    credential_id = Text()
    credential_key = Word(max_length=64, unique=True)
    public_key = Text()
    sign_count = fields.BigIntField()
    transports = Text()
    enabled_at = fields.DatetimeField()

    class Meta:
        table = "passkey"
        indexes = (
            Index(fields=("account_id",), name="passkey_by_account"),
            Index(fields=("owner_id",), name="passkey_by_owner"),
            Index(fields=("user_id",), name="passkey_by_user"),
        )


class UsedChallengeRow(Model):
    id = Word(max_length=64, primary_key=True)
    expires_at = fields.DatetimeField()

    class Meta:
        table = "used_challenge"
        indexes = (Index(fields=("expires_at",), name="used_challenge_by_end"),)


# Beside an event and no part of it, so that what providers say of people can be forgotten while the chain stays whole.
class SignInAttemptRow(Model):
    id = Word(max_length=32, primary_key=True)
    provider_id = Word(max_length=32)
    at = fields.DatetimeField()
    is_proven = fields.BooleanField()
    subject = Text(null=True)
    said = Text(null=True)

    class Meta:
        table = "sign_in_attempt"
        indexes = (Index(fields=("provider_id", "is_proven", "at"), name="sign_in_attempt_by_provider"),)


class MappingRulesRow(Model):
    # Of any kind of provider, so that no foreign key can say which; a provider takes its rules along when it is deleted.
    provider_id = Word(max_length=32, primary_key=True)
    account = _account()
    rules = Text()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "mapping_rules"


# `id` is a hash of the provider and of the assertion. It refers to nothing, so that a provider that is made again finds it.
class SamlAssertionRow(Model):
    id = Word(max_length=64, primary_key=True)
    believed_until = fields.DatetimeField()

    class Meta:
        table = "saml_assertion"
        indexes = (Index(fields=("believed_until",), name="saml_assertion_by_end"),)


class OidcClientRow(Model):
    id = fields.BigIntField(primary_key=True)
    provider: fields.OneToOneRelation[OidcProviderRow] = fields.OneToOneField(
        "store.OidcProviderRow", related_name=False, on_delete=OnDelete.CASCADE
    )
    client_id = Word(max_length=255)
    sealed_secret = Text(null=True)
    scopes = Text()
    mfa_values = Text()
    created_at = fields.DatetimeField()

    class Meta:
        table = "oidc_client"


# `provider_session` is the provider's `sid`, `sealed_secret` the ID token.
class OidcLoginRow(Model):
    session_id = Word(max_length=64, primary_key=True)
    provider_id = Word(max_length=32)
    provider_session = Text(null=True)
    sealed_secret = Text()

    class Meta:
        table = "oidc_login"
        indexes = (Index(fields=("provider_id", "provider_session"), name="oidc_login_by_provider"),)


# `id` is the hash of what the provider gives back. A row goes when its answer comes, or its time is over.
class SignInFlowRow(Model):
    id = Word(max_length=64, primary_key=True)
    provider_id = Word(max_length=32)
    browser_hash = Word(max_length=64)
    nonce = Word(max_length=64)
    verifier = Word(max_length=64)
    next_path = Text(null=True)
    expires_at = fields.DatetimeField()

    class Meta:
        table = "sign_in_flow"
        indexes = (Index(fields=("expires_at",), name="sign_in_flow_by_end"),)


# Uses have tables of their own: they are written by the minute, and rewrite no row that requests read.
class AccessKeyUseRow(Model):
    id = fields.BigIntField(primary_key=True)
    access_key: fields.OneToOneRelation[AccessKeyRow] = fields.OneToOneField(
        "store.AccessKeyRow", related_name=False, on_delete=OnDelete.CASCADE
    )
    used_at = fields.DatetimeField()
    service = Word(max_length=64)
    region = Word(max_length=64)

    class Meta:
        table = "access_key_use"


class RoleUseRow(Model):
    id = fields.BigIntField(primary_key=True)
    role: fields.OneToOneRelation[RoleRow] = fields.OneToOneField(
        "store.RoleRow", related_name=False, on_delete=OnDelete.CASCADE
    )
    used_at = fields.DatetimeField()
    region = Word(max_length=64)

    class Meta:
        table = "role_use"


class LoginProfileRow(Model):
    id = fields.BigIntField(primary_key=True)
    user: fields.OneToOneRelation[UserRow] = fields.OneToOneField(
        "store.UserRow", related_name=False, on_delete=OnDelete.RESTRICT
    )
    password_hash = Text()
    password_reset_required = fields.BooleanField()
    created_at = fields.DatetimeField()
    password_set_at = fields.DatetimeField(null=True)

    class Meta:
        table = "login_profile"


# Hashes of passwords that a user had before, where the account wants them kept: a newer one has a higher id.
class PastPasswordRow(Model):
    id = fields.BigIntField(primary_key=True)
    user = _of("UserRow", OnDelete.CASCADE)
    password_hash = Text()

    class Meta:
        table = "past_password"
        indexes = (Index(fields=("user_id", "id"), name="past_password_by_user"),)


# `principal_name` and `principal_path` are as they were at the start, for sessions whose principal is gone. `provider_id`,
# `subject` and, as JSON, `federation` are of the identity provider that spoke for the holder, if one did: it may be gone.
class SessionRow(Model):
    id = Word(max_length=64, primary_key=True)
    account = _account()
    principal_type = Word(max_length=8)
    principal_id = Word(max_length=21)
    principal_name = Word(max_length=128)
    principal_path = Word(max_length=512)
    parent: fields.ForeignKeyNullableRelation[SessionRow] = fields.ForeignKeyField(
        "store.SessionRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    name = Word(max_length=64, null=True)
    source = Word(max_length=32)
    token_hash = Word(max_length=64, unique=True)
    access_key_id = Word(max_length=128, null=True, unique=True)
    sealed_secret = Text(null=True)
    session_token_hash = Word(max_length=64, null=True, unique=True)
    issued_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    ip_address = Text(null=True)
    user_agent = Text(null=True)
    policy_document = Text(null=True)
    policy_ids = Text()
    source_identity = Text(null=True)
    tags = Text()
    transitive_tag_keys = Text()
    mfa_at = fields.DatetimeField(null=True)
    provider_id = Word(max_length=32, null=True)
    subject = Text(null=True)
    federation = Text(null=True)

    class Meta:
        table = "session"
        indexes = (
            Index(fields=("principal_id", "issued_at", "id"), name="session_by_principal"),
            Index(fields=("parent_id",), name="session_by_parent"),
        )


# The history refers to nothing: it outlives what it tells of.
class EventRow(Model):
    seq = fields.BigIntField(primary_key=True)
    id = Word(max_length=64, unique=True)
    account_id = Word(max_length=12, null=True)
    name = Word(max_length=128)
    at = fields.DatetimeField()
    request_id = Text()
    transport = Text()
    principal_id = Text(null=True)
    principal_arn = Text(null=True)
    session_id = Text(null=True)
    action = Text()
    resources = Text()
    outcome = Word(max_length=16)
    error_code = Text(null=True)
    error_message = Text(null=True)
    ip_address = Text(null=True)
    user_agent = Text(null=True)
    parameters = Text()
    access_key_id = Word(max_length=128, null=True)
    changes = Text(null=True)

    class Meta:
        table = "event"
        indexes = (
            Index(fields=("account_id", "seq"), name="event_by_account"),
            Index(fields=("account_id", "name", "seq"), name="event_by_name"),
            Index(fields=("account_id", "principal_arn", "seq"), name="event_by_principal"),
            Index(fields=("account_id", "access_key_id", "seq"), name="event_by_access_key"),
            Index(fields=("account_id", "outcome", "seq"), name="event_by_outcome"),
            Index(fields=("account_id", "at"), name="event_by_time"),
        )


# An event's place in its chain. A table of its own, so that whoever writes an event waits for no chain. It refers to
# nothing: a link must stay to tell of an event that was taken away.
class LinkRow(Model):
    seq = fields.BigIntField(primary_key=True, generated=False)
    event_id = Word(max_length=64)
    chain = Word(max_length=12)
    number = fields.BigIntField()
    link = Word(max_length=64)
    key_id = Word(max_length=8)

    class Meta:
        table = "event_link"
        unique_together = (("chain", "number"),)


class HeadRow(Model):
    chain = Word(max_length=12, primary_key=True)
    count = fields.BigIntField()
    link = Word(max_length=64)
    at = fields.DatetimeField()
    horizon = fields.BigIntField()
    key_id = Word(max_length=8)
    signature = Word(max_length=64)

    class Meta:
        table = "chain_head"


# Where a chain begins, once retention has taken what was before.
class AnchorRow(Model):
    chain = Word(max_length=12, primary_key=True)
    number = fields.BigIntField()
    link = Word(max_length=64)
    at = fields.DatetimeField()
    key_id = Word(max_length=8)
    signature = Word(max_length=64)

    class Meta:
        table = "chain_anchor"


# Counts go away by themselves: `ends_at` is when a window is over.
class ThrottleRow(Model):
    key = Word(max_length=256, primary_key=True)
    attempts = fields.IntField()
    ends_at = fields.DatetimeField()

    class Meta:
        table = "throttle"
        indexes = (Index(fields=("ends_at",), name="throttle_by_end"),)


# `id` is the principal and the address, so that one statement can insert or update.
class KnownAddressRow(Model):
    id = Word(max_length=128, primary_key=True)
    principal_id = Word(max_length=21)
    address = Word(max_length=64)
    seen_at = fields.DatetimeField()

    class Meta:
        table = "known_address"
        indexes = (Index(fields=("principal_id", "address"), name="known_address_by_principal"),)


# `full_at` is in microseconds since 1970: see `domain.budget`.
class BudgetRow(Model):
    principal_id = Word(max_length=21, primary_key=True)
    full_at = fields.BigIntField()

    class Meta:
        table = "budget"
        indexes = (Index(fields=("full_at",), name="budget_by_full"),)


# A guardrail without an account is the service's own: nobody changes it.
class GuardrailRow(Model):
    id = Word(max_length=21, primary_key=True)
    account: fields.ForeignKeyNullableRelation[AccountRow] = fields.ForeignKeyField(
        "store.AccountRow", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    kind = Word(max_length=32)
    name = Word(max_length=128)
    name_key = Word(max_length=128, unique=True)
    description = Text(null=True)
    document = Text()
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "guardrail"
        indexes = (Index(fields=("name",), name="guardrail_by_name"),)


class GuardrailAttachmentRow(Model):
    id = fields.BigIntField(primary_key=True)
    account = _of("AccountRow")
    guardrail = _of("GuardrailRow")
    attached_at = fields.DatetimeField()

    class Meta:
        table = "guardrail_attachment"
        unique_together = (("account", "guardrail"),)
        indexes = (Index(fields=("guardrail_id", "account_id"), name="guardrail_attachment_by_guardrail"),)


# `definition` has all the parts of a service, as JSON: it is put and read as a whole.
class ServiceRow(Model):
    id = fields.BigIntField(primary_key=True)
    account = _account()
    prefix = Word(max_length=63)
    definition = Text()
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "service"
        unique_together = (("account", "prefix"),)


# `held_until` is until when a process has it to make.
class ReportRow(Model):
    id = Word(max_length=36, primary_key=True)
    account = _account()
    kind = Word(max_length=32)
    requested_by = Word(max_length=21)
    parameters = Text()
    state = Word(max_length=16)
    requested_at = fields.DatetimeField()
    held_until = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    content = Text(null=True)

    class Meta:
        table = "report"
        indexes = (
            Index(fields=("account_id", "kind", "requested_at"), name="report_by_account"),
            Index(fields=("state", "requested_at"), name="report_by_state"),
        )
