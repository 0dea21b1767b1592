"""Checking a policy before it is stored: what would be accepted, and is wrong, unsafe or useless all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from ...domain.errors import IamError, InvalidInput
from ...domain.names import Doc, Match, Secret
from ...domain.policy.finding import Finding
from ...domain.policy.lint import RESOURCE_TYPES, ValidationType, lint
from ...domain.policy.reference import Reference
from ..operation import Query, operation
from ..services import knowledge
from ..targets import EVERYTHING
from ..work import Work

Asked = tuple[str, ValidationType, str | None]


@operation("access-analyzer:ValidatePolicy", on=EVERYTHING)
class ValidatePolicy(Query[tuple[Finding, ...]]):
    """Say what is to be said about a policy, under the codes of IAM Access Analyzer's policy checks."""

    # Out of the history: what was only looked at need not stay, and it can be long.
    policy_document: Annotated[
        str, Match(r".*", 1, 65_536), Secret(), Doc("A policy as JSON text, with at most 65,536 characters.")
    ]
    policy_type: Annotated[ValidationType, Doc("What it is to be.")]
    validate_policy_resource_type: Annotated[
        str | None, Doc("What a RESOURCE_POLICY is attached to, such as `AWS::S3::Bucket`.")
    ] = None

    def validate(self) -> None:
        named, field = self.validate_policy_resource_type, "validatePolicyResourceType"
        if named is not None and self.policy_type is not ValidationType.RESOURCE_POLICY:
            raise InvalidInput(f"'{field}' goes with the policy of a resource only", field=field)
        if named is not None and named not in RESOURCE_TYPES:
            known = ", ".join(RESOURCE_TYPES)
            raise InvalidInput(f"{named[:100]!a} at '{field}' must be one of {known}", field=field)

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ValidatePolicy, None]]
    ) -> Sequence[tuple[Finding, ...] | IamError]:
        asked = [(q.policy_document, q.policy_type, q.validate_policy_resource_type) for q, _ in asks]
        # In a thread: a long document takes longer than others should wait.
        found = await asyncio.to_thread(_linted, dict.fromkeys(asked), await knowledge(work))
        return [found[one] for one in asked]


def _linted(asked: Iterable[Asked], reference: Reference) -> Mapping[Asked, tuple[Finding, ...]]:
    return {one: lint(one[0], one[1], reference, resource_type=one[2]) for one in asked}
