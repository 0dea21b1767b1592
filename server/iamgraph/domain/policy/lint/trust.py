"""Roles' trust policies: whom they let in, and by which of STS's actions (IAM User Guide, "Creating a role")."""

from __future__ import annotations

import re
from typing import Final

from ..document import strings
from ..match import wildcard
from ..operators import Quantifier, operator
from ..shared_issuers import insists, is_open, open_text
from ..syntax import Kind, Node
from ..trust_grammar import FEDERATED_PRINCIPAL, issuer_of
from .base import Check, StatementCheck, Tested, listed, shown

_GITHUB: Final = "token.actions.githubusercontent.com"
_ROLES_ANYWHERE: Final = "rolesanywhere.amazonaws.com"
_NEEDED_BY_ANYWHERE: Final = ("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession")
_SESSION: Final = re.compile(r"arn:([a-z-]+):(?:sts|iam)::([0-9]{12}):assumed-role/([^/]+)/.+")
_ROLE: Final = re.compile(r"arn:([a-z-]+):iam::([0-9]{12}):role/(?:.*/)?([^/]+)")
_SUBJECT: Final = re.compile(r"repo:[^/*?:]+/[^/*?:]+:(ref:refs/[^*?]+|[^*?]+)")
_BRANCH: Final = re.compile(r"repo:[^/*?:]+/[^/*?:]+:ref:refs/[^*?]+")
_ASSUME: Final = ("sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity")


def check_trust(check: Check) -> None:
    """Every statement of a trust policy."""
    if not check.is_trust:
        return
    for one in check.statements():
        _check_elements(one)
        _check_roles_anywhere(one)
        _check_redundant(one)
        _check_audience(one)
        providers = _providers(one)
        _check_actions(one, providers)
        if one.is_allow and any(_is_oidc(provider.value) for provider in providers):
            _check_oidc(one, providers)


def _check_elements(one: StatementCheck) -> None:
    check, node = one.check, one.statement.node
    principal, path = one.element("Principal")
    if principal is not None and one.statement.not_principal:
        message = "a trust policy has no NotPrincipal: say whom it lets in with Principal"
        check.error("ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", principal.start, path, message)
    elif principal is not None and principal.kind is Kind.STRING:
        message = 'a trust policy has no "Principal": "*": say whom it lets in, {"AWS": "111122223333"}'
        check.error("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", principal.start, path, message)
    for name in ("Resource", "NotResource"):
        found = node.get(name)
        if found is not None:
            message = f"a trust policy is for the role that it is attached to: remove {name}"
            check.error("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", found.start, (*one.path, name), message)
    for provider in _providers(one):
        if not FEDERATED_PRINCIPAL.fullmatch(provider.value):
            message = f"{shown(provider.value)} is neither an identity provider's ARN nor its domain name"
            code = "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY"
            check.error(code, provider.start, (*path, "Federated"), message)


def _providers(one: StatementCheck) -> tuple[Node, ...]:
    principal = one.statement.node.get("Principal")
    federated = principal.get("Federated") if principal is not None else None
    return strings(federated) if federated is not None else ()


def _is_saml(provider: str) -> bool:
    return ":saml-provider/" in provider


def _is_oidc(provider: str) -> bool:
    """By its ARN, or one of the providers that AWS knows by their domain."""
    return not _is_saml(provider) and FEDERATED_PRINCIPAL.fullmatch(provider) is not None


def _check_actions(one: StatementCheck, providers: tuple[Node, ...]) -> None:
    said = one.statement
    if said.principals is None or said.not_action or not one.is_allow:
        return
    others = [*said.principals.aws, *said.principals.service, *said.principals.canonical_user]
    saml = [node.value for node in providers if _is_saml(node.value)]
    oidc = [node.value for node in providers if not _is_saml(node.value)]
    wrong = {
        "sts:assumerole": [*saml, *oidc],
        "sts:assumerolewithsaml": [*others, *oidc],
        "sts:assumerolewithwebidentity": [*others, *saml],
    }
    for node, path in one.entries("Action"):
        action = node.value.lower()
        found = wrong.get(action, [])
        if action in _ASSUME and found and len(found) == len(others) + len(saml) + len(oidc):
            message = f"{shown(node.value)} is not how {listed(found)} can come: SAML providers take"
            message += " sts:AssumeRoleWithSAML, OIDC providers sts:AssumeRoleWithWebIdentity, others sts:AssumeRole"
            one.check.error("MISMATCHED_ACTION_FOR_PRINCIPAL", node.start, path, message)
        elif not action.startswith("sts:") and action != "*":
            message = f"{shown(node.value)} is no action by which a role is assumed: use sts:AssumeRole"
            one.check.error("MISMATCHED_ACTION_FOR_PRINCIPAL", node.start, path, message)


def _check_roles_anywhere(one: StatementCheck) -> None:
    principals = one.statement.principals
    if principals is None or _ROLES_ANYWHERE not in principals.service or not one.is_allow:
        return
    tests = [wildcard(action.lower()) for action in one.statement.actions]
    has = {
        name: any(test(name.lower()) for test in tests) is not one.statement.not_action for name in _NEEDED_BY_ANYWHERE
    }
    missing = [name for name, there in has.items() if not there]
    if missing:
        node, path = one.element("Action")
        start = node.start if node is not None else one.statement.node.start
        message = f"{_ROLES_ANYWHERE} also needs {listed(missing)}"
        one.check.error("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", start, path, message)


def _check_redundant(one: StatementCheck) -> None:
    principal, path = one.element("Principal")
    aws = principal.get("AWS") if principal is not None else None
    entries = strings(aws) if aws is not None else ()
    roles = {found.groups(): found.group() for entry in entries if (found := _ROLE.fullmatch(entry.value))}
    for entry in entries:
        session = _SESSION.fullmatch(entry.value)
        if session is not None and session.groups() in roles:
            message = f"{shown(entry.value)} is a session of {roles[session.groups()]}, which is let in already"
            one.check.suggestion("REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY", entry.start, (*path, "AWS"), message)


def _check_audience(one: StatementCheck) -> None:
    """Whether a token has one audience or several is for its provider."""
    for tested in one.conditions():
        domain, _, claim = tested.name.rpartition(":")
        if claim != "aud" or "." not in domain:
            continue
        found = operator(tested.operator.name)
        name, start = shown(tested.key.name), tested.key.start
        if found is not None and found.quantifier is Quantifier.ANY:
            message = f"{name} has one value: remove ForAnyValue:"
            one.check.security("FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE", start, tested.path, message)
        message = f"{name} says for whom a token is: with one value it takes no ForAllValues: or ForAnyValue:"
        one.check.suggestion("CONFIRM_AUDIENCE_CLAIM_TYPE", start, tested.path, message)


def _check_oidc(one: StatementCheck, providers: tuple[Node, ...]) -> None:
    check, (_, path) = one.check, one.element("Principal")
    keys = one.keys()
    for provider in providers:
        domain = issuer_of(provider.value).lower()
        start, where = provider.start, (*path, "Federated")
        if not _is_oidc(provider.value):
            continue
        if not any(key.startswith(domain + ":") for key in keys):
            message = f"whoever has a token of {shown(domain)} can come: test {domain}:aud and {domain}:sub"
            check.security("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", start, where, message)
        elif is_open(one.statement, domain):
            check.security("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", start, where, open_text(domain))
        elif not any(insists(test) for test in one.statement.conditions if test.key.lower().startswith(domain + ":")):
            message = f"no test of a claim of {shown(domain)} insists on it: all hold where the token has no such claim"
            check.security("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", start, where, message)
        if domain == _GITHUB:
            if f"{_GITHUB}:sub" not in keys:
                message = f"every repository of GitHub can come: test {_GITHUB}:sub"
                check.security("MISSING_GITHUB_REPO_CONDITION_KEY", start, where, message)
            for tested in one.conditions():
                if tested.name == f"{_GITHUB}:sub":
                    _check_subject(one, tested, has_ref=f"{_GITHUB}:ref" in keys)


def _check_subject(one: StatementCheck, tested: Tested, *, has_ref: bool) -> None:
    for node in tested.values:
        if not (_SUBJECT if has_ref else _BRANCH).fullmatch(node.value):
            message = f"{shown(node.value)} lets in more than one branch: write repo:owner/name:ref:refs/heads/branch"
            one.check.warning("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", node.start, tested.path, message)
