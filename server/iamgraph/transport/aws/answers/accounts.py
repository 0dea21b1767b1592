"""The account: its alias and its password policy."""

from __future__ import annotations

from collections.abc import Mapping

from ....app import accounts, password_policy
from ....domain.entities import PasswordPolicy
from ....domain.errors import NoSuchEntity
from ..action import Action, Asked
from ..models import Structure
from .base import PAGED


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
            "ExpirePasswords": False,
        }
    }


ACTIONS: Mapping[str, Action] = {
    "ListAccountAliases": Action(operation=accounts.ListAccountAliases, answer=_aliases, answered=PAGED),
    "CreateAccountAlias": Action(operation=accounts.CreateAccountAlias),
    "DeleteAccountAlias": Action(operation=accounts.DeleteAccountAlias),
    "GetAccountPasswordPolicy": Action(operation=password_policy.GetAccountPasswordPolicy, answer=_password_policy),
    "UpdateAccountPasswordPolicy": Action(
        operation=password_policy.UpdateAccountPasswordPolicy,
        differs="`MaxPasswordAge`, `PasswordReusePrevention` and `HardExpiry` are not supported",
    ),
    "DeleteAccountPasswordPolicy": Action(operation=password_policy.DeleteAccountPasswordPolicy),
}
