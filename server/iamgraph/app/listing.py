"""Pages of what operations list, with a cursor behind each item."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar

from ..domain.cursor import decode_cursor, encode_cursor
from ..domain.errors import InvalidInput
from ..domain.names import Between, Doc, Match
from ..store.pages import Page

T = TypeVar("T")

Marker = Annotated[str, Match(r".*", 1, 1024), Doc("Where the page before this one ended.")]
MaxItems = Annotated[int, Between(1, 1000), Doc("How many items the page may have.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[T]):
    """A page: its items, the cursor of each, and whether there are more behind it."""

    items: tuple[T, ...] = ()
    more: bool = False
    has_previous: bool = False
    cursor: Callable[[T], str] = field(default=str, repr=False, compare=False)
    """The cursor of an item. Most pages are read without most of theirs."""

    @property
    def cursors(self) -> tuple[str, ...]:
        return tuple(self.cursor(item) for item in self.items)


def position(listing: str, marker: str | None, length: int = 1) -> tuple[str, ...] | None:
    """The sort key that a page starts behind, or None for the first page. Raises InvalidInput."""
    return None if marker is None else decode_cursor(listing, marker, length, field="marker")


def listed(listing: str, page: Page[T], key: Callable[[T], tuple[str, ...]], marker: str | None) -> Listed[T]:
    """A page of the store, with cursors."""
    return Listed(
        items=page.items,
        more=page.more,
        has_previous=marker is not None,
        cursor=lambda item: encode_cursor(listing, *key(item)),
    )


async def by_name(
    listing: str, marker: str | None, key: Callable[[T], str], load: Callable[[str | None], Awaitable[Page[T]]]
) -> Listed[T] | InvalidInput:
    """A page of what is sorted by one text, such as its name: `load` is asked for what is behind that."""
    try:
        after = position(listing, marker)
    except InvalidInput as error:
        return error
    return listed(listing, await load(after[0] if after else None), lambda item: (key(item),), marker)


def sliced(
    listing: str,
    items: Sequence[T],
    key: Callable[[T], tuple[str, ...]],
    key_length: int,
    marker: str | None,
    max_items: int,
) -> Listed[T]:
    """A page out of all the items there are, sorted by `key` (of `key_length` parts) already: for lists that a quota
    bounds. Raises InvalidInput."""
    after = position(listing, marker, key_length)
    rest = [item for item in items if after is None or key(item) > after]
    return listed(listing, Page(items=tuple(rest[:max_items]), more=len(rest) > max_items), key, marker)
