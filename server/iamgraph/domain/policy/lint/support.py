"""Condition keys beside actions: does a request for the action ever carry the key?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..global_keys import CROSS_SERVICE_KEYS, GLOBAL_KEYS
from ..match import wildcard
from ..operators import operator
from ..reference import Action, find_key
from .base import Check, StatementCheck, Tested, listed, shown

_TAGS: Final = ("aws:resourcetag/", "aws:requesttag/")
_SETS: Final = {
    "sts:sourceidentity": "sts:SetSourceIdentity",
    "sts:transitivetagkeys": "sts:TagSession",
    "s3:requestobjecttagkeys": "s3:PutObjectTagging",
    "ec2:createaction": "ec2:CreateTags",
    "iam:passedtoservice": "iam:PassRole",
    "iam:awsservicename": "iam:CreateServiceLinkedRole",
}
"""Keys that only one action brings, though others list them."""


def check_support(check: Check) -> None:
    """Keys of services and tags, against the actions that are named outright."""
    for one in check.statements():
        actions = list(_named(one))
        for tested in one.conditions():
            key = _documented(check, tested.name)
            if key is not None and check.effort.spend(len(actions)):
                lost = [written for written, action in actions if key not in action.condition_keys]
                if tested.name.startswith(_TAGS):
                    _check_tag(one, tested, key, lost)
                elif lost and not one.statement.not_action:
                    message = f"requests for {listed(lost)} never carry {shown(tested.key.name)}: move them to another"
                    message += " statement"
                    check.error("UNSUPPORTED_ACTION_FOR_CONDITION_KEY", tested.key.start, tested.path, message)
            _check_missing_action(one, tested)


def _documented(check: Check, name: str) -> str | None:
    """The name under which actions have the key, in lower case; None for keys that come with all requests, or none."""
    prefix = name.partition(":")[0]
    if name in CROSS_SERVICE_KEYS or not (name.startswith(_TAGS) or check.reference.service(prefix) is not None):
        return None
    keys = GLOBAL_KEYS if prefix == "aws" else check.reference.condition_keys(prefix) or {}
    found = find_key(keys, name)
    return found.name.lower() if found is not None else None


def _named(one: StatementCheck) -> Iterator[tuple[str, Action]]:
    """The actions without wildcards, as written and as the reference has them."""
    seen: set[str] = set()
    for node, _ in one.entries("Action"):
        text = node.value.lower()
        name = text.partition(":")[2]
        service = None if "*" in name or "?" in name or text in seen else one.check.service_of(text)
        action = service.actions.get(name) if service is not None else None
        seen.add(text)
        if action is not None:
            yield node.value, action


def _check_tag(one: StatementCheck, tested: Tested, documented: str, lost: list[str]) -> None:
    """A tag that never comes: an Allow allows nothing, a Deny denies nothing."""
    check, key, start, path = one.check, shown(tested.key.name), tested.key.start, tested.path
    found = operator(tested.operator.name)
    if found is None or found.negated or found.if_exists or found.comparison == "Null":
        return
    if one.statement.not_action:
        message = f"not all services know {key}, and requests without it are not meant here: list actions in Action"
        if one.is_allow:
            check.suggestion("ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", start, path, message)
        else:
            check.security("DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", start, path, message)
        return
    lost = [*lost, *(pattern for pattern in _patterns(one) if _never(check, pattern, documented))]
    if not lost:
        return
    if one.is_allow:
        message = f"requests for {listed(lost)} never carry {key}, so they are not allowed here"
        check.suggestion("ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", start, path, message)
    else:
        message = f"requests for {listed(lost)} never carry {key}, so they are not denied here"
        check.security("DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", start, path, message)


def _patterns(one: StatementCheck) -> Iterator[str]:
    for node, _ in one.entries("Action"):
        name = node.value.partition(":")[2]
        if "*" in name or "?" in name:
            yield node.value


def _never(check: Check, pattern: str, key: str) -> bool:
    """Whether no action of those that the pattern means carries the key."""
    service = check.service_of(pattern)
    if service is None or not check.effort.spend(len(service.actions)):
        return False
    test = wildcard(pattern.lower().partition(":")[2])
    meant = [action for name, action in service.actions.items() if test(name)]
    return bool(meant) and not any(key in action.condition_keys for action in meant)


def _check_missing_action(one: StatementCheck, tested: Tested) -> None:
    needed = _SETS.get(tested.name)
    if tested.name.startswith("s3:requestobjecttag/"):
        needed = "s3:PutObjectTagging"
    if tested.name.startswith(("aws:requesttag/", "aws:tagkeys")) and _assumes(one):
        needed = "sts:TagSession"
    if needed is None or one.statement.not_action:
        return
    if not any(wildcard(action.lower())(needed.lower()) for action in one.statement.actions):
        message = f"{shown(tested.key.name)} comes with {needed}: add that action to the statement"
        one.check.error("MISSING_ACTION_FOR_CONDITION_KEY", tested.key.start, tested.path, message)


def _assumes(one: StatementCheck) -> bool:
    return any(action.lower().startswith("sts:assumerole") for action in one.statement.actions)
