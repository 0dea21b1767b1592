"""The parameters of operations that tag, and what policies see of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from ..domain.entities import Tag
from ..domain.errors import IamError, InvalidInput
from ..domain.names import Count, Doc
from .edges import Paged
from .listing import Listed, sliced

Tags = Annotated[tuple[Tag, ...], Count(50), Doc("Labels. Keys are unique whatever their case.")]
TagKeys = Annotated[tuple[str, ...], Count(50), Doc("The keys of the tags to remove.")]


def request_tags(tags: Sequence[Tag]) -> Mapping[str, str | tuple[str, ...]]:
    """`aws:RequestTag/…` and `aws:TagKeys`, both absent where no tags are sent."""
    if not tags:
        return {}
    return {
        **{f"aws:RequestTag/{tag.key}": tag.value for tag in tags},
        "aws:TagKeys": tuple(tag.key for tag in tags),
    }


def pages_of_tags(listing: str, asks: Sequence[tuple[Paged, Any]]) -> Sequence[Listed[Tag] | IamError]:
    """A page of the tags of each target, by key."""
    return [_page(listing, query, target.tags) for query, target in asks]


def _page(listing: str, query: Paged, tags: Sequence[Tag]) -> Listed[Tag] | IamError:
    by_key = sorted(tags, key=lambda tag: tag.key)
    try:
        return sliced(listing, by_key, lambda tag: (tag.key,), 1, query.marker, query.max_items)
    except InvalidInput as error:
        return error
