"""The account: its alias and its password policy."""

from __future__ import annotations

from collections.abc import Mapping

from ....app import accounts, password_policy
from ....app.reports import credentials, summary
from ....domain.entities import PasswordPolicy
from ....domain.errors import NoSuchEntity
from ..action import Action, Asked
from ..models import Structure
from .base import PAGED, instant


def _aliases(alias: str | None, asked: Asked) -> Structure:
    return {"AccountAliases": [alias] if alias is not None else [], "IsTruncated": False}


def _password_policy(policy: PasswordPolicy, asked: Asked) -> Structure:
    if policy.is_default:
        raise NoSuchEntity(f"The Password Policy with domain name {asked.caller.account.id} cannot be found.")
    return {
        "PasswordPolicy": {
            "MinimumPasswordLength": policy.minimum_length,
            "RequireSymbols": policy.require_symbols,
            "RequireNumbers": policy.require_numbers,
            "RequireUppercaseCharacters": policy.require_uppercase,
            "RequireLowercaseCharacters": policy.require_lowercase,
            "AllowUsersToChangePassword": policy.allow_users_to_change,
            "ExpirePasswords": policy.max_age_days is not None,
            "MaxPasswordAge": policy.max_age_days,
            "PasswordReusePrevention": policy.reuse_prevention,
            "HardExpiry": policy.hard_expiry,
        }
    }


def _summary(found: summary.AccountSummary, asked: Asked) -> Structure:
    counted = {quota.name: quota.used for quota in found.quotas if quota.used is not None}
    shown = {
        **counted,
        **{f"{quota.name}Quota": quota.limit for quota in found.quotas},
        "PolicyVersionsInUse": found.policy_versions,
        "MFADevices": found.mfa_devices,
        "MFADevicesInUse": found.mfa_devices_in_use,
        "Providers": found.providers,
        "AccountAccessKeysPresent": int(found.root_has_keys),
        "AccountMFAEnabled": int(found.root_has_mfa),
        # Every root has a password; what follows is not there yet, or not at all.
        "AccountPasswordPresent": 1,
        **dict.fromkeys(_NONE, 0),
        "GlobalEndpointTokenVersion": 1,
    }
    return {"SummaryMap": shown}


def _requested(request: credentials.CredentialReportRequest, asked: Asked) -> Structure:
    return {"State": request.state.value, "Description": request.description}


def _report(report: credentials.CredentialReport, asked: Asked) -> Structure:
    return {
        "Content": report.content.encode(),
        "ReportFormat": "text/csv",
        "GeneratedTime": instant(report.generated_at),
    }


_NONE = (
    "AccountSigningCertificatesPresent",
    "ServerCertificates",
)
ACTIONS: Mapping[str, Action] = {
    "ListAccountAliases": Action(operation=accounts.ListAccountAliases, answer=_aliases, answered=PAGED),
    "CreateAccountAlias": Action(operation=accounts.CreateAccountAlias),
    "DeleteAccountAlias": Action(operation=accounts.DeleteAccountAlias),
    "GenerateCredentialReport": Action(operation=credentials.GenerateCredentialReport, answer=_requested),
    "GetCredentialReport": Action(operation=credentials.GetCredentialReport, answer=_report),
    "GetAccountSummary": Action(operation=summary.GetAccountSummary, answer=_summary),
    "GetAccountPasswordPolicy": Action(operation=password_policy.GetAccountPasswordPolicy, answer=_password_policy),
    "UpdateAccountPasswordPolicy": Action(operation=password_policy.UpdateAccountPasswordPolicy),
    "DeleteAccountPasswordPolicy": Action(operation=password_policy.DeleteAccountPasswordPolicy),
}
