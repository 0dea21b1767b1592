"""Whom an assertion is for, and when: every limit there must be, and each must hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from iamgraph.federation.saml.assertion import AnyRequest, Assertion, NameId
from iamgraph.federation.saml.refusal import Expired, Refused

from ...saml_idp import PASSWORD, PERSISTENT, assertion_of, posted, sign
from .conftest import ISSUER, NOW, US, Idp

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def read(idp: Idp, *, answers: str | AnyRequest | None = None, signs_response: bool = False, **what: Any) -> Assertion:
    response = idp.says(**what)
    sign(response if signs_response else assertion_of(response), idp.pair)
    return idp.read(posted(response), answers=answers)


def test_it_says_what_the_provider_said(idp: Idp) -> None:
    found = read(
        idp,
        name_qualifier="urn:q",
        session_until=timedelta(hours=1),
        attributes={"Role": ["a,b"], "empty": [], "spaces": [" x "], "odd": ["<&>"]},
        in_response_to="_request",
        answers="_request",
    )
    assert found == Assertion(
        id=found.id,
        issuer=ISSUER,
        subject=NameId(value="alice", format=PERSISTENT, name_qualifier="urn:q", sp_name_qualifier=None),
        recipient=US.recipient,
        audience=US.audience,
        attributes={"Role": ("a,b",), "empty": (), "spaces": (" x ",), "odd": ("<&>",)},
        authenticated_at=NOW,
        authn_context=PASSWORD,
        session_index="s1",
        session_ends_at=NOW + timedelta(hours=1),
        in_response_to="_request",
        forgotten_at=NOW + 6 * MINUTE,
    )


def test_values_of_an_attribute_that_is_said_twice_are_together(idp: Idp) -> None:
    more = (
        '<saml:AttributeStatement><saml:Attribute Name="r"><saml:AttributeValue>1</saml:AttributeValue></saml:Attribute>'
        '<saml:Attribute Name="r"><saml:AttributeValue>2</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>'
    )
    assert read(idp, more=more).attributes == {"r": ("1", "2")}


def test_a_value_that_is_a_name_is_its_text_and_any_other_element_is_none(idp: Idp) -> None:
    value = "<saml:Attribute Name='{}'><saml:AttributeValue>{}</saml:AttributeValue></saml:Attribute>"
    more = "<saml:AttributeStatement>{}{}</saml:AttributeStatement>".format(
        value.format("id", "<saml:NameID>x</saml:NameID>"), value.format("other", "admin<b xmlns='urn:b'>x</b>")
    )
    assert read(idp, more=more).attributes == {"id": ("x",), "other": ()}


@pytest.mark.parametrize(
    ("what", "code"),
    [
        # Reports of what other software lets pass: no Conditions, no audience, a confirmation without an end.
        ({"has_conditions": False}, "shape"),
        ({"audiences": None}, "audience"),
        ({"audiences": ["https://other.test/metadata"]}, "audience"),
        ({"audiences": [US.audience, "https://other.test/metadata"]}, "audience"),
        ({"audiences": [US.audience + "/"]}, "audience"),
        ({"confirmed_until": None}, "instant"),
        ({"valid_until": None}, "instant"),
        ({"issued": None}, "instant"),
        ({"recipient": US.recipient + "?x", "destination": US.recipient}, "recipient"),
        ({"recipient": "https://other.test/acs", "destination": US.recipient}, "recipient"),
        ({"recipient": None, "destination": US.recipient}, "recipient"),
        ({"destination": "https://other.test/acs"}, "destination"),
        ({"issuer": "https://other.test"}, "issuer"),
        ({"response_issuer": "https://other.test"}, "issuer"),
        ({"method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}, "confirmation"),
        ({"method": "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"}, "confirmation"),
        ({"confirmed_from": -MINUTE}, "confirmation"),
        ({"valid_from": 2 * MINUTE}, "not_yet"),
        ({"issued": 2 * MINUTE}, "not_yet"),
        ({"condition": '<x:Only xmlns:x="urn:x"/>'}, "condition"),
        ({"statements": 0}, "shape"),
        ({"statements": 2}, "shape"),
        ({"name_id": None}, "shape"),
        ({"name_id": " "}, "name_id"),
        ({"name_id": "a" * 1025}, "name_id"),
        ({"name_id": "alice\tbob"}, "name_id"),
        # Where one reader sees "alice" and another "alicemallory" or "".
        ({"name_id": "alice<x xmlns='urn:x'/>mallory"}, "shape"),
        ({"in_response_to": "_request"}, "in_response_to"),
        ({"in_response_to": None, "confirmed_request": "_request"}, "in_response_to"),
    ],
)
def test_a_limit_that_is_missing_or_another_is_refused(idp: Idp, what: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(idp, **what)
    assert (refused.value.code, type(refused.value)) == (code, Refused)


@pytest.mark.parametrize(
    "what",
    [
        {"confirmed_until": -MINUTE},
        {"valid_until": -MINUTE, "valid_from": -5 * MINUTE},
        {"issued": -6 * MINUTE},
        {"session_until": timedelta()},
    ],
)
def test_what_is_over_is_told_apart(idp: Idp, what: dict[str, Any]) -> None:
    with pytest.raises(Expired):
        read(idp, **what)


@pytest.mark.parametrize(
    "what",
    [
        {"confirmed_until": SECOND - MINUTE},
        {"valid_until": SECOND - MINUTE},
        {"valid_from": MINUTE},
        {"issued": MINUTE},
        {"issued": SECOND - 6 * MINUTE},
        {"destination": None},
        {"response_issuer": None},
        {"condition": "<saml:OneTimeUse/>"},
    ],
)
def test_clocks_may_differ_by_a_minute_and_parts_that_prove_nothing_be_missing(idp: Idp, what: dict[str, Any]) -> None:
    assert read(idp, **what).subject.value == "alice"


def test_a_response_that_is_signed_says_where_it_goes(idp: Idp) -> None:
    with pytest.raises(Refused) as refused:
        read(idp, destination=None, signs_response=True)
    assert refused.value.code == "destination"


@pytest.mark.parametrize(
    ("asked", "answers", "is_read"),
    [
        ("_request", "_request", True),
        ("_request", AnyRequest(), True),
        (None, AnyRequest(), True),
        (None, None, True),
        ("_request", None, False),
        ("_request", "_another", False),
        (None, "_request", False),
    ],
)
def test_it_answers_the_request_that_was_made(
    idp: Idp, asked: str | None, answers: str | AnyRequest | None, is_read: bool
) -> None:
    if is_read:
        assert read(idp, in_response_to=asked, answers=answers).in_response_to == asked
        return
    with pytest.raises(Refused):
        read(idp, in_response_to=asked, answers=answers)


def test_metadata_that_has_run_out_proves_nothing(idp: Idp) -> None:
    over = replace(idp, provider=replace(idp.provider, valid_until=NOW))
    with pytest.raises(Refused) as refused:
        read(over)
    assert refused.value.code == "metadata_expired"
