"""Inputs on the short way are what graphql-core and Strawberry make of them the long way, right ones and wrong ones."""

from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, OperationDefinitionNode, execute, parse
from graphql.execution.values import VariableValues, get_variable_values
from hypothesis import given
from hypothesis import strategies as st
from strawberry import UNSET

from iamgraph.transport.graphql.execution import Executable
from iamgraph.transport.graphql.inputs import Variables, make_inputs
from iamgraph.transport.graphql.shortcuts import shorten


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.input
class Endless:
    name: str
    inner: "Endless | None" = UNSET


def _schema(*, short: bool) -> Any:
    """With classes of its own: Strawberry keeps with a class how it is made."""

    @strawberry.input
    class Leaf:
        key: str
        values: list[str]

    @strawberry.input(one_of=True)
    class Either:
        first_one: str | None = UNSET
        second_one: Leaf | None = UNSET

    @strawberry.input
    class Tree:
        name: strawberry.ID
        a_number: int | None
        colour: Colour = Colour.RED
        leaves: list[Leaf] = strawberry.field(default_factory=list)
        either: Either | None = UNSET
        rows: list[list[int] | None] | None = UNSET

    @strawberry.type
    class Query:
        @strawberry.field
        def tree(self, info: strawberry.Info, tree: Tree, a_colour: Colour = Colour.BLUE) -> str:
            return f"{tree} {a_colour}"

        @strawberry.field
        def trees(self, info: strawberry.Info, trees: list[Tree], count: int | None = 3) -> str:
            return f"{trees} {count}"

        @strawberry.field
        def only(self, info: strawberry.Info, tree: Tree) -> str:
            return str(tree)

        @strawberry.field
        def endless(self, info: strawberry.Info, endless: Endless | None = UNSET) -> str:
            return str(endless)

    made = strawberry.Schema(Query)._schema
    if short:
        make_inputs(made)
        shorten(made)
    return made


LONG, SHORT = _schema(short=False), _schema(short=True)
QUERIES = (
    "query($v: Tree!) { only(tree: $v) }",
    "query($v: Tree!, $c: Colour! = BLUE) { tree(tree: $v, aColour: $c) }",
    "query($v: [Tree!]!, $n: Int = 5) { trees(trees: $v, count: $n) }",
    "query($v: Endless) { endless(endless: $v) }",
)
TEXTS = st.sampled_from(("a", "RED", "red", "5", ""))
leaves = st.fixed_dictionaries(
    {}, optional={"key": TEXTS, "values": st.lists(TEXTS, max_size=2) | TEXTS, "other": TEXTS}
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**40) | TEXTS | st.just({}) | leaves,
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)
right_trees = st.fixed_dictionaries(
    {"name": TEXTS},
    optional={
        "aNumber": st.none() | st.integers(0, 9),
        "colour": st.sampled_from(("RED", "BLUE")),
        "leaves": st.lists(st.fixed_dictionaries({"key": TEXTS, "values": st.lists(TEXTS, max_size=2)}), max_size=3),
        "either": st.none() | st.fixed_dictionaries({"firstOne": TEXTS}),
        "rows": st.none() | st.lists(st.none() | st.lists(st.integers(0, 3), max_size=2), max_size=2),
    },
)
trees = right_trees | st.dictionaries(
    st.sampled_from(("name", "aNumber", "colour", "leaves", "either", "rows", "a_number", "x")), values
)
endless = st.recursive(
    st.fixed_dictionaries({"name": TEXTS}), lambda i: st.fixed_dictionaries({"name": TEXTS, "inner": i})
)
either = st.dictionaries(st.sampled_from(("firstOne", "secondOne")), st.none() | TEXTS | leaves)


@given(
    st.sampled_from(QUERIES),
    st.dictionaries(
        st.sampled_from(("v", "v", "c", "n", "other")),
        trees | st.lists(trees, max_size=2) | right_trees | values | endless
        | st.builds(lambda e: {"name": "n", "aNumber": 1, "either": e}, either),
    ),
)  # fmt: skip
def test_variables_come_to_the_same_as_with_graphql_core(query: str, variables: dict[str, Any]) -> None:
    (operation,) = parse(query).definitions
    assert isinstance(operation, OperationDefinitionNode)
    short = Variables(SHORT, operation).coerced(variables)
    long = get_variable_values(SHORT, operation.variable_definitions, variables, max_errors=50, hide_suggestions=True)
    if isinstance(long, VariableValues):
        assert isinstance(short, VariableValues)
        assert (short.coerced, short.sources.keys()) == (long.coerced, long.sources.keys())
    else:
        assert isinstance(short, list)
        assert [error.formatted for error in short] == [error.formatted for error in long]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (QUERIES[0], {"v": {"name": "n"}}),
        (QUERIES[0], {"v": {"name": "n", "aNumber": None, "leaves": [{"key": "k", "values": []}], "rows": [[1], None]}}),
        (QUERIES[0], {"v": {"name": "n", "either": {"firstOne": "f"}, "colour": "BLUE"}}),
        (QUERIES[0], {"v": {"name": "n", "either": {"secondOne": {"key": "k", "values": ["v"]}}}}),
        (QUERIES[1], {"v": {"name": "n"}}),
        (QUERIES[1], {"v": {"name": "n"}, "c": "RED"}),
        (QUERIES[2], {"v": [{"name": "n"}, {"name": "m", "either": None}]}),
        (QUERIES[2], {"v": {"name": "n"}, "n": None}),
        (QUERIES[3], {}),
        (QUERIES[3], {"v": None}),
        ('{ only(tree: { name: "n", leaves: { key: "k", values: "v" }, either: { firstOne: "f" } }) }', {}),
        ('query($k: String!) { only(tree: { name: $k, leaves: [{ key: $k, values: [$k] }] }) }', {"k": "k"}),
        ('{ trees(trees: [{ name: 5, aNumber: 1, colour: RED, rows: [1, [2]] }]) endless }', {}),
        ('query($l: Leaf!) { only(tree: { name: "n", either: { secondOne: $l } }) }', {"l": {"key": "k", "values": []}}),
    ],
)  # fmt: skip
async def test_resolvers_are_given_what_strawberry_makes(query: str, variables: dict[str, Any]) -> None:
    """Defaults, what is left out, and names in Python's writing included."""
    document = parse(query)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    found = Executable(SHORT, document, operation).run(variables, "context")
    short = found if isinstance(found, ExecutionResult) else await found
    long = execute(LONG, document, context_value="context", variable_values=variables)
    assert isinstance(long, ExecutionResult)
    assert short.formatted == long.formatted and not long.errors


def test_an_input_that_holds_itself_is_made_too() -> None:
    document = parse(QUERIES[3])
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    given: dict[str, Any] = {"v": {"name": "n", "inner": {"name": "m"}}}
    found = Executable(SHORT, document, operation).run(given, "context")
    assert isinstance(found, ExecutionResult)
    assert found.data == {"endless": "Endless(name='n', inner=Endless(name='m', inner=UNSET))"}
