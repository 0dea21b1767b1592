"""Resolving fields without Strawberry's wrapper, and plain ones without graphql-core's, which cost more than our fields do.

A field is an attribute or a method of its node. Our resolvers use nothing of `info` but its context, which graphql-core's
own has too, as has what plain fields are given here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from graphql import (
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
)
from graphql.execution import Executor
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

Resolver = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A field that takes no arguments and gives a scalar or an enum."""

    resolve: Resolver
    type: GraphQLOutputType
    serialize: Callable[[Any], Any]
    is_required: bool


_PLAIN: dict[tuple[GraphQLObjectType, str], Plain] = {}


def shorten(schema: GraphQLSchema) -> None:
    """Give every object field whose arguments are scalars a resolver that calls straight through, and note the plain
    fields for `PlainFirst`."""
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        if kind is schema.subscription_type:
            # Its fields' methods give the source; what comes of that is the field's value as it is.
            continue
        for name, field in kind.fields.items():
            declared = (field.extensions or {}).get("strawberry-definition")
            if not isinstance(declared, StrawberryField):
                continue
            straight = _with_arguments(field, declared) if field.args else _straight(declared)
            if straight is None:
                continue
            field.resolve = straight
            if not field.args:
                _note(kind, name, field.type, straight)


def _straight(declared: StrawberryField) -> Resolver | None:
    resolver = declared.base_resolver
    if resolver is None:
        name = declared.python_name
        return lambda source, info: getattr(source, name)
    method = resolver.wrapped_func
    if resolver.self_parameter is None or not callable(method):
        return None
    if resolver.info_parameter is not None:
        return lambda source, info: method(source, info)
    return lambda source, info: method(source)


def _with_arguments(field: GraphQLField, declared: StrawberryField) -> Resolver | None:
    """Scalars come as the values that resolvers take; enums, inputs and lists need what Strawberry makes of them."""
    resolver = declared.base_resolver
    if resolver is None or resolver.self_parameter is None or resolver.info_parameter is None:
        return None
    method = resolver.wrapped_func
    if not callable(method):
        return None
    if not all(isinstance(_nullable(argument.type), GraphQLScalarType) for argument in field.args.values()):
        return None
    python = {one.graphql_name or to_camel_case(one.python_name): one.python_name for one in declared.arguments}
    if all(name == other for name, other in python.items()):
        return lambda source, info, **given: method(source, info, **given)
    return lambda source, info, **given: method(source, info, **{python[name]: given[name] for name in given})


def _nullable(type_: Any) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def _note(kind: GraphQLObjectType, name: str, type_: GraphQLOutputType, resolve: Resolver) -> None:
    named = get_named_type(type_)
    if is_leaf_type(named) and _nullable(type_) is named:
        _PLAIN[kind, name] = Plain(
            resolve=resolve,
            type=type_,
            serialize=named.coerce_output_value,
            is_required=is_non_null_type(type_),
        )


_AT_HAND = frozenset({str, int, bool, float, dict, list, tuple, type(None), datetime})


def is_awaitable(value: Any) -> bool:
    """What graphql-core asks of every value several times over, quick for the kinds that most values are of."""
    return type(value) not in _AT_HAND and hasattr(value, "__await__")


class _Brief:
    """As much of `info` as our resolvers use."""

    __slots__ = ("context",)

    def __init__(self, context: Any) -> None:
        self.context = context


class PlainFirst(Executor[Any]):
    """graphql-core's executor, with a short way to the plain fields, which are most of an answer. What such a field gives
    and how it fails are the same; whatever is not at hand at once goes the long way."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._brief = _Brief(self.context_value)

    def of_event(self, value: Any, context: Any) -> PlainFirst:
        """The executor of one event of a subscription, whose root field's value it is, with a context of its own."""
        made = cast(PlainFirst, self.build_per_event_executor(value))
        made.context_value, made._brief = context, _Brief(context)
        return made

    def execute_field(
        self, parent_type: Any, source: Any, field_details_list: Any, path: Any, position_context: Any
    ) -> Any:
        plain = _PLAIN.get((parent_type, field_details_list[0].node.name.value))
        if plain is None:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        try:
            value = plain.resolve(source, self._brief)
            if value is None:
                if plain.is_required:
                    name = field_details_list[0].node.name.value
                    raise TypeError(f"Cannot return null for non-nullable field {parent_type}.{name}.")
                return None
            if isinstance(value, Exception):
                raise value
            if self.is_awaitable(value):
                nodes = [details.node for details in field_details_list]
                field = self.schema.get_field(parent_type, nodes[0].name.value)
                assert field is not None
                info = self.build_resolve_info(field, nodes, parent_type, path)
                return self.complete_awaitable_value(
                    plain.type, field_details_list, info, path, value, position_context
                )
            made = plain.serialize(value)
            if made is None or made is Undefined:
                raise TypeError(f"a value of {plain.type} can't be written")
            return made
        except Exception as error:
            self.handle_field_error(error, plain.type, field_details_list, path)
            return None
