"""Documents as data, and back."""

from __future__ import annotations

import json
from typing import Any

from iamgraph.domain.policy.document import Document, Principals, Statement


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def printed(document: Document) -> str:
    """A text with the document's elements in it."""
    elements: dict[str, Any] = {"Version": document.version}
    if document.id is not None:
        elements["Id"] = document.id
    return json.dumps({**elements, "Statement": [_statement(one) for one in document.statements]})


def _statement(statement: Statement) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": statement.effect}
    if statement.sid is not None:
        found["Sid"] = statement.sid
    if statement.actions:
        found["NotAction" if statement.not_action else "Action"] = statement.actions
    if statement.resources is not None:
        found["NotResource" if statement.not_resource else "Resource"] = statement.resources
    if statement.principals is not None:
        found["NotPrincipal" if statement.not_principal else "Principal"] = _principals(statement.principals)
    conditions: dict[str, dict[str, Any]] = {}
    for condition in statement.conditions:
        conditions.setdefault(condition.operator, {})[condition.key] = condition.values
    return {**found, "Condition": conditions}


def _principals(principals: Principals) -> Any:
    if principals.everyone:
        return "*"
    kinds = {
        "AWS": principals.aws, "Service": principals.service, "Federated": principals.federated,
        "CanonicalUser": principals.canonical_user,
    }  # fmt: skip
    return {kind: texts for kind, texts in kinds.items() if texts}
