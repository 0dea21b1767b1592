"""What a SAML assertion says of somebody, as trust policies and sessions see it (IAM User Guide, "Configure SAML assertions
for the authentication response" and "Available keys for SAML-based AWS STS federation")."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..domain.arn import parse_arn
from ..domain.entities import Tag
from ..domain.errors import InvalidIdentityToken, InvalidInput
from ..domain.mapping.attempt import Attempt, kept
from ..domain.mapping.claims import Claims, Identity
from ..domain.names import ROLE_SESSION_NAME, SOURCE_IDENTITY, Match, shown
from ..domain.providers import SamlProvider
from ..domain.tags import check_tags
from ..federation.saml.assertion import Assertion, NameId
from .tagging import request_tags

Context = Mapping[str, str | tuple[str, ...]]

_PREFIX: Final = "https://aws.amazon.com/SAML/Attributes/"
ROLE: Final = f"{_PREFIX}Role"
SESSION_NAME: Final = f"{_PREFIX}RoleSessionName"
DURATION: Final = f"{_PREFIX}SessionDuration"
SOURCE: Final = f"{_PREFIX}SourceIdentity"
TAG: Final = f"{_PREFIX}PrincipalTag:"
TRANSITIVE: Final = f"{_PREFIX}TransitiveTagKeys"
_MAX_TAGS: Final = 50
_SHORTEST, _LONGEST = 900, 43_200
_FORMAT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:"

_EDU_PERSON: Final = "urn:oid:1.3.6.1.4.1.5923.1.1.1."
_EDU_ORG: Final = "urn:oid:1.3.6.1.4.1.5923.1.2.1."
_CLAIMS: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_LISTS: Final[Mapping[str, str]] = {
    f"{_EDU_PERSON}1": "edupersonaffiliation",
    f"{_EDU_PERSON}2": "edupersonnickname",
    f"{_EDU_PERSON}4": "edupersonorgunitdn",
    f"{_EDU_PERSON}7": "edupersonentitlement",
    f"{_EDU_PERSON}9": "edupersonscopedaffiliation",
    f"{_EDU_PERSON}10": "edupersontargetedid",
    f"{_EDU_PERSON}11": "edupersonassurance",
    f"{_EDU_ORG}2": "eduorghomepageuri",
    f"{_EDU_ORG}3": "eduorgidentityauthnpolicyuri",
    f"{_EDU_ORG}4": "eduorglegalname",
    f"{_EDU_ORG}5": "eduorgsuperioruri",
    f"{_EDU_ORG}6": "eduorgwhitepagesuri",
    "urn:oid:2.5.4.3": "cn",
}
_TEXTS: Final[Mapping[str, str]] = {
    f"{_EDU_PERSON}3": "edupersonorgdn",
    f"{_EDU_PERSON}5": "edupersonprimaryaffiliation",
    f"{_EDU_PERSON}6": "edupersonprincipalname",
    f"{_EDU_PERSON}8": "edupersonprimaryorgunitdn",
    f"{_CLAIMS}name": "name",
    f"{_CLAIMS}givenname": "givenName",
    f"{_CLAIMS}surname": "surname",
    f"{_CLAIMS}emailaddress": "mail",
    "http://schemas.xmlsoap.org/claims/CommonName": "commonName",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid": "primaryGroupSID",
    "urn:oid:2.5.4.4": "surname",
    "urn:oid:2.5.4.42": "givenName",
    "urn:oid:2.5.4.45": "x500UniqueIdentifier",
    "urn:oid:0.9.2342.19200300.100.1.1": "uid",
    "urn:oid:0.9.2342.19200300.100.1.3": "mail",
    "urn:oid:0.9.2342.19200300.100.1.45": "organizationStatus",
}
"""Attributes that AWS has context keys for: those of several values, and those of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlIdentity:
    """Somebody that a provider spoke for. `roles` are those that it offers; `session_seconds` is how long it lets a session
    be, if it says so. `name_qualifier` and the subject together say who that is. `context` is what a trust policy sees,
    `session_context` what the requests of the session bring."""

    subject: str
    subject_type: str
    name_qualifier: str
    session_name: str
    session_seconds: int | None
    roles: frozenset[str]
    context: Context
    session_context: Context
    tags: tuple[Tag, ...]
    transitive_tag_keys: tuple[str, ...]
    source_identity: str | None


def attempted(provider: SamlProvider, assertion: Assertion, identity: SamlIdentity) -> Attempt:
    """What is kept of somebody whose assertion was verified."""
    authn: Claims = {"mfa": False, "issuer": provider.entity_id, "subject": identity.subject, "provider": provider.arn}
    said = kept(Identity(attributes=assertion.attributes, authn=authn))
    return Attempt(provider_id=provider.id, subject=identity.subject, said=said)


def saml_identity(provider: SamlProvider, assertion: Assertion) -> SamlIdentity:
    """What an assertion that is believed says. Raises InvalidIdentityToken for an attribute that is missing, or can't be
    taken as it is."""
    attributes = assertion.attributes
    session_name = _one(attributes, SESSION_NAME)
    if session_name is None:
        raise InvalidIdentityToken(f"The SAML assertion has no attribute {SESSION_NAME}.")
    _check(ROLE_SESSION_NAME, SESSION_NAME, session_name)
    source_identity = _one(attributes, SOURCE)
    if source_identity is not None:
        _check(SOURCE_IDENTITY, SOURCE, source_identity)
    tags, transitive = _tags(attributes)
    name_qualifier = qualifier(assertion.issuer, provider)
    kept = {
        "saml:namequalifier": name_qualifier,
        "saml:sub": assertion.subject.value,
        "saml:sub_type": subject_type(assertion.subject),
    }
    context: dict[str, str | tuple[str, ...]] = {
        **_context(attributes),
        **kept,
        "saml:aud": assertion.recipient,
        "saml:doc": f"{provider.account_id}/{provider.name}",
        "saml:iss": assertion.issuer,
        **request_tags(tags),
    }
    if source_identity is not None:
        context["sts:SourceIdentity"] = source_identity
    if transitive:
        context["sts:TransitiveTagKeys"] = transitive
    return SamlIdentity(
        subject=assertion.subject.value,
        subject_type=subject_type(assertion.subject),
        name_qualifier=name_qualifier,
        session_name=session_name,
        session_seconds=_seconds(attributes),
        roles=_roles(provider, attributes),
        context=context,
        session_context=kept,
        tags=tags,
        transitive_tag_keys=transitive,
        source_identity=source_identity,
    )


def qualifier(issuer: str, provider: SamlProvider) -> str:
    """`BASE64(SHA1(issuer + account + "/" + provider))`, which AWS has beside a subject (STS API Reference,
    AssumeRoleWithSAML). It is a name and no proof."""
    text = f"{issuer}{provider.account_id}/{provider.name}"
    return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()


def subject_type(name_id: NameId) -> str:
    """The format of a subject, of SAML 2.0's own its last part: `persistent`."""
    return name_id.format.removeprefix(_FORMAT)


def _roles(provider: SamlProvider, attributes: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The ARNs of the roles that are offered together with this provider, in either order. Values that are no such pair are
    for somebody else."""
    if ROLE not in attributes:
        raise InvalidIdentityToken(f"The SAML assertion has no attribute {ROLE}.")
    found: set[str] = set()
    for value in attributes[ROLE]:
        pair = [part.strip() for part in value.split(",")]
        if len(pair) == 2 and provider.arn in pair:
            pair.remove(provider.arn)
            found.update(arn for arn in pair if (parsed := parse_arn(arn)) is not None and parsed.kind == "role")
    return frozenset(found)


def _context(attributes: Mapping[str, tuple[str, ...]]) -> Context:
    """The keys of the attributes that have some. Of those that have one value, one that says two things says nothing."""
    context: dict[str, str | tuple[str, ...]] = {}
    for name, key in _LISTS.items():
        if values := attributes.get(name):
            context[f"saml:{key}"] = values
    texts: dict[str, set[str]] = {}
    for name, key in _TEXTS.items():
        texts.setdefault(key, set()).update(attributes.get(name, ()))
    return context | {f"saml:{key}": values.pop() for key, values in texts.items() if len(values) == 1}


def _one(attributes: Mapping[str, tuple[str, ...]], name: str) -> str | None:
    """The value of an attribute that has one; None where it is not there."""
    if name not in attributes:
        return None
    values = attributes[name]
    if len(values) != 1:
        raise InvalidIdentityToken(f"The attribute {name} has {len(values)} values; it should have one.")
    return values[0]


def _check(rule: Match, name: str, value: str) -> None:
    try:
        rule.check(name, value)
    except InvalidInput as error:
        raise InvalidIdentityToken(f"The SAML assertion can't be accepted: {error.message}.") from None


def _seconds(attributes: Mapping[str, tuple[str, ...]]) -> int | None:
    value = _one(attributes, DURATION)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 6 and _SHORTEST <= int(value) <= _LONGEST):
        raise InvalidIdentityToken(
            f"The attribute {DURATION} is {shown(value)}; it should be a number from {_SHORTEST} to {_LONGEST}."
        )
    return int(value)


def _tags(attributes: Mapping[str, tuple[str, ...]]) -> tuple[tuple[Tag, ...], tuple[str, ...]]:
    """The session tags, and the keys of those that go on through chaining."""
    names = [name for name in attributes if name.startswith(TAG)]
    tags = tuple(Tag(key=name.removeprefix(TAG), value=_one(attributes, name) or "") for name in names)
    keys = attributes.get(TRANSITIVE, ())
    if len(tags) > _MAX_TAGS:
        raise InvalidIdentityToken(f"The SAML assertion has {len(tags)} tags; at most {_MAX_TAGS} are allowed.")
    try:
        check_tags(tags)
    except InvalidInput as error:
        raise InvalidIdentityToken(f"The tags of the SAML assertion can't be accepted: {error.message}.") from None
    if not {key.lower() for key in keys} <= {tag.key.lower() for tag in tags}:
        raise InvalidIdentityToken(f"The attribute {TRANSITIVE} names a key that the SAML assertion has no tag for.")
    return tags, keys
