"""Guardrails: what service control policies and resource control policies may say (AWS Organizations User Guide, "SCP
syntax" and "RCP syntax")."""

from __future__ import annotations

from typing import Final

from ..operators import operator
from .base import Check, StatementCheck, Tested, ValidationType, shown

_PRINCIPALS: Final = (
    "aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:principaltag/",
    "aws:principaltype", "aws:userid", "aws:username",
)  # fmt: skip
_SOURCES: Final = ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths")
_IS_SERVICE: Final = "aws:principalisawsservice"


def check_guardrail_actions(check: Check) -> None:
    """Service control policies have wildcards at the end of an action only, says AWS's check. They work here."""
    if check.type is not ValidationType.SERVICE_CONTROL_POLICY:
        return
    for one in check.statements():
        for node, path in one.entries("Action"):
            name = node.value.partition(":")[2] or node.value
            if "*" in name.rstrip("*") or "?" in node.value:
                message = (
                    f"{shown(node.value)} has a wildcard before its end: that works here, but AWS's check refuses it"
                )
                check.error("SCP_SYNTAX_ERROR_ACTION_WILDCARD", node.start, path, message)


def check_resource_control(check: Check) -> None:
    """Resource control policies have no NotAction. Here they reach every service, so that no action is wrong."""
    if check.type is not ValidationType.RESOURCE_CONTROL_POLICY:
        return
    for one in check.statements():
        _check_services(one)
        node, path = one.element("Action")
        if one.statement.not_action and node is not None:
            message = "resource control policies have no NotAction: list the actions in Action"
            check.error("RCP_SYNTAX_ERROR_NOTACTION", node.start, path, message)


def _check_services(one: StatementCheck) -> None:
    """A resource control policy meets services that act for the account, too."""
    if one.is_allow:
        return
    tested = list(one.conditions())
    of_service = {value.value.lower() for t in tested if t.name == _IS_SERVICE for value in t.values}
    asked = any(t.name in ("aws:sourceaccount", "aws:sourcearn") and _asks_presence(t) for t in tested)
    for one_tested in tested:
        name, start, path = shown(one_tested.key.name), one_tested.key.start, one_tested.path
        if one_tested.name.startswith(_PRINCIPALS) and "false" not in of_service:
            message = f'services have no {name}: add "BoolIfExists": {{"aws:PrincipalIsAWSService": "false"}}'
            one.check.warning("RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", start, path, message)
        if one_tested.name not in _SOURCES or _asks_presence(one_tested):
            continue
        if "true" not in of_service:
            message = f'only services have {name}: add "BoolIfExists": {{"aws:PrincipalIsAWSService": "true"}}'
            one.check.warning("RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", start, path, message)
        if not asked:
            message = f'not every service sends {name}: add "Null": {{"aws:SourceAccount": "false"}}'
            one.check.warning("RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", start, path, message)


def _asks_presence(tested: Tested) -> bool:
    found = operator(tested.operator.name)
    return found is not None and found.comparison == "Null"
