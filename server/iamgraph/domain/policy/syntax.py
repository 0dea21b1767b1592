"""JSON with a place for every value: the reader that lets a finding point at the line and column of a mistake."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from ..errors import MalformedPolicyDocument
from .finding import Finding, Severity

MAXIMUM_LENGTH = 131_072
MAXIMUM_DEPTH = 32

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {"true": "true", "false": "false", "null": "null"}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
FORBIDDEN = re.compile("[^\\t\\n\\r\\u0020-\\u00ff]")


class Kind(Enum):
    """JSON's types."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One JSON value and its place: `text[start:end]` is what was written. `value` is a string's content, or the
    letters of a number or word; `items` are an array's; `members` an object's, in the order written."""

    kind: Kind
    start: int
    end: int
    value: str = ""
    items: tuple[Node, ...] = ()
    members: tuple[Member, ...] = ()

    def get(self, name: str) -> Node | None:
        """The value under `name` in an object, or None."""
        for member in self.members:
            if member.name == name:
                return member.node
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One `"name": value` of an object; `start` is where the name's quote stands."""

    name: str
    start: int
    node: Node


def place(text: str, offset: int) -> tuple[int, int]:
    """The line and column, from 1, of a character offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def finding_at(text: str, offset: int, code: str, message: str, path: tuple[str, ...] = ()) -> Finding:
    """An error at a place in the text."""
    line, column = place(text, offset)
    return Finding(severity=Severity.ERROR, code=code, message=message, line=line, column=column, path=path)


def refuse(text: str, offset: int, code: str, message: str, path: tuple[str, ...] = ()) -> NoReturn:
    """Raise AWS's general answer to a policy that is not one, with the exact reason as its finding."""
    raise MalformedPolicyDocument("Syntax errors in policy.", findings=(finding_at(text, offset, code, message, path),))


def read_json(text: str, *, forbidden: re.Pattern[str] = FORBIDDEN) -> Node:
    """The value that `text` is, by RFC 8259 and stricter: no name twice in an object, at most 32 levels, at most
    131,072 characters, none that is `forbidden`. By default tab, line feed, carriage return and U+0020 to U+00FF are
    allowed (IAM quotas page). Raises MalformedPolicyDocument."""
    if len(text) > MAXIMUM_LENGTH:
        message = f"the document has {len(text)} characters, at most {MAXIMUM_LENGTH} are allowed"
        refuse(text, MAXIMUM_LENGTH, "JSON_SYNTAX_ERROR", message)
    bad = forbidden.search(text)
    if bad is not None:
        refuse(text, bad.start(), "JSON_SYNTAX_ERROR", f"character U+{ord(bad.group()):04X} is not allowed in a policy")
    reader = _Reader(text)
    node = reader.value(reader.space(0), 1)
    end = reader.space(node.end)
    if end != len(text):
        reader.fail(end, "expected the end of the document")
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text

    def fail(self, offset: int, message: str) -> NoReturn:
        refuse(self.text, offset, "JSON_SYNTAX_ERROR", message)

    def space(self, offset: int) -> int:
        found = _SPACE.match(self.text, offset)
        assert found is not None
        return found.end()

    def value(self, start: int, depth: int) -> Node:
        letter = self.text[start : start + 1]
        if letter in "{[" and letter and depth > MAXIMUM_DEPTH:
            self.fail(start, f"values are nested deeper than {MAXIMUM_DEPTH} levels")
        if letter == "{":
            return self.object(start, depth)
        if letter == "[":
            return self.array(start, depth)
        if letter == '"':
            value, end = self.string(start)
            return Node(kind=Kind.STRING, start=start, end=end, value=value)
        number = _NUMBER.match(self.text, start)
        if number is not None:
            return Node(kind=Kind.NUMBER, start=start, end=number.end(), value=number.group())
        for word, value in _WORDS.items():
            if self.text.startswith(word, start):
                kind = Kind.NULL if word == "null" else Kind.BOOLEAN
                return Node(kind=kind, start=start, end=start + len(word), value=value)
        self.fail(start, "expected a JSON value" if letter else "the document ends where a value is expected")

    def object(self, start: int, depth: int) -> Node:
        members: list[Member] = []
        names: set[str] = set()

        def member(offset: int) -> int:
            if self.text[offset : offset + 1] != '"':
                self.fail(offset, "expected a name in double quotes")
            name, after = self.string(offset)
            if name in names:
                self.fail(offset, f'the name "{name}" is used twice in one object')
            names.add(name)
            colon = self.space(after)
            if self.text[colon : colon + 1] != ":":
                self.fail(colon, 'expected ":" after a name')
            node = self.value(self.space(colon + 1), depth + 1)
            members.append(Member(name=name, start=offset, node=node))
            return node.end

        end = self.sequence(start, "}", member)
        return Node(kind=Kind.OBJECT, start=start, end=end, members=tuple(members))

    def array(self, start: int, depth: int) -> Node:
        items: list[Node] = []

        def item(offset: int) -> int:
            node = self.value(offset, depth + 1)
            items.append(node)
            return node.end

        end = self.sequence(start, "]", item)
        return Node(kind=Kind.ARRAY, start=start, end=end, items=tuple(items))

    def sequence(self, start: int, closing: str, element: Callable[[int], int]) -> int:
        """Reads elements with commas between them; `element` reads the one at an offset and returns its end."""
        offset = self.space(start + 1)
        if self.text[offset : offset + 1] == closing:
            return offset + 1
        while True:
            offset = self.space(element(offset))
            letter = self.text[offset : offset + 1]
            if letter == closing:
                return offset + 1
            if letter != ",":
                self.fail(offset, f'expected "," or "{closing}"')
            offset = self.space(offset + 1)

    def string(self, start: int) -> tuple[str, int]:
        pieces: list[str] = []
        offset = start + 1
        while True:
            plain = _PLAIN.match(self.text, offset)
            assert plain is not None
            pieces.append(plain.group())
            offset = plain.end()
            letter = self.text[offset : offset + 1]
            if letter == '"':
                return "".join(pieces), offset + 1
            if letter != "\\":
                message = "control character in a string" if letter else "the document ends inside a string"
                self.fail(offset, message)
            piece, offset = self.escape(offset)
            pieces.append(piece)

    def escape(self, start: int) -> tuple[str, int]:
        letter = self.text[start + 1 : start + 2]
        if letter in _ESCAPES:
            return _ESCAPES[letter], start + 2
        if letter != "u":
            self.fail(start, "unknown escape in a string")
        code = self.hexadecimal(start)
        end = start + 6
        if 0xD800 <= code < 0xDC00 and self.text.startswith("\\u", end):
            low = self.hexadecimal(end)
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), end + 6
        # Half a surrogate pair and U+0000 cannot be stored as text, nor shown to anyone.
        if 0xD800 <= code < 0xE000 or code == 0:
            self.fail(start, "the escape stands for no character")
        return chr(code), end

    def hexadecimal(self, start: int) -> int:
        digits = _HEX.match(self.text, start + 2)
        if digits is None:
            self.fail(start, "expected four hexadecimal digits after \\u")
        return int(digits.group(), 16)
