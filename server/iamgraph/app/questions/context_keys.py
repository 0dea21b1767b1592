"""Which context keys policies read: what somebody who simulates should supply."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from ...domain.errors import IamError, InvalidInput, InvalidSimulation, NoSuchEntity
from ...domain.names import ArnText, Doc
from ...domain.policy.context_keys import context_keys
from ...domain.policy.document import Document
from ..access import AccessCache
from ..operation import Query, operation
from ..targets import EVERYTHING
from ..work import Work
from .question import subject
from .simulation import Policies
from .sources import SOURCE, Sourced
from .supposed import Texts, caller_arn, check_length, policies_of

Keys = tuple[str, ...]


@operation("iam:GetContextKeysForCustomPolicy", on=EVERYTHING, raises=(InvalidSimulation,))
class GetContextKeysForCustomPolicy(Query[Keys]):
    """List the context keys that policies read, in conditions and as variables."""

    policy_input_list: Annotated[Policies, Doc("Policies, as JSON text.")]

    def validate(self) -> None:
        check_length(sum(len(text) for text in self.policy_input_list))

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetContextKeysForCustomPolicy, None]]
    ) -> Sequence[Keys | IamError]:
        return [await _keys((), query.policy_input_list) for query, _ in asks]


@operation("iam:GetContextKeysForPrincipalPolicy", on=SOURCE, raises=(NoSuchEntity, InvalidSimulation))
class GetContextKeysForPrincipalPolicy(Query[Keys]):
    """List the context keys that the identity-based policies of a user (its groups' too), a group or a role read."""

    policy_source_arn: Annotated[ArnText, Doc("The user, group or role.")]
    policy_input_list: Annotated[Policies, Doc("Further policies, as JSON text.")] = ()

    def validate(self) -> None:
        caller_arn("policySourceArn", self.policy_source_arn)
        check_length(sum(len(text) for text in self.policy_input_list))

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetContextKeysForPrincipalPolicy, Sourced]]
    ) -> Sequence[Keys | IamError]:
        cache, answers = AccessCache(), []
        for query, sourced in asks:
            found = await subject(work, cache, sourced.entity)
            own = [policy.policy.document for policy in found.access.layers.identity]
            answers.append(await _keys(own, query.policy_input_list))
        return answers


async def _keys(own: Sequence[Document], given: Sequence[str]) -> Keys | IamError:
    try:
        (further,) = await policies_of(Texts(field="policyInputList", texts=tuple(given)))
    except InvalidInput as error:
        return error
    documents = [*own, *(policy.policy.document for policy in further)]
    # In a thread: there may be much to read.
    return await asyncio.to_thread(context_keys, documents)
