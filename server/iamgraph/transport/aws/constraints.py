"""Says which constraints of their shapes parameters do not satisfy, in AWS's words.

Operations judge parameters themselves, once the caller may ask. This only words what they have refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from .errors import broken
from .models import Service, Shape, Structure

_SHOWN = 256
"""How long a value may be to be told back."""


def violations(service: Service, shape: Shape | None, parameters: Structure) -> Sequence[str]:
    """One text for each: `Value at 'userName' failed to satisfy constraint: Member must have length …`."""
    return [] if shape is None else [*_structure(service, shape, parameters, "")]


def _structure(service: Service, shape: Shape, value: Structure, where: str) -> Iterator[str]:
    for name in shape.members:
        path = where + name[0].lower() + name[1:]
        if name in value:
            yield from _value(service, shape.members[name], value[name], path)
        elif name in shape.required_members:
            yield broken("Value null", path, "not be null")


def _value(service: Service, shape: Shape, value: Any, path: str) -> Iterator[str]:
    for constraint in _broken(shape, value):
        # STS says which value, IAM does not.
        is_told = service.name == "sts" and isinstance(value, str) and len(value) <= _SHOWN
        what = f"Value '{value}'" if is_told and not shape.metadata.get("sensitive") else "Value"
        yield broken(what, path, constraint)
    if shape.type_name == "structure":
        yield from _structure(service, shape, value, path + ".")
    elif shape.type_name == "list":
        for index, item in enumerate(value, 1):
            yield from _value(service, shape.member, item, f"{path}.{index}.member")


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    bounds = shape.metadata
    if shape.type_name in ("string", "list", "blob", "map"):
        if len(value) < bounds.get("min", 0):
            yield f"have length greater than or equal to {bounds['min']}"
        if len(value) > bounds.get("max", len(value)):
            yield f"have length less than or equal to {bounds['max']}"
    elif shape.type_name in ("integer", "long"):
        if value < bounds.get("min", value):
            yield f"have value greater than or equal to {bounds['min']}"
        if value > bounds.get("max", value):
            yield f"have value less than or equal to {bounds['max']}"
    if shape.type_name == "string":
        if "pattern" in bounds and not _matches(bounds["pattern"], value):
            yield f"satisfy regular expression pattern: {bounds['pattern']}"
        if shape.enum and value not in shape.enum:
            yield "satisfy enum value set"


_CATEGORIES = r"\p{L}\p{Z}\p{N}"
_OF_THEM = "A"
"""Stands for every letter, separator and number, where a pattern takes all of these: Python's have no names for them."""


def _matches(pattern: str, value: str) -> bool:
    if _CATEGORIES in pattern:
        value = "".join(_OF_THEM if unicodedata.category(letter)[0] in "LZN" else letter for letter in value)
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(_CATEGORIES, _OF_THEM), re.ASCII | re.DOTALL)
