"""All of an account at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....app.listing import Listed
from ....app.reports import details
from ....domain.entities import Attached, InlinePolicy
from ..action import Action, Asked
from ..models import Structure
from .base import boundary, document, ending, tags
from .groups import shown_group
from .instance_profiles import listed_profile
from .policies import attached_policy, described_policy, whole_version
from .roles import held_role, last_used
from .users import listed_user


def _inline(policies: Sequence[InlinePolicy]) -> list[Structure]:
    return [{"PolicyName": policy.name, "PolicyDocument": document(policy.document)} for policy in policies]


def _attached(policies: Sequence[Attached]) -> list[Structure]:
    return [attached_policy(policy) for policy in policies]


def _user(detail: details.UserDetail) -> Structure:
    user = detail.user
    return {
        **listed_user(user),
        "UserPolicyList": _inline(detail.inline),
        "GroupList": [group.name for group in detail.groups],
        "AttachedManagedPolicies": _attached(detail.attached),
        "PermissionsBoundary": boundary(user.boundary_arn),
        "Tags": tags(user.tags) or [],
    }


def _group(detail: details.GroupDetail) -> Structure:
    return {
        **shown_group(detail.group),
        "GroupPolicyList": _inline(detail.inline),
        "AttachedManagedPolicies": _attached(detail.attached),
    }


def _role(detail: details.RoleDetail) -> Structure:
    role = detail.role
    return {
        **held_role(role),
        "InstanceProfileList": [listed_profile(profile) for profile in detail.instance_profiles],
        "RolePolicyList": _inline(detail.inline),
        "AttachedManagedPolicies": _attached(detail.attached),
        "PermissionsBoundary": boundary(role.boundary_arn),
        "Tags": tags(role.tags) or [],
        "RoleLastUsed": last_used(role),
    }


def _policy(detail: details.PolicyDetail) -> Structure:
    return {
        **described_policy(detail.policy),
        "PolicyVersionList": [whole_version(version) for version in detail.versions],
    }


def _details(listed: Listed[details.Detail], asked: Asked) -> Structure:
    items = listed.items
    return {
        **ending(listed),
        "UserDetailList": [_user(one) for one in items if isinstance(one, details.UserDetail)],
        "GroupDetailList": [_group(one) for one in items if isinstance(one, details.GroupDetail)],
        "RoleDetailList": [_role(one) for one in items if isinstance(one, details.RoleDetail)],
        "Policies": [_policy(one) for one in items if isinstance(one, details.PolicyDetail)],
    }


ACTIONS: Mapping[str, Action] = {
    "GetAccountAuthorizationDetails": Action(
        operation=details.GetAccountAuthorizationDetails,
        answer=_details,
        differs="of AWS's own policies there are six",
    ),
}
