"""What an assertion says, as trust policies see it: AWS's attributes, each by its exact name."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from iamgraph.app.saml_claims import SamlIdentity, saml_identity
from iamgraph.domain.entities import Tag
from iamgraph.domain.errors import InvalidIdentityToken
from iamgraph.domain.providers import SamlProvider
from iamgraph.federation.saml.assertion import Assertion, NameId

from .asking import ACCOUNT, OTHER, arn

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PROVIDER = SamlProvider(
    id="S1", account_id=ACCOUNT, name="Corp", entity_id="https://idp.test", certificates=(), created_at=NOW
)
ROLE, OURS = arn("role/team/dev"), arn("saml-provider/Corp")
AWS = "https://aws.amazon.com/SAML/Attributes/"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
ASSERTION = Assertion(
    id="_a", issuer="https://idp.test", recipient="https://iam.test/acs", audience="https://iam.test/metadata",
    subject=NameId(value="alice", format=PERSISTENT, name_qualifier=None, sp_name_qualifier=None),
    attributes={}, authenticated_at=NOW, authn_context=None, session_index=None, session_ends_at=None,
    in_response_to=None, forgotten_at=NOW,
)  # fmt: skip


def identity(**attributes: str | list[str]) -> SamlIdentity:
    """Of attributes by the end of AWS's names; a name that ends in `_` is left out."""
    given: dict[str, str | list[str]] = {"Role": f"{ROLE},{OURS}", "RoleSessionName": "alice", **attributes}
    named = {
        (AWS + name if "://" not in name and ":oid:" not in name else name): value for name, value in given.items()
    }
    values = {name: tuple([value] if isinstance(value, str) else value) for name, value in named.items()}
    return saml_identity(PROVIDER, replace(ASSERTION, attributes=values))


@pytest.mark.parametrize(
    ("values", "roles"),
    [
        ([f"{ROLE},{OURS}"], {ROLE}),
        ([f"{OURS},{ROLE}"], {ROLE}),
        ([f"{ROLE}, {OURS}"], {ROLE}),
        ([f" {OURS} ,\n{ROLE} "], {ROLE}),
        ([f"{ROLE},{OURS}", f"{arn('role/ops')},{OURS}"], {ROLE, arn("role/ops")}),
        # Two roles, and no provider.
        ([f"{ROLE},{arn('role/ops')}"], set()),
        ([f"{OURS},{OURS}"], set()),
        ([ROLE], set()),
        ([f"{ROLE},{OURS},{ROLE}"], set()),
        ([f"{ROLE};{OURS}"], set()),
        ([""], set()),
        # Of another provider, or of one whose name differs in case.
        ([f"{ROLE},{arn('saml-provider/Other')}"], set()),
        ([f"{ROLE},{arn('saml-provider/corp')}"], set()),
        ([f"{ROLE},{arn('saml-provider/Corp', OTHER)}"], set()),
        # For another cloud, beside one for us.
        ([f"arn:aws-cn:iam::{ACCOUNT}:role/x,arn:aws-cn:iam::{ACCOUNT}:saml-provider/y", f"{ROLE},{OURS}"], {ROLE}),
    ],
)
def test_roles_are_offered_in_pairs_with_the_provider(values: list[str], roles: set[str]) -> None:
    assert identity(Role=values).roles == roles


@pytest.mark.parametrize("name", ["Role", "RoleSessionName"])
def test_a_missing_attribute_is_named(name: str) -> None:
    attributes = {AWS + "Role": (f"{ROLE},{OURS}",), AWS + "RoleSessionName": ("alice",)}
    # Names have a case.
    attributes[AWS + name.lower()] = attributes.pop(AWS + name)
    with pytest.raises(InvalidIdentityToken) as refused:
        saml_identity(PROVIDER, replace(ASSERTION, attributes=attributes))
    assert refused.value.message == f"The SAML assertion has no attribute {AWS}{name}."


def test_trust_policies_see_who_it_is() -> None:
    found = identity(SourceIdentity="alice.a")
    digest = hashlib.sha1(f"https://idp.test{ACCOUNT}/Corp".encode()).digest()
    qualifier = base64.b64encode(digest).decode()
    who = {"saml:sub": "alice", "saml:sub_type": "persistent", "saml:namequalifier": qualifier}
    assert found.context == {
        **who, "saml:aud": "https://iam.test/acs", "saml:iss": "https://idp.test", "saml:doc": f"{ACCOUNT}/Corp",
        "sts:SourceIdentity": "alice.a",
    }  # fmt: skip
    assert found.session_context == who
    assert (found.subject, found.subject_type, found.name_qualifier) == ("alice", "persistent", qualifier)
    assert (found.session_name, found.source_identity) == ("alice", "alice.a")


def test_the_format_of_a_subject_is_short_for_saml_2s_own_alone() -> None:
    other = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    attributes = {AWS + "Role": (), AWS + "RoleSessionName": ("alice",)}
    named = replace(ASSERTION.subject, format=other)
    assert saml_identity(PROVIDER, replace(ASSERTION, subject=named, attributes=attributes)).subject_type == other


def test_attributes_that_aws_has_keys_for() -> None:
    edu, claims = "urn:oid:1.3.6.1.4.1.5923.1.1.1.", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
    found = identity(
        **{
            f"{edu}1": ["faculty", "staff"],
            f"{edu}5": "staff",
            f"{edu}7": ["one"],
            f"{edu}6": [],
            # The same key by two names: once alike, once not.
            f"{claims}emailaddress": "a@example.com",
            "urn:oid:0.9.2342.19200300.100.1.3": "a@example.com",
            f"{claims}surname": "A",
            "urn:oid:2.5.4.4": "B",
            # Two values where there should be one, which say nothing.
            f"{claims}name": ["alice", "mallory"],
            "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid": "S-1",
            "https://example.com/department": "x",
        }
    )
    keys = {key: value for key, value in found.context.items() if key not in identity().context}
    assert keys == {
        "saml:edupersonaffiliation": ("faculty", "staff"), "saml:edupersonprimaryaffiliation": "staff",
        "saml:edupersonentitlement": ("one",), "saml:mail": "a@example.com", "saml:primaryGroupSID": "S-1",
    }  # fmt: skip


def test_tags_and_which_of_them_go_on() -> None:
    found = identity(**{"PrincipalTag:Team": "red", "PrincipalTag:Cost Center": "", "TransitiveTagKeys": ["team"]})
    assert found.tags == (Tag(key="Team", value="red"), Tag(key="Cost Center", value=""))
    assert found.transitive_tag_keys == ("team",)
    assert {key: found.context[key] for key in ("aws:RequestTag/Team", "aws:TagKeys", "sts:TransitiveTagKeys")} == {
        "aws:RequestTag/Team": "red", "aws:TagKeys": ("Team", "Cost Center"), "sts:TransitiveTagKeys": ("team",)
    }  # fmt: skip


@pytest.mark.parametrize(("said", "seconds"), [("900", 900), ("43200", 43200)])
def test_how_long_a_session_may_be(said: str, seconds: int) -> None:
    assert identity(SessionDuration=said).session_seconds == seconds


@pytest.mark.parametrize(
    "attributes",
    [
        {"RoleSessionName": ["a1", "b1"]},
        {"RoleSessionName": []},
        {"RoleSessionName": "John Doe"},
        {"RoleSessionName": "a"},
        {"RoleSessionName": "a" * 65},
        {"SourceIdentity": "a b"},
        {"SourceIdentity": ""},
        {"SourceIdentity": ["a1", "b1"]},
        {"SessionDuration": "899"},
        {"SessionDuration": "43201"},
        {"SessionDuration": "1e3"},
        {"SessionDuration": "-900"},
        {"SessionDuration": "٩٠٠"},
        {"SessionDuration": ["900", "901"]},
        {"PrincipalTag:Team": ["a", "b"]},
        {"PrincipalTag:Team": []},
        {"PrincipalTag:": "a"},
        {"PrincipalTag:aws:x": "a"},
        {"PrincipalTag:Team": "a", "PrincipalTag:team": "a"},
        {"PrincipalTag:Team": "a" * 257},
        {f"PrincipalTag:t{n}": "a" for n in range(51)},
        {"TransitiveTagKeys": "Team"},
    ],
)
def test_what_can_not_be_taken_as_it_is_is_refused(attributes: dict[str, str | list[str]]) -> None:
    with pytest.raises(InvalidIdentityToken):
        identity(**attributes)
