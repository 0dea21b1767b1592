"""What answers are made of: pages, instants, documents, tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from ....app.listing import Listed, sliced
from ....domain.entities import Tag
from ....domain.names import Between
from ..action import DEFAULT_ITEMS, MAX_ITEMS, Asked
from ..models import Structure

T = TypeVar("T")


def instant(at: datetime) -> datetime:
    """To the second, as IAM and STS have it."""
    return at.replace(microsecond=0)


def document(text: str) -> str:
    """A policy as IAM's answers have it: percent-encoded (RFC 3986)."""
    return quote(text, safe="")


def tag(of: Tag) -> Structure:
    return {"Key": of.key, "Value": of.value}


def tags(of: Sequence[Tag]) -> list[Structure] | None:
    """The tags; None, which is left out, where there are none."""
    return [tag(one) for one in of] or None


def boundary(arn: str | None) -> Structure | None:
    if arn is None:
        return None
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}


PAGED = frozenset({"MaxItems", "Marker"})
"""Parameters that `cut` answers."""


def cut(
    name: str, shown: Callable[[T, Asked], Any], listing: str, key: Callable[[T], tuple[str, ...]], key_length: int = 1
) -> Callable[[Sequence[T], Asked], Structure]:
    """The answer of a list that a quota bounds, which the operation gives whole: cut to pages here, in the order of
    `key`, of `key_length` parts."""

    def answer(found: Sequence[T], asked: Asked) -> Structure:
        size = asked.given.get("MaxItems", DEFAULT_ITEMS)
        Between(1, MAX_ITEMS).check("maxItems", size)
        listed = sliced(listing, sorted(found, key=key), key, key_length, asked.given.get("Marker"), size)

        def shown_item(item: T) -> Any:
            return shown(item, asked)

        return page(name, shown_item)(listed, asked)

    return answer


def ending(listed: Listed[Any]) -> Structure:
    """Whether a list goes on, and where."""
    return {"IsTruncated": listed.more, "Marker": listed.cursor(listed.items[-1]) if listed.more else None}


def page(name: str, shown: Callable[[T], Any]) -> Callable[[Listed[T], Asked], Structure]:
    """The answer of a list: the items below `name`, and where the next page begins."""

    def answer(listed: Listed[T], asked: Asked) -> Structure:
        return {name: [shown(item) for item in listed.items], **ending(listed)}

    return answer
