"""The short ways answer and fail as graphql-core and Strawberry do the long way."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, execute, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iamgraph.transport.graphql.shortcuts import Alike, PlainFirst, is_awaitable, shorten


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.type
class Thing:
    name: str
    colour: Colour = Colour.RED
    missing: str | None = None

    @strawberry.field
    def required(self) -> str:
        return None  # type: ignore[return-value]

    @strawberry.field
    def failing(self) -> int | None:
        raise ValueError("no")

    @strawberry.field
    def failing_required(self) -> int:
        raise ValueError("no")

    @strawberry.field
    def given_error(self) -> int | None:
        return ValueError("given")  # type: ignore[return-value]

    @strawberry.field
    def unwritable(self) -> int | None:
        return "many"  # type: ignore[return-value]

    @strawberry.field
    async def later(self) -> str:
        await asyncio.sleep(0)
        return "later"

    @strawberry.field
    async def failing_later(self) -> str | None:
        await asyncio.sleep(0)
        raise ValueError("later")

    @strawberry.field
    def asked(self, info: strawberry.Info) -> str:
        return str(info.context)

    @strawberry.field
    def later_if_many(self) -> str | None:
        async def later() -> str:
            return "later"

        return later() if self.name.endswith("1") else "now"  # type: ignore[return-value]

    @strawberry.field
    def wrong_if_many(self) -> str:
        if self.name.endswith("1"):
            raise ValueError("no")
        return "right"


@strawberry.type
class Other:
    name: str


@strawberry.type
class Query:
    @strawberry.field
    def thing(self) -> Thing | None:
        return Thing(name="one")

    @strawberry.field
    async def things(
        self, info: strawberry.Info, first: int, name_prefix: str | None = strawberry.UNSET
    ) -> list[Thing]:
        prefix = "unset" if name_prefix is strawberry.UNSET else str(name_prefix)
        return [Thing(name=f"{prefix}{i}") for i in range(first)]

    @strawberry.field
    def odd(self) -> list[Thing | None]:
        async def later() -> Thing:
            return Thing(name="later")

        odd: Any = [Thing(name="one"), None, ValueError("no"), later(), Other(name="other")]
        return odd  # type: ignore[no-any-return]

    @strawberry.field
    def generated(self) -> list[Thing]:
        return (Thing(name=str(i)) for i in range(3))  # type: ignore[return-value]

    @strawberry.field
    def alike(self) -> Sequence[Thing]:
        names = ["one", "two1", "one", "one", "two1"]
        return Alike(names, lambda place: Thing(name=names[place]))


def _schema(*, short: bool) -> Any:
    made = strawberry.Schema(Query)._schema
    if short:
        shorten(made)
    return made


LONG, SHORT = _schema(short=False), _schema(short=True)


async def _run(schema: Any, query: str, **options: Any) -> Any:
    found = execute(schema, parse(query), context_value="context", **options)
    done = found if isinstance(found, ExecutionResult) else await found
    return done.formatted


@pytest.mark.parametrize(
    "fields",
    [
        "name colour missing __typename asked",
        "again: name name",
        "required",
        "failing name",
        "failingRequired",
        "givenError",
        "later failingLater",
        "name @skip(if: true) colour @include(if: true)",
        "name colour missing",
        "name laterIfMany",
        "name wrongIfMany",
        "... on Thing { name more: name } ...F",
    ],
)
async def test_a_plain_field_answers_alike(fields: str) -> None:
    fragment = "fragment F on Thing { colour }" if "...F" in fields else ""
    for field in ("thing", "things(first: 2)", "odd", "generated", "alike"):
        query = f"{{ {field} {{ {fields} }} }} {fragment}"
        short = await _run(SHORT, query, executor_class=PlainFirst, is_awaitable=is_awaitable)
        assert short == await _run(LONG, query)


NAMES = (
    "name", "colour", "missing", "required", "failing", "failingRequired", "givenError", "later", "failingLater", "asked",
    "laterIfMany", "wrongIfMany", "__typename",
)  # fmt: skip
selections = st.lists(
    st.recursive(
        st.builds(
            lambda alias, name, directive: f"{alias}{name}{directive}",
            st.sampled_from(("", "", "", "a: ", "b: ")),
            st.sampled_from(NAMES),
            st.sampled_from(("", "", " @skip(if: $yes)", " @include(if: $yes)", " @skip(if: false)")),
        ),
        lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda many: f"... on Thing {{ {' '.join(many)} }}"),
        max_leaves=3,
    ),
    min_size=1,
    max_size=5,
).map(" ".join)
FIELDS = st.sampled_from(("thing", "things(first: 0)", "things(first: 2)", "odd", "generated", "alike"))
queries = st.lists(st.tuples(FIELDS, selections), min_size=1, max_size=3).map(
    lambda roots: (
        "query($yes: Boolean!) { "
        + " ".join(f"r{i}: {field} {{ {inner} }}" for i, (field, inner) in enumerate(roots))
        + " }"
    )
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(queries, st.booleans())
def answered_alike(query: str, yes: bool) -> None:
    async def both() -> tuple[Any, Any]:
        options: dict[str, Any] = {"variable_values": {"yes": yes}}
        short = await _run(SHORT, query, executor_class=PlainFirst, is_awaitable=is_awaitable, **options)
        return short, await _run(LONG, query, **options)

    short, long = asyncio.run(both())
    assert short == long


# Of what graphql-core cancels, both ways.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_whatever_is_asked_is_answered_alike() -> None:
    """Errors too, and their order; two fields of one key are both ways as graphql-core merges them."""
    answered_alike()
    # Lest a later test be told of them.
    gc.collect()


async def test_what_can_not_be_written_is_an_error_of_its_field() -> None:
    found = await _run(SHORT, "{ thing { unwritable name } }", executor_class=PlainFirst)
    assert found["data"] == {"thing": {"unwritable": None, "name": "one"}}
    assert [error["path"] for error in found["errors"]] == [["thing", "unwritable"]]


@pytest.mark.parametrize("given", ["", ', namePrefix: "a"', ", namePrefix: null"])
async def test_arguments_arrive_alike(given: str) -> None:
    query = f"{{ things(first: 1{given}) {{ name }} }}"
    assert await _run(SHORT, query, executor_class=PlainFirst) == await _run(LONG, query)
