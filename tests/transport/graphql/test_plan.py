"""Operations with a plan are answered as graphql-core and Strawberry answer them, errors included."""

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, FragmentDefinitionNode, OperationDefinitionNode, execute, parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iamgraph.transport.graphql.execution import Executable
from iamgraph.transport.graphql.inputs import make_inputs
from iamgraph.transport.graphql.plan import Plan
from iamgraph.transport.graphql.shortcuts import Alike, shorten


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.type
class Thing:
    name: str
    colour: Colour = Colour.RED
    missing: str | None = None

    @strawberry.field
    def required_if_one(self) -> str:
        return None if self.name.endswith("1") else self.name  # type: ignore[return-value]

    @strawberry.field
    def failing_if_one(self) -> str | None:
        if self.name.endswith("1"):
            raise ValueError("no")
        return self.name

    @strawberry.field
    async def later(self) -> str:
        await asyncio.sleep(0)
        return "later"

    @strawberry.field
    def asked(self, info: strawberry.Info) -> str:
        return str(info.context)


def _schema(*, short: bool) -> Any:
    """With inputs of its own: Strawberry keeps with a class how it is made."""

    @strawberry.input
    class Many:
        names: list[str]
        how: str = "well"

    @strawberry.type
    class Query:
        @strawberry.field
        async def many(self, info: strawberry.Info, input: Many) -> Sequence[Thing] | None:
            await asyncio.sleep(0)
            if "fail" in input.names:
                raise ValueError(input.how)
            names = [f"{input.how} {name}" for name in input.names]
            return Alike(names, lambda place: Thing(name=names[place]))

        @strawberry.field
        async def things(self, info: strawberry.Info, prefix: str | None = "p", first: int = 2) -> list[Thing]:
            if first > 9:
                raise ValueError("many")
            return [Thing(name=f"{prefix}{i}") for i in range(first)]

        @strawberry.field
        def thing(self, info: strawberry.Info, name: str | None = strawberry.UNSET) -> Thing | None:
            return None if name is strawberry.UNSET else Thing(name=str(name))

        @strawberry.field
        def nothing(self) -> Thing:
            return None  # type: ignore[return-value]

        @strawberry.field
        def odd(self) -> list[Thing | None]:
            odd: Any = [Thing(name="one"), None, ValueError("no")]
            return odd  # type: ignore[no-any-return]

        @strawberry.field
        def of_a_colour(self, info: strawberry.Info, colour: Colour) -> Thing | None:
            return Thing(name=f"{colour} {info.field_name}")

        @strawberry.field
        def number(self) -> int:
            return 1

    made = strawberry.Schema(Query)._schema
    if short:
        make_inputs(made)
        shorten(made)
    return made


LONG, SHORT = _schema(short=False), _schema(short=True)


def prepared(query: str) -> Executable:
    document = parse(query)
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return Executable(SHORT, document, operation)


def has_plan(query: str) -> bool:
    definitions = parse(query).definitions
    (operation,) = (one for one in definitions if isinstance(one, OperationDefinitionNode))
    fragments = {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)}
    return Plan.of(SHORT, operation, fragments) is not None


async def both(query: str, variables: dict[str, Any]) -> tuple[Any, Any]:
    found = prepared(query).run(variables, "context")
    short = found if isinstance(found, ExecutionResult) else await found
    again = execute(LONG, parse(query), context_value="context", variable_values=variables)
    long = again if isinstance(again, ExecutionResult) else await again
    return short.formatted, long.formatted


MANY = "query($i: Many!) { many(input: $i) { name colour } }"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (MANY, {"i": {"names": ["0", "2", "0"]}}),
        (MANY, {"i": {"names": []}}),
        (MANY, {"i": {"names": ["fail"]}}),
        (MANY, {"i": {"names": [1]}}),
        (MANY, {}),
        ('{ many(input: { names: ["a", "1"] }) { __typename requiredIfOne failingIfOne } }', {}),
        ("query($n: [String!]!) { many(input: { names: $n }) { ...F } } fragment F on Thing { n: name }", {"n": ["x"]}),
        ("query($p: String) { things(prefix: $p) { name } }", {}),
        ("query($p: String) { things(prefix: $p) { name } }", {"p": None}),
        ("query($p: String, $f: Int! = 3) { things(prefix: $p, first: $f) { name } }", {"p": "a"}),
        ("query($f: Int = 3) { things(first: $f) { name } }", {"f": None}),
        ("query($n: String) { thing(name: $n) { name missing } }", {}),
        ("query($n: String) { thing(name: $n) { name missing } }", {"n": None}),
        ('{ a: thing(name: "1") { requiredIfOne } a: thing(name: "1") { name } }', {}),
        ("{ thing(name: \"a\") { ... on Thing { name ... { colour } } ...F } } fragment F on Thing { name ...G } "
         "fragment G on Thing { x: name }", {}),
        ("{ things(first: 10) { name } }", {}),
        ("{ nothing { name } }", {}),
        ("{ odd { name } }", {}),
    ],
)  # fmt: skip
async def test_a_plan_answers_alike(query: str, variables: dict[str, Any]) -> None:
    assert has_plan(query)
    short, long = await both(query, variables)
    assert short == long


@pytest.mark.parametrize(
    "query",
    [
        "{ thing { later } }",
        "{ thing { asked } }",
        "{ thing { name @skip(if: true) } }",
        "{ number thing { name } }",
        "{ __typename thing { name } }",
        "{ ofAColour(colour: RED) { name } }",
        "{ thing { name } things { name } }",
    ],
)
async def test_what_has_no_plan_goes_the_long_way(query: str) -> None:
    assert not has_plan(query)
    short, long = await both(query, {})
    assert short == long


NAMES = ("name", "colour", "missing", "requiredIfOne", "failingIfOne", "__typename", "asked")
ROOTS = (
    "many(input: $i)", "many(input: { names: $n })", 'many(input: { names: ["1", "a"], how: "so" })', "things",
    "things(prefix: $p)", "things(first: 0)", "things(first: 10)", "thing", "thing(name: $p)", "nothing", "odd",
)  # fmt: skip
fields = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(("", "", "a: ", "b: ")),
        st.sampled_from(NAMES[:6] * 4 + NAMES),
        st.sampled_from(("",) * 12 + (" @skip(if: true)",)),
    )
    | st.sampled_from(("...F", "...G", "... on Thing { name }", "... { x: colour }")),
    min_size=1,
    max_size=4,
).map(" ".join)
roots = st.tuples(st.sampled_from(ROOTS), st.lists(fields, min_size=1, max_size=2))
values = st.fixed_dictionaries(
    {"i": st.fixed_dictionaries({"names": st.lists(st.sampled_from(("0", "1", "fail")), max_size=3)})},
    optional={"n": st.lists(st.sampled_from(("0", "1")), max_size=2), "p": st.none() | st.sampled_from(("1", "2"))},
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(roots, values)
def test_whatever_is_asked_is_answered_alike(root: tuple[str, list[str]], variables: dict[str, Any]) -> None:
    """Of valid documents, which alone are run; whether they have a plan or not."""
    asked = " ".join(f"{root[0]} {{ {inner} }}" for inner in root[1])
    query = (
        f"query($i: Many!, $n: [String!]! = [], $p: String) {{ {asked} }} "
        "fragment F on Thing { name ...G } fragment G on Thing { failingIfOne y: requiredIfOne }"
    )
    wrong = [error for error in validate(LONG, parse(query)) if "never used" not in error.message]
    if not wrong:
        short, long = asyncio.run(both(query, variables))
        assert short == long
