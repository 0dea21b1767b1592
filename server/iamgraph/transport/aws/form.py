"""Reads requests of the query protocol: from a form to the parameters that an operation's shape describes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from ...domain.names import shown
from .errors import WireError
from .models import Shape, Structure, is_flattened, serialized_name

MAX_FIELDS = 5000
_ENVELOPE = frozenset({"Action", "Version"})
_SIGNATURE = "X-Amz-"
"""What the parameters of a presigned request begin with."""


def fields_of(*forms: bytes) -> Mapping[str, str]:
    """The fields of a query or form, or of both. Raises WireError for what is none, and for a name that comes twice: the
    signer might mean the one and we take the other."""
    found: dict[str, str] = {}
    for form in filter(None, forms):
        for name, value in _pairs(form):
            if name in found:
                raise WireError("InvalidQueryParameter", f"The parameter {shown(name)} comes twice. It may come once.")
            found[name] = value
    return found


def _pairs(form: bytes) -> Iterable[tuple[str, str]]:
    try:
        return parse_qsl(
            form.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except UnicodeDecodeError:
        raise WireError("MalformedInput", "The form must be percent-encoded UTF-8.") from None
    except ValueError:
        raise WireError("MalformedInput", f"The form may have at most {MAX_FIELDS} fields.") from None


@dataclass(slots=True)
class _Node:
    """A part of a name such as `Tags.member.1.Key`: what is said of it, and what is below it."""

    text: str | None = None
    below: dict[str, _Node] = field(default_factory=dict)


def parameters_of(shape: Shape | None, fields: Mapping[str, str]) -> Structure:
    """The parameters of the operation whose input has this shape. Raises WireError for a field that it does not know, and
    for text that is no value of its type."""
    root = _Node()
    for name, value in fields.items():
        if name in _ENVELOPE or name.startswith(_SIGNATURE):
            continue
        node = root
        for part in name.split("."):
            node = node.below.setdefault(part, _Node())
        node.text = value
    if shape is None:
        _check_known(root, (), "")
        return {}
    return _structure(shape, root, "")


def _check_known(node: _Node, known: Iterable[str], where: str) -> None:
    unknown = sorted(node.below.keys() - set(known))
    if unknown:
        raise WireError("UnknownParameter", f"The parameter {shown(where + unknown[0])} is not recognized.")


def _value(shape: Shape, node: _Node, where: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        _check_has_no_text(node, where)
        return _structure(shape, node, where + ".")
    if kind == "list":
        _check_has_no_text(node, where)
        return _list(shape, node, where)
    if kind == "map":
        _check_has_no_text(node, where)
        return _map(shape, node, where)
    if node.text is None or node.below:
        raise WireError("MalformedInput", f"Start of structure or map found where not expected: {shown(where)}")
    return _scalar(shape, node.text, where)


def _check_has_no_text(node: _Node, where: str) -> None:
    # An empty list or map is sent as a name with nothing behind it.
    if node.text:
        raise WireError("MalformedInput", f"Unexpected text where a structure, list or map is expected: {shown(where)}")


def _structure(shape: Shape, node: _Node, where: str) -> Structure:
    names = _names(shape)
    _check_known(node, names, where)
    return {
        name: _value(member, node.below[wire], where + wire)
        for wire, (name, member) in names.items()
        if wire in node.below
    }


@cache
def _names(shape: Shape) -> Mapping[str, tuple[str, Shape]]:
    """A structure's members by what they are called on the wire."""
    return {serialized_name(name, member): (name, member) for name, member in shape.members.items()}


def _list(shape: Shape, node: _Node, where: str) -> list[Any]:
    if not is_flattened(shape):
        name = shape.member.serialization.get("name", "member")
        _check_known(node, (name,), where + ".")
        node, where = node.below.get(name, _Node()), f"{where}.{name}"
    return [_value(shape.member, item, f"{where}.{index}") for index, item in _indexed(node, where)]


def _map(shape: Shape, node: _Node, where: str) -> dict[Any, Any]:
    if not is_flattened(shape):
        _check_known(node, ("entry",), where + ".")
        node, where = node.below.get("entry", _Node()), f"{where}.entry"
    key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    made: dict[Any, Any] = {}
    for index, item in _indexed(node, where):
        inner = f"{where}.{index}."
        _check_known(item, (key, value), inner)
        made[_value(shape.key, item.below.get(key, _Node()), inner + key)] = _value(
            shape.value, item.below.get(value, _Node()), inner + value
        )
    return made


def _indexed(node: _Node, where: str) -> list[tuple[int, _Node]]:
    """The items by their numbers, which begin at 1 and may leave some out."""
    for index in node.below:
        if not (index.isascii() and index.isdigit() and len(index) <= 9 and index[0] != "0"):
            raise WireError("MalformedInput", f"Key is not an integer from 1 on: {shown(f'{where}.{index}')}")
    return sorted((int(index), item) for index, item in node.below.items())


def _scalar(shape: Shape, text: str, where: str) -> Any:
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 20):
                raise ValueError
            return int(text)
        if kind in ("float", "double"):
            return float(text)
        if kind == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if kind == "blob":
            return base64.b64decode(text, validate=True)
        if kind == "timestamp":
            return _instant(shape.serialization.get("timestampFormat", "iso8601"), text)
    except (ValueError, KeyError, OverflowError, binascii.Error):
        raise WireError("MalformedInput", f"{shown(text)} at {shown(where)} is no {kind}.") from None
    return text


def _instant(format: str, text: str) -> datetime:
    if format == "unixTimestamp":
        return datetime.fromtimestamp(float(text), UTC)
    at = parsedate_to_datetime(text) if format == "rfc822" else datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
