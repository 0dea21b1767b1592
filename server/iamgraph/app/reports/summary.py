"""How much of each an account has, and how much it may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.entities import AssignmentStatus
from ...domain.errors import IamError
from ..devices import devices_of
from ..operation import Query, operation
from ..targets import EVERYTHING
from ..work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A limit, by AWS's name for what it is on. `used` is None where it holds for each user, policy and so on by itself."""

    name: str
    limit: int
    used: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary:
    """The quotas; how many versions the account's policies have together; how many MFA devices there are, and are enabled,
    each passkey being both; how many identity providers; whether its root has access keys, and MFA devices."""

    quotas: tuple[Quota, ...]
    policy_versions: int
    mfa_devices: int
    mfa_devices_in_use: int
    providers: int
    root_has_keys: bool
    root_has_mfa: bool


@operation("iam:GetAccountSummary", on=EVERYTHING)
class GetAccountSummary(Query[AccountSummary]):
    """Read how many users, groups, roles, policies and instance profiles the account has, and its quotas."""

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetAccountSummary, None]]
    ) -> Sequence[AccountSummary | IamError]:
        return [await _summary(work)] * len(asks)


async def _summary(work: Work) -> AccountSummary:
    account_id, data = work.caller.account_id, work.data
    passkeys = await data.passkeys.count(account_id)
    return AccountSummary(
        quotas=(*await _counted(work), *_each(work)),
        policy_versions=await data.policies.count_versions(account_id),
        mfa_devices=await data.mfa_devices.count(account_id) + passkeys,
        mfa_devices_in_use=await data.mfa_devices.count(account_id, AssignmentStatus.ASSIGNED) + passkeys,
        providers=await data.oidc_providers.count(account_id) + await data.saml_providers.count(account_id),
        root_has_mfa=bool((await devices_of(data, [account_id]))[account_id]),
        root_has_keys=bool((await data.keys.of([account_id])).get(account_id)),
    )


async def _counted(work: Work) -> tuple[Quota, ...]:
    account_id, data, quotas = work.caller.account_id, work.data, work.tools.quotas
    return (
        Quota(name="Users", limit=quotas.users_per_account, used=await data.users.count(account_id)),
        Quota(name="Groups", limit=quotas.groups_per_account, used=await data.groups.count(account_id)),
        Quota(name="Roles", limit=quotas.roles_per_account, used=await data.roles.count(account_id)),
        Quota(name="Policies", limit=quotas.policies_per_account, used=await data.policies.count(account_id)),
        Quota(
            name="InstanceProfiles",
            limit=quotas.instance_profiles_per_account,
            used=await data.instance_profiles.count(account_id),
        ),
    )


def _each(work: Work) -> tuple[Quota, ...]:
    quotas = work.tools.quotas
    return (
        Quota(name="GroupsPerUser", limit=quotas.groups_per_user),
        Quota(name="AccessKeysPerUser", limit=quotas.access_keys_per_user),
        Quota(name="AttachedPoliciesPerUser", limit=quotas.attached_policies_per_user),
        Quota(name="AttachedPoliciesPerGroup", limit=quotas.attached_policies_per_group),
        Quota(name="AttachedPoliciesPerRole", limit=quotas.attached_policies_per_role),
        Quota(name="VersionsPerPolicy", limit=quotas.versions_per_policy),
        Quota(name="PolicySize", limit=quotas.policy_size),
        Quota(name="UserPolicySize", limit=quotas.user_inline_policy_size),
        Quota(name="GroupPolicySize", limit=quotas.group_inline_policy_size),
        Quota(name="RolePolicySize", limit=quotas.role_inline_policy_size),
        Quota(name="AssumeRolePolicySize", limit=quotas.trust_policy_size),
    )
