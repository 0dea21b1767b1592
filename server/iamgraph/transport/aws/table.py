"""`docs/aws-compatibility.md`: every operation of AWS's models, and what it is here, written from what the wire knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...app.operation import Command, Operation
from .action import Action
from .actions import ACTIONS
from .models import Service, services

_HEAD = """# AWS's operations

<!-- Written by scripts/aws-compatibility from the code: change that. -->

Every operation that AWS's models of IAM and STS have, and what it is on [AWS's own wire](aws-wire.md) and in GraphQL. Those
in bold are here; the others answer `NotImplemented` (501), and change nothing.
"""

# Where GraphQL reads what AWS's operation reads; commands are mutations of their own name.
_FIELDS: Mapping[str, str] = {
    "DecodeAuthorizationMessage": "decodeAuthorizationMessage",
    "GetAccessKeyInfo": "viewer.account",
    "GetAccountAuthorizationDetails": "account.users, account.groups, account.roles, account.policies",
    "GetAccessKeyLastUsed": "accessKey.lastUsed",
    "GetAccountPasswordPolicy": "account.passwordPolicy",
    "GetAccountSummary": "account.quotas",
    "GetCallerIdentity": "viewer",
    "GetContextKeysForCustomPolicy": "contextKeysForPolicies",
    "GetContextKeysForPrincipalPolicy": "contextKeysForPrincipal",
    "GetCredentialReport": "account.credentialReport",
    "GetGroup": "account.group, group.members",
    "GetGroupPolicy": "group.inlinePolicies",
    "GetInstanceProfile": "account.instanceProfile",
    "GetLoginProfile": "user.loginProfile",
    "GetMFADevice": "user.mfaDevices",
    "GetOpenIDConnectProvider": "account.oidcProviders",
    "GetPolicy": "account.policy",
    "GetPolicyVersion": "policyVersion.document",
    "GetRole": "account.role",
    "GetRolePolicy": "role.inlinePolicies",
    "GetSAMLProvider": "account.samlProviders",
    "GetServiceLastAccessedDetails": "account.serviceLastAccessedDetails",
    "GetServiceLastAccessedDetailsWithEntities": "serviceLastAccessedDetails.servicesLastAccessed.entities",
    "GetUser": "account.user, viewer",
    "GetUserPolicy": "user.inlinePolicies",
    "ListAccessKeys": "user.accessKeys",
    "ListAccountAliases": "account.alias",
    "ListAttachedGroupPolicies": "group.attachedPolicies",
    "ListAttachedRolePolicies": "role.attachedPolicies",
    "ListAttachedUserPolicies": "user.attachedPolicies",
    "ListEntitiesForPolicy": "policy.attachments",
    "ListGroupPolicies": "group.inlinePolicies",
    "ListGroups": "account.groups",
    "ListGroupsForUser": "user.groups",
    "ListInstanceProfiles": "account.instanceProfiles",
    "ListInstanceProfilesForRole": "role.instanceProfiles",
    "ListInstanceProfileTags": "instanceProfile.tags",
    "ListMFADevices": "user.mfaDevices",
    "ListMFADeviceTags": "totpDevice.tags",
    "ListOpenIDConnectProviders": "account.oidcProviders",
    "ListOpenIDConnectProviderTags": "oidcProvider.tags",
    "ListPolicies": "account.policies",
    "ListPoliciesGrantingServiceAccess": "account.policiesGrantingServiceAccess",
    "ListPolicyVersions": "policy.versions",
    "ListRolePolicies": "role.inlinePolicies",
    "ListPolicyTags": "policy.tags",
    "ListRoleTags": "role.tags",
    "ListRoles": "account.roles",
    "ListSAMLProviders": "account.samlProviders",
    "ListSAMLProviderTags": "samlProvider.tags",
    "ListUserPolicies": "user.inlinePolicies",
    "ListUserTags": "user.tags",
    "ListUsers": "account.users",
    "SimulateCustomPolicy": "simulateCustomPolicy",
    "SimulatePrincipalPolicy": "simulate, principal.can",
    "ListVirtualMFADevices": "account.virtualMfaDevices",
}

_FREE = ("AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetCallerIdentity", "GetSessionToken")


def table() -> str:
    """The document, as Markdown."""
    return _HEAD + "".join(line + "\n" for service in services().values() for line in _lines(service))


def _lines(service: Service) -> Iterator[str]:
    known = ACTIONS[service.name]
    yield ""
    yield f"## {service.name.upper()}: {len(known)} of {len(service.actions)}"
    yield ""
    yield "| operation | GraphQL | permission | what differs |"
    yield "|---|---|---|---|"
    for name in service.actions:
        yield _line(name, known[name]) if name in known else f"| {name} | | | |"


def _line(name: str, action: Action) -> str:
    differs = f" {action.differs}" if action.differs else ""
    return f"| **{name}** | {_field(action.operation)} | {_permission(name, action)} |{differs} |"


def _field(operation: type[Operation[object]]) -> str:
    if issubclass(operation, Command):
        name = operation.__name__
        return f"`{name[0].lower()}{name[1:]}`"
    return ", ".join(f"`{field}`" for field in _FIELDS[operation.__name__].split(", "))


def _permission(name: str, action: Action) -> str:
    return "none" if name in _FREE else f"`{action.operation.action}`"
