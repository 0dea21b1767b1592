"""A page of a list that is read by key: what is on it, and whether there is more behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Up to as many items as were asked for, in the list's order."""

    items: tuple[T, ...]
    more: bool


def page_of(items: Sequence[T], limit: int) -> Page[T]:
    """The page out of up to `limit + 1` items: one more was read to know whether there is more."""
    return Page(tuple(items[:limit]), len(items) > limit)


def pages_of(parents: Iterable[str], items: Mapping[str, Sequence[T]], limit: int) -> dict[str, Page[T]]:
    """A page for each parent, empty where it has no items. `items` has up to `limit + 1` of each parent."""
    return {parent: page_of(items.get(parent, ()), limit) for parent in parents}


def grouped(parents: Iterable[str], pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    """The items of each parent, in the order given; an empty tuple for a parent that has none."""
    found: dict[str, list[T]] = {parent: [] for parent in parents}
    for parent, item in pairs:
        found.setdefault(parent, []).append(item)
    return {parent: tuple(items) for parent, items in found.items()}
