"""Inputs on the short way: graphql-core makes the objects that Strawberry would make of its dicts, and variables that are
plainly right are coerced by functions that were put together once, of which lists of inputs take most.

What a value comes to is the same either way. Whatever is not plainly right goes graphql-core's own way, which says what is
wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
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
    get_named_type,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.type import is_required_input_field
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.utils.str_converters import to_camel_case

from .scalars import text

Coerce = Callable[[Any], Any]
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
    """What makes an input of the fields that are given. Those that only may be null are None, as Strawberry has it. A class
    that has `made` says itself what its fields come to."""
    make: Callable[..., Any] = getattr(declared.origin, "made", declared.origin)
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
    if absent.keys() <= required:
        return lambda given: make(**given)
    return lambda given: make(**{**absent, **given})


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
                coerced[name] = one.coerce(value)
                sources[name] = VariableValueSource(one.signature, value)
            elif one.has_default or one.is_required:
                raise _NotPlain
            else:
                sources[name] = VariableValueSource(one.signature)
        return VariableValues(sources, coerced)


def _coerce(type_: GraphQLInputType, within: Sequence[GraphQLInputType]) -> Coerce | None:
    """What makes of a plainly right JSON value what graphql-core makes of it, and raises _NotPlain for any other; None for
    a type that holds itself."""
    if isinstance(type_, GraphQLNonNull):
        inner = _coerce(type_.of_type, within)
        return inner and _required(inner)
    if isinstance(type_, GraphQLList):
        inner = _coerce(type_.of_type, within)
        return inner and _list(inner)
    if isinstance(type_, GraphQLInputObjectType):
        return None if type_ in within else _object(type_, within)
    return _leaf(type_) if is_leaf_type(type_) else None


def _required(inner: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if value is None:
            raise _NotPlain
        return inner(value)

    return coerce


def _list(inner: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if type(value) is list:
            return [inner(item) for item in value]
        if value is None:
            return None
        raise _NotPlain

    return coerce


def _leaf(type_: GraphQLLeafType) -> Coerce:
    read = type_.coerce_input_value

    def coerce(value: Any) -> Any:
        if value is None:
            return None
        try:
            made = read(value)
        except Exception:
            raise _NotPlain from None
        if made is Undefined:
            raise _NotPlain
        return made

    return coerce


def _is_text(type_: GraphQLInputType) -> bool:
    """Whether a text is read as it is."""
    named = get_named_type(type_)
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    return type_ is named and is_leaf_type(named) and (named is GraphQLString or named.coerce_input_value is text)


def _object(type_: GraphQLInputObjectType, within: Sequence[GraphQLInputType]) -> Coerce | None:
    fields: list[tuple[str, str, Coerce, bool, Any]] = []
    for name, field in type_.fields.items():
        inner = _coerce(field.type, (*within, type_))
        if inner is None:
            return None
        # What is not given is Undefined where it is left out, and `_NotPlain` where that is wrong.
        absent = _NotPlain if is_required_input_field(field) else coerce_default_value(field)
        fields.append((name, field.out_name or name, inner, _is_text(field.type), absent))
    make = type_.out_type

    def coerce(value: Any) -> Any:
        if type(value) is not dict:
            if value is None:
                return None
            raise _NotPlain
        found: dict[str, Any] = {}
        known = 0
        for name, out_name, inner, is_text, absent in fields:
            if name in value:
                known += 1
                given = value[name]
                found[out_name] = given if is_text and type(given) is str else inner(given)
            elif absent is _NotPlain:
                raise _NotPlain
            elif absent is not Undefined:
                found[out_name] = absent
        if known != len(value) or (type_.is_one_of and (known != 1 or None in found.values())):
            raise _NotPlain
        try:
            return make(found)
        except Exception:
            raise _NotPlain from None

    return coerce
