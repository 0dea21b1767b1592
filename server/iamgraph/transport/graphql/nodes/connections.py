"""Relay connections, generic over what they connect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypedDict, TypeVar

import strawberry

from ....app.listing import Listed
from ....domain.errors import InvalidInput
from ..limits import MAX_PAGE

T = TypeVar("T")
E = TypeVar("E")
N = TypeVar("N")


class Window(TypedDict):
    """The page that is asked for, as operations that read from both ends take it."""

    max_items: int
    marker: str | None
    from_end: bool


def window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """The page that Relay's four arguments ask for. Raises InvalidInput where they do not ask for one from one end."""
    if first and not last and not before:
        return Window(max_items=first, marker=after or None, from_end=False)
    if last and not first and not after:
        return Window(max_items=last, marker=before or None, from_end=True)
    if not first and not last:
        raise InvalidInput(f"give 'first' or 'last', from 1 to {MAX_PAGE}", field="first")
    raise InvalidInput(
        "give either 'first', with or without 'after', or 'last', with or without 'before'", field="last"
    )


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type
class Paged:
    """What connections have in common: a page, whose nodes and edges are made when they are asked for. It is no type of
    the schema."""

    page: strawberry.Private[Listed[Any]]
    make: strawberry.Private[Callable[[Any], Any]]
    made: strawberry.Private[list[Any] | None] = None

    def all_nodes(self) -> list[Any]:
        """The nodes of the page: the same ones, however often they are asked for."""
        if self.made is None:
            self.made = [self.make(item) for item in self.page.items]
        return self.made

    def placed(self) -> zip[tuple[str, Any, Any]]:
        """The cursor, the item and the node of each place."""
        return zip(self.page.cursors, self.page.items, self.all_nodes(), strict=True)


@strawberry.type
class Connection(Paged, Generic[T]):
    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        return [Edge(cursor=cursor, node=node) for cursor, _, node in self.placed()]

    @strawberry.field
    def nodes(self) -> list[T]:
        return self.all_nodes()

    @strawberry.field
    def page_info(self) -> PageInfo:
        return page_info(self.page)


def page_info(page: Listed[Any]) -> PageInfo:
    """The page's place in its list. There is something before a page that was asked for by a cursor."""
    return PageInfo(
        has_next_page=page.more,
        has_previous_page=page.has_previous,
        start_cursor=page.cursor(page.items[0]) if page.items else None,
        end_cursor=page.cursor(page.items[-1]) if page.items else None,
    )


def connect(page: Listed[E], node: Callable[[E], N]) -> Connection[N]:
    """A connection of a page, each item made a node."""
    return Connection(page=page, make=node)
