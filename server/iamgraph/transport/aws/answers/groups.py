"""Groups and who is in them."""

from __future__ import annotations

from collections.abc import Mapping

from ....app import groups
from ....app.listing import Listed
from ....domain.entities import Group, User
from ..action import Action, Asked
from ..models import Structure
from .base import instant, page
from .users import listed_user


def shown_group(group: Group) -> Structure:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": instant(group.created_at),
    }


def _group(group: Group, asked: Asked) -> Structure:
    return {"Group": shown_group(group)}


def _group_and_members(results: tuple[Group, Listed[User]], asked: Asked) -> Structure:
    group, members = results
    return {**_group(group, asked), **page("Users", listed_user)(members, asked)}


ACTIONS: Mapping[str, Action] = {
    "CreateGroup": Action(operation=groups.CreateGroup, answer=_group),
    "GetGroup": Action(operation=groups.GetGroup, also=groups.ListGroupMembers, answer=_group_and_members),
    "ListGroups": Action(operation=groups.ListGroups, answer=page("Groups", shown_group)),
    "UpdateGroup": Action(operation=groups.UpdateGroup),
    "DeleteGroup": Action(operation=groups.DeleteGroup),
    "AddUserToGroup": Action(operation=groups.AddUserToGroup),
    "RemoveUserFromGroup": Action(operation=groups.RemoveUserFromGroup),
    "ListGroupsForUser": Action(operation=groups.ListGroupsForUser, answer=page("Groups", shown_group)),
}
