"""Checks XML signatures as SAML has them: one, of the element that it stands in, by a key that metadata pins."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from .names import EXCLUSIVE_C14N, ds
from .refusal import Refused

_ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_INCLUSIVE_NAMESPACES: Final = f"{{{EXCLUSIVE_C14N}}}InclusiveNamespaces"
_PREFIXES: Final = 256

_METHODS: Final = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_DIGESTS: Final = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})

# Its debug lines hold what is signed, whole.
logging.getLogger("signxml").setLevel(logging.INFO)


def signed(element: etree._Element, certificates: Sequence[x509.Certificate]) -> etree._Element:
    """The element again, made of nothing but the bytes that one of the certificates' keys signed. `element` is the root
    of its document and has a signature as a child. Raises Refused.

    A certificate in metadata only carries a key: the dates in it decide nothing (SAML V2.0 Metadata Interoperability
    Profile, 2.6.1), and neither does what the signature says of its key."""
    signatures = element.findall(ds("Signature"))
    if len(signatures) != 1:
        raise Refused("signature_shape", f"it has {len(signatures)} signatures; it should have one")
    _check_profile(signatures[0], element)
    raw = etree.tostring(element)
    for certificate in certificates:
        expected = SignatureConfiguration(
            location="./",
            signature_methods=_METHODS,
            digest_algorithms=_DIGESTS,
            ignore_ambiguous_key_info=True,
            verification_time=certificate.not_valid_before_utc + timedelta(seconds=1),
        )
        try:
            result = XMLVerifier().verify(raw, x509_cert=certificate, expect_config=expected, id_attribute="ID")
        except Exception:  # noqa: S112 (signxml lets errors of lxml, of base64 and of its own out: none of them is a yes)
            continue
        found = result.signed_xml if not isinstance(result, list) else None
        if found is None or found.tag != element.tag or found.get("ID") != element.get("ID"):
            raise Refused("signed_other", "what is signed is not the element that the signature stands in")
        return found
    raise Refused("bad_signature", "none of the certificates in the provider's metadata made the signature")


def _check_profile(signature: etree._Element, parent: etree._Element) -> None:
    """SAML Core 5.4: one reference, to the parent, enveloped, in exclusive canonical form. INVARIANT: all of it is checked
    before any of it is computed."""
    tags = [child.tag for child in signature]
    if tags not in ([ds("SignedInfo"), ds("SignatureValue")], [ds("SignedInfo"), ds("SignatureValue"), ds("KeyInfo")]):
        raise Refused("signature_shape", "a signature holds SignedInfo, SignatureValue and KeyInfo alone")
    info, value = signature[0], signature[1]
    if [child.tag for child in info] != [ds("CanonicalizationMethod"), ds("SignatureMethod"), ds("Reference")]:
        raise Refused("signature_shape", "SignedInfo has the two methods and one reference")
    _check_exclusive(info[0])
    if info[1].get("Algorithm") not in {method.value for method in _METHODS}:
        raise Refused(
            "signature_method",
            f"the signature method {_said(info[1])} is not accepted: RSA or ECDSA is, with SHA-256 or longer",
        )
    reference = info[2]
    if [child.tag for child in reference] != [ds("Transforms"), ds("DigestMethod"), ds("DigestValue")]:
        raise Refused("signature_shape", "a reference has transforms, a digest method and a digest")
    identifier = parent.get("ID")
    if not identifier or reference.get("URI") != f"#{identifier}":
        raise Refused("reference", "the signature is not of the element that it stands in")
    transforms = list(reference[0])
    if [transform.get("Algorithm") for transform in transforms] != [_ENVELOPED, EXCLUSIVE_C14N] or any(
        transform.tag != ds("Transform") for transform in transforms
    ):
        raise Refused("transforms", "the transforms are enveloped-signature and then exclusive canonicalisation alone")
    _check_exclusive(transforms[1])
    if reference[1].get("Algorithm") not in {digest.value for digest in _DIGESTS}:
        raise Refused("digest_method", f"the digest method {_said(reference[1])} is not accepted: SHA-256 or longer is")
    if any(len(leaf) for leaf in (value, info[1], transforms[0], reference[1], reference[2])):
        raise Refused("signature_shape", "a method, a transform or a value in the signature has children")


def _check_exclusive(method: etree._Element) -> None:
    children = list(method)
    if method.get("Algorithm") != EXCLUSIVE_C14N:
        raise Refused(
            "transforms", f"the canonicalisation {_said(method)} is not accepted: exclusive, without comments, is"
        )
    if children and (
        [child.tag for child in children] != [_INCLUSIVE_NAMESPACES]
        or len(children[0])
        or len(children[0].get("PrefixList", "")) > _PREFIXES
    ):
        raise Refused("transforms", "exclusive canonicalisation takes InclusiveNamespaces alone")


def _said(method: etree._Element) -> str:
    return ascii(str(method.get("Algorithm"))[:120])
