"""Relay connections, generic over what they connect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry

from ....app.listing import Listed

T = TypeVar("T")
E = TypeVar("E")
N = TypeVar("N")


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
class Connection(Generic[T]):
    edges: list[Edge[T]]
    nodes: list[T]
    page_info: PageInfo


def page_info(page: Listed[Any]) -> PageInfo:
    """The page's place in its list. There is something before a page that was asked for by a cursor."""
    return PageInfo(
        has_next_page=page.more,
        has_previous_page=page.has_previous,
        start_cursor=page.cursors[0] if page.cursors else None,
        end_cursor=page.cursors[-1] if page.cursors else None,
    )


def connect(page: Listed[E], node: Callable[[E], N]) -> Connection[N]:
    """A connection of a page, each item made a node."""
    nodes = [node(item) for item in page.items]
    edges = [Edge(cursor=cursor, node=made) for cursor, made in zip(page.cursors, nodes, strict=True)]
    return Connection(edges=edges, nodes=nodes, page_info=page_info(page))
