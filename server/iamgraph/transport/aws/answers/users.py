"""Users, their tags, boundaries and passwords."""

from __future__ import annotations

from collections.abc import Mapping

from ....app import login_profiles, users
from ....domain.entities import Account, LoginProfile, User
from ..action import Action, Asked, hashing
from ..models import Structure
from .base import boundary, instant, page, tag, tags


def listed_user(user: User) -> Structure:
    """A user as lists have it: without tags and boundary."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": instant(user.created_at),
        "PasswordLastUsed": instant(user.password_last_used_at) if user.password_last_used_at else None,
    }


def _user(user: User | Account, asked: Asked) -> Structure:
    if isinstance(user, Account):
        # The root, which has neither name nor path.
        used_at = user.root_password_last_used_at
        root = {"UserId": user.id, "Arn": user.arn, "CreateDate": instant(user.created_at)}
        return {"User": {**root, "PasswordLastUsed": instant(used_at) if used_at is not None else None}}
    whole = {"PermissionsBoundary": boundary(user.boundary_arn), "Tags": tags(user.tags)}
    return {"User": {**listed_user(user), **whole}}


def _login_profile(profile: LoginProfile, asked: Asked) -> Structure:
    return {
        "LoginProfile": {
            "UserName": asked.user_name,
            "CreateDate": instant(profile.created_at),
            "PasswordResetRequired": profile.password_reset_required,
        }
    }


_NO_LONGER = "`MaxSigninSessionDuration` is not supported"
ACTIONS: Mapping[str, Action] = {
    "CreateUser": Action(operation=users.CreateUser, answer=_user),
    "GetUser": Action(operation=users.GetUser, answer=_user),
    "ListUsers": Action(operation=users.ListUsers, answer=page("Users", listed_user)),
    "UpdateUser": Action(operation=users.UpdateUser),
    "DeleteUser": Action(operation=users.DeleteUser),
    "TagUser": Action(operation=users.TagUser),
    "UntagUser": Action(operation=users.UntagUser),
    "ListUserTags": Action(operation=users.ListUserTags, answer=page("Tags", tag)),
    "PutUserPermissionsBoundary": Action(operation=users.PutUserPermissionsBoundary),
    "DeleteUserPermissionsBoundary": Action(operation=users.DeleteUserPermissionsBoundary),
    "CreateLoginProfile": Action(
        operation=login_profiles.CreateLoginProfile,
        answer=_login_profile,
        points=hashing,
        differs=f"`UserName` and `Password` are required; {_NO_LONGER}",
    ),
    "GetLoginProfile": Action(operation=login_profiles.GetLoginProfile, answer=_login_profile),
    "UpdateLoginProfile": Action(operation=login_profiles.UpdateLoginProfile, points=hashing, differs=_NO_LONGER),
    "DeleteLoginProfile": Action(operation=login_profiles.DeleteLoginProfile, differs="`UserName` is required"),
    "ChangePassword": Action(
        operation=login_profiles.ChangePassword,
        points=hashing,
        differs="the root may change its password too",
    ),
}
