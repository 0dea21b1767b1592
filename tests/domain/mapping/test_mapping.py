"""Mapping rules: what they offer, why they don't, and what is refused when they are saved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamgraph.domain.entities import Tag
from iamgraph.domain.errors import MalformedPolicyDocument
from iamgraph.domain.mapping.claims import Identity, path
from iamgraph.domain.mapping.offers import Mapped, Offer, Verdict, mapped
from iamgraph.domain.mapping.pattern import Pattern, pattern
from iamgraph.domain.mapping.rules import read_rules

READER, ADMIN = (f"arn:aws:iam::111111111111:role/{name}" for name in ("Reader", "Admin"))
CLAIMS: dict[str, Any] = {
    "email": "alice@corp.example",
    "email_verified": True,
    "department": "platform",
    "groups": ["eng", "aws-222222222222-Deploy", "aws-444-x/../y", "oncall", "prod-eu"],
    "resource_access": {"iamgraph": {"roles": ["admin"]}},
    "https://corp.example/team": "a",
    "level": 3,
}


def ask(*rules: dict[str, Any], claims: dict[str, Any] = CLAIMS, **others: Any) -> Mapped:
    """What the rules make of Alice, signed in with a second factor."""
    identity = Identity(claims=claims, **{"authn": {"mfa": True}, **others})
    return mapped(read_rules(json.dumps(rules)), identity)


def unless_missing(operator: str) -> dict[str, Any]:
    return rule(**{"if": {operator: {"claims.a": "x"}}})


def spelt(text: str) -> dict[str, Any]:
    return rule(each={"value": "claims.a", "pattern": text})


def rule(name: str = "r", /, **rest: Any) -> dict[str, Any]:
    return {"name": name, "roles": [READER], **rest}


@pytest.mark.parametrize(
    ("block", "holds"),
    [
        ({"StringLike": {"claims.email": "*@corp.example"}, "Bool": {"claims.email_verified": "true"}}, True),
        ({"StringLike": {"claims.email": "*@CORP.example"}}, False),
        ({"StringEquals": {"claims.Email": "alice@corp.example"}}, False),  # names are case-sensitive
        ({"ForAnyValue:StringEquals": {"claims.resource_access.iamgraph.roles": "admin"}}, True),
        ({"StringEquals": {"claims.resource_access.iamgraph.roles": "admin"}}, True),  # a list of one
        ({"StringEquals": {"claims.groups": "oncall"}}, False),  # of several
        (
            {
                "ForAnyValue:StringEquals": {"claims.groups": "oncall"},
                "ForAnyValue:StringLike": {"claims.groups": "prod-*"},
            },
            True,
        ),
        (
            [
                {"ForAnyValue:StringEquals": {"claims.groups": "eng"}},
                {"ForAnyValue:StringEquals": {"claims.groups": "no"}},
            ],
            False,
        ),
        ({"StringEquals": {'claims["https://corp.example/team"]': "a"}}, True),
        ({"StringEquals": {"claims.https://corp.example/team": "a"}}, False),  # the dots are steps
        ({"StringEquals": {"authn.mfa": "true"}}, True),
        ({"StringEquals": {"claims.authn.mfa": "true"}}, False),
        ({"NumericGreaterThanEquals": {"claims.level": 3}}, True),
        ({"StringEquals": {"claims.department": "platform"}, "StringNotEquals": {"claims.absent": "x"}}, True),
        ({"StringEquals": {"claims.email": "${claims.email}"}}, False),  # no variables
        ({"ForAnyValue:StringEquals": {"claims.resource_access": "admin"}}, False),  # an object is no value
        ({"Null": {"claims.email": "false"}}, True),
    ],
)
def test_a_rule_holds_where_all_its_conditions_do(block: Any, holds: bool) -> None:
    found = ask(rule(**{"if": block}))
    offers = (Offer(role=READER, tags=(), max_session=None, rules=("r",)),)
    assert found.offers == (offers if holds else ())
    assert [verdict.holds for verdict in found.verdicts] == [holds]


def test_a_verdict_says_which_claim_decided() -> None:
    found = ask(
        rule("mail", **{"if": {"StringEquals": {"claims.email": "bob@corp.example"}}}),
        rule("list", **{"if": {"StringEquals": {"claims.groups": "oncall"}}}),
        rule("none", **{"if": {"StringEquals": {"attributes.groups": "oncall"}}}),
        rule("each", each={"value": "claims.email", "pattern": "{role}"}),
    )
    assert [verdict.reason for verdict in found.verdicts] == [
        'claims.email is "alice@corp.example", which is not StringEquals "bob@corp.example"',
        'claims.groups is "eng", "aws-222222222222-Deploy", "aws-444-x/../y" and 2 more (a list: use ForAnyValue), which is'
        ' not StringEquals "oncall"',
        'attributes.groups is missing, which is not StringEquals "oncall"',
        'claims.email is "alice@corp.example": none is {role}',
    ]


def test_a_value_spells_a_role_through_the_holes_of_a_pattern() -> None:
    each = {"value": "claims.groups", "pattern": "aws-{account}-{role}"}
    template = "arn:aws:iam::${account}:role/${role}"
    found = ask(
        rule(each=each, roles=[template], tags={"team": "=claims.department", "from": "sso", "none": "=claims.x"})
    )
    tags = (Tag(key="team", value="platform"), Tag(key="from", value="sso"))
    assert found.offers == (
        Offer(role="arn:aws:iam::222222222222:role/Deploy", tags=tags, max_session=None, rules=("r",)),
    )
    # What spells no account is no role.
    short = ask(rule(each=each, roles=[template]), claims={"groups": ["aws-222-Deploy", "aws-222222222222-Deploy\n"]})
    assert (short.offers, short.verdicts[0].reason) == ((), "what stands in the value spells no role's ARN")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_a_denial_takes_away_wherever_it_stands(order: tuple[int, ...]) -> None:
    rules = [
        rule("both", roles=[READER, ADMIN]),
        rule("again", roles=[ADMIN], max_session=900),
        rule(
            "no contractor",
            effect="deny",
            roles=["arn:aws:iam::*:role/Adm?n"],
            **{"if": {"StringEquals": {"claims.type": "c"}}},
        ),
    ]
    ordered = [rules[index] for index in order]
    assert [offer.role for offer in ask(*ordered, claims={"type": "c"}).offers] == [READER]
    # A list that holds the value is denied too: what can't be read plainly must not let anyone through.
    assert [offer.role for offer in ask(*ordered, claims={"type": ["a", "c"]}).offers] == [READER]
    kept = ask(*ordered, claims={"type": "e"}).offers
    assert [(offer.role, offer.max_session) for offer in kept] == [(ADMIN, 900), (READER, None)]
    taken = {verdict.rule: verdict for verdict in ask(*ordered, claims={"type": "c"}).verdicts}
    assert taken["no contractor"] == Verdict(
        rule="no contractor", holds=True, reason="takes roles away", roles=(ADMIN,)
    )


def test_two_rules_offer_a_role_with_the_shortest_session_and_the_tags_of_both() -> None:
    one, other = rule("one", max_session=7200, tags={"a": "1"}), rule("two", max_session=3600, tags={"b": "2"})
    tags = (Tag(key="a", value="1"), Tag(key="b", value="2"))
    assert ask(one, other).offers == (Offer(role=READER, tags=tags, max_session=3600, rules=("one", "two")),)
    clash = ask(one, rule("two", roles=[ADMIN, READER], tags={"A": "2"}))
    assert [offer.role for offer in clash.offers] == [READER]
    assert clash.verdicts[1].reason == f'it gives {READER} a tag with another value than the rule "one" does'


def test_a_tag_of_several_values_or_of_forbidden_characters_is_not_given_silently() -> None:
    several = ask(rule(tags={"g": "=claims.groups"}), claims={"groups": ["a", "b"]})
    assert several.verdicts[0].reason == 'the tag g has one value, and claims.groups is "a", "b"'
    unsound = ask(rule(tags={"g": "=claims.groups"}), claims={"groups": ["<b>"]})
    assert (unsound.offers, unsound.verdicts[0].holds) == ((), False)


@pytest.mark.parametrize(
    ("claims", "attributes"),
    [
        ({"_claim_names": {"groups": "src1"}, "_claim_sources": {}}, {}),
        ({"hasgroups": True}, {}),
        ({"groups": ["eng"]}, {"http://schemas.microsoft.com/claims/groups.link": ["https://graph"]}),
    ],
)
def test_groups_that_were_too_many_to_send_refuse_the_sign_in(claims: Any, attributes: Any) -> None:
    deny = rule(
        "deny", effect="deny", **{"if": {"ForAnyValue:StringEquals": {"attributes.groups": "x", "claims.groups": "x"}}}
    )
    found = ask(rule("everybody"), deny, claims=claims, attributes=attributes)
    assert (found.offers, found.verdicts) == ((), ())
    assert found.refusal is not None and "left" in found.refusal and ".groups out" in found.refusal
    # Rules that don't read them are not concerned.
    assert ask(rule("everybody"), claims=claims, attributes=attributes).offers


@pytest.mark.parametrize("groups", [["g"] * 1001, ["g" * 2049]])
def test_more_than_can_be_looked_at_refuses_the_sign_in(groups: list[str]) -> None:
    reading = rule(**{"if": {"ForAnyValue:StringEquals": {"claims.groups": "g"}}})
    found = ask(reading, claims={"groups": groups})
    assert (found.offers, found.refusal is not None) == ((), True)
    assert ask(reading, claims={"groups": ["g"] * 1000}).offers and ask(rule(), claims={"groups": groups}).offers


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('{"name": "r"}', "the list of rules must be of type array, not object"),
        ([{"roles": [READER]}], 'a rule has a "name", by which its verdict is shown'),
        ([rule(), rule()], 'the name "r" is used twice'),
        ([rule(effect="allow")], 'an effect is "offer", which is meant where there is none, or "deny"'),
        ([rule(when=1)], '"when" is no part of it, use one of name, effect, if, each, roles, tags, max_session'),
        ([rule(**{"if": {"StringEqual": {"claims.a": "x"}}})], 'operator "StringEqual" is unknown'),
        ([rule(**{"if": {"StringEquals": {"email": "x"}}})], '"email" is no path to what a provider says'),
        ([rule(**{"if": {"StringEquals": {"claims.": "x"}}})], '"claims." is no path to what a provider says'),
        ([unless_missing("StringEqualsIfExists")], '"StringEqualsIfExists" holds where claims.a is missing'),
        ([unless_missing("ForAllValues:StringEquals")], '"ForAllValues:StringEquals" holds where claims.a'),
        ([unless_missing("StringNotEquals")], '"StringNotEquals" holds where claims.a is missing'),
        ([rule(roles=[])], 'a rule has 1 to 20 "roles"'),
        ([rule(roles=["arn:aws:iam::111111111111:role/*"])], "an offered role is an ARN such as"),
        ([rule(roles=["arn:aws:iam::111111111111:user/a"])], "an offered role is an ARN such as"),
        ([rule(roles=["arn:aws:iam::111111111111:role/${role}"])], '${role} is no hole of the pattern; it has none'),
        ([spelt("{a}{b}")], "the pattern can't be used: between two holes must stand"),
        ([spelt("{a}_{b}")], "the pattern can't be used: between two holes must stand"),
        ([spelt("{a}-{a}")], 'the pattern can\'t be used: the hole "a" is there twice'),
        ([spelt("aws-.*")], "the pattern can't be used: it has 0 holes"),
        ([spelt("aws-{role")], "the pattern can't be used: a brace has no partner"),
        ([rule(effect="deny", each={"value": "claims.a", "pattern": "{a}"})], 'a rule that denies has no "each"'),
        ([rule(effect="deny", tags={"a": "b"})], 'a rule that denies gives no "tags"'),
        ([rule(max_session=899)], '"max_session" is between 900 and 43200 seconds'),
        ([rule(tags={"aws:x": "b"})], "'aws:x' is no tag key"),
        ([rule(tags={"x": "=email"})], '"email" is no path to what a provider says'),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_its_place(written: Any, message: str) -> None:
    with pytest.raises(MalformedPolicyDocument) as refused:
        read_rules(written if isinstance(written, str) else json.dumps(written))
    (finding,) = refused.value.findings
    assert finding.message.startswith(message)
    assert (finding.line, finding.column is not None) == (1, True)


def test_rules_may_hold_any_language() -> None:
    found = ask(rule("夜勤", **{"if": {"StringEquals": {"claims.groups": "当番"}}}), claims={"groups": ["当番"]})
    assert [offer.role for offer in found.offers] == [READER]


def test_paths() -> None:
    spelt = path('claims["a.b"].c["d e"]')
    assert spelt is not None
    assert spelt.of(Identity(claims={"a.b": {"c": {"d e": ["1", 2, 2.5, True, None, ["x"], {"y": 1}]}}})) == (
        "1",
        "2",
        "2.5",
        "true",
    )
    for wrong in (
        "claims",
        "claims..a",
        "claims.a.",
        "claim.a",
        "claims[a]",
        'claims[""]',
        "claims.a b",
        "claims" + ".a" * 9,
    ):
        assert path(wrong) is None, wrong


@given(st.lists(st.from_regex(r"[A-Za-z0-9_]{1,64}", fullmatch=True), min_size=1, max_size=4), st.data())
def test_holes_give_back_what_was_put_into_them(fillings: list[str], data: st.DataObject) -> None:
    literal = st.from_regex(r"[A-Za-z0-9_.*+()\[\]-]{0,5}[-./:][A-Za-z0-9_]{0,5}", fullmatch=True)
    between = [data.draw(literal) for _ in fillings]
    made = pattern("".join(f"{text}{{h{index}}}" for index, text in enumerate(between)))
    assert isinstance(made, Pattern)
    value = "".join(f"{text}{filling}" for text, filling in zip(between, fillings, strict=True))
    found = made.match(value)
    assert found is not None
    # The only way to read it is the one in which it was made, where the texts between can't be taken for fillings.
    rebuilt = "".join(f"{text}{found[f'h{index}']}" for index, text in enumerate(between))
    assert rebuilt == value


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["name", "if", "each", "roles", "tags", "effect", "StringEquals", "claims.a"])
                | st.text(),
                inner,
            )
        ),
    ).map(json.dumps)
)
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        read_rules(text)
    except MalformedPolicyDocument as refused:
        assert refused.findings[0].line is not None
