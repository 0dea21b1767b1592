"""Session policies: the parameters that narrow temporary credentials, and what of them is kept."""

from __future__ import annotations

from typing import Annotated

from ..domain.entities import SessionPolicies
from ..domain.errors import InvalidInput, LimitExceeded
from ..domain.names import Count, Doc, Match, PolicyArn
from ..domain.policy.grammar import PolicyType, check, size
from .work import Work

_TEXT, _DOC = r"[\t\n\r\x20-\xff]+", Doc("A session policy, which can only narrow.")
SessionPolicy = Annotated[str, Match(_TEXT, 1, 131072), _DOC]
FederatedUserPolicy = Annotated[str, Match(_TEXT, 1, 2048), _DOC]
"""White space counts here, as on AWS."""
SessionPolicyArns = Annotated[tuple[PolicyArn, ...], Count(10)]


async def narrowing(
    work: Work, account_id: str, policy: str | None, policy_arns: tuple[str, ...], *, whose: str
) -> tuple[SessionPolicies, int]:
    """What narrows a session of the account, and how much of the space for it that takes, in percent. `whose` says in errors
    whose account it is. Raises MalformedPolicyDocument, LimitExceeded and InvalidInput."""
    limit = work.tools.quotas.session_policy_size
    used = sum(len(arn) for arn in policy_arns)
    if policy is not None:
        check(PolicyType.SESSION, policy)
        used += size(policy)
    if used > limit:
        raise LimitExceeded(f"Cannot exceed quota for SessionPolicySize: {limit}", limit=limit)
    found = await work.data.policies.by_arns(policy_arns) if policy_arns else {}
    for arn in policy_arns:
        if arn not in found or found[arn].account_id not in (account_id, None):
            raise InvalidInput(f"Policy {arn} does not exist in the {whose}'s account.", field="policyArns")
    ids = tuple(dict.fromkeys(found[arn].id for arn in policy_arns))
    return SessionPolicies(document=policy, policy_ids=ids), -(-100 * used // limit)
