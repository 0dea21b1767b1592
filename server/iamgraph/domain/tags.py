"""Tags: what they may hold, and how sets of them are changed (IAM User Guide, "Tags for IAM resources")."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from .entities import Tag
from .errors import InvalidInput, LimitExceeded

MAX_KEY, MAX_VALUE = 128, 256


def check_tags(tags: Sequence[Tag], *, field: str = "tags") -> None:
    """Raise InvalidInput for a tag with a bad key or value, and for keys that differ in case only."""
    seen: set[str] = set()
    for tag in tags:
        check_tag_keys([tag.key], field=field)
        if len(tag.value) > MAX_VALUE or not _is_sound(tag.value):
            raise InvalidInput(
                f"the value of tag {tag.key!r} may have up to {MAX_VALUE} letters, digits, spaces and _.:/=+-@",
                field=field,
            )
        if tag.key.lower() in seen:
            raise InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.", field=field)
        seen.add(tag.key.lower())


def check_tag_keys(keys: Iterable[str], *, field: str = "tagKeys") -> None:
    """Raise InvalidInput for a key that no tag may have."""
    for key in keys:
        if not 1 <= len(key) <= MAX_KEY or not _is_sound(key):
            raise InvalidInput(
                f"{key[:MAX_KEY]!a} is no tag key: 1 to {MAX_KEY} letters, digits, spaces and _.:/=+-@", field=field
            )
        if key.lower().startswith("aws:"):
            raise InvalidInput(f"{key!r} is no tag key: those that begin with 'aws:' are reserved", field=field)


def with_tags(tags: Sequence[Tag], added: Sequence[Tag], *, limit: int) -> tuple[Tag, ...]:
    """`tags` with `added`, which replace those of the same key whatever its case. Raises LimitExceeded."""
    replaced = {tag.key.lower() for tag in added}
    made = (*(tag for tag in tags if tag.key.lower() not in replaced), *added)
    if len(made) > limit:
        raise LimitExceeded(f"Cannot exceed quota for TagsPerEntity: {limit}", limit=limit)
    return made


def without_tags(tags: Sequence[Tag], keys: Iterable[str]) -> tuple[Tag, ...]:
    """`tags` without those of the given keys, whatever their case. A key that is not there is no error, as on AWS."""
    removed = {key.lower() for key in keys}
    return tuple(tag for tag in tags if tag.key.lower() not in removed)


def _is_sound(text: str) -> bool:
    """AWS's pattern `[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*`."""
    return all(letter in "_.:/=+-@" or unicodedata.category(letter)[0] in "LZN" for letter in text)
