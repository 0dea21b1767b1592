"""Instance profiles, and the role that each holds."""

from __future__ import annotations

from collections.abc import Mapping

from ....app import instance_profiles as profiles
from ....domain.entities import InstanceProfile
from ..action import Action, Asked
from ..models import Structure
from .base import instant, page, tag, tags
from .roles import held_role


def listed_profile(profile: InstanceProfile) -> Structure:
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": instant(profile.created_at),
        "Roles": [held_role(profile.role)] if profile.role is not None else [],
    }


def _profile(profile: InstanceProfile, asked: Asked) -> Structure:
    return {"InstanceProfile": {**listed_profile(profile), "Tags": tags(profile.tags) or []}}


ACTIONS: Mapping[str, Action] = {
    "CreateInstanceProfile": Action(operation=profiles.CreateInstanceProfile, answer=_profile),
    "GetInstanceProfile": Action(operation=profiles.GetInstanceProfile, answer=_profile),
    "ListInstanceProfiles": Action(
        operation=profiles.ListInstanceProfiles, answer=page("InstanceProfiles", listed_profile)
    ),
    "ListInstanceProfilesForRole": Action(
        operation=profiles.ListInstanceProfilesForRole, answer=page("InstanceProfiles", listed_profile)
    ),
    "DeleteInstanceProfile": Action(operation=profiles.DeleteInstanceProfile),
    "AddRoleToInstanceProfile": Action(operation=profiles.AddRoleToInstanceProfile),
    "RemoveRoleFromInstanceProfile": Action(operation=profiles.RemoveRoleFromInstanceProfile),
    "TagInstanceProfile": Action(operation=profiles.TagInstanceProfile),
    "UntagInstanceProfile": Action(operation=profiles.UntagInstanceProfile),
    "ListInstanceProfileTags": Action(operation=profiles.ListInstanceProfileTags, answer=page("Tags", tag)),
}
