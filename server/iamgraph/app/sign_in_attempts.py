"""Attempts to sign in with an identity provider: who came, what the provider said of them, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from ..domain.errors import IamError, InvalidInput, NoSuchEntity
from ..domain.names import ProviderArn
from ..domain.providers import SignInAttempt
from .listing import Listed, Marker, MaxItems, listed, position
from .mapping_rules import MAPPED, ProviderWithRules
from .operation import Query, operation
from .work import Work

LISTING = "sign-in-attempts"


@operation("iamgraph:ListSignInAttempts", on=MAPPED, raises=(NoSuchEntity,))
class ListSignInAttempts(Query[Listed[SignInAttempt]]):
    """List the attempts to sign in with a provider, or to assume a role by it, newest first."""

    provider_arn: ProviderArn
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListSignInAttempts, ProviderWithRules]]
    ) -> Sequence[Listed[SignInAttempt] | IamError]:
        return [await _page(work, query, found.provider.id) for query, found in asks]


async def _page(work: Work, query: ListSignInAttempts, provider_id: str) -> Listed[SignInAttempt] | IamError:
    try:
        key = position(LISTING, query.marker, 2)
        after = (_instant(key[0]), key[1]) if key else None
    except InvalidInput as error:
        return error
    page = await work.data.sign_in_attempts.page(provider_id, after=after, limit=query.max_items)
    return listed(LISTING, page, lambda one: (one.at.isoformat(), one.id), query.marker)


def _instant(text: str) -> datetime:
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    raise InvalidInput("'marker' is not a cursor that this list gave", field="marker")
