"""Which responses prove something: those that the identity provider signed, and of these what it signed."""

from __future__ import annotations

import base64
import copy
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from lxml import etree

from iamgraph.federation.saml.metadata import identity_provider
from iamgraph.federation.saml.refusal import Refused, Rejected
from iamgraph.federation.saml.response import MAX_TEXT, proven

from ...saml_idp import DS, SAML, SAMLP, assertion_of, ecdsa_pair, metadata, pair, posted, sign
from .conftest import ISSUER, Idp

SIGNATURE = f"{{{DS}}}Signature"


def signed_assertion(idp: Idp) -> etree._Element:
    response = idp.says()
    sign(assertion_of(response), idp.pair)
    # lxml finds nothing by name of what xmlsec has put into its tree.
    return etree.fromstring(etree.tostring(response))


def signed_response(idp: Idp) -> etree._Element:
    return etree.fromstring(etree.tostring(sign(idp.says(), idp.pair)))


def signature_of(element: etree._Element) -> etree._Element:
    found = element.find(SIGNATURE)
    assert found is not None
    return found


def evil(assertion: etree._Element) -> etree._Element:
    """A copy that says that somebody else is there, and has no signature."""
    made = copy.deepcopy(assertion)
    for signature in made.findall(SIGNATURE):
        made.remove(signature)
    made.set("ID", "_evil")
    (name_id,) = made.iter(f"{{{SAML}}}NameID")
    name_id.text = "mallory"
    return made


# ------------------------------------------------------------------------------------- what is believed


@pytest.mark.parametrize("signs", ["response", "assertion", "both"])
@pytest.mark.parametrize("has_key_info", [True, False])
def test_a_response_is_believed_where_either_part_is_signed(idp: Idp, signs: str, has_key_info: bool) -> None:
    response = idp.says(attributes={"groups": ["a", "b"]})
    if signs != "response":
        sign(assertion_of(response), idp.pair, has_key_info=has_key_info)
    if signs != "assertion":
        sign(response, idp.pair, has_key_info=has_key_info)

    found = idp.read(response)

    assert (found.subject.value, found.attributes) == ("alice", {"groups": ("a", "b")})


@pytest.mark.parametrize("signs", ["response", "assertion"])
def test_what_is_read_on_is_made_of_what_was_signed(idp: Idp, signs: str) -> None:
    """A signature does not sign itself, so that there is none in what it has signed."""
    response = idp.says()
    sign(response if signs == "response" else assertion_of(response), idp.pair)
    found = proven(posted(response), idp.provider).assertion
    assert [element.tag for element in found.getroottree().getroot().iter(SIGNATURE)] == []


@pytest.mark.parametrize("method", ["RsaSha256", "RsaSha384", "RsaSha512"])
@pytest.mark.parametrize("digest", ["Sha256", "Sha384", "Sha512"])
def test_sha_2_is_believed(idp: Idp, method: str, digest: str) -> None:
    response = idp.says()
    sign(assertion_of(response), idp.pair, method=method, digest=digest)
    assert idp.read(response).subject.value == "alice"


def test_ecdsa_is_believed(idp: Idp) -> None:
    theirs = replace(idp, pair=ecdsa_pair(), provider=identity_provider(metadata(ISSUER, ecdsa_pair()).encode()))
    response = theirs.says()
    sign(response, theirs.pair, method="EcdsaSha256")
    assert theirs.read(response).subject.value == "alice"


@pytest.mark.parametrize("by", ["old", "new"])
def test_both_keys_are_believed_while_a_provider_changes_them(idp: Idp, by: str) -> None:
    provider = identity_provider(metadata(ISSUER, pair("old"), pair("new")).encode())
    response = idp.says()
    sign(assertion_of(response), pair(by))
    assert replace(idp, provider=provider).read(response).subject.value == "alice"


# ------------------------------------------------------------------------- signatures that prove nothing


def unsigned(idp: Idp) -> etree._Element:
    return idp.says()


def another_key(idp: Idp) -> etree._Element:
    # Its KeyInfo holds the certificate of the key that made it.
    response = idp.says()
    sign(assertion_of(response), pair("mallory"))
    return response


def altered_text(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (name_id,) = response.iter(f"{{{SAML}}}NameID")
    name_id.text = "mallory"
    return response


def altered_signature(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (value,) = response.iter(f"{{{DS}}}SignatureValue")
    raw = bytearray(base64.b64decode(value.text or ""))
    raw[10] ^= 1
    value.text = base64.b64encode(raw).decode()
    return response


def altered_digest(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (value,) = response.iter(f"{{{DS}}}DigestValue")
    value.text = base64.b64encode(bytes(32)).decode()
    return response


def empty_signature(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    signature = signature_of(assertion_of(response))
    for child in list(signature):
        signature.remove(child)
    return response


def sha1_signature(idp: Idp) -> etree._Element:
    response = idp.says()
    sign(assertion_of(response), idp.pair, method="RsaSha1")
    return response


def sha1_digest(idp: Idp) -> etree._Element:
    response = idp.says()
    sign(assertion_of(response), idp.pair, digest="Sha1")
    return response


def hmac(idp: Idp) -> etree._Element:
    """CVE-2021-21239: the certificate, which everybody has, as the secret."""
    response = signed_assertion(idp)
    (method,) = response.iter(f"{{{DS}}}SignatureMethod")
    method.set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
    return response


def inclusive_c14n(idp: Idp) -> etree._Element:
    response = idp.says()
    sign(assertion_of(response), idp.pair, c14n="InclC14N")
    return response


def inclusive_transform(idp: Idp) -> etree._Element:
    response = idp.says()
    sign(assertion_of(response), idp.pair, transforms=("Enveloped", "InclC14N"))
    return response


def with_comments(idp: Idp) -> etree._Element:
    response = idp.says()
    sign(assertion_of(response), idp.pair, transforms=("Enveloped", "ExclC14NWithComments"))
    return response


def only_enveloped(idp: Idp) -> etree._Element:
    response = idp.says()
    sign(assertion_of(response), idp.pair, transforms=("Enveloped",))
    return response


def xpath_transform(idp: Idp) -> etree._Element:
    """A transform that hides the subject from the digest."""
    response = signed_assertion(idp)
    (transforms,) = response.iter(f"{{{DS}}}Transforms")
    made = etree.SubElement(transforms, f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116")
    etree.SubElement(made, f"{{{DS}}}XPath").text = "not(ancestor-or-self::saml:Subject)"
    return response


def xslt_transform(idp: Idp) -> etree._Element:
    """CVE-2022-47966: a program in what nobody has signed."""
    response = signed_assertion(idp)
    (transforms,) = response.iter(f"{{{DS}}}Transforms")
    made = etree.SubElement(transforms, f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116")
    made.append(
        etree.fromstring(
            '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">'
            '<xsl:for-each select="//*"><xsl:for-each select="//*"><xsl:for-each select="//*"/></xsl:for-each>'
            "</xsl:for-each></xsl:template></xsl:stylesheet>"
        )
    )
    return response


def program_in_canonicalisation(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (method,) = response.iter(f"{{{DS}}}CanonicalizationMethod")
    etree.SubElement(method, f"{{{DS}}}XPath").text = "//*"
    return response


def program_in_enveloped(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    transform = next(response.iter(f"{{{DS}}}Transform"))
    etree.SubElement(transform, f"{{{DS}}}XPath").text = "//*"
    return response


def many_prefixes(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    *_, transform = response.iter(f"{{{DS}}}Transform")
    etree.SubElement(
        transform, "{http://www.w3.org/2001/10/xml-exc-c14n#}InclusiveNamespaces", PrefixList=" ".join(["p"] * 1000)
    )
    return response


def whole_document_reference(idp: Idp) -> etree._Element:
    response = idp.says()
    sign(response, idp.pair, uri="")
    return response


def reference_elsewhere(idp: Idp) -> etree._Element:
    """The assertion's signature is of the response."""
    response = idp.says()
    sign(assertion_of(response), idp.pair, uri=f"#{response.get('ID')}")
    return response


def external_reference(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (reference,) = response.iter(f"{{{DS}}}Reference")
    reference.set("URI", "https://mallory.test/x")
    return response


def xpointer_reference(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (reference,) = response.iter(f"{{{DS}}}Reference")
    reference.set("URI", f"#xpointer(id('{assertion_of(response).get('ID')}'))")
    return response


def no_reference(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (info,) = response.iter(f"{{{DS}}}SignedInfo")
    info.remove(info[2])
    return response


def two_references(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (info,) = response.iter(f"{{{DS}}}SignedInfo")
    info.append(copy.deepcopy(info[2]))
    return response


def two_signed_infos(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    signature = signature_of(assertion_of(response))
    signature.insert(0, copy.deepcopy(signature[0]))
    return response


def object_in_signature(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    signature_of(assertion_of(response)).append(etree.Element(f"{{{DS}}}Object"))
    return response


def no_id(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    del assertion_of(response).attrib["ID"]
    return response


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (unsigned, "not_signed"),
        (another_key, "bad_signature"),
        (altered_text, "bad_signature"),
        (altered_signature, "bad_signature"),
        (altered_digest, "bad_signature"),
        (empty_signature, "signature_shape"),
        (sha1_signature, "signature_method"),
        (sha1_digest, "digest_method"),
        (hmac, "signature_method"),
        (inclusive_c14n, "transforms"),
        (inclusive_transform, "transforms"),
        (with_comments, "transforms"),
        (only_enveloped, "transforms"),
        (xpath_transform, "transforms"),
        (xslt_transform, "transforms"),
        (program_in_canonicalisation, "transforms"),
        (program_in_enveloped, "signature_shape"),
        (many_prefixes, "transforms"),
        (whole_document_reference, "reference"),
        (reference_elsewhere, "reference"),
        (external_reference, "reference"),
        (xpointer_reference, "reference"),
        (no_reference, "signature_shape"),
        (two_references, "signature_shape"),
        (two_signed_infos, "signature_shape"),
        (object_in_signature, "signature_shape"),
        (no_id, "reference"),
    ],
)
def test_what_is_not_signed_as_it_should_be_proves_nothing(
    idp: Idp, made: Callable[[Idp], etree._Element], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        idp.read(made(idp))
    assert refused.value.code == code


def test_a_signed_response_does_not_make_good_an_assertion_whose_own_signature_is_wrong(idp: Idp) -> None:
    response = altered_text(idp)
    sign(response, idp.pair)
    with pytest.raises(Refused) as refused:
        idp.read(response)
    assert refused.value.code == "bad_signature"


# ------------------------------------------------------------------------------------ signature wrapping
# XSW1 to XSW8 are those of Somorovsky et al., "On Breaking SAML" (USENIX Security 2012).


def xsw1(idp: Idp) -> etree._Element:
    """The signed response inside the signature of an evil one."""
    signed = signed_response(idp)
    around = _evil_response(signed)
    signature = copy.deepcopy(signature_of(signed))
    signature.append(_without_signature(signed))
    around.insert(1, signature)
    return around


def xsw2(idp: Idp) -> etree._Element:
    """The signed response, detached, beside its signature in an evil one."""
    signed = signed_response(idp)
    around = _evil_response(signed)
    around.insert(1, copy.deepcopy(signature_of(signed)))
    around.insert(1, _without_signature(signed))
    return around


def _evil_response(signed: etree._Element) -> etree._Element:
    around = _without_signature(signed)
    around.set("ID", "_evil-response")
    around.replace(assertion_of(around), evil(assertion_of(around)))
    return around


def _without_signature(response: etree._Element) -> etree._Element:
    made = copy.deepcopy(response)
    made.remove(signature_of(made))
    return made


def xsw3(idp: Idp) -> etree._Element:
    """An evil assertion before the signed one."""
    response = signed_assertion(idp)
    response.insert(2, evil(assertion_of(response)))
    return response


def xsw4(idp: Idp) -> etree._Element:
    """The signed assertion inside an evil one."""
    response = signed_assertion(idp)
    signed = assertion_of(response)
    made = evil(signed)
    response.replace(signed, made)
    made.append(signed)
    return response


def xsw5(idp: Idp) -> etree._Element:
    """The evil assertion has the signature, the signed one is at the end."""
    response = signed_assertion(idp)
    signed = assertion_of(response)
    made = evil(signed)
    signature = signature_of(signed)
    made.insert(1, copy.deepcopy(signature))
    signed.remove(signature)
    response.replace(signed, made)
    response.append(signed)
    return response


def xsw6(idp: Idp) -> etree._Element:
    """The same, with the signed assertion in the signature."""
    response = signed_assertion(idp)
    signed = assertion_of(response)
    made = evil(signed)
    signature = copy.deepcopy(signature_of(signed))
    signed.remove(signature_of(signed))
    made.insert(1, signature)
    response.replace(signed, made)
    signature.append(signed)
    return response


def xsw7(idp: Idp) -> etree._Element:
    """An extension holds an evil assertion."""
    response = signed_assertion(idp)
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    extensions.append(evil(assertion_of(response)))
    response.insert(1, extensions)
    return response


def xsw8(idp: Idp) -> etree._Element:
    """An object in the evil assertion's signature holds the signed one."""
    response = signed_assertion(idp)
    signed = assertion_of(response)
    made = evil(signed)
    signature = copy.deepcopy(signature_of(signed))
    signed.remove(signature_of(signed))
    made.insert(1, signature)
    response.replace(signed, made)
    etree.SubElement(signature, f"{{{DS}}}Object").append(signed)
    return response


def advice(idp: Idp) -> etree._Element:
    """CVE-2024-45409 and its like: the evil assertion keeps the signed one as advice."""
    response = signed_assertion(idp)
    signed = assertion_of(response)
    made = evil(signed)
    made.insert(1, copy.deepcopy(signature_of(signed)))
    response.replace(signed, made)
    etree.SubElement(made, f"{{{SAML}}}Advice").append(signed)
    return response


def signature_in_status(idp: Idp) -> etree._Element:
    """The signed assertion, whole, in the status detail of an evil response."""
    response = signed_assertion(idp)
    signed = assertion_of(response)
    response.replace(signed, evil(signed))
    (status,) = response.iter(f"{{{SAMLP}}}Status")
    etree.SubElement(status, f"{{{SAMLP}}}StatusDetail").append(signed)
    return response


def signature_moved_up(idp: Idp) -> etree._Element:
    """The assertion's signature stands in the response, the assertion is evil."""
    response = signed_assertion(idp)
    signed = assertion_of(response)
    signature = signature_of(signed)
    response.replace(signed, evil(signed))
    response.insert(1, signature)
    return response


def same_id(idp: Idp) -> etree._Element:
    response = xsw3(idp)
    for assertion in response.findall(f"{{{SAML}}}Assertion"):
        assertion.set("ID", "_same")
    return response


def id_of_another_case(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (status,) = response.iter(f"{{{SAMLP}}}Status")
    status.set("id", assertion_of(response).get("ID") or "")
    return response


def id_in_xml_namespace(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    (status,) = response.iter(f"{{{SAMLP}}}Status")
    status.set("{http://www.w3.org/XML/1998/namespace}id", assertion_of(response).get("ID") or "")
    return response


def id_in_a_namespace(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    response.set("{urn:x}ID", assertion_of(response).get("ID") or "")
    return response


def nested_response(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    outer = _evil_response(signed_response(idp))
    etree.SubElement(outer, f"{{{SAMLP}}}Extensions").append(response)
    return outer


def two_signed(idp: Idp) -> etree._Element:
    """Two assertions that are both signed: of which of them would it be?"""
    response = signed_assertion(idp)
    response.append(assertion_of(signed_assertion(idp)))
    return response


def two_signatures(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    assertion = assertion_of(response)
    assertion.insert(1, copy.deepcopy(signature_of(assertion)))
    return response


def signature_elsewhere(idp: Idp) -> etree._Element:
    """One that nobody need look at, and somebody may."""
    response = signed_assertion(idp)
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    extensions.append(copy.deepcopy(signature_of(assertion_of(response))))
    response.insert(1, extensions)
    return response


def not_saml_2(idp: Idp) -> etree._Element:
    response = signed_assertion(idp)
    response.set("Version", "1.1")
    return response


def no_assertion(idp: Idp) -> etree._Element:
    response = idp.says()
    response.remove(assertion_of(response))
    return response


def assertion_alone(idp: Idp) -> etree._Element:
    return copy.deepcopy(assertion_of(signed_assertion(idp)))


def another_namespace(idp: Idp) -> bytes:
    return etree.tostring(signed_assertion(idp)).replace(SAMLP.encode(), b"urn:oasis:names:tc:SAML:2.1:protocol")


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (xsw1, "shape"),
        (xsw2, "shape"),
        (xsw3, "shape"),
        (xsw4, "shape"),
        (xsw5, "shape"),
        (xsw6, "shape"),
        (xsw7, "shape"),
        (xsw8, "shape"),
        (advice, "shape"),
        (signature_in_status, "shape"),
        (signature_moved_up, "reference"),
        (same_id, "duplicate_id"),
        (id_of_another_case, "odd_id"),
        (id_in_xml_namespace, "odd_id"),
        (id_in_a_namespace, "odd_id"),
        (nested_response, "shape"),
        (two_signed, "shape"),
        (two_signatures, "signature_shape"),
        (signature_elsewhere, "signature_shape"),
        (not_saml_2, "shape"),
        (no_assertion, "shape"),
        (assertion_alone, "shape"),
        (another_namespace, "shape"),
    ],
)
def test_a_signature_is_of_the_one_thing_that_is_read(
    idp: Idp, made: Callable[[Idp], etree._Element | bytes], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        idp.read(made(idp))
    assert refused.value.code == code


# --------------------------------------------------------------------------------------- around the XML


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("%%%", "base64"),
        ("PHg", "base64"),
        ("é", "base64"),
        ("A" * (MAX_TEXT + 1), "too_large"),
        (posted(b"<x"), "malformed_xml"),
        (posted(b""), "malformed_xml"),
        (posted(b"<x xmlns='urn:x'/>"), "shape"),
    ],
)
def test_what_is_no_response_is_refused(idp: Idp, text: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        idp.read(text)
    assert refused.value.code == code


def test_base64_may_be_broken_into_lines(idp: Idp) -> None:
    encoded = posted(signed_assertion(idp))
    lines = "\r\n".join(encoded[start : start + 76] for start in range(0, len(encoded), 76))
    assert idp.read(lines).subject.value == "alice"


def test_a_provider_that_could_not_authenticate_says_so_under_its_signature(idp: Idp) -> None:
    status = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    response = idp.says(status=status)
    response.remove(assertion_of(response))
    with pytest.raises(Refused) as refused:
        proven(posted(response), idp.provider)
    assert not isinstance(refused.value, Rejected)

    with pytest.raises(Rejected) as rejected:
        proven(posted(sign(response, idp.pair)), idp.provider)
    assert status in rejected.value.text


def test_a_status_that_is_no_success_comes_with_no_assertion_that_counts(idp: Idp) -> None:
    response = idp.says(status="urn:oasis:names:tc:SAML:2.0:status:Requester")
    sign(assertion_of(response), idp.pair)
    with pytest.raises(Refused) as refused:
        idp.read(response)
    assert refused.value.code == "status"


def test_nothing_of_a_response_is_logged(idp: Idp, caplog: pytest.LogCaptureFixture) -> None:
    """What canonicalises would write all that it does into a debug log."""
    caplog.set_level(logging.DEBUG)
    assert idp.read(signed_assertion(idp)).subject.value == "alice"
    assert caplog.text == ""
