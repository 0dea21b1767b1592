"""Inputs on the short way: graphql-core makes the objects that Strawberry would make of its dicts, and variables that are
plainly right are coerced by functions that were put together once: a column at a time, since lists of inputs take most.

What a value comes to is the same either way. Whatever is not plainly right goes graphql-core's own way, which says what is
wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from itertools import chain, islice, repeat
from types import NoneType
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.type import is_required_input_field
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.utils.str_converters import to_camel_case

from .scalars import text

Coerce = Callable[[Sequence[Any]], Sequence[Any]]
"""Makes of plainly right JSON values of one type what graphql-core makes of them. Raises _NotPlain where one is not."""
MAX_ERRORS = 50
"""Of wrong variables so many errors are told, as graphql-core has it."""


class _NotPlain(Exception):
    """The value may be right or wrong: that is for graphql-core to say."""


# ------------------------------------------------------------ Strawberry's inputs


def make_inputs(schema: GraphQLSchema) -> None:
    """Let graphql-core make Strawberry's inputs at once, by the hook that it has for that, and Strawberry take them as they
    come, by its own."""
    for kind in schema.type_map.values():
        declared = kind.extensions.get("strawberry-definition") if isinstance(kind, GraphQLInputObjectType) else None
        if isinstance(kind, GraphQLInputObjectType) and isinstance(declared, StrawberryObjectDefinition):
            kind.out_type = _maker(kind, declared)  # type: ignore[assignment, method-assign]
            declared.from_input = lambda cls, made, context: made


def is_made(kind: GraphQLInputObjectType) -> bool:
    """Whether an input comes as its object already."""
    declared = kind.extensions.get("strawberry-definition")
    return isinstance(declared, StrawberryObjectDefinition) and declared.from_input is not None


def _maker(kind: GraphQLInputObjectType, declared: StrawberryObjectDefinition) -> Callable[[dict[str, Any]], Any]:
    """What makes an input of the fields that are given. Those that only may be null are None, as Strawberry has it."""
    make: Callable[..., Any] = declared.origin
    judge = kind.out_type
    names = {field.graphql_name or to_camel_case(field.python_name): field.python_name for field in declared.fields}
    absent = {
        field.python_name: None
        for field in declared.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }
    required = {names[name] for name, field in kind.fields.items() if is_required_input_field(field)}
    if declared.is_one_of:
        # It judges by the names that the client knows.
        return lambda given: make(**absent | {names[name]: value for name, value in judge(given).items()})
    for name, field in kind.fields.items():
        field.out_name = names[name]
    many = _many(kind)
    if many is not None:
        return lambda given: many(**{name: (value,) for name, value in given.items()})[0]
    if absent.keys() <= required:
        return lambda given: make(**given)
    return lambda given: make(**{**absent, **given})


def _many(kind: GraphQLInputObjectType) -> Callable[..., Sequence[Any]] | None:
    """What makes many inputs at once of their fields' values. It is for classes that say themselves what they come to, by
    `made`."""
    declared = kind.extensions.get("strawberry-definition")
    if not isinstance(declared, StrawberryObjectDefinition):
        return None
    found: Callable[..., Sequence[Any]] | None = getattr(declared.origin, "made", None)
    return found


# ------------------------------------------------------------ variables


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variable:
    """One variable of an operation. `coerce` is None where only graphql-core knows how."""

    name: str
    signature: Any
    coerce: Coerce | None
    has_default: bool
    is_required: bool


class Variables:
    """The variables of an operation of a valid document."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema, self._nodes = schema, operation.variable_definitions or ()
        found = [(node, get_variable_signature(schema, node)) for node in self._nodes]
        self._variables = [
            _Variable(
                name=signature.name,
                signature=signature,
                coerce=_coerce(signature.type, ()),
                has_default=node.default_value is not None,
                is_required=isinstance(signature.type, GraphQLNonNull),
            )
            for node, signature in found
            if not isinstance(signature, GraphQLError)
        ]

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """The values that the variables come to, or what is wrong with them."""
        try:
            return self._plainly(given)
        except _NotPlain:
            return get_variable_values(
                self._schema, self._nodes, dict(given), max_errors=MAX_ERRORS, hide_suggestions=True
            )

    def _plainly(self, given: Mapping[str, Any]) -> VariableValues:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for one in self._variables:
            name = one.name
            if name in given:
                value = given[name]
                if one.coerce is None:
                    raise _NotPlain
                (coerced[name],) = one.coerce((value,))
                sources[name] = VariableValueSource(one.signature, value)
            elif one.has_default or one.is_required:
                raise _NotPlain
            else:
                sources[name] = VariableValueSource(one.signature)
        return VariableValues(sources, coerced)


def _coerce(type_: GraphQLInputType, within: Sequence[GraphQLInputType]) -> Coerce | None:
    """What coerces values of a type; None for one that holds itself."""
    is_required = isinstance(type_, GraphQLNonNull)
    bare: Any = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(bare, GraphQLList):
        inner = _coerce(bare.of_type, within)
        return inner and _of_kind(list, _list(inner), is_required=is_required)
    if isinstance(bare, GraphQLInputObjectType):
        inner = None if bare in within else _object(bare, within)
        return inner and _of_kind(dict, inner, is_required=is_required)
    return _leaf(bare, is_required=is_required) if is_leaf_type(bare) else None


def _of_kind(kind: type, inner: Coerce, *, is_required: bool) -> Coerce:
    """Values of a kind, or null."""
    right = frozenset({kind})

    def coerce(values: Sequence[Any]) -> Sequence[Any]:
        if right.issuperset(map(type, values)):
            return inner(values)
        if is_required or not {kind, NoneType}.issuperset(map(type, values)):
            raise _NotPlain
        made = iter(inner([value for value in values if value is not None]))
        return [None if value is None else next(made) for value in values]

    return coerce


def _list(inner: Coerce) -> Coerce:
    def coerce(values: Sequence[Any]) -> Sequence[Any]:
        if len(values) == 1:
            return [inner(values[0])]
        made = iter(inner([*chain.from_iterable(values)]))
        return [[*islice(made, len(value))] for value in values]

    return coerce


def _leaf(type_: GraphQLLeafType, *, is_required: bool) -> Coerce:
    read = type_.coerce_input_value
    is_text = type_ is GraphQLString or read is text

    def coerce(values: Sequence[Any]) -> Sequence[Any]:
        if is_text and _TEXTS.issuperset(map(type, values)):
            return values
        if is_required and None in values:
            raise _NotPlain
        try:
            made = [None if value is None else read(value) for value in values]
        except Exception:
            raise _NotPlain from None
        if any(value is Undefined for value in made):
            raise _NotPlain
        return made

    return coerce


_TEXTS = frozenset({str})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A field of an input. `absent` is what it comes to where it is left out, Undefined where it is left out then, too."""

    name: str
    out_name: str
    coerce: Coerce
    is_required: bool
    absent: Any


def _object(type_: GraphQLInputObjectType, within: Sequence[GraphQLInputType]) -> Coerce | None:
    fields: list[_Field] = []
    for name, field in type_.fields.items():
        inner = _coerce(field.type, (*within, type_))
        if inner is None:
            return None
        fields.append(
            _Field(
                name=name,
                out_name=field.out_name or name,
                coerce=inner,
                is_required=is_required_input_field(field),
                absent=coerce_default_value(field),
            )
        )
    make, make_many = type_.out_type, _many(type_)
    may_lack = [field.name for field in fields if field.absent is Undefined and not field.is_required]

    def coerce(values: Sequence[Any]) -> Sequence[Any]:
        for name in may_lack if len(values) > 1 else ():
            if 0 < sum(name in value for value in values) < len(values):
                # Some have it and some do not: each is made by itself.
                return [made for value in values for made in coerce((value,))]
        columns: dict[str, Sequence[Any]] = {}
        known = 0
        for field in fields:
            given = [value[field.name] for value in values if field.name in value]
            known += len(given)
            if len(given) == len(values):
                columns[field.out_name] = field.coerce(given)
            elif field.is_required:
                raise _NotPlain
            elif field.absent is not Undefined and not given:
                columns[field.out_name] = [field.absent] * len(values)
            elif field.absent is not Undefined:
                made = iter(field.coerce(given))
                columns[field.out_name] = [next(made) if field.name in value else field.absent for value in values]
        if known != sum(map(len, values)):
            raise _NotPlain
        if type_.is_one_of and (len(columns) != 1 or None in next(iter(columns.values()))):
            raise _NotPlain
        try:
            if make_many is not None:
                return make_many(**columns)
            rows = zip(*columns.values(), strict=True) if columns else repeat((), len(values))
            return [make(dict(zip(columns, row, strict=True))) for row in rows]
        except Exception:
            raise _NotPlain from None

    return coerce
