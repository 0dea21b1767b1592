"""Checks that an assertion is for us and for now, and says what it says (SAML Profiles 4.1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lxml import etree

from .instants import instant
from .metadata import IdentityProvider
from .names import BEARER, UNSPECIFIED, saml
from .refusal import Expired, Refused
from .response import Envelope, Proven
from .xml import at_most_one, one, text

SKEW: Final = timedelta(minutes=1)
"""How far the identity provider's clock may be from ours, either way."""
LIFE: Final = timedelta(minutes=5)
"""How long an assertion is good for after it was issued, whatever it says: as on AWS."""
_LONGEST: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who an assertion must be for: `recipient` is the URL that it is posted to, `audience` our entity ID."""

    recipient: str
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyRequest:
    """The assertion may answer whatever request: who hands it over has asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameId:
    """Whom an assertion is about, as the identity provider names them."""

    value: str
    format: str
    name_qualifier: str | None
    sp_name_qualifier: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What an identity provider says of somebody who signed in there. It must not be believed a second time before
    `forgotten_at`."""

    id: str
    issuer: str
    subject: NameId
    recipient: str
    audience: str
    attributes: Mapping[str, tuple[str, ...]]
    authenticated_at: datetime
    authn_context: str | None
    session_index: str | None
    session_ends_at: datetime | None
    in_response_to: str | None
    forgotten_at: datetime


def checked(
    found: Proven,
    provider: IdentityProvider,
    receiver: Receiver,
    *,
    answers: str | AnyRequest | None,
    now: datetime,
) -> Assertion:
    """What the assertion says. `answers` is the request that it must answer, or None where it must answer none. Raises
    Refused; Expired where it was good once. INVARIANT: a limit that is missing is not "no limit"."""
    assertion = found.assertion
    identifier = assertion.get("ID")
    if assertion.get("Version") != "2.0" or not identifier:
        raise Refused("shape", "it is no SAML 2.0 assertion, or has no ID")
    if provider.valid_until is not None and provider.valid_until <= now:
        raise Refused("metadata_expired", f"the provider's metadata was valid until {provider.valid_until:%FT%TZ}")
    _check_origin(found.envelope, assertion, provider, receiver)
    _check_request(found.envelope, answers)
    subject = one(assertion, saml("Subject"))
    name_id = _name_id(subject)
    ends = [_confirmed(subject, found.envelope, receiver, now), _check_conditions(assertion, receiver, now)]
    ends.append(_issued(assertion, now) + LIFE)
    statement = one(assertion, saml("AuthnStatement"))
    session_end = statement.get("SessionNotOnOrAfter")
    session_ends_at = instant(session_end, "SessionNotOnOrAfter") if session_end is not None else None
    if session_ends_at is not None and session_ends_at <= now:
        raise Expired("session_over", "the session at the identity provider is over")
    context = one(statement, saml("AuthnContext"))
    context_class = at_most_one(context, saml("AuthnContextClassRef"))
    return Assertion(
        id=identifier,
        issuer=provider.entity_id,
        subject=name_id,
        recipient=receiver.recipient,
        audience=receiver.audience,
        attributes=_attributes(assertion),
        authenticated_at=instant(statement.get("AuthnInstant"), "AuthnInstant"),
        authn_context=text(context_class) if context_class is not None else None,
        session_index=statement.get("SessionIndex"),
        session_ends_at=session_ends_at,
        in_response_to=found.envelope.in_response_to,
        forgotten_at=min(ends) + SKEW,
    )


def _check_origin(
    envelope: Envelope, assertion: etree._Element, provider: IdentityProvider, receiver: Receiver
) -> None:
    issuer = text(one(assertion, saml("Issuer")))
    for said in (issuer, *([envelope.issuer] if envelope.issuer is not None else [])):
        if said != provider.entity_id:
            raise Refused("issuer", f"the Issuer is {said[:120]!a}; it should be {provider.entity_id!a}")
    # SAML Bindings 3.5.5.2: a response that is signed says where it goes.
    if envelope.destination != receiver.recipient and (envelope.is_signed or envelope.destination is not None):
        raise Refused("destination", _should_be("the Destination", envelope.destination, receiver.recipient))


def _check_request(envelope: Envelope, answers: str | AnyRequest | None) -> None:
    if isinstance(answers, AnyRequest) or envelope.in_response_to == answers:
        return
    if envelope.in_response_to is None:
        raise Refused("unsolicited", "it answers no request, and the request that was made is not answered")
    raise Refused("in_response_to", "it answers another request than the one that was made")


def _issued(assertion: etree._Element, now: datetime) -> datetime:
    issued_at = instant(assertion.get("IssueInstant"), "IssueInstant")
    if issued_at > now + SKEW:
        raise Refused("not_yet", "it is issued in the future")
    if issued_at + LIFE <= now - SKEW:
        raise Expired("expired", "it was issued more than five minutes ago")
    return issued_at


def _name_id(subject: etree._Element) -> NameId:
    """INVARIANT: of a name no part is left out: an element in it is refused."""
    if subject.find(saml("EncryptedID")) is not None or subject.find(saml("BaseID")) is not None:
        raise Refused("name_id", "the subject is named by another element than NameID")
    element = one(subject, saml("NameID"))
    value = text(element)
    if not 1 <= len(value) <= _LONGEST or not value.isprintable():
        raise Refused("name_id", f"the NameID must have 1 to {_LONGEST} characters that can be printed")
    return NameId(
        value=value,
        format=element.get("Format") or UNSPECIFIED,
        name_qualifier=element.get("NameQualifier"),
        sp_name_qualifier=element.get("SPNameQualifier"),
    )


def _confirmed(subject: etree._Element, envelope: Envelope, receiver: Receiver, now: datetime) -> datetime:
    """Until when the subject may be taken for the bearer, by the first confirmation that is for us."""
    refusal = Refused("confirmation", "the subject has no bearer confirmation")
    for confirmation in subject.findall(saml("SubjectConfirmation")):
        if confirmation.get("Method") != BEARER:
            continue
        try:
            return _bearer(one(confirmation, saml("SubjectConfirmationData")), envelope, receiver, now)
        except Refused as error:
            refusal = error
    raise refusal


def _bearer(data: etree._Element, envelope: Envelope, receiver: Receiver, now: datetime) -> datetime:
    if data.get("Recipient") != receiver.recipient:
        raise Refused("recipient", _should_be("the Recipient", data.get("Recipient"), receiver.recipient))
    # SAML Profiles 4.1.4.2: a bearer's confirmation has no beginning.
    if data.get("NotBefore") is not None:
        raise Refused("confirmation", "a bearer confirmation has no NotBefore")
    if data.get("InResponseTo") != envelope.in_response_to:
        raise Refused("in_response_to", "the confirmation and the response answer different requests")
    return _not_over(instant(data.get("NotOnOrAfter"), "SubjectConfirmationData/NotOnOrAfter"), now)


def _check_conditions(assertion: etree._Element, receiver: Receiver, now: datetime) -> datetime:
    conditions = one(assertion, saml("Conditions"))
    begin = conditions.get("NotBefore")
    if begin is not None and instant(begin, "Conditions/NotBefore") > now + SKEW:
        raise Refused("not_yet", "it is not valid yet")
    end = _not_over(instant(conditions.get("NotOnOrAfter"), "Conditions/NotOnOrAfter"), now)
    restrictions = 0
    for condition in conditions:
        if condition.tag == saml("AudienceRestriction"):
            restrictions += 1
            said = [text(audience) for audience in condition.findall(saml("Audience"))]
            if receiver.audience not in said:
                raise Refused("audience", _should_be("the Audience", " or ".join(said), receiver.audience))
        elif condition.tag not in (saml("OneTimeUse"), saml("ProxyRestriction")):
            raise Refused("condition", "it has a condition that is not known")
    if not restrictions:
        raise Refused("audience", "it has no AudienceRestriction")
    return end


def _not_over(end: datetime, now: datetime) -> datetime:
    if end <= now - SKEW:
        raise Expired("expired", f"it was good until {end:%FT%TZ}")
    return end


def _attributes(assertion: etree._Element) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for attribute in assertion.iterfind(f"{saml('AttributeStatement')}/{saml('Attribute')}"):
        name = attribute.get("Name") or ""
        values = (_value(value) for value in attribute.findall(saml("AttributeValue")))
        found[name] = (*found.get(name, ()), *(value for value in values if value is not None))
    return found


def _value(element: etree._Element) -> str | None:
    """A value that is text, or a name (as eduPersonTargetedID's is); None for any other."""
    if not len(element):
        return element.text or ""
    name_id = element.find(saml("NameID"))
    return (name_id.text or "") if len(element) == 1 and name_id is not None and not len(name_id) else None


def _should_be(what: str, said: str | None, expected: str) -> str:
    return f"{what} is {'missing' if said is None else ascii(said[:200])}; it should be {expected!a}"
