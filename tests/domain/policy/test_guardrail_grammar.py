"""What may be stored as a guardrail."""

from __future__ import annotations

import json

import pytest

from iamgraph.domain.entities import GuardrailKind
from iamgraph.domain.errors import LimitExceeded, MalformedPolicyDocument
from iamgraph.domain.policy.guardrail_grammar import check_guardrail

from ...app.asking import document, statement

SCP, RCP = GuardrailKind.SERVICE_CONTROL, GuardrailKind.RESOURCE_CONTROL
EVERYBODY = {"Effect": "Deny", "Principal": "*"}


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        (SCP, document(statement("Allow", "s3:*", "arn:aws:s3:::data/*", Condition={"Bool": {"a:b": "true"}})), None),
        (SCP, document({"Effect": "Deny", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::data"}), None),
        (SCP, document(statement("Deny", "s3:*", Principal="*")), "SCP_SYNTAX_ERROR_PRINCIPAL"),
        (SCP, document(statement("Deny", "s3:*", NotPrincipal={"AWS": "*"})), "SCP_SYNTAX_ERROR_PRINCIPAL"),
        (SCP, document({"Effect": "Deny", "Action": "s3:*"}), "MISSING_RESOURCE"),
        (SCP, document({"Effect": "Deny", "Resource": "*"}), "MISSING_ACTION"),
        (SCP, json.dumps({"Statement": [statement("Deny", "s3:*")]}), "INVALID_VERSION"),
        (RCP, document(statement("Deny", "*", Principal="*")), None),
        (RCP, document({**EVERYBODY, "Action": "s3:*", "NotResource": "*"}), None),
        (RCP, document(statement("Allow", "s3:*", Principal="*")), "RCP_SYNTAX_ERROR_ALLOW"),
        (RCP, document(statement("Deny", "s3:*")), "RCP_SYNTAX_ERROR_PRINCIPAL"),
        (RCP, document(statement("Deny", "s3:*", Principal={"AWS": "*"})), "RCP_SYNTAX_ERROR_PRINCIPAL"),
        (RCP, document(statement("Deny", "s3:*", NotPrincipal="*")), "RCP_SYNTAX_ERROR_PRINCIPAL"),
        (RCP, document({**EVERYBODY, "NotAction": "s3:*", "Resource": "*"}), "RCP_SYNTAX_ERROR_NOTACTION"),
    ],
)
def test_what_a_guardrail_may_say(kind: GuardrailKind, text: str, code: str | None) -> None:
    if code is None:
        assert check_guardrail(kind, text, limit=5120).text == text
        with pytest.raises(LimitExceeded):
            check_guardrail(kind, text, limit=len(text) - 1)
        return
    with pytest.raises(MalformedPolicyDocument) as refused:
        check_guardrail(kind, text, limit=5120)
    (finding,) = refused.value.findings
    assert finding.code == code and finding.line == 1
