"""What a guardrail must satisfy to be stored (AWS Organizations User Guide, "SCP syntax" and "RCP syntax"). Service control
policies take the whole policy language, but for principals; resource control policies deny, to everybody."""

from __future__ import annotations

from typing import Final, NoReturn

from ..entities import GuardrailKind
from ..errors import LimitExceeded, MalformedPolicyDocument
from .document import Document, Statement
from .grammar import PolicyType, check
from .syntax import Kind, Node, finding_at

_REFUSED: Final = "The provided policy document does not meet the requirements of the specified policy type"


def check_guardrail(kind: GuardrailKind, text: str, *, limit: int) -> Document:
    """The document, if it may be stored as a guardrail of this kind. Raises InvalidInput, LimitExceeded where it has more
    than `limit` characters, white space among them, and MalformedPolicyDocument with a finding that says where."""
    document = check(PolicyType.SCP, text)
    if document.version != "2012-10-17":
        node = document.root.get("Version") or document.root
        _fail(document, node, "INVALID_VERSION", 'a guardrail needs "Version": "2012-10-17"')
    rules = _check_service_control if kind is GuardrailKind.SERVICE_CONTROL else _check_resource_control
    for index, statement in enumerate(document.statements):
        path = ("Statement", str(index))
        if not statement.resources:
            _fail(document, statement.node, "MISSING_RESOURCE", "the statement has no Resource or NotResource", path)
        rules(document, statement, path)
    if len(text) > limit:
        raise LimitExceeded(f"Cannot exceed quota for GuardrailSize: {limit}", limit=limit)
    return document


def _check_service_control(document: Document, statement: Statement, path: tuple[str, ...]) -> None:
    for name in ("Principal", "NotPrincipal"):
        node = statement.node.get(name)
        if node is not None:
            message = "a service control policy names no principals: it limits all of the account's"
            _fail(document, node, "SCP_SYNTAX_ERROR_PRINCIPAL", message, (*path, name))


def _check_resource_control(document: Document, statement: Statement, path: tuple[str, ...]) -> None:
    node = statement.node
    if statement.effect != "Deny":
        message = 'a resource control policy only denies: use "Effect": "Deny"'
        _fail(document, node.get("Effect") or node, "RCP_SYNTAX_ERROR_ALLOW", message, (*path, "Effect"))
    if statement.not_action:
        message = "a resource control policy has no NotAction: list the actions in Action"
        _fail(document, node.get("NotAction") or node, "RCP_SYNTAX_ERROR_NOTACTION", message, (*path, "NotAction"))
    principal = node.get("Principal")
    if principal is None or principal.kind is not Kind.STRING:
        # The parser lets no other text than "*" be a principal.
        wrong = principal or node.get("NotPrincipal") or node
        message = 'a resource control policy needs "Principal": "*"; single out principals in Condition'
        _fail(document, wrong, "RCP_SYNTAX_ERROR_PRINCIPAL", message, path)


def _fail(document: Document, node: Node, code: str, message: str, path: tuple[str, ...] = ()) -> NoReturn:
    finding = finding_at(document.text, node.start, code, message, path)
    raise MalformedPolicyDocument(f"{_REFUSED}: {message}.", findings=(finding,))
