"""AWS's quotas. Each is a setting, `IAMGRAPH_QUOTA_…`, with AWS's default (IAM User Guide, "IAM and AWS STS quotas", and
AWS Organizations User Guide, "Quotas": of guardrails, each kind counts by itself, and white space counts). Those of an
account's own services, of agents, of mapping rules and of reports are ours: AWS has no such thing. A service's size is that
of its parts as JSON text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """How many of each an account may have, and how large a document may be (characters without white space)."""

    users_per_account: int = 5000
    groups_per_account: int = 300
    roles_per_account: int = 1000
    policies_per_account: int = 1500
    instance_profiles_per_account: int = 1000
    agents_per_account: int = 5000
    oidc_providers_per_account: int = 100
    client_ids_per_oidc_provider: int = 100
    thumbprints_per_oidc_provider: int = 5
    saml_providers_per_account: int = 100
    private_keys_per_saml_provider: int = 2
    mapping_rules_size: int = 65_536
    groups_per_user: int = 10
    access_keys_per_user: int = 2
    mfa_devices_per_user: int = 8
    virtual_mfa_devices_per_account: int = 5000
    attached_policies_per_user: int = 10
    attached_policies_per_group: int = 10
    attached_policies_per_role: int = 10
    versions_per_policy: int = 5
    tags_per_entity: int = 50
    policy_size: int = 6144
    user_inline_policy_size: int = 2048
    group_inline_policy_size: int = 5120
    role_inline_policy_size: int = 10240
    trust_policy_size: int = 2048
    session_policy_size: int = 2048
    session_policy_arns: int = 10
    session_tags: int = 50
    guardrails: int = 10_000
    guardrails_per_account: int = 5
    guardrail_size: int = 5120
    reports_per_account: int = 1000
    services_per_account: int = 50
    actions_per_service: int = 200
    resource_types_per_service: int = 50
    condition_keys_per_service: int = 100
    service_size: int = 65_536
