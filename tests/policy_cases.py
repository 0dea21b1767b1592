"""Runs a policy case, which is data, on the real engine: what the case files and their runners call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from iamgraph.domain.errors import IamError, LimitExceeded, MalformedPolicyDocument
from iamgraph.domain.limits import Quotas
from iamgraph.domain.policy import grammar
from iamgraph.domain.policy.compile import compiled
from iamgraph.domain.policy.evaluate import (
    Layers,
    Match,
    Policy,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
)
from iamgraph.domain.policy.evaluate import evaluate as decide
from iamgraph.domain.policy.lint import TRUST_POLICY, ValidationType, lint
from iamgraph.reference.aws import AwsReference

Case = Mapping[str, Any]

REFERENCE = AwsReference()
_IDENTITY = (
    grammar.PolicyType.MANAGED,
    grammar.PolicyType.INLINE,
    grammar.PolicyType.SESSION,
    grammar.PolicyType.BOUNDARY,
)
_LINTED = {
    **dict.fromkeys(_IDENTITY, ValidationType.IDENTITY_POLICY),
    grammar.PolicyType.TRUST: ValidationType.RESOURCE_POLICY,
    grammar.PolicyType.RESOURCE: ValidationType.RESOURCE_POLICY,
    grammar.PolicyType.SCP: ValidationType.SERVICE_CONTROL_POLICY,
}
_RESOURCE_TYPES = {grammar.PolicyType.TRUST: TRUST_POLICY}

_LAYERS = {
    PolicyKind.MANAGED: "identity",
    PolicyKind.INLINE: "identity",
    PolicyKind.TRUST: "resource",
    PolicyKind.RESOURCE: "resource",
    PolicyKind.PERMISSIONS_BOUNDARY: "boundary",
    PolicyKind.SESSION: "session",
    PolicyKind.SERVICE_CONTROL: "scp",
    PolicyKind.RESOURCE_CONTROL: "rcp",
}


def evaluate(case: Case) -> dict[str, Any]:
    """The decision of an evaluator case, and the statements that decide it."""
    decision = decide(request(case), layers(case))
    return {"decision": decision.outcome.value, "deciding": [reference(match) for match in decision.because]}


def validate(policy_type: str, text: str) -> dict[str, Any]:
    """What the service answers when the text is sent as a policy of the type: its refusal if it refuses, and findings."""
    kind = grammar.PolicyType(policy_type)
    refusal, found = None, list(lint(text, _LINTED[kind], REFERENCE, resource_type=_RESOURCE_TYPES.get(kind)))
    try:
        grammar.check(kind, text)
        limit = {"managed": Quotas().policy_size, "trust": Quotas().trust_policy_size}.get(policy_type)
        if limit is not None:
            grammar.check_size(kind, text, limit)
    except IamError as error:
        found += error.findings if isinstance(error, MalformedPolicyDocument) else ()
        code = "LimitExceeded" if isinstance(error, LimitExceeded) else error.code
        refusal = {"code": code, "message": error.message}
    findings = [{"type": f.severity.value, "code": f.code, "line": f.line, "column": f.column} for f in found]
    return {"error": refusal, "findings": findings}


def policy(kind: PolicyKind, document: object, bindings: Mapping[str, str] | None = None) -> Policy:
    """A document in force."""
    return Policy(kind=kind, policy=compiled(json.dumps(document)), bindings=bindings)


def request(case: Case) -> Request:
    """The request of a case."""
    caller = case["principal"]
    return Request(
        principal=Principal(
            kind=PrincipalKind(caller["type"]),
            arn=caller.get("arn"),
            account=caller.get("account"),
            role_arn=caller.get("role_arn"),
            user_arn=caller.get("user_arn"),
            unique_id=caller.get("unique_id"),
            provider=caller.get("provider"),
            service=caller.get("service"),
            canonical_id=caller.get("id"),
        ),
        action=case["action"],
        resource=case["resource"],
        resource_account=case["account"],
        context=case["context"],
    )


def layers(case: Case) -> Layers:
    """The policies of a case. The resource policy of a case about assuming a role is the role's trust policy."""

    def several(kind: PolicyKind, documents: Sequence[object] | None) -> list[Policy]:
        return [policy(kind, document) for document in documents or ()]

    session = case.get("session_policies") or None
    on_resource = PolicyKind.TRUST if case["action"].lower().startswith("sts:") else PolicyKind.RESOURCE
    return Layers(
        identity=several(PolicyKind.MANAGED, case["identity_policies"]),
        boundary=policy(PolicyKind.PERMISSIONS_BOUNDARY, case["boundary"]) if case.get("boundary") else None,
        session=None if session is None else several(PolicyKind.SESSION, session),
        resource=policy(on_resource, case["resource_policy"]) if case.get("resource_policy") else None,
        service_control=[several(PolicyKind.SERVICE_CONTROL, level) for level in case.get("scps") or ()],
        resource_control=[several(PolicyKind.RESOURCE_CONTROL, level) for level in case.get("rcps") or ()],
    )


def reference(match: Match) -> dict[str, Any]:
    """How case files name a statement."""
    named = {"layer": _LAYERS[match.kind], "policy": match.index, "statement": match.statement_index}
    return named if match.level is None else {**named, "level": match.level}
