"""What a command changed, for its event: the values that an entity shows of itself, before and after."""

from __future__ import annotations

from collections.abc import Mapping

from ..domain.arn import root_arn
from ..domain.entities import (
    AccessKey,
    Account,
    Agent,
    Change,
    Group,
    Guardrail,
    InlinePolicy,
    InstanceProfile,
    LoginProfile,
    ManagedPolicy,
    PasswordPolicy,
    PolicyVersion,
    Role,
    Tag,
    User,
)
from ..domain.passkeys import MfaDevice, Passkey
from ..domain.providers import MappingRules, OidcProvider, SamlProvider
from ..domain.services import Service, part_text

Shown = Mapping[str, str | int | None]
GONE: Shown = {}
"""What an entity shows that is not there (yet, or any more)."""


def difference(before: Shown, after: Shown) -> list[Change]:
    """A change for each name whose value is another one, or is only on one side. None is no value."""
    names = dict.fromkeys((*before, *after))
    return [
        Change(field=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


# The names are those of the operations' parameters. INVARIANT: no secret, nor what is made of one, is among them.


def shown_user(user: User) -> Shown:
    return {
        "userName": user.name,
        "path": user.path,
        "permissionsBoundary": user.boundary_arn,
        **_shown_tags(user.tags),
    }


def shown_group(group: Group) -> Shown:
    return {"groupName": group.name, "path": group.path}


def shown_role(role: Role) -> Shown:
    return {
        "roleName": role.name,
        "path": role.path,
        "description": role.description,
        "maxSessionDuration": role.max_session_seconds,
        "assumeRolePolicyDocument": role.trust_policy,
        "permissionsBoundary": role.boundary_arn,
        **_shown_tags(role.tags),
    }


def shown_instance_profile(profile: InstanceProfile) -> Shown:
    return {
        "instanceProfileName": profile.name,
        "path": profile.path,
        "role": profile.role.arn if profile.role is not None else None,
        **_shown_tags(profile.tags),
    }


def shown_agent(agent: Agent) -> Shown:
    return {
        "agentId": agent.id,
        "instanceProfileName": agent.instance_profile.name,
        "publicKey": agent.public_key,
        "enrolledAt": agent.enrolled_at.isoformat() if agent.enrolled_at is not None else None,
    }


def shown_policy(policy: ManagedPolicy) -> Shown:
    return {
        "policyName": policy.name,
        "path": policy.path,
        "description": policy.description,
        "defaultVersionId": policy.default_version,
        **_shown_tags(policy.tags),
    }


def shown_version(version: PolicyVersion) -> Shown:
    return {"versionId": version.version_id, "policyDocument": version.document}


def shown_inline(policy: InlinePolicy) -> Shown:
    return {"policyDocument": policy.document}


def shown_key(key: AccessKey) -> Shown:
    return {"accessKeyId": key.id, "status": key.status.value}


def shown_mfa_device(device: MfaDevice) -> Shown:
    owner = device.user.arn if device.user is not None else root_arn(device.account_id)
    return {
        "serialNumber": device.arn,
        "enabledFor": owner if device.owner_id is not None else None,
        **({"credentialId": device.credential_id} if isinstance(device, Passkey) else _shown_tags(device.tags)),
    }


def shown_oidc_provider(provider: OidcProvider) -> Shown:
    return {
        "url": provider.url,
        **{f"clientIds.{client_id}": client_id for client_id in provider.client_ids},
        "thumbprints": " ".join(provider.thumbprints) or None,
        **_shown_tags(provider.tags),
    }


def shown_saml_provider(provider: SamlProvider) -> Shown:
    mode = provider.encryption_mode
    return {
        "name": provider.name,
        "entityId": provider.entity_id,
        "certificates": " ".join(provider.certificates),
        "validUntil": provider.valid_until.isoformat() if provider.valid_until is not None else None,
        "assertionEncryptionMode": mode.value if mode is not None else None,
        **{f"privateKeys.{key.id}": key.created_at.isoformat() for key in provider.private_keys},
        **_shown_tags(provider.tags),
    }


def shown_mapping_rules(rules: MappingRules) -> Shown:
    return {"rules": rules.rules}


def shown_profile(profile: LoginProfile) -> Shown:
    return {"passwordResetRequired": profile.password_reset_required}


def shown_password_policy(policy: PasswordPolicy) -> Shown:
    return {
        "minimumPasswordLength": policy.minimum_length,
        "requireSymbols": policy.require_symbols,
        "requireNumbers": policy.require_numbers,
        "requireUppercaseCharacters": policy.require_uppercase,
        "requireLowercaseCharacters": policy.require_lowercase,
        "allowUsersToChangePassword": policy.allow_users_to_change,
        "maxPasswordAge": policy.max_age_days,
        "passwordReusePrevention": policy.reuse_prevention,
        "hardExpiry": policy.hard_expiry,
        "isDefault": policy.is_default,
    }


def shown_guardrail(guardrail: Guardrail) -> Shown:
    return {
        "name": guardrail.name,
        "description": guardrail.description,
        "policyDocument": guardrail.document,
    }


def shown_service(service: Service) -> Shown:
    """A value for each part, so that an event has those that changed."""
    texts = {f"{kind}.{part.name}": part_text(part) for kind, found in service.parts.items() for part in found}
    return {"prefix": service.prefix, **texts}


def shown_account(account: Account) -> Shown:
    closed_at = account.closed_at.isoformat() if account.closed_at else None
    return {"accountAlias": account.alias, "closedAt": closed_at}


def _shown_tags(tags: tuple[Tag, ...]) -> Shown:
    return {f"tags.{tag.key}": tag.value for tag in tags}
