"""Identity providers whose one issuer speaks for everybody who uses them: a trust policy must say whose tokens it lets in
(IAM User Guide, "Identity-provider controls for shared OIDC providers"; Google's is ours)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .document import Condition, Statement
from .match import wildcard
from .operators import Quantifier, operator

_BY_SUBJECT: Final = (
    "agent.buildkite.com", "app.terraform.io", "gitlab.com", "oidc-configuration.audit-log.githubusercontent.com",
    "oidc.codefresh.io", "proidc.upbound.io", "scalr.io", "studio.datachain.ai/api",
    "token.actions.githubusercontent.com", "tokens.cloud.shisho.dev", "vstoken.actions.githubusercontent.com",
)  # fmt: skip
_BY_AUDIENCE: Final = ("accounts.google.com", "api.pulumi.com/oidc", "oidc.vercel.com", "sandboxes.cloud")
SHARED: Final[Mapping[str, str]] = dict.fromkeys(_BY_SUBJECT, "sub") | dict.fromkeys(_BY_AUDIENCE, "aud")
"""The claim that says whose a token is, by the name that the provider's ARN and context keys have, in lower case."""
_ASSUMING: Final = "sts:assumerolewithwebidentity"
_PINNED: Final = re.compile(r"[^:*?]+:[^:/*?]+[:/]")
"""How a subject begins that says which organization it is of: `repo:acme/`, `organization:acme:`."""


def lets_in(statement: Statement) -> bool:
    """Whether it allows to come with a web identity."""
    named = any(wildcard(action.lower())(_ASSUMING) for action in statement.actions)
    return statement.effect == "Allow" and named is not statement.not_action


def is_open(statement: Statement, issuer: str) -> bool:
    """Whether it lets in the tokens of everybody who uses a shared issuer."""
    claim = SHARED.get(issuer)
    if claim is None or not lets_in(statement):
        return False
    return not any(_guards(condition, issuer, claim) for condition in statement.conditions)


def open_text(issuer: str) -> str:
    """What is wrong with that, and what would be right."""
    return (
        f"{issuer} speaks for everybody who uses it, so that the policy must say whose tokens it lets in: test "
        f'"{issuer}:{SHARED[issuer]}" with StringEquals, or with StringLike and a value that begins with the organization; '
        "not with ForAllValues:, IfExists or a negated operator, which hold where there is no such claim"
    )


def insists(condition: Condition) -> bool:
    """Whether the condition does not hold where the claim is missing."""
    found = operator(condition.operator)
    return found is not None and not (found.negated or found.if_exists or found.quantifier is Quantifier.ALL)


def _guards(condition: Condition, issuer: str, claim: str) -> bool:
    found = operator(condition.operator)
    if found is None or condition.key.lower() != f"{issuer}:{claim}" or not insists(condition):
        return False
    if found.comparison == "StringLike":
        return bool(condition.values) and all(_is_pinned(value, claim) for value in condition.values)
    return found.comparison.startswith("String")


def _is_pinned(pattern: str, claim: str) -> bool:
    """Whether only tokens of one organization can match."""
    if "*" not in pattern and "?" not in pattern:
        return True
    return _PINNED.match(pattern) is not None if claim == "sub" else pattern.strip("*?") != ""
