"""XML that two readers could understand in two ways, or that costs its reader more than its writer, is read by none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from iamgraph.federation.saml.refusal import Refused
from iamgraph.federation.saml.response import BOUNDS
from iamgraph.federation.saml.xml import Bounds, parse

from ...saml_idp import assertion_of, sign
from .conftest import Idp

ALLOWS_COMMENTS = Bounds(size=10_000, elements=100, has_comments=True)


def refusal(raw: bytes, bounds: Bounds = BOUNDS) -> str:
    with pytest.raises(Refused) as refused:
        parse(raw, bounds)
    return refused.value.code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "doctype"),
        (b'<!DOCTYPE x SYSTEM "http://mallory.test/x.dtd"><x/>', "doctype"),
        (b'<!DOCTYPE x [<!NOTATION n SYSTEM "x">]><x/>', "doctype"),
        (b'<!DOCTYPE x [<!ATTLIST x ID CDATA "_a">]><x/>', "doctype"),
        (b'<!DOCTYPE l [<!ENTITY a "aaa"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>', "doctype"),
        (b" " * 5000 + b"<!DOCTYPE x><x/>", "doctype"),
        (b"<x>&e;</x>", "malformed_xml"),
        (b"<x>alice<!-- -->mallory</x>", "doctype"),
        (b"<x>alice<![CDATA[mallory]]></x>", "doctype"),
        (b"<x>alice<?pi?>mallory</x>", "processing_instruction"),
        (b"<?xml version='1.0'?><?xml-stylesheet href='x'?><x/>", "processing_instruction"),
        (b"<?xml version='1.1'?><x/>", "processing_instruction"),
        (b"<?xml version='1.0' encoding='UTF-7'?><x/>", "odd_encoding"),
        (b"<?xml version='1.0' encoding='utf-16'?><x/>", "odd_encoding"),
        ("<?xml version='1.0' encoding='utf-16'?><x/>".encode("utf-16"), "odd_encoding"),
        ("<x>é</x>".encode("latin-1"), "odd_encoding"),
        ("<x/>".encode("utf-16-le"), "malformed_xml"),
        (b"<x ID='a'><y ID='a'/></x>", "duplicate_id"),
        (b"<x ID='a'><y Id='a'/></x>", "duplicate_id"),
        (b"<x ID=''/>", "duplicate_id"),
        (b"<x ID='a b'/>", "duplicate_id"),
        (b"<x id='a'/>", "odd_id"),
        (b"<x iD='a'/>", "odd_id"),
        (b"<x xml:id='a'/>", "odd_id"),
        (b"<x xmlns:y='urn:y' y:ID='a'/>", "odd_id"),
        (b"<x xmlns='relative'/>", "relative_namespace"),
        (b"<x xmlns:y='../y'/>", "relative_namespace"),
        (b"<x><y></x></y>", "malformed_xml"),
        (b"<x/><x/>", "malformed_xml"),
        (b"<x>\x00</x>", "malformed_xml"),
        (b"<x>&#0;</x>", "malformed_xml"),
        (b"<x a='1' a='2'/>", "malformed_xml"),
        (b"<y:x/>", "malformed_xml"),
        (b"", "malformed_xml"),
        (b"<x>" * 40 + b"</x>" * 40, "too_many_elements"),
        (b"<x>" + b"<y/>" * 2000 + b"</x>", "too_many_elements"),
        (b"<x>" + b"<y/>" * 9000 + b"</x>", "too_many_elements"),
        (b"<x " + b" ".join(b"a%d='1'" % i for i in range(40)) + b"/>", "too_many_elements"),
        (b"<x " + b" ".join(b"xmlns:a%d='urn:x'" % i for i in range(300)) + b"/>", "too_many_elements"),
        (b"<x>" + b"a" * 75_000 + b"</x>", "too_large"),
    ],
)
def test_what_could_be_understood_in_two_ways_is_refused(raw: bytes, code: str) -> None:
    assert refusal(raw) == code


def test_metadata_may_have_comments_but_no_document_type() -> None:
    assert parse(b"<x>a<!-- -->b</x>", ALLOWS_COMMENTS).text == "ab"
    assert refusal(b"<!DOCTYPE x><x/>", ALLOWS_COMMENTS) == "doctype"
    assert refusal(b"<!-- <!DOCTYPE x> --><x/>", ALLOWS_COMMENTS) == "doctype"


def test_plain_xml_is_read_with_or_without_a_byte_order_mark() -> None:
    raw = "<?xml version='1.0' encoding='UTF-8' standalone='no'?>\n<x a='&lt;'>é&#xe9;&amp;</x>".encode()
    for document in (raw, b"\xef\xbb\xbf" + raw):
        root = parse(document, BOUNDS)
        assert (root.text, root.get("a")) == ("éé&", "<")


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(Refused):
        parse(raw, BOUNDS)


_PIECES = st.sampled_from(
    [
        b"<",
        b">",
        b"</",
        b"/>",
        b"x",
        b"ID='a'",
        b"xmlns='urn:x'",
        b"xmlns:y='urn:y'",
        b"<!",
        b"<?",
        b"&amp;",
        b"&#1;",
        b"y:z",
    ]
)


@settings(deadline=None)
@given(st.lists(_PIECES | st.binary(max_size=3), max_size=30))
def test_anything_like_xml_is_read_or_refused(pieces: list[bytes]) -> None:
    with contextlib.suppress(Refused):
        parse(b"<x>" + b" ".join(pieces) + b"</x>", BOUNDS)


@pytest.fixture(scope="module")
def good(idp: Idp) -> bytes:
    response = idp.says(attributes={"groups": ["a", "b"]})
    sign(assertion_of(response), idp.pair)
    return etree.tostring(response)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_change_of_a_good_response_is_believed_to_be_of_somebody_else(
    idp: Idp, good: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(good) - 1))
    end = data.draw(st.integers(start, min(len(good), start + 300)))
    put = data.draw(st.binary(max_size=8) | st.sampled_from([good[start:end] * 2, b"mallory", b"<!---->"]))
    changed = good[:start] + put + good[end:]
    try:
        found = idp.read(changed)
    except Refused:
        return
    assert (found.subject.value, found.attributes) == ("alice", {"groups": ("a", "b")})
