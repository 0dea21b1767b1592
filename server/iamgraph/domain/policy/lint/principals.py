"""Principals: who may stand there, by the kind of policy."""

from __future__ import annotations

import re
from typing import Final

from ..document import strings
from ..syntax import Kind, Node
from ..trust_grammar import AWS_PRINCIPAL, SERVICE_PRINCIPAL
from .base import Check, StatementCheck, ValidationType, listed, shown
from .variables import starred

_ROLE_ID: Final = re.compile(r"AROA[A-Z0-9]{16,124}")
_USER_ID: Final = re.compile(r"AIDA[A-Z0-9]{16,124}")
_ORIGIN: Final = re.compile(r"arn:[a-z-]+:iam::cloudfront:user/\S+")
_SOURCES: Final = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"})
_WEAK_SOURCES: Final = (
    "aws:referer", "aws:useragent", "aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc", "aws:sourcevpce",
)  # fmt: skip
_OF_PRINCIPALS: Final = (
    "aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:principaltag/",
    "aws:principaltype", "aws:userid", "aws:username",
)  # fmt: skip
_STATED: Final = {"s3objectlambda": "s3-object-lambda"}
_OF_RESOURCES: Final = frozenset({
    "aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths", "s3:resourceaccount",
})  # fmt: skip


def check_principals(check: Check) -> None:
    """Identity policies and guardrails have none, policies of resources must have some."""
    for one in check.statements():
        node, path = one.element("Principal")
        if check.is_identity and node is not None:
            message = "an identity policy speaks of whom it is attached to: remove the principal"
            check.error("UNSUPPORTED_PRINCIPAL", node.start, path, message)
        elif check.type is ValidationType.SERVICE_CONTROL_POLICY and node is not None:
            message = "service control policies have no principals: test aws:PrincipalArn in Condition"
            check.error("SCP_SYNTAX_ERROR_PRINCIPAL", node.start, path, message)
        elif check.type is ValidationType.RESOURCE_CONTROL_POLICY:
            _check_resource_control(one)
        elif check.type is ValidationType.RESOURCE_POLICY:
            if node is None:
                message = 'say who: add Principal, such as {"AWS": "111122223333"}'
                check.error("MISSING_PRINCIPAL", one.statement.node.start, one.path, message)
            else:
                _check_entries(one, node)
    if check.is_resource:
        _check_services(check)


def _check_resource_control(one: StatementCheck) -> None:
    check, said, start = one.check, one.statement, one.statement.node.start
    node, path = one.element("Principal")
    if node is None or said.not_principal or said.principals is None or not said.principals.everyone:
        message = 'resource control policies are for everyone: write "Principal": "*", and test keys in Condition'
        check.error("RCP_SYNTAX_ERROR_PRINCIPAL", start if node is None else node.start, path, message)
    if one.is_allow:
        message = "a resource control policy only denies: what it does not deny, it allows"
        check.error("RCP_SYNTAX_ERROR_ALLOW", start, one.path, message)


def _check_entries(one: StatementCheck, node: Node) -> None:
    check, (_, path) = one.check, one.element("Principal")
    if one.statement.not_principal and one.is_allow:
        message = "Allow with NotPrincipal lets in everyone else, also strangers: use Principal"
        check.security("ALLOW_WITH_NOT_PRINCIPAL", node.start, path, message)
    if node.kind is Kind.OBJECT and not node.members:
        message = "the statement names no principals, so it does nothing"
        check.suggestion("EMPTY_OBJECT_PRINCIPAL", node.start, path, message)
    for member in node.members:
        where = (*path, member.name)
        if not strings(member.node):
            message = f"the statement names no {member.name} principals: say which"
            check.suggestion("EMPTY_ARRAY_PRINCIPAL", member.node.start, where, message)
        if member.name == "Federated" and check.is_resource:
            message = "only a role's trust policy lets in users of an identity provider"
            check.error("FEDERATED_PRINCIPAL_NOT_SUPPORTED", member.node.start, where, message)
        for entry in strings(member.node):
            problem = _problem(member.name, entry.value)
            if problem is not None and "${" not in entry.value:
                check.error(problem[0], entry.start, where, f"{shown(entry.value)} {problem[1]}")
            _check_reference(check, member.name, entry, where)


def _problem(kind: str, text: str) -> tuple[str, str] | None:
    if ("*" in text or "?" in text) and not (kind == "AWS" and text == "*"):
        return "UNSUPPORTED_WILDCARD_IN_PRINCIPAL", f"has a wildcard, which {kind} principals cannot: write it out"
    if kind == "Service" and not SERVICE_PRINCIPAL.fullmatch(text):
        return "INVALID_SERVICE_PRINCIPAL_FORMAT", "is not of the form service-name.amazonaws.com"
    if kind == "AWS" and not AWS_PRINCIPAL.fullmatch(text) and not _ORIGIN.fullmatch(text):
        return "INVALID_PRINCIPAL_FORMAT", "is no account id and no ARN of an account's root, a user, role or session"
    return None


def _check_reference(check: Check, kind: str, entry: Node, path: tuple[str, ...]) -> None:
    if kind != "AWS":
        return
    message = "is the id of {}: write its ARN, which is bound to the id when the policy is saved"
    if _ROLE_ID.fullmatch(entry.value):
        check.warning("INVALID_ROLE_REFERENCE", entry.start, path, f"{shown(entry.value)} {message.format('a role')}")
    if _USER_ID.fullmatch(entry.value):
        check.warning("INVALID_USER_REFERENCE", entry.start, path, f"{shown(entry.value)} {message.format('a user')}")


def _check_services(check: Check) -> None:
    """A service acts for many: say for whose resources (IAM User Guide, "The confused deputy problem")."""
    for one in check.statements():
        principals = one.statement.principals
        for tested in one.conditions():
            if tested.name in _OF_RESOURCES:
                message = f"{shown(tested.key.name)} is always the same in the policy of the resource itself"
                check.suggestion("IRRELEVANT_CONDITION_KEY_IN_POLICY", tested.key.start, tested.path, message)
        if principals is None or not principals.service or one.statement.not_principal:
            continue
        node, path = one.element("Principal")
        keys = one.keys()
        assert node is not None
        if one.is_allow and not keys & _SOURCES:
            message = f"{listed(list(principals.service))} may act for anybody: test aws:SourceArn or aws:SourceAccount"
            check.security("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", node.start, path, message)
        only_services = not (principals.aws or principals.federated or principals.canonical_user)
        for tested in one.conditions():
            name = shown(tested.key.name)
            if one.is_allow and tested.name in _WEAK_SOURCES and not keys & _SOURCES:
                message = f"for a service test aws:SourceArn or aws:SourceAccount instead of {name}"
                code = "RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL"
                check.suggestion(code, tested.key.start, tested.path, message)
            if only_services and tested.name.startswith(_OF_PRINCIPALS):
                message = f"requests of {listed(list(principals.service))} never carry {name}"
                code = "UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL"
                check.error(code, tested.key.start, tested.path, message)


def check_one_service(check: Check) -> None:
    """The policy of a resource speaks of that resource's service alone: the one of its stated type, else the one that
    its actions and its ARNs have in common."""
    if not check.is_resource:
        return
    stated = (check.resource_type or "").split("::")
    for one in check.statements():
        arns = [starred(text).split(":") for text in one.statement.resources or ()]
        named = {fields[2] for fields in arns if len(fields) > 2}
        own = _services(named)
        acting = _services({text.lower().partition(":")[0] for text in one.statement.actions})
        if len(stated) > 2:
            name = stated[1].lower()
            own = acting = {_STATED.get(name, name)}
        _check_one_service(one, own, acting)


def _check_one_service(one: StatementCheck, own: set[str], acting: set[str]) -> None:
    check = one.check
    for node, path in one.entries("Action"):
        prefix, colon, _ = node.value.lower().partition(":")
        known = colon and check.reference.service(prefix) is not None
        if known and own and not any(_are_one(prefix, service) for service in own):
            message = f"{shown(node.value)} is no action on resources of {', '.join(sorted(own)[:3])}"
            check.error("UNSUPPORTED_ACTION_IN_POLICY", node.start, path, message)
    for node, path in one.entries("Resource"):
        fields = starred(node.value).split(":")
        known = len(fields) > 2 and check.reference.arn_formats(fields[2]) is not None
        if known and acting and not any(_are_one(fields[2], service) for service in acting):
            message = f"{shown(node.value)} is no resource of {', '.join(sorted(acting)[:3])}"
            check.error("UNSUPPORTED_RESOURCE_ARN_IN_POLICY", node.start, path, message)


def _services(names: set[str]) -> set[str]:
    """The names, or none where one of them can be anything."""
    return set() if any("*" in name or "?" in name or "${" in name for name in names) else names


def _are_one(one: str, other: str) -> bool:
    """Whether actions of one prefix can be on ARNs of the other: kafka-cluster's are on kafka's."""
    return one.startswith(other) or other.startswith(one)
