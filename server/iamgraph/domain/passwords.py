"""What a password must be: AWS's default policy, or the account's own (IAM User Guide, "Account password policy")."""

from __future__ import annotations

import string

from .entities import PasswordPolicy
from .errors import PasswordPolicyViolation

SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")
DEFAULT = PasswordPolicy(is_default=True)
_CLASSES = 3
_MAX_LENGTH = 128


def check_password(password: str, policy: PasswordPolicy, *, not_among: tuple[str | None, ...] = ()) -> None:
    """Raise PasswordPolicyViolation naming every rule that `password` breaks; `not_among` are names that it may not be."""
    broken = [*_length(password, policy), *(_default(password) if policy.is_default else _required(password, policy))]
    if any(name and password.lower() == name.lower() for name in not_among):
        broken.append("must not be the account's name or e-mail address")
    if broken:
        raise PasswordPolicyViolation(
            f"Password does not conform to the account password policy: it {'; it '.join(broken)}.", rules=broken
        )


def reused(prevented: int) -> PasswordPolicyViolation:
    """The password is one of the last that the user had."""
    rule = f"must not be one of the last {prevented} passwords" if prevented > 1 else "must differ from the old password"
    return PasswordPolicyViolation(
        f"Password does not conform to the account password policy: it {rule}.", rules=[rule]
    )


def _length(password: str, policy: PasswordPolicy) -> list[str]:
    if len(password) < policy.minimum_length:
        return [f"must have at least {policy.minimum_length} characters"]
    if len(password) > _MAX_LENGTH:
        return [f"must have at most {_MAX_LENGTH} characters"]
    return []


def _classes(password: str) -> dict[str, bool]:
    letters = set(password)
    return {
        "must have an upper-case letter": bool(letters & set(string.ascii_uppercase)),
        "must have a lower-case letter": bool(letters & set(string.ascii_lowercase)),
        "must have a digit": bool(letters & set(string.digits)),
        "must have a symbol": bool(letters & SYMBOLS),
    }


def _default(password: str) -> list[str]:
    if sum(_classes(password).values()) < _CLASSES:
        return [f"must have at least {_CLASSES} of: upper-case letters, lower-case letters, digits, symbols"]
    return []


def _required(password: str, policy: PasswordPolicy) -> list[str]:
    asked = (
        policy.require_uppercase,
        policy.require_lowercase,
        policy.require_numbers,
        policy.require_symbols,
    )
    return [
        rule for (rule, holds), needed in zip(_classes(password).items(), asked, strict=True) if needed and not holds
    ]
