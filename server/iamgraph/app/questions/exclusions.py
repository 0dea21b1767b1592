"""Leaving policies out of a simulation: what would be, if they were not in force."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ...domain.errors import InvalidSimulation
from ...domain.policy.evaluate import Layers, Policy, PolicyKind

_ARN = re.compile(r"arn:[a-z-]+:iam::(?:[0-9]{12}|aws):policy/[\x21-\x7e]+")
_NAME = re.compile(r"[\w+=,.@*?-]{1,128}", re.ASCII)


class PolicyIdentifierType(Enum):
    """All policies of a kind."""

    INLINE = "inline"
    AWS_MANAGED = "aws-managed"
    USER_MANAGED = "user-managed"
    PERMISSION_BOUNDARY = "permission-boundary"
    SCP = "scp"
    RCP = "rcp"


class AttachmentType(Enum):
    """What an inline policy is embedded in."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"


@dataclass(frozen=True, slots=True, kw_only=True)
class InlinePolicyIdentifier:
    """An inline policy. `attachment_name` may have one `*`, for any text, and any number of `?`, each for one character."""

    policy_name: str
    attachment_type: AttachmentType
    attachment_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyIdentifier:
    """Policies to leave out, by exactly one of the three. The name that ends `policy_arn` may have `*` and `?` as an
    `attachment_name` may."""

    policy_type: PolicyIdentifierType | None = None
    policy_arn: str | None = None
    inline_policy_identifier: InlinePolicyIdentifier | None = None

    def check(self) -> None:
        """Raise InvalidSimulation where it identifies nothing that can be."""
        given = [one for one in (self.policy_type, self.policy_arn, self.inline_policy_identifier) if one is not None]
        if len(given) != 1:
            raise _wrong("name one of policyType, policyArn and inlinePolicyIdentifier")
        arn = self.policy_arn
        if arn is not None and (not _ARN.fullmatch(arn) or arn.count("*") > 1 or len(arn) > 2048):
            raise _wrong(f"{arn[:80]!a} is not the ARN of managed policies, with one * at most")
        if self.inline_policy_identifier is not None:
            named, owner = self.inline_policy_identifier.policy_name, self.inline_policy_identifier.attachment_name
            if not _NAME.fullmatch(named) or set(named) & set("*?"):
                raise _wrong(f"{named[:80]!a} is not the name of an inline policy")
            if not _NAME.fullmatch(owner) or owner.count("*") > 1:
                raise _wrong(f"{owner[:80]!a} is not the name of a user, group or role, with one * at most")


def without(layers: Layers, excluded: Sequence[PolicyIdentifier], owners: Mapping[str, str]) -> Layers:
    """The layers without these policies. `owners` are `user_NAME` and the like by the unique ids of those who have inline
    policies. What matches nothing is ignored."""
    kinds = {one.policy_type for one in excluded}
    scp, rcp = PolicyIdentifierType.SCP in kinds, PolicyIdentifierType.RCP in kinds
    boundary = None if PolicyIdentifierType.PERMISSION_BOUNDARY in kinds else layers.boundary
    return replace(
        layers,
        identity=[policy for policy in layers.identity if not any(_means(one, policy, owners) for one in excluded)],
        boundary=boundary,
        service_control=() if scp else layers.service_control,
        resource_control=() if rcp else layers.resource_control,
    )


def _means(identifier: PolicyIdentifier, policy: Policy, owners: Mapping[str, str]) -> bool:
    if identifier.policy_arn is not None:
        return policy.arn is not None and _like(identifier.policy_arn, policy.arn)
    inline = identifier.inline_policy_identifier
    if inline is not None:
        kind, _, name = owners.get(policy.attached_to or "", "").partition("_")
        is_owner = kind == inline.attachment_type.value and _like(inline.attachment_name, name)
        return policy.kind is PolicyKind.INLINE and policy.name == inline.policy_name and is_owner
    if policy.kind is PolicyKind.INLINE:
        return identifier.policy_type is PolicyIdentifierType.INLINE
    is_aws = policy.arn is not None and policy.arn.split(":")[4] == "aws"
    return identifier.policy_type is (PolicyIdentifierType.AWS_MANAGED if is_aws else PolicyIdentifierType.USER_MANAGED)


def _like(pattern: str, text: str) -> bool:
    """With one star at most, so that the expression never goes back far."""
    pieces = {"*": ".*", "?": "."}
    return re.fullmatch("".join(pieces.get(c) or re.escape(c) for c in pattern), text, re.DOTALL) is not None


def _wrong(message: str) -> InvalidSimulation:
    return InvalidSimulation(message, field="policyExclusionList")
