"""Finds what is accepted in a policy but wrong, unsafe or useless, under the codes of IAM Access Analyzer (IAM User Guide,
"IAM policy validation check reference")."""

from __future__ import annotations

from ...errors import MalformedPolicyDocument
from ..document import parse
from ..finding import Finding
from ..reference import Reference
from .actions import Actions, check_roles_given_away
from .base import RESOURCE_TYPES, TRUST_POLICY, Check, Effort, Report, ValidationType
from .conditions import check_conditions
from .guardrails import check_guardrail_actions, check_resource_control
from .principals import check_one_service, check_principals
from .resources import check_resources
from .shape import check_shape
from .support import check_support
from .trust import check_trust
from .variables import check_operators, check_variables

__all__ = ["RESOURCE_TYPES", "TRUST_POLICY", "ValidationType", "lint"]


def lint(
    text: str, kind: ValidationType, reference: Reference, *, resource_type: str | None = None
) -> tuple[Finding, ...]:
    """What is to be said about a policy, in the order of its text, at most 100 findings: the gravest. A text that is no
    policy has one finding, the first mistake. `resource_type` is one of RESOURCE_TYPES, where it is known what
    a RESOURCE_POLICY is attached to."""
    try:
        document = parse(text)
    except MalformedPolicyDocument as error:
        return tuple(error.findings)
    check = Check(
        document=document,
        type=kind,
        resource_type=resource_type,
        reference=reference,
        report=Report(text),
        effort=Effort(),
    )
    check_shape(check)
    check_variables(check)
    check_operators(check)
    check_principals(check)
    check_one_service(check)
    check_trust(check)
    Actions(check).run()
    check_guardrail_actions(check)
    check_resource_control(check)
    check_roles_given_away(check)
    check_resources(check)
    check_conditions(check)
    check_support(check)
    return check.report.findings()
