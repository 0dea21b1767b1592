"""What a role's trust policy must satisfy to be stored. IAM checks these by rules and with messages of their own."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from ..errors import MalformedPolicyDocument
from .document import Document, Statement, parse, strings
from .finding import Finding
from .shared_issuers import is_open, open_text
from .syntax import Kind, Node, finding_at

_SYNTAX: Final = "Syntax error in policy."
_MESSAGES: Final = {
    "JSON_SYNTAX_ERROR": "This policy contains invalid Json",
    "DATA_TYPE_MISMATCH": "This policy contains invalid Json",
    "INVALID_VERSION": "The policy must contain a valid version string",
    "MISSING_STATEMENT": "Could not parse the policy: Statement is empty!",
    "MISSING_EFFECT": "Missing required field Effect",
    "INVALID_PRINCIPAL_FORMAT": _SYNTAX,
}
_NO_SUCH: Final = "Invalid principal in policy: "
_COGNITO: Final = "cognito-identity.amazonaws.com"
"""Speaks for the users of everybody's identity pools."""
# Which AWS principals can be meant at all. Whether they exist is for the caller, who has the store.
AWS_PRINCIPAL: Final = re.compile(
    r"\*|[0-9]{12}|A(?:IDA|ROA)[A-Z0-9]{16,124}|arn:[a-z-]+:iam::[0-9]{12}:(?:root|user/[^*?\s]+|role/[^*?\s]+)"
    r"|arn:[a-z-]+:sts::[0-9]{12}:(?:assumed-role/[^*?\s/]+/[^*?\s/]+|federated-user/[^*?\s/]+)"
)
SERVICE_PRINCIPAL: Final = re.compile(r"[a-z0-9][a-z0-9.-]*\.(?:amazonaws\.com|amazonaws\.com\.cn|aws\.internal)")
FEDERATED_PRINCIPAL: Final = re.compile(
    r"arn:[a-z-]+:iam::[0-9]{12}:(?:saml-provider/[\w+=,.@-]+|oidc-provider/\S+)|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
)


def check_trust(text: str) -> Document:
    """The document, if it may be a role's trust policy. Raises MalformedPolicyDocument with IAM's message and a finding
    that says where."""
    try:
        document = parse(text)
    except MalformedPolicyDocument as error:
        finding = error.findings[0]
        raise MalformedPolicyDocument(_message(finding, text), findings=error.findings) from None
    for index, statement in enumerate(document.statements):
        _check_statement(document, statement, ("Statement", str(index)))
    _check_sids(document)
    return document


def _message(finding: Finding, text: str) -> str:
    """What the trust policy's parser says where the general one says "Syntax errors in policy."."""
    last = finding.path[-1] if finding.path else ""
    if finding.code == "INVALID_POLICY_ELEMENT":
        return f"Unknown field {last}"
    if finding.code == "INVALID_PRINCIPAL_KEY":
        return f'{_NO_SUCH}"{last}"'
    if finding.code == "INVALID_EFFECT":
        return "Invalid effect: " + finding.message.split('"')[1]
    if finding.code == "INVALID_PRINCIPAL_FORMAT" and _letter(finding, text) == '"':
        return "Principal must be a JSON object."
    if "Condition" in finding.path:
        return _SYNTAX
    return _MESSAGES.get(finding.code, _SYNTAX)


def _letter(finding: Finding, text: str) -> str:
    line = text.split("\n")[(finding.line or 1) - 1]
    return line[(finding.column or 1) - 1 :][:1]


def _check_statement(document: Document, statement: Statement, path: tuple[str, ...]) -> None:
    node = statement.node
    effect = node.get("Effect") or node
    if effect.value != statement.effect:
        _fail(document, effect, "INVALID_EFFECT", f"Invalid effect: {effect.value}", (*path, "Effect"))
    _check_principal(document, statement, path)
    if not statement.actions:
        _fail(document, node, "MISSING_ACTION", "Missing required field Action", path)
    for entry in strings(node.get("Action") or node.get("NotAction") or node):
        if not entry.value.lower().startswith("sts:"):
            message = "AssumeRole policy may only specify STS AssumeRole actions."
            _fail(document, entry, "MISMATCHED_ACTION_FOR_PRINCIPAL", message, (*path, "Action"))
    for name, message in (
        ("Resource", "Has prohibited field Resource"),
        ("NotResource", "AssumeRole policy must not contain resources."),
    ):
        found = node.get(name)
        if found is not None:
            _fail(document, found, "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", message, (*path, name))


def _check_principal(document: Document, statement: Statement, path: tuple[str, ...]) -> None:
    excluded = statement.node.get("NotPrincipal")
    if excluded is not None:
        allow = statement.effect == "Allow"
        message = (
            "Allow with NotPrincipal is not allowed." if allow
            else "AssumeRole policy must not contain NotPrincipal field."
        )  # fmt: skip
        _fail(document, excluded, "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", message, path)
    principal = statement.node.get("Principal")
    if principal is None:
        _fail(document, statement.node, "MISSING_PRINCIPAL", "Missing required field Principal", path)
    if principal.kind is Kind.STRING:
        _fail(document, principal, "INVALID_PRINCIPAL_FORMAT", "Principal must be a JSON object.", (*path, "Principal"))
    if not any(strings(member.node) for member in principal.members):
        message = "Missing required field Principal cannot be empty!"
        _fail(document, principal, "EMPTY_OBJECT_PRINCIPAL", message, (*path, "Principal"))
    for member in principal.members:
        if member.name == "CanonicalUser":
            _fail(document, member.node, "UNSUPPORTED_PRINCIPAL", f'{_NO_SUCH}"{member.name}"', (*path, "Principal"))
        for entry in strings(member.node):
            _check_entry(document, member.name, entry, (*path, "Principal", member.name))
            if entry.value == _COGNITO and statement.effect == "Allow" and not statement.conditions:
                message = "A condition block must be present for the Cognito provider"
                code = "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL"
                _fail(document, entry, code, message, (*path, "Principal", member.name))
    _check_shared_issuers(document, statement, principal, path)


def _check_shared_issuers(document: Document, statement: Statement, principal: Node, path: tuple[str, ...]) -> None:
    federated = principal.get("Federated")
    for entry in strings(federated) if federated is not None else ():
        issuer = issuer_of(entry.value).lower()
        if is_open(statement, issuer):
            code, where = "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", (*path, "Principal", "Federated")
            _fail(document, entry, code, open_text(issuer), where)


def issuer_of(provider: str) -> str:
    """What a provider's condition keys begin with, by its ARN or its domain name."""
    return provider.partition(":oidc-provider/")[2] or provider


def _check_entry(document: Document, kind: str, entry: Node, path: tuple[str, ...]) -> None:
    if kind == "AWS" and not AWS_PRINCIPAL.fullmatch(entry.value):
        _fail(document, entry, "INVALID_PRINCIPAL_FORMAT", f'{_NO_SUCH}"AWS":"{entry.value}"', path)
    if kind == "Service" and not SERVICE_PRINCIPAL.fullmatch(entry.value):
        code = "INVALID_SERVICE_PRINCIPAL_FORMAT"
        _fail(document, entry, code, f'{_NO_SUCH}"SERVICE":"{entry.value}"', path)
    if kind == "Federated" and not FEDERATED_PRINCIPAL.fullmatch(entry.value):
        message = "Invalid federated principal syntax in role trust policy"
        _fail(document, entry, "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", message, path)


def _check_sids(document: Document) -> None:
    seen: set[str] = set()
    for index, statement in enumerate(document.statements):
        if statement.sid is None:
            continue
        if statement.sid in seen:
            node = statement.node.get("Sid") or statement.node
            message = "The Statement Ids in the policy are not unique"
            _fail(document, node, "UNIQUE_SIDS_REQUIRED", message, ("Statement", str(index), "Sid"))
        seen.add(statement.sid)


def _fail(document: Document, node: Node, code: str, message: str, path: tuple[str, ...]) -> NoReturn:
    finding = finding_at(document.text, node.start, code, message, path)
    raise MalformedPolicyDocument(message, findings=(finding,))
