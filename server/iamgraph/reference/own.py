"""What this server has beyond AWS's services: actions of its own, and ARNs without an organization's id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ..domain.policy.reference import Action, ConditionKey, Service

_RESOURCE_TAGS: Final = frozenset({"aws:resourcetag/${tagkey}"})
_TAGS: Final = _RESOURCE_TAGS | {"iam:resourcetag/${tagkey}"}
_ON_PRINCIPALS: Final = ("Authorize", "ListSessions", "RevokeSession")
_ON_NOTHING: Final = ("ListAssumableRoles",)
_ON_PROVIDERS: Final = (
    "PutMappingRules",
    "GetMappingRules",
    "DeleteMappingRules",
    "ExplainMapping",
    "ListSignInAttempts",
    "PutOpenIDConnectClient",
    "GetOpenIDConnectClient",
    "DeleteOpenIDConnectClient",
)
_ON_INSTANCE_PROFILES: Final = ("CreateAgentEnrolment", "ListAgents", "RevokeAgent")
_ON_SERVICES: Final = ("PutService", "DeleteService", "GetService", "ListServices")
_ACTIONS: Final = (
    *(Action(name=name, condition_keys=_TAGS) for name in _ON_PRINCIPALS),
    *(Action(name=name, condition_keys=_RESOURCE_TAGS) for name in (*_ON_PROVIDERS, *_ON_INSTANCE_PROFILES)),
    *(Action(name=name) for name in (*_ON_SERVICES, *_ON_NOTHING)),
)
_SERVICE: Final = Service(prefix="iamgraph", actions={action.name.lower(): action for action in _ACTIONS})
_FORMATS: Final = {
    "iamgraph": (
        "arn:${Partition}:iamgraph::${Account}:session/${SessionId}",
        "arn:${Partition}:iamgraph::${Account}:service/${Prefix}",
        "arn:${Partition}:iamgraph::${Account}:agent/${AgentId}",
        "arn:${Partition}:iamgraph::${Account}:credentials/unknown",
    ),
    "organizations": (
        "arn:${Partition}:organizations::${Account}:account/${AccountId}",
        "arn:${Partition}:organizations::${Account}:policy/${PolicyType}/${PolicyId}",
        "arn:${Partition}:organizations::aws:policy/${PolicyType}/${PolicyId}",
    ),
}


class OwnReference:
    """Those of its actions that are on users, roles, roots and instance profiles are on ARNs of IAM's."""

    def prefixes(self) -> Iterable[str]:
        return ("iamgraph",)

    def title(self, prefix: str) -> str | None:
        return "iamgraph" if prefix == "iamgraph" else None

    def service(self, prefix: str) -> Service | None:
        return _SERVICE if prefix == "iamgraph" else None

    def condition_keys(self, prefix: str) -> Mapping[str, ConditionKey] | None:
        return {} if prefix == "iamgraph" else None

    def arn_formats(self, service: str) -> tuple[str, ...] | None:
        return _FORMATS.get(service)
