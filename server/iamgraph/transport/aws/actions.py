"""All of AWS's actions that are on the wire."""

from __future__ import annotations

from collections.abc import Mapping

from .action import Action
from .answers import (
    accounts,
    details,
    groups,
    instance_profiles,
    keys,
    last_accessed,
    mfa,
    oidc_providers,
    policies,
    roles,
    saml_providers,
    simulation,
    sts,
    users,
)

ACTIONS: Mapping[str, Mapping[str, Action]] = {
    "iam": {
        **users.ACTIONS,
        **groups.ACTIONS,
        **roles.ACTIONS,
        **instance_profiles.ACTIONS,
        **policies.ACTIONS,
        **keys.ACTIONS,
        **mfa.ACTIONS,
        **oidc_providers.ACTIONS,
        **saml_providers.ACTIONS,
        **accounts.ACTIONS,
        **simulation.ACTIONS,
        **details.ACTIONS,
        **last_accessed.ACTIONS,
    },
    "sts": sts.ACTIONS,
}
"""By the service's name, and the action's own."""
