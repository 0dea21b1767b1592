"""A SAML identity provider that says whatever a test wants, signed and encrypted by xmlsec, which checks nothing of ours."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from xml.sax.saxutils import escape

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

SAML, SAMLP = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
DS = "http://www.w3.org/2000/09/xmldsig#"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

_numbers = count()


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A private key and its certificate, in PEM."""

    key: bytes = field(repr=False)
    certificate: bytes

    @property
    def in_metadata(self) -> str:
        der = x509.load_pem_x509_certificate(self.certificate).public_bytes(serialization.Encoding.DER)
        return base64.b64encode(der).decode()


def made(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, *, began: datetime, days: int = 365) -> Pair:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.test")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(1).not_valid_before(began).not_valid_after(began + timedelta(days=days))
    certificate = builder.sign(private, hashes.SHA256())
    return Pair(
        key=private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
    )


@cache
def pair(name: str) -> Pair:
    """The RSA key of that name: made once a run. Its certificate has run out long ago, as many in metadata have."""
    return made(rsa.generate_private_key(65537, 2048), began=datetime(2015, 1, 1, tzinfo=UTC))


@cache
def ecdsa_pair() -> Pair:
    return made(ec.generate_private_key(ec.SECP256R1()), began=datetime(2015, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a response says. None leaves a part out."""

    recipient: str | None
    audiences: Sequence[str] | None
    issuer: str
    now: datetime
    destination: str | None = ""
    """The recipient, if nothing else is said."""
    response_issuer: str | None = ""
    name_id: str | None = "alice"
    name_id_format: str | None = PERSISTENT
    name_qualifier: str | None = None
    method: str = BEARER
    in_response_to: str | None = None
    confirmed_request: str | None = ""
    confirmed_until: timedelta | None = timedelta(minutes=5)
    confirmed_from: timedelta | None = None
    valid_from: timedelta | None = timedelta(minutes=-1)
    valid_until: timedelta | None = timedelta(minutes=5)
    has_conditions: bool = True
    condition: str = ""
    issued: timedelta | None = timedelta()
    status: str = SUCCESS
    statements: int = 1
    session_until: timedelta | None = None
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    more: str = ""
    """XML at the end of the assertion."""

    def xml(self) -> etree._Element:
        number = next(_numbers)
        destination = self.recipient if self.destination == "" else self.destination
        response_issuer = self.issuer if self.response_issuer == "" else self.response_issuer
        confirmed = self.in_response_to if self.confirmed_request == "" else self.confirmed_request
        data = _attributes(
            Recipient=self.recipient,
            InResponseTo=confirmed,
            NotOnOrAfter=self._at(self.confirmed_until),
            NotBefore=self._at(self.confirmed_from),
        )
        audience = "".join(
            f"<saml:AudienceRestriction><saml:Audience>{escape(each)}</saml:Audience></saml:AudienceRestriction>"
            for each in self.audiences or ()
        )
        limits = _attributes(NotBefore=self._at(self.valid_from), NotOnOrAfter=self._at(self.valid_until))
        conditions = f"<saml:Conditions{limits}>{audience}{self.condition}</saml:Conditions>"
        name_id = (
            ""
            if self.name_id is None
            else (
                f"<saml:NameID{_attributes(Format=self.name_id_format, NameQualifier=self.name_qualifier)}>"
                f"{self.name_id}</saml:NameID>"
            )
        )
        issued = _attributes(IssueInstant=self._at(self.issued))
        session = _attributes(
            AuthnInstant=self._at(timedelta()), SessionIndex="s1", SessionNotOnOrAfter=self._at(self.session_until)
        )
        statement = (
            f"<saml:AuthnStatement{session}><saml:AuthnContext><saml:AuthnContextClassRef>{PASSWORD}"
            "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
        )
        attributes = "".join(
            f"<saml:Attribute{_attributes(Name=name)}>"
            + "".join(f"<saml:AttributeValue>{escape(value)}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in self.attributes.items()
        )
        attributes = f"<saml:AttributeStatement>{attributes}</saml:AttributeStatement>" if attributes else ""
        response = _attributes(
            ID=f"_r{number}", Version="2.0", IssueInstant=self._at(timedelta()), Destination=destination,
            InResponseTo=self.in_response_to,
        )  # fmt: skip
        return etree.fromstring(
            f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"{response}>'
            + (f"<saml:Issuer>{response_issuer}</saml:Issuer>" if response_issuer is not None else "")
            + f'<samlp:Status><samlp:StatusCode Value="{self.status}"/></samlp:Status>'
            f'<saml:Assertion ID="_a{number}" Version="2.0"{issued}><saml:Issuer>{self.issuer}</saml:Issuer>'
            f'<saml:Subject>{name_id}<saml:SubjectConfirmation Method="{self.method}">'
            f"<saml:SubjectConfirmationData{data}/></saml:SubjectConfirmation></saml:Subject>"
            + (conditions if self.has_conditions else "")
            + statement * self.statements
            + attributes
            + self.more
            + "</saml:Assertion></samlp:Response>"
        )

    def _at(self, offset: timedelta | None) -> str | None:
        return None if offset is None else f"{self.now + offset:%Y-%m-%dT%H:%M:%SZ}"


def _attributes(**given: str | None) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in given.items() if value is not None)


def assertion_of(response: etree._Element) -> etree._Element:
    found = response.find(f"{{{SAML}}}Assertion")
    assert found is not None
    return found


def sign(
    element: etree._Element,
    by: Pair,
    *,
    method: str = "RsaSha256",
    digest: str = "Sha256",
    c14n: str = "ExclC14N",
    transforms: Sequence[str] = ("Enveloped", "ExclC14N"),
    uri: str | None = None,
    has_key_info: bool = True,
) -> etree._Element:
    """Put a signature into the element, after its issuer."""
    node = xmlsec.template.create(element, _transform(c14n), _transform(method), ns="ds")
    element.insert(1 if element[0].tag == f"{{{SAML}}}Issuer" else 0, node)
    reference = xmlsec.template.add_reference(
        node, _transform(digest), uri=f"#{element.get('ID')}" if uri is None else uri
    )
    for each in transforms:
        xmlsec.template.add_transform(reference, _transform(each))
    if has_key_info:
        xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(node))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(by.key, xmlsec.KeyFormat.PEM)
    context.key.load_cert_from_memory(by.certificate, xmlsec.KeyFormat.PEM)
    xmlsec.tree.add_ids(element.getroottree().getroot(), ["ID"])
    context.sign(node)
    return element


def _transform(name: str) -> object:
    return getattr(xmlsec.constants, f"Transform{name}")


def encrypt(
    assertion: etree._Element, to: Pair, *, method: str = "Aes256Gcm", bits: int = 256, transport: str = "RsaOaep"
) -> etree._Element:
    """Replace the assertion by an EncryptedAssertion."""
    parent = assertion.getparent()
    assert parent is not None
    around = etree.SubElement(parent, f"{{{SAML}}}EncryptedAssertion")
    parent.replace(assertion, around)
    around.append(assertion)
    data = xmlsec.template.encrypted_data_create(
        around, _transform(method), type=xmlsec.EncryptionType.ELEMENT, ns="xenc"
    )
    xmlsec.template.encrypted_data_ensure_cipher_value(data)
    key = xmlsec.template.add_encrypted_key(
        xmlsec.template.encrypted_data_ensure_key_info(data, ns="ds"), _transform(transport)
    )
    xmlsec.template.encrypted_data_ensure_cipher_value(key)
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(to.certificate, xmlsec.KeyFormat.CERT_PEM))
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(xmlsec.KeyData.AES, bits, xmlsec.KeyDataType.SESSION)
    context.encrypt_xml(data, assertion)
    return around


def posted(response: etree._Element | bytes) -> str:
    """The response as it is posted."""
    raw = response if isinstance(response, bytes) else etree.tostring(response)
    return base64.b64encode(raw).decode()


def sha256_of(of: Pair) -> str:
    """The certificate's fingerprint."""
    return x509.load_pem_x509_certificate(of.certificate).fingerprint(hashes.SHA256()).hex()


def metadata(entity_id: str, *pairs: Pair, attributes: str = "", more: str = "") -> str:
    keys = "".join(
        f'<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{each.in_metadata}'
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for each in pairs
    )
    return (
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="{DS}" entityID="{entity_id}"'
        f'{attributes}><md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}">{keys}{more}'
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
        'Location="https://idp.test/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>'
    )
