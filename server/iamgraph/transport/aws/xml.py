"""Writes answers of the query protocol: from a result to the XML that its shape describes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from typing import Any

from .errors import Failure
from .models import OperationModel, Service, Shape, Structure, is_flattened, serialized_name

CONTENT_TYPE = "text/xml"

# XML 1.0 has no way to write these.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A carriage return that is written as itself is read as a line feed.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;"})

_NO_NUMBERS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def answer(service: Service, operation: OperationModel, result: Structure, request_id: str) -> bytes:
    """The answer of an operation that succeeded."""
    opening, members, closing = _answer(service.namespace, operation)
    parts = [opening]
    _write_members(members, result, parts)
    parts += [closing, "<ResponseMetadata><RequestId>", _escaped(request_id), "</RequestId></ResponseMetadata>"]
    parts.append(f"</{operation.name}Response>")
    return "".join(parts).encode()


@cache
def _answer(namespace: str, operation: OperationModel) -> tuple[str, _Members, str]:
    """What stands around the members of an answer, and how these are written."""
    name, shape = operation.name, operation.output_shape
    opening = f'<{name}Response xmlns="{_escaped(namespace)}">'
    if shape is None:
        return opening, (), ""
    wrapper = shape.serialization.get("resultWrapper", f"{name}Result")
    return f"{opening}<{wrapper}>", _members(shape), f"</{wrapper}>"


def error(failure: Failure, service: Service | None, request_id: str) -> bytes:
    """The answer of one that did not."""
    namespace = f' xmlns="{_escaped(service.namespace)}"' if service is not None else ""
    # An element more than AWS has: its clients pass over it, or give it beside the code, as botocore does.
    sealed = failure.encoded_message
    more = f"<EncodedAuthorizationMessage>{sealed}</EncodedAuthorizationMessage>" if sealed is not None else ""
    return (
        f"<ErrorResponse{namespace}><Error><Type>{failure.type}</Type><Code>{_escaped(failure.code)}</Code>"
        f"<Message>{_escaped(failure.message)}</Message>{more}</Error><RequestId>{_escaped(request_id)}</RequestId></ErrorResponse>"
    ).encode()


def _escaped(text: str) -> str:
    # What can be printed is legal, and no carriage return.
    if text.isprintable() and "&" not in text and "<" not in text and ">" not in text and '"' not in text:
        return text
    return _ILLEGAL.sub("\ufffd", text).translate(_ESCAPES)


Write = Callable[[Any, list[str]], None]
"""Writes a value behind what is written already."""
_Members = Sequence[tuple[str, Write]]


@cache
def _members(shape: Shape) -> _Members:
    """How a structure's members are written, in the order of its shape."""
    return [(name, _element(serialized_name(name, member), member)) for name, member in shape.members.items()]


def _write_members(members: _Members, value: Structure, parts: list[str]) -> None:
    for name, write in members:
        given = value.get(name)
        if given is not None:
            write(given, parts)


@cache
def _element(name: str, shape: Shape) -> Write:
    """Writes an element of this name, or one for each item of a flattened list or map. Found out once a shape: most of an
    answer is the same elements over and over."""
    kind = shape.type_name
    if kind == "list":
        if is_flattened(shape):
            return _items(_element(name, shape.member))
        return _wrapped(name, shape, _items(_element(shape.member.serialization.get("name", "member"), shape.member)))
    if kind == "map":
        if is_flattened(shape):
            return _entries(name, shape, _namespace(shape))
        return _wrapped(name, shape, _entries("entry", shape))
    if kind == "structure":
        # Its members when one is written first: a structure may hold others of its own shape.
        return _wrapped(name, shape, lambda value, parts: _write_members(_members(shape), value, parts))
    opening, closing = f"<{name}{_namespace(shape)}>", f"</{name}>"

    def write(value: Any, parts: list[str]) -> None:
        text = value if type(value) is str else _text(shape, value)
        parts.append(opening + _escaped(text) + closing)

    return write


def _wrapped(name: str, shape: Shape, inner: Write) -> Write:
    opening, closing = f"<{name}{_namespace(shape)}>", f"</{name}>"

    def write(value: Any, parts: list[str]) -> None:
        parts.append(opening)
        inner(value, parts)
        parts.append(closing)

    return write


def _items(write_item: Write) -> Write:
    def write(value: Any, parts: list[str]) -> None:
        for item in value:
            write_item(item, parts)

    return write


def _entries(name: str, shape: Shape, namespace: str = "") -> Write:
    write_key = _element(shape.key.serialization.get("name", "key"), shape.key)
    write_value = _element(shape.value.serialization.get("name", "value"), shape.value)

    def write(value: Any, parts: list[str]) -> None:
        for key, item in value.items():
            parts.append(f"<{name}{namespace}>")
            write_key(key, parts)
            write_value(item, parts)
            parts.append(f"</{name}>")

    return write


def _namespace(shape: Shape) -> str:
    declared = shape.serialization.get("xmlNamespace")
    # AWS's vectors have none on a structure, though its shape may declare one.
    if not declared or shape.type_name == "structure":
        return ""
    if isinstance(declared, str):
        declared = {"uri": declared}
    prefix = f":{declared['prefix']}" if "prefix" in declared else ""
    return f' xmlns{prefix}="{_escaped(declared["uri"])}"'


def _text(shape: Shape, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _NO_NUMBERS.get(str(value), str(value))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return _instant(shape.serialization.get("timestampFormat", "iso8601"), value.astimezone(UTC))
    return str(value)


def _instant(format: str, at: datetime) -> str:
    if format == "unixTimestamp":
        return f"{at.timestamp():.3f}".rstrip("0").rstrip(".")
    if format == "rfc822":
        return format_datetime(at, usegmt=True)
    is_whole = at.microsecond < 1000
    return at.isoformat(timespec="seconds" if is_whole else "milliseconds").removesuffix("+00:00") + "Z"
