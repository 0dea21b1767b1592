"""The parameters of operations that tag, and what policies see of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from ..domain.entities import Tag
from ..domain.names import Count, Doc

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
