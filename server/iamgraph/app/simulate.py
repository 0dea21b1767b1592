"""Asking what a principal may do, without doing it: the same engine, the same reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from ..domain.entities import Account, Role, User
from ..domain.errors import IamError, InvalidInput, NoSuchEntity
from ..domain.names import Count, Doc, Match
from ..domain.policy.evaluate import Decision
from .access import AccessCache
from .operation import Query, operation
from .questions import ContextEntries, Question, answer, subject, trusting
from .sessions import HOLDER
from .work import Work

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")


@operation("iam:SimulatePrincipalPolicy", on=HOLDER, raises=(NoSuchEntity,))
class SimulatePrincipalPolicy(Query[Decision]):
    """Say whether policy allows a user, a role or the root an action on a resource, now, and why."""

    principal_id: Annotated[str, Doc("The principal's unique id; the account's id for the root.")]
    action_name: Annotated[str, Match(r".+", 3, 128), Doc("One action, such as `iam:CreateRole`.")]
    resource_arn: Annotated[str, Match(r"[^\x00-\x1f\x7f]+", 1, 2048), Doc("A resource's ARN, or `*`.")]
    context_entries: Annotated[ContextEntries, Count(100), Doc("Context keys of the request, with their values.")] = ()

    def validate(self) -> None:
        if not _ACTION.fullmatch(self.action_name):
            raise InvalidInput(f"{self.action_name!r} is not one action, such as iam:CreateRole", field="action")

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[SimulatePrincipalPolicy, User | Role | Account]]
    ) -> Sequence[Decision | IamError]:
        questions = [
            Question(action=query.action_name, resource=query.resource_arn, context=query.context_entries)
            for query, _ in asks
        ]
        roles, cache = await trusting(work, questions), AccessCache()
        subjects = {entity.id: await subject(work, cache, entity) for _, entity in asks}
        return [
            answer(subjects[entity.id], question, roles) for question, (_, entity) in zip(questions, asks, strict=True)
        ]
