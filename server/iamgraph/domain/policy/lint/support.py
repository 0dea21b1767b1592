"""Condition keys beside actions: does a request for the action ever carry the key?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..global_keys import CROSS_SERVICE_KEYS
from ..match import wildcard
from ..operators import operator
from ..reference import Action, is_named
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
        for tested in one.conditions():
            prefix = tested.name.partition(":")[0]
            if tested.name.startswith(_TAGS):
                _check_tag(one, tested)
            elif _is_of_service(check, prefix, tested.name):
                _check_key(one, tested)
            _check_missing_action(one, tested)


def _is_of_service(check: Check, prefix: str, name: str) -> bool:
    if prefix == "aws" or name in CROSS_SERVICE_KEYS or check.reference.service(prefix) is None:
        return False
    return is_named(check.reference.condition_keys(prefix) or {}, name)


def _named(one: StatementCheck) -> Iterator[tuple[str, Action]]:
    """The actions without wildcards, as written and as the reference has them."""
    for node, _ in one.entries("Action"):
        name = node.value.lower().partition(":")[2]
        service = None if "*" in name or "?" in name else one.check.service_of(node.value)
        action = service.actions.get(name) if service is not None else None
        if action is not None:
            yield node.value, action


def _check_key(one: StatementCheck, tested: Tested) -> None:
    if one.statement.not_action:
        return
    lost = [written for written, action in _named(one) if not is_named(action.condition_keys, tested.name)]
    if lost:
        message = f"requests for {listed(lost)} never carry {shown(tested.key.name)}: move them to another statement"
        one.check.error("UNSUPPORTED_ACTION_FOR_CONDITION_KEY", tested.key.start, tested.path, message)


def _check_tag(one: StatementCheck, tested: Tested) -> None:
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
    lost = [written for written, action in _named(one) if not is_named(action.condition_keys, tested.name)]
    lost += [pattern for pattern in _patterns(one) if _never(check, pattern, tested.name)]
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
    return bool(meant) and not any(is_named(action.condition_keys, key) for action in meant)


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
