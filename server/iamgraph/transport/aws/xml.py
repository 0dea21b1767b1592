"""Writes answers of the query protocol: from a result to the XML that its shape describes."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
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
    name, shape = operation.name, operation.output_shape
    parts = [f'<{name}Response xmlns="{_escaped(service.namespace)}">']
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result")
        parts += [f"<{wrapper}>", *_members(shape, result), f"</{wrapper}>"]
    parts.append(f"<ResponseMetadata><RequestId>{_escaped(request_id)}</RequestId></ResponseMetadata></{name}Response>")
    return "".join(parts).encode()


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
    return _ILLEGAL.sub("\ufffd", text).translate(_ESCAPES)


def _members(shape: Shape, value: Structure) -> Iterator[str]:
    """A structure's members, in the order of its shape."""
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _element(serialized_name(name, member), member, value[name])


def _element(name: str, shape: Shape, value: Any) -> Iterator[str]:
    """An element of this name, or one for each item of a flattened list or map."""
    kind = shape.type_name
    if kind == "list" and is_flattened(shape):
        for item in value:
            yield from _element(name, shape.member, item)
        return
    if kind == "map" and is_flattened(shape):
        for key, entry in value.items():
            yield from _entry(name, shape, key, entry, _namespace(shape))
        return
    yield f"<{name}{_namespace(shape)}>"
    if kind == "structure":
        yield from _members(shape, value)
    elif kind == "list":
        for item in value:
            yield from _element(shape.member.serialization.get("name", "member"), shape.member, item)
    elif kind == "map":
        for entry in value.items():
            yield from _entry("entry", shape, *entry)
    else:
        yield _escaped(_text(shape, value))
    yield f"</{name}>"


def _entry(name: str, shape: Shape, key: Any, value: Any, namespace: str = "") -> Iterator[str]:
    yield f"<{name}{namespace}>"
    yield from _element(shape.key.serialization.get("name", "key"), shape.key, key)
    yield from _element(shape.value.serialization.get("name", "value"), shape.value, value)
    yield f"</{name}>"


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
    return at.replace(tzinfo=None).isoformat(timespec="seconds" if is_whole else "milliseconds") + "Z"
