"""Reads XML from strangers: bounded, and with nothing in it that two readers could understand in two ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from .refusal import Refused

_DECLARATION: Final = re.compile(
    rb"<\?xml\s+version\s*=\s*[\"']1\.0[\"'](?:\s+encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"'])?"
    rb"(?:\s+standalone\s*=\s*[\"'](?:yes|no)[\"'])?\s*\?>"
)
_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")
_BOM: Final = b"\xef\xbb\xbf"
_DEPTH, _ATTRIBUTES, _NAMESPACES = 32, 32, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much a document may hold. INVARIANT: no response has comments, since readers cut text at them
    (CVE-2017-11427)."""

    size: int
    elements: int
    has_comments: bool = False


def parse(raw: bytes, bounds: Bounds) -> etree._Element:
    """The root of a UTF-8 document without a DTD, entities of its own, CDATA sections or processing instructions; with each
    ID once, and written `ID` or `Id`. Raises Refused."""
    raw = raw.removeprefix(_BOM)
    _check_text(raw, bounds)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_comments=bounds.has_comments,
    )
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise Refused("malformed_xml", f"it is not well-formed XML: line {line}, column {column}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Refused("doctype", "it has a document type declaration")
    _check_tree(root, bounds)
    return root


def _check_text(raw: bytes, bounds: Bounds) -> None:
    """What can be told of the bytes alone, so that a parser sees nothing else."""
    if len(raw) > bounds.size:
        raise Refused("too_large", f"it has {len(raw)} bytes; at most {bounds.size} are read")
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise Refused("odd_encoding", "it is not UTF-8") from None
    declaration = _DECLARATION.match(raw)
    if declaration is not None and (declaration[1] or b"UTF-8").upper() not in (b"UTF-8", b"US-ASCII"):
        raise Refused("odd_encoding", f"it says that it is {declaration[1].decode()}; only UTF-8 is read")
    rest = raw[declaration.end() :] if declaration is not None else raw
    if b"<?" in rest:
        raise Refused("processing_instruction", "it has a processing instruction, or an odd XML declaration")
    # Outside of comments, "<!" begins a document type, an entity or a CDATA section, and nothing else.
    if rest.count(b"<!") != (rest.count(b"<!--") if bounds.has_comments else 0):
        raise Refused("doctype", "it has a document type declaration, a CDATA section or a comment")
    if rest.count(b"<") > 2 * bounds.elements or rest.count(b"xmlns") > _NAMESPACES:
        raise Refused("too_many_elements", f"at most {bounds.elements} elements and {_NAMESPACES} namespaces are read")


def _check_tree(root: etree._Element, bounds: Bounds) -> None:
    seen: set[str] = set()
    depth = elements = 0
    for event, found in etree.iterwalk(root, events=("start", "end", "start-ns", "comment", "pi")):
        if event == "start-ns":
            if ":" not in found[1]:
                raise Refused("relative_namespace", f"the namespace {found[1]!r} is no absolute URI")
        elif event == "start":
            depth, elements = depth + 1, elements + 1
            if depth > _DEPTH or elements > bounds.elements or len(found.attrib) > _ATTRIBUTES:
                raise Refused(
                    "too_many_elements",
                    f"at most {bounds.elements} elements, {_DEPTH} deep, of {_ATTRIBUTES} attributes are read",
                )
            _check_ids(found, seen)
        elif event == "end":
            depth -= 1
        else:
            raise Refused("comment", "it has a comment or a processing instruction")


def _check_ids(element: etree._Element, seen: set[str]) -> None:
    """INVARIANT: what `#x` refers to is one element, whoever looks for it and however."""
    for name in element.attrib:
        local = etree.QName(name).localname
        if local.lower() != "id":
            continue
        if name not in ("ID", "Id"):
            raise Refused("odd_id", f"an ID is written {str(name)!r}; only ID and Id are read")
        value = str(element.attrib[name])
        if not _ID.fullmatch(value) or value in seen:
            raise Refused("duplicate_id", f"the ID {value[:80]!r} is no name, or there twice")
        seen.add(value)


def alone(element: etree._Element, bounds: Bounds) -> etree._Element:
    """The element as the root of a document of its own, so that nothing else can be seen from it."""
    return parse(etree.tostring(element, with_tail=False), bounds)


def one(parent: etree._Element, tag: str) -> etree._Element:
    """The one child of that name. Raises Refused where there is none or are several."""
    found = parent.findall(tag)
    if len(found) != 1:
        raise Refused("shape", f"{_local(parent)} has {len(found)} {etree.QName(tag).localname}; it should have one")
    return found[0]


def at_most_one(parent: etree._Element, tag: str) -> etree._Element | None:
    """The child of that name, or None. Raises Refused where there are several."""
    return one(parent, tag) if parent.find(tag) is not None else None


def text(element: etree._Element) -> str:
    """What an element holds that has no children, without white space around it. Raises Refused where it has some."""
    if len(element):
        raise Refused("shape", f"{_local(element)} has children; it should be text")
    return (element.text or "").strip()


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname
