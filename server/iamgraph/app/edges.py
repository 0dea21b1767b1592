"""Lists that hang on an entity, such as a user's groups: answered for many entities at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from ..domain.errors import IamError, InvalidInput
from ..store.pages import Page
from .listing import Listed, listed, position, sliced

T = TypeVar("T")


class Paged(Protocol):
    """A query that asks for a page."""

    @property
    def max_items(self) -> int: ...

    @property
    def marker(self) -> str | None: ...


class Owner(Protocol):
    """What the list hangs on."""

    @property
    def id(self) -> str: ...


Q = TypeVar("Q", bound=Paged)
O = TypeVar("O", bound=Owner)  # noqa: E741


async def whole(
    listing: str,
    asks: Sequence[tuple[Q, O]],
    load: Callable[[Sequence[str]], Awaitable[Mapping[str, Sequence[T]]]],
    key: Callable[[T], tuple[str, ...]],
    key_length: int,
    keep: Callable[[Q, T], bool] = lambda query, item: True,
) -> Sequence[Listed[T] | IamError]:
    """Pages of lists that a quota bounds: all the owners' items are read in one statement, sorted by `key`, of
    `key_length` parts, and cut. `keep` says which items a query wants."""
    found = await load(_ids(asks))
    answers: list[Listed[T] | IamError] = []
    for query, owner in asks:
        items = sorted((item for item in found.get(owner.id, ()) if keep(query, item)), key=key)
        try:
            answers.append(sliced(listing, items, key, key_length, query.marker, query.max_items))
        except InvalidInput as error:
            answers.append(error)
    return answers


async def paged(
    listing: str,
    asks: Sequence[tuple[Q, O]],
    load: Callable[[Sequence[str], tuple[str, ...] | None, int], Awaitable[Mapping[str, Page[T]]]],
    key: Callable[[T], tuple[str, ...]],
    key_length: int,
) -> Sequence[Listed[T] | IamError]:
    """Pages of lists that no quota bounds: one statement for all the owners whose queries ask for the same page.
    `load` takes the owners' ids, the sort key (of `key_length` parts) behind which to start, and the size."""
    batches: dict[tuple[str | None, int], list[int]] = {}
    for i, (query, _) in enumerate(asks):
        batches.setdefault((query.marker, query.max_items), []).append(i)
    answers: dict[int, Listed[T] | IamError] = {}
    for (marker, max_items), places in batches.items():
        try:
            after = position(listing, marker, key_length)
        except InvalidInput as error:
            answers.update(dict.fromkeys(places, error))
            continue
        pages = await load(_ids([asks[i] for i in places]), after, max_items)
        for i in places:
            page = pages.get(asks[i][1].id)
            answers[i] = listed(listing, page, key, marker) if page else Listed(has_previous=marker is not None)
    return [answers[i] for i in range(len(asks))]


def _ids(asks: Sequence[tuple[Q, O]]) -> list[str]:
    return list(dict.fromkeys(owner.id for _, owner in asks))
