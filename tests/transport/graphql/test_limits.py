"""Hostile documents are refused before execution, and cheaply."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphql import GraphQLError, parse

from iamgraph.transport.graphql.documents import MAX_NESTING, MAX_TOKENS, Documents
from iamgraph.transport.graphql.limits import MAX, Cost, Measure, check
from iamgraph.transport.graphql.schema import schema

from ...service import Service

DOUBLING = (
    "query { ...F0 } "
    + " ".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(40))
    + " fragment F40 on Query { viewer { arn } }"
)
CYCLE = "query { ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
FIVE_DEEP = """query($n: Int! = 100, $id: AccountId!) { account(by: {id: $id}) { users(first: $n) { nodes {
  groups(first: $n) { nodes { members(first: $n) { nodes { groups(first: $n) { nodes {
  attachedPolicies(first: $n) { nodes { name } } } } } } } } } } } }"""
SIGN_IN = 'signIn(input: {account: "a", userName: "b", password: "c"}) { __typename }'
HOSTILE: dict[str, tuple[Any, str]] = {
    "fragments that double per level": ({"query": DOUBLING}, "TOO_COMPLEX"),
    "fragments in a cycle": ({"query": CYCLE}, "BAD_REQUEST"),
    "ten thousand aliases": (
        {"query": "{" + " ".join(f"a{i}: viewer {{ arn }}" for i in range(10_000)) + "}"},
        "TOO_COMPLEX",
    ),
    "a thousand aliases of few tokens": (
        {"query": "{" + " ".join(f"a{i}:__typename" for i in range(1_000)) + "}"},
        "TOO_COMPLEX",
    ),
    "depth 200": ({"query": "{ viewer " + "{ account " * 200 + "{ id }" + " }" * 200 + "}"}, "TOO_COMPLEX"),
    "depth 50": ({"query": "{ viewer " + "{ account " * 50 + "{ id }" + " }" * 50 + "}"}, "TOO_COMPLEX"),
    "a list value nested 200 deep": ({"query": "{ nodes(ids: " + "[" * 200 + "]" * 200 + ") { id } }"}, "TOO_COMPLEX"),
    "a page by variable default nested five deep": (
        {"query": FIVE_DEEP, "variables": {"id": "111122223333"}},
        "TOO_COMPLEX",
    ),
    "an unused fragment of a thousand fields": (
        {"query": "{ __typename } fragment F on User {" + " arn" * 1_000 + "}"},
        "TOO_COMPLEX",
    ),
    "a hundred fragments": (
        {"query": "{ ...F0 }" + "".join(f" fragment F{i} on Query {{ viewer {{ arn }} }}" for i in range(100))},
        "TOO_COMPLEX",
    ),
    "one field 240 times": ({"query": "{" + " viewer { arn }" * 240 + "}"}, "TOO_COMPLEX"),
    "many fields of a large page": (
        {
            "query": '{ account(by: {id: "1"}) { users(first: 100) { nodes { groups(first: 10) { nodes {'
            + " ".join(f"n{i}: name" for i in range(150))
            + "} } } } } }"
        },
        "TOO_COMPLEX",
    ),
    "a number of 5,000 digits": (
        {"query": "{ accounts(first: " + "9" * 5_000 + ") { nodes { id } } }"},
        "INVALID_INPUT",
    ),
    "a default of 5,000 digits": (
        {"query": "query($n: Int = " + "9" * 5_000 + ") { accounts(first: $n) { nodes { id } } }"},
        "INVALID_INPUT",
    ),
    "a negative page": ({"query": '{ account(by: {id: "1"}) { users(first: -1) { nodes { id } } } }'}, "INVALID_INPUT"),
    "a negative page by variable": (
        {
            "query": 'query($n: Int!) { account(by: {id: "1"}) { users(first: $n) { nodes { id } } } }',
            "variables": {"n": -1},
        },
        "INVALID_INPUT",
    ),
    "a page of 101": ({"query": '{ account(by: {id: "1"}) { users(first: 101) { nodes { id } } } }'}, "INVALID_INPUT"),
    "a page of 101 from the end": (
        {"query": '{ account(by: {id: "1"}) { auditEvents(first: null, last: 101) { nodes { id } } } }'},
        "INVALID_INPUT",
    ),
    "no page from the end by variable": (
        {
            "query": 'query($n: Int) { account(by: {id: "1"}) { auditEvents(last: $n) { nodes { id } } } }',
            "variables": {"n": 0},
        },
        "INVALID_INPUT",
    ),
    "many fields of a large page from the end": (
        {
            "query": "{ accounts(first: 100) { nodes { auditEvents(last: 100) { nodes {"
            + " ".join(f"n{i}: name" for i in range(20))
            + "} } } } }"
        },
        "TOO_COMPLEX",
    ),
    "a list without first": ({"query": '{ account(by: {id: "1"}) { users { nodes { id } } } }'}, "BAD_REQUEST"),
    "two passwords": ({"query": f"mutation {{ a: {SIGN_IN} b: {SIGN_IN} }}"}, "TOO_COMPLEX"),
    "two passwords through fragments": (
        {
            "query": f"mutation {{ ...A ...B }} fragment A on Mutation {{ a: {SIGN_IN} }} "
            f"fragment B on Mutation {{ b: {SIGN_IN} }}"
        },
        "TOO_COMPLEX",
    ),
    "a sign-in beside another mutation": (
        {"query": f"mutation {{ {SIGN_IN} signOut {{ __typename }} }}"},
        "TOO_COMPLEX",
    ),
    "eleven mutations": (
        {"query": "mutation {" + " ".join(f"a{i}: signOut {{ __typename }}" for i in range(11)) + "}"},
        "TOO_COMPLEX",
    ),
    "a JSON string as body": (json.dumps("{ viewer { arn } }"), "BAD_REQUEST"),
    "a batch": (json.dumps([{"query": "{ viewer { arn } }"}] * 3), "BAD_REQUEST"),
    "no JSON": ("query { viewer { arn } }", "BAD_REQUEST"),
    "JSON nested ten thousand deep": ("[" * 10_000 + "]" * 10_000, "BAD_REQUEST"),
    "a number as query": (json.dumps({"query": 7}), "BAD_REQUEST"),
    "a list as variables": (json.dumps({"query": "{ __typename }", "variables": []}), "BAD_REQUEST"),
    "an unknown part": (json.dumps({"query": "{ __typename }", "queries": []}), "BAD_REQUEST"),
    "an unknown operation": ({"query": "query A { __typename }", "operationName": "B"}, "BAD_REQUEST"),
    "two operations and no name": ({"query": "query A { __typename } query B { __typename }"}, "BAD_REQUEST"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_documents_are_refused_before_execution(service: Service, name: str) -> None:
    body, code = HOSTILE[name]
    token = await service.root()
    statements = service.database.statements
    reply = await service.post(body, token)
    assert reply.codes[:1] == [code], reply.text
    assert "data" not in reply.body
    # One statement says who asks; nothing else ran.
    assert service.database.statements - statements <= 1


async def test_a_large_body_is_refused_unread(service: Service) -> None:
    reply = await service.post(json.dumps({"query": "{ __typename #" + "x" * 1_000_000 + "\n}"}))
    assert (reply.status, reply.codes) == (413, ["BAD_REQUEST"])


def test_every_fragment_is_measured_once() -> None:
    """The work is the document's size, not what it unfolds to: 2^40 fields here."""
    document = parse(DOUBLING)
    calls = 0

    class Counting(Measure):
        def of(self, selections: Any) -> Any:
            nonlocal calls
            calls += 1
            return super().of(selections)

    cost = Counting(document, lambda name: None).of(document.definitions[0].selection_set)  # type: ignore[attr-defined]
    assert cost.fields > MAX.fields
    assert calls < 100


def test_what_was_refused_is_remembered() -> None:
    documents = Documents(schema._schema)
    first = documents.prepare("{ nonsense }")
    errors = documents.validate(first)
    assert errors and documents.prepare("{ nonsense }") is first and documents.validate(first) is errors


def test_the_cache_is_bounded_in_entries_and_characters() -> None:
    documents = Documents(schema._schema, entries=3, characters=100)
    for i in range(10):
        documents.prepare("{ __typename } #" + "x" * i)
    assert len(documents._kept) == 3
    documents.prepare("{ __typename } #" + "x" * 70)
    assert (documents._size, len(documents._kept)) == (86, 1)


@pytest.mark.parametrize("length", [MAX_TOKENS - 2, MAX_TOKENS + 1])
def test_tokens_are_counted(length: int) -> None:
    prepared = Documents(schema._schema).prepare("{" + " x" * length + "}")
    assert ("tokens" in prepared.errors[0].message) == (length > MAX_TOKENS)


def test_brackets_are_counted() -> None:
    prepared = Documents(schema._schema).prepare("{a" * (MAX_NESTING + 1))
    assert "nests more than" in prepared.errors[0].message


def test_a_page_of_100_users_with_groups_and_policies_is_admitted() -> None:
    document = parse(
        '{ account(by: {id: "1"}) { users(first: 100) { nodes { name groups(first: 10) { nodes { name '
        "attachedPolicies(first: 10) { nodes { name } } } } } } } }"
    )
    assert check(document, document.definitions[0], {}).fields == ("account",)  # type: ignore[arg-type]


def test_a_variable_that_is_no_number_counts_as_the_largest_page() -> None:
    document = parse(FIVE_DEEP)
    with pytest.raises(GraphQLError, match="nodes may be at most"):
        check(document, document.definitions[0], {"n": "1"})  # type: ignore[arg-type]


def test_a_page_from_the_end_counts_like_one_from_the_front() -> None:
    """The argument that is null says nothing; where neither says anything, the page counts as the largest."""

    def cost(asked: str, **variables: Any) -> Cost:
        document = parse(f"query($n: Int) {{ a {{ auditEvents({asked}) {{ nodes {{ id }} }} }} }}")
        return Measure(document, variables.get).of(document.definitions[0].selection_set)  # type: ignore[attr-defined]

    for other in ("last: 7", "last: $n", "last: 7, first: null", "first: $none, last: 7"):
        assert cost(other, n=7) == cost("first: 7")
    assert cost("first: 3, last: 7") == cost("first: 7")
    assert cost("last: $n") == cost("first: null, last: null") == cost("first: 100")


def test_what_variables_have_a_say_in_is_measured_each_time() -> None:
    prepared = Documents(schema._schema).prepare(
        "query A($n: Int!) { accounts(first: $n) { nodes { id } } } query B { viewer { arn } }"
    )
    assert prepared.check("A", {"n": 1}).fields == ("accounts",)
    with pytest.raises(GraphQLError, match="must be from 1 to 100"):
        prepared.check("A", {"n": 1000})
    assert prepared.check("A", {"n": 2}).fields == ("accounts",)
    assert prepared.check("B", {}) is prepared.check("B", {"n": 1000})
    with pytest.raises(GraphQLError, match="several operations"):
        prepared.check(None, {})


MANY = "{ authorizeMany(input: $i) { outcome reason } }"
SIMULATE = "query($i: SimulateInput!) { simulate(input: $i) { results { action } } }"
POINTS = (
    ("{ viewer { arn } }", {}, 1),
    ("query($n: Int = 20) { accounts(first: $n) { nodes { id } } }", {}, 25),
    ("query($n: Int = 20) { accounts(first: $n) { nodes { id } } }", {"n": 100}, 121),
    ("query($n: Int = 20) { accounts(first: $n) { nodes { id } } }", {"n": None}, 121),
    ("query($n: Int = 20) { accounts(first: $n) { nodes { id } } }", {"n": 1}, 1),
    ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"]}, 1),
    ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"] * 30}, 34),
    (f"query($i: AuthorizeManyInput!) {MANY}", {"i": {"requests": [{}] * 100}}, 21),
    (f"query($i: AuthorizeManyInput!) {MANY}", {"i": {"requests": [{}] * 1000}}, 201),
    (f"query($i: AuthorizeManyInput!) {MANY}", {"i": {"requests": [{}] * 5000}}, 201),
    (f"query($i: AuthorizeManyInput!) {MANY}", {"i": {"requests": None}}, 201),
    (f"query($i: AuthorizeManyInput!) {MANY}", {"i": "one"}, 1),
    (f"query($i: AuthorizeManyInput!) {MANY}", {}, 201),
    ("query($r: [R!]!) { authorizeMany(input: {requests: $r}) { outcome } }", {"r": [{}] * 50}, 6),
    ("{ authorizeMany(input: {requests: [{}, {}]}) { outcome because { sid policyName effect kind } } }", {}, 2),
    (SIMULATE, {"i": {"actions": ["a"]}}, 1),
    (SIMULATE, {"i": {"actions": ["a"] * 10, "resources": ["b"] * 30}}, 361),
    (SIMULATE, {"i": {"actions": ["a"] * 10, "additionalPolicies": ["x" * 1025, "y"]}}, 49),
    (SIMULATE.replace("!)", '! = {actions: ["a", "b"]})'), {}, 3),
    (
        'query($a: [Action!]!) { simulate(input: {actions: $a, permissionsBoundary: "x"}) { results { action } } }',
        {"a": ["a"] * 5},
        13,
    ),
    ("mutation { signOut { __typename } __typename }", {}, 11),
    (f"mutation {{ {SIGN_IN} }}", {}, 51),
)


def test_what_a_request_costs_is_found_out_once_for_variables_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = Documents(schema._schema)
    measured: list[int] = []
    real = Measure.of
    monkeypatch.setattr(Measure, "of", lambda self, selections: measured.append(1) or real(self, selections))
    for again in (False, True):
        if again:
            measured.clear()
        for query, variables, points in POINTS:
            assert documents.prepare(query).check(None, variables).points == points, query
    assert measured == []
    with pytest.raises(GraphQLError):
        documents.prepare(POINTS[1][0]).check(None, {"n": 101})
