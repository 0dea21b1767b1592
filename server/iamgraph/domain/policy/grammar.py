"""What a policy must satisfy to be stored: IAM's rules for each kind of policy, in IAM's order, with IAM's messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final, NoReturn

from ..errors import InvalidInput, LimitExceeded, MalformedPolicyDocument
from .document import Document, Statement, parse, strings
from .formats import action_problem, is_legacy_arn, is_legacy_date, resource_problem
from .operators import operator
from .syntax import FORBIDDEN, MAXIMUM_LENGTH, Node, finding_at, place
from .trust_grammar import check_trust

_LEGACY: Final = "The policy failed legacy parsing"
_SPACE: Final = re.compile(r"[ \t\n\r]+")


class PolicyType(Enum):
    """What a policy is written as. A boundary is a managed policy in another use."""

    MANAGED = "managed"
    INLINE = "inline"
    TRUST = "trust"
    RESOURCE = "resource"
    SESSION = "session"
    BOUNDARY = "boundary"
    SCP = "scp"


_REQUIRE_2012: Final = (PolicyType.MANAGED, PolicyType.BOUNDARY)
_FIELDS: Final = {PolicyType.TRUST: "assumeRolePolicyDocument", PolicyType.SESSION: "policy"}


def check(kind: PolicyType, text: str) -> Document:
    """The document, if it may be stored as a policy of this kind. Raises InvalidInput for a text with characters that
    no parameter may have, or too long or empty, and MalformedPolicyDocument, with IAM's message and a finding that says
    where, for the first rule that it breaks. Does not look at sizes, nor whether principals exist."""
    _check_characters(_FIELDS.get(kind, "policyDocument"), text)
    if kind is PolicyType.TRUST:
        return check_trust(text)
    document = parse(text)
    if kind is PolicyType.RESOURCE or kind is PolicyType.SCP:
        # Not every service refuses a Sid used twice; the lint recommends unique ones.
        if kind is PolicyType.SCP:
            _check_sids(document)
        _check_actions(document)
        _check_action_prefixes(document)
        return document
    _check_no_principals(document)
    if kind in _REQUIRE_2012:
        _check_version(document)
    _check_legacy(document)
    _check_sids(document)
    _check_actions(document)
    _check_resource_formats(document)
    _check_action_prefixes(document)
    _check_resources(document)
    return document


def size(text: str) -> int:
    """How many characters count against a quota: all that are no white space."""
    return len(_SPACE.sub("", text))


def check_size(kind: PolicyType, text: str, limit: int) -> None:
    """Refuse a document that is larger than `limit` by `size`. Raises LimitExceeded. Inline policies have a limit in
    total, which is their entity's."""
    if size(text) > limit:
        quota = "ACLSizePerRole" if kind is PolicyType.TRUST else "PolicySize"
        raise LimitExceeded(f"Cannot exceed quota for {quota}: {limit}", limit=limit)


def _check_characters(field: str, text: str) -> None:
    failed = f"1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must"
    if not text:
        raise InvalidInput(f"{failed} have length greater than or equal to 1", field=field)
    if len(text) > MAXIMUM_LENGTH:
        raise InvalidInput(f"{failed} have length less than or equal to {MAXIMUM_LENGTH}", field=field)
    bad = FORBIDDEN.search(text)
    if bad is not None:
        line, column = place(text, bad.start())
        pattern = r"[\u0009\u000A\u000D\u0020-\u00FF]+"
        where = f"(line {line}, column {column} has U+{ord(bad.group()):04X})"
        raise InvalidInput(f"{failed} satisfy regular expression pattern: {pattern} {where}", field=field)


def _check_no_principals(document: Document) -> None:
    for _, statement in _statements(document):
        for name in ("Principal", "NotPrincipal"):
            node = statement.node.get(name)
            if node is not None:
                _fail(document, node, "UNSUPPORTED_PRINCIPAL", "Policy document should not specify a principal.")


def _check_version(document: Document) -> None:
    if document.version != "2012-10-17":
        node = document.root.get("Version") or document.root
        message = "Policy document must be version 2012-10-17 or greater."
        _fail(document, node, "MISSING_VERSION" if node is document.root else "INVALID_VERSION", message)


def _check_legacy(document: Document) -> None:
    for path, statement in _statements(document):
        effect = statement.node.get("Effect")
        if effect is not None and effect.value != statement.effect:
            _fail(document, effect, "INVALID_EFFECT", _LEGACY, (*path, "Effect"))
        for node in _dates(statement):
            if not is_legacy_date(node.value):
                _fail(document, node, "INVALID_DATE_VALUE", _LEGACY, (*path, "Condition"))
    for path, statement in _statements(document):
        nodes = _entries(statement, "Resource")
        if any(resource_problem(node.value) for node in nodes):
            # The resource's own message comes after the checks that stand between.
            return
        for node in nodes:
            if not is_legacy_arn(node.value):
                _fail(document, node, "MISSING_ARN_FIELD", _LEGACY, (*path, "Resource"))


def _check_sids(document: Document) -> None:
    seen: set[str] = set()
    for path, statement in _statements(document):
        node = statement.node.get("Sid")
        if node is None or not node.value:
            continue
        if node.value in seen:
            message = "Statement IDs (SID) in a single policy must be unique."
            _fail(document, node, "UNIQUE_SIDS_REQUIRED", message, (*path, "Sid"))
        seen.add(node.value)


def _check_actions(document: Document) -> None:
    for path, statement in _statements(document):
        if not statement.actions:
            node = statement.node.get("Action") or statement.node.get("NotAction") or statement.node
            _fail(document, node, "MISSING_ACTION", "Policy statement must contain actions.", path)


def _check_resource_formats(document: Document) -> None:
    for path, statement in _statements(document):
        # IAM looks at a statement's resources as a sorted set.
        for node in sorted(_entries(statement, "Resource"), key=lambda node: node.value):
            problem = resource_problem(node.value)
            if problem is not None:
                _fail(document, node, _resource_code(problem), problem, (*path, "Resource"))


def _resource_code(problem: str) -> str:
    if problem.startswith("Partition"):
        return "INVALID_PARTITION"
    if problem.startswith("Resource vendor"):
        return "MISSING_ARN_FIELD"
    if problem.endswith("region information."):
        return "ARN_REGION_NOT_ALLOWED"
    return "INVALID_ARN_RESOURCE" if problem.startswith("IAM") else "INVALID_ARN_PREFIX"


def _check_action_prefixes(document: Document) -> None:
    for path, statement in _statements(document):
        for node in _entries(statement, "Action"):
            problem = action_problem(node.value)
            if problem is not None:
                _fail(document, node, "INVALID_ACTION", problem, (*path, "Action"))


def _check_resources(document: Document) -> None:
    for path, statement in _statements(document):
        if not statement.resources:
            node = statement.node.get("Resource") or statement.node.get("NotResource") or statement.node
            _fail(document, node, "MISSING_RESOURCE", "Policy statement must contain resources.", path)


def _statements(document: Document) -> Iterator[tuple[tuple[str, ...], Statement]]:
    for index, statement in enumerate(document.statements):
        yield ("Statement", str(index)), statement


def _entries(statement: Statement, name: str) -> tuple[Node, ...]:
    """The strings of an element or of its Not-form."""
    node = statement.node.get(name) or statement.node.get("Not" + name)
    return () if node is None else strings(node)


def _dates(statement: Statement) -> Iterator[Node]:
    block = statement.node.get("Condition")
    for member in block.members if block is not None else ():
        found = operator(member.name)
        if found is not None and found.comparison.startswith("Date"):
            for key in member.node.members:
                yield from strings(key.node)


def _fail(document: Document, node: Node, code: str, message: str, path: tuple[str, ...] = ()) -> NoReturn:
    finding = finding_at(document.text, node.start, code, message, path)
    raise MalformedPolicyDocument(message, findings=(finding,))
