"""The document as a whole: version, statement ids, sizes, empty elements, statements said twice."""

from __future__ import annotations

import json
import re
from typing import Final

from ..grammar import size
from .base import Check, StatementCheck, ValidationType, shown

_SID: Final = re.compile(r"[A-Za-z0-9]*")
_TRUST_QUOTA: Final = 2048
_QUOTAS: Final = {
    ValidationType.IDENTITY_POLICY: 6144,
    # That of S3's bucket policies; other services have less, or more.
    ValidationType.RESOURCE_POLICY: 20_480,
    ValidationType.SERVICE_CONTROL_POLICY: 5120,
    ValidationType.RESOURCE_CONTROL_POLICY: 5120,
}
_EMPTY: Final = {"Action": "actions", "Resource": "resources"}


def check_shape(check: Check) -> None:
    """What concerns no single service."""
    if check.document.root.get("Version") is None:
        message = 'without "Version": "2012-10-17" the policy has no variables: add it'
        check.warning("MISSING_VERSION", check.document.root.start, (), message)
    _check_size(check)
    _check_sids(check)
    _check_same_statements(check)
    for one in check.statements():
        _check_effect(one)
        _check_elements(one)


def _check_size(check: Check) -> None:
    text, quota = check.document.text, _TRUST_QUOTA if check.is_trust else _QUOTAS[check.type]
    # Organizations counts white space, IAM does not.
    counts_space = check.type in (ValidationType.SERVICE_CONTROL_POLICY, ValidationType.RESOURCE_CONTROL_POLICY)
    long = len(text) if counts_space else size(text)
    if long <= quota:
        return
    message = f"the policy has {long} characters, {quota} are the default quota: divide it into several"
    start = check.document.root.start
    if check.type is ValidationType.SERVICE_CONTROL_POLICY:
        check.error("POLICY_SIZE_EXCEEDS_SCP_QUOTA", start, (), message)
    elif check.type is ValidationType.RESOURCE_CONTROL_POLICY:
        check.error("POLICY_SIZE_EXCEEDS_RCP_QUOTA", start, (), message)
    elif check.is_trust:
        check.warning("POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", start, (), message)
    elif check.is_identity:
        check.warning("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", start, (), message)
    else:
        check.warning("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", start, (), message)


def _check_sids(check: Check) -> None:
    seen: set[str] = set()
    for one in check.statements():
        node, path = one.statement.node.get("Sid"), (*one.path, "Sid")
        if node is None:
            continue
        if not node.value:
            check.suggestion("EMPTY_SID_VALUE", node.start, path, "the Sid is empty: give it a value, or leave it out")
        elif node.value in seen:
            if check.is_resource:
                message = f"Sid {shown(node.value)} is used twice: unique ones are easier to refer to"
                check.warning("UNIQUE_SIDS_RECOMMENDED", node.start, path, message)
            else:
                message = f"Sid {shown(node.value)} is used twice: in this kind of policy each must be unique"
                check.error("UNIQUE_SIDS_REQUIRED", node.start, path, message)
        seen.add(node.value)
        # Policies of resources may have other characters in it: key policies have spaces.
        if not check.is_resource and not _SID.fullmatch(node.value):
            message = f"Sid {shown(node.value)} may have the letters a to z, A to Z and digits only"
            check.error("UNSUPPORTED_SID", node.start, path, message)


def _check_same_statements(check: Check) -> None:
    seen: set[str] = set()
    for one in check.statements():
        text = _meaning(one)
        if text in seen:
            message = "an earlier statement says the same: remove one of them"
            check.suggestion("REDUNDANT_STATEMENT", one.statement.node.start, one.path, message)
        seen.add(text)


def _meaning(one: StatementCheck) -> str:
    """What the statement says, however it is written: the same text for the same meaning."""
    said = one.statement
    principals = said.principals
    parts = [
        said.effect,
        said.not_action,
        sorted({action.lower() for action in said.actions}),
        said.not_resource,
        None if said.resources is None else sorted(set(said.resources)),
        said.not_principal,
        None if principals is None else [
            principals.everyone, sorted(principals.aws), sorted(principals.service),
            sorted(principals.federated), sorted(principals.canonical_user),
        ],
        sorted([c.operator, c.key.lower(), *sorted(c.values)] for c in said.conditions),
    ]  # fmt: skip
    return json.dumps(parts)


def _check_effect(one: StatementCheck) -> None:
    effect = one.statement.node.get("Effect")
    if effect is not None and effect.value != one.statement.effect:
        message = f'Effect {shown(effect.value)} is written "{one.statement.effect}"'
        one.check.error("INVALID_EFFECT", effect.start, (*one.path, "Effect"), message)


def _check_elements(one: StatementCheck) -> None:
    check, start = one.check, one.statement.node.start
    for name, what in _EMPTY.items():
        node, path = one.element(name)
        if node is None:
            if name == "Resource" and check.is_trust:
                continue
            message = f"the statement says nothing about {what}: add {name} or Not{name}"
            check.error(f"MISSING_{name.upper()}", start, one.path, message)
        elif not list(one.entries(name)):
            message = f"the statement lists no {what}, so it does nothing"
            check.suggestion(f"EMPTY_ARRAY_{name.upper()}", node.start, path, message)
    block = one.statement.node.get("Condition")
    message = "the block is empty and tests nothing: remove it, or add conditions"
    if block is not None and not block.members:
        check.suggestion("EMPTY_OBJECT_CONDITION", block.start, (*one.path, "Condition"), message)
    for operator in block.members if block is not None else ():
        if not operator.node.members:
            path = (*one.path, "Condition", operator.name)
            check.suggestion("EMPTY_OBJECT_CONDITION", operator.start, path, message)
