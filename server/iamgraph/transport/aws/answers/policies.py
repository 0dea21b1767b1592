"""Managed policies and their versions, attachments, and inline policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....app import attachments, inline, policies, versions
from ....app.listing import Listed
from ....domain.entities import Attached, Attachment, Group, InlinePolicy, ManagedPolicy, PolicyVersion, Role, User
from ..action import Action, Asked
from ..models import Structure
from .base import PAGED, cut, document, ending, instant, page, tag, tags


def _listed(policy: ManagedPolicy) -> Structure:
    """A policy as lists have it, and the answer to its making: without its description."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": policy.attachment_count,
        "PermissionsBoundaryUsageCount": policy.boundary_count,
        "IsAttachable": policy.is_attachable,
        "CreateDate": instant(policy.created_at),
        "UpdateDate": instant(policy.updated_at),
    }


def described_policy(policy: ManagedPolicy) -> Structure:
    return {**_listed(policy), "Description": policy.description}


def _made(policy: ManagedPolicy, asked: Asked) -> Structure:
    return {"Policy": {**_listed(policy), "Tags": tags(policy.tags)}}


def _policy(policy: ManagedPolicy, asked: Asked) -> Structure:
    # An empty list of tags is there, unlike for users and roles.
    return {"Policy": {**described_policy(policy), "Tags": tags(policy.tags) or []}}


def _version(version: PolicyVersion) -> Structure:
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.is_default,
        "CreateDate": instant(version.created_at),
    }


def _made_version(version: PolicyVersion, asked: Asked) -> Structure:
    return {"PolicyVersion": _version(version)}


def whole_version(version: PolicyVersion) -> Structure:
    return {**_version(version), "Document": document(version.document or "")}


def _read_version(version: PolicyVersion, asked: Asked) -> Structure:
    return {"PolicyVersion": whole_version(version)}


def _newest_first(version: PolicyVersion) -> tuple[str, ...]:
    """Numbers never come again, and have nine digits at most."""
    return (f"{10**9 - int(version.version_id.removeprefix('v')):010d}",)


def attached_policy(attached: Attached) -> Structure:
    return {"PolicyName": attached.policy.name, "PolicyArn": attached.policy.arn}


def _entities(listed: Listed[Attachment], asked: Asked) -> Structure:
    def of(kind: type[User | Group | Role], name: str) -> list[Structure]:
        found = {item.target.id: item.target for item in listed.items if isinstance(item.target, kind)}
        return [{f"{name}Name": target.name, f"{name}Id": target.id} for target in found.values()]

    return {
        **ending(listed),
        "PolicyGroups": of(Group, "Group"),
        "PolicyUsers": of(User, "User"),
        "PolicyRoles": of(Role, "Role"),
    }


def _inline(kind: str) -> Callable[[InlinePolicy, Asked], Structure]:
    def answer(policy: InlinePolicy, asked: Asked) -> Structure:
        return {
            f"{kind}Name": getattr(asked.operation, f"{kind.lower()}_name"),
            "PolicyName": policy.name,
            "PolicyDocument": document(policy.document),
        }

    return answer


def _name(policy: InlinePolicy) -> str:
    return policy.name


def _of_each(kind: str) -> Mapping[str, Action]:
    """What is done with the policies of a user, a group or a role alike."""

    def attached(verb: str, noun: str) -> Any:
        return getattr(attachments, f"{verb}{kind}{noun}")

    def inlined(verb: str, noun: str) -> Any:
        return getattr(inline, f"{verb}{kind}{noun}")

    listed, names = page("AttachedPolicies", attached_policy), page("PolicyNames", _name)
    return {
        f"Attach{kind}Policy": Action(operation=attached("Attach", "Policy")),
        f"Detach{kind}Policy": Action(operation=attached("Detach", "Policy")),
        f"ListAttached{kind}Policies": Action(operation=attached("ListAttached", "Policies"), answer=listed),
        f"Put{kind}Policy": Action(operation=inlined("Put", "Policy")),
        f"Get{kind}Policy": Action(operation=inlined("Get", "Policy"), answer=_inline(kind)),
        f"List{kind}Policies": Action(operation=inlined("List", "Policies"), answer=names),
        f"Delete{kind}Policy": Action(operation=inlined("Delete", "Policy")),
    }


ACTIONS: Mapping[str, Action] = {
    "CreatePolicy": Action(operation=policies.CreatePolicy, answer=_made),
    "GetPolicy": Action(operation=policies.GetPolicy, answer=_policy),
    "ListPolicies": Action(
        operation=policies.ListPolicies,
        answer=page("Policies", _listed),
        differs="of AWS's own policies there are six",
    ),
    "DeletePolicy": Action(operation=policies.DeletePolicy),
    "TagPolicy": Action(operation=policies.TagPolicy),
    "UntagPolicy": Action(operation=policies.UntagPolicy),
    "ListPolicyTags": Action(operation=policies.ListPolicyTags, answer=page("Tags", tag)),
    "ListEntitiesForPolicy": Action(operation=policies.ListEntitiesForPolicy, answer=_entities),
    "CreatePolicyVersion": Action(operation=versions.CreatePolicyVersion, answer=_made_version),
    "GetPolicyVersion": Action(operation=versions.GetPolicyVersion, answer=_read_version),
    "ListPolicyVersions": Action(
        operation=versions.ListPolicyVersions,
        answer=cut("Versions", lambda version, asked: _version(version), "policy-versions", _newest_first),
        answered=PAGED,
    ),
    "SetDefaultPolicyVersion": Action(operation=versions.SetDefaultPolicyVersion),
    "DeletePolicyVersion": Action(operation=versions.DeletePolicyVersion),
    **_of_each("User"),
    **_of_each("Group"),
    **_of_each("Role"),
}
