"""Resolving fields without Strawberry's wrapper, and plain ones without graphql-core's, which cost more than our fields do.

A field is an attribute or a method of its node. Our resolvers use nothing of `info` but its context, which graphql-core's
own has too, as has what plain fields are given here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from inspect import iscoroutine
from operator import attrgetter
from typing import Any, TypeVar, cast, overload

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLLeafType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    TypeNameMetaFieldDef,
    Undefined,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
)
from graphql.execution import Executor
from strawberry.schema.schema_converter import CustomGraphQLEnumType
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from .inputs import is_made

N = TypeVar("N")
Resolver = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A field that takes no arguments and gives a scalar or an enum."""

    resolve: Resolver
    type: GraphQLOutputType
    serialize: Callable[[Any], Any]
    is_required: bool
    is_text: bool
    """Whether a text is written as it is."""
    pure: Callable[[Any], Any] | None
    """Gives it of its node alone, where that is all it takes."""


_PLAIN: dict[tuple[GraphQLObjectType, str], Plain] = {}
_STRAIGHT: dict[tuple[GraphQLObjectType, str], Resolver] = {}


def shorten(schema: GraphQLSchema) -> None:
    """Give every object field a resolver that calls straight through, where its arguments come as the values that resolvers
    take, and note the plain fields for `PlainFirst`."""
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        if kind is schema.subscription_type:
            # Its fields' methods give the source; what comes of that is the field's value as it is.
            continue
        _note(kind, "__typename", TypeNameMetaFieldDef.type, partial(_named, kind.name), partial(_named, kind.name))
        for name, field in kind.fields.items():
            declared = (field.extensions or {}).get("strawberry-definition")
            if not isinstance(declared, StrawberryField):
                continue
            straight = _with_arguments(field, declared) if field.args else _straight(declared)
            if straight is None:
                continue
            field.resolve = _STRAIGHT[kind, name] = straight
            if not field.args:
                _note(kind, name, field.type, straight, _pure(declared))


def resolver_of(kind: GraphQLObjectType, name: str) -> Resolver | None:
    """A field's resolver, where `Brief` is all that it wants for `info`."""
    return _STRAIGHT.get((kind, name))


def _named(name: str, source: Any, info: Any = None) -> str:
    return name


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


def _pure(declared: StrawberryField) -> Callable[[Any], Any] | None:
    """What gives a field of its node alone: it can be asked twice."""
    resolver = declared.base_resolver
    if resolver is None:
        return attrgetter(declared.python_name)
    if resolver.self_parameter is None or resolver.info_parameter is not None or resolver.is_async:
        return None
    return cast(Callable[[Any], Any], resolver.wrapped_func)


def _with_arguments(field: GraphQLField, declared: StrawberryField) -> Resolver | None:
    """Scalars come as the values that resolvers take, and inputs where `make_inputs` has been; enums and lists need what
    Strawberry makes of them."""
    resolver = declared.base_resolver
    if resolver is None or resolver.self_parameter is None or resolver.info_parameter is None:
        return None
    method = resolver.wrapped_func
    if not callable(method):
        return None
    if not all(_is_ready(nullable(argument.type)) for argument in field.args.values()):
        return None
    python = {one.graphql_name or to_camel_case(one.python_name): one.python_name for one in declared.arguments}
    if all(name == other for name, other in python.items()):
        return lambda source, info, **given: method(source, info, **given)
    return lambda source, info, **given: method(source, info, **{python[name]: given[name] for name in given})


def _is_ready(type_: Any) -> bool:
    return isinstance(type_, GraphQLScalarType) or (isinstance(type_, GraphQLInputObjectType) and is_made(type_))


def nullable(type_: Any) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def _note(
    kind: GraphQLObjectType,
    name: str,
    type_: GraphQLOutputType,
    resolve: Resolver,
    pure: Callable[[Any], Any] | None,
) -> None:
    named = get_named_type(type_)
    if is_leaf_type(named) and nullable(type_) is named:
        _PLAIN[kind, name] = Plain(
            resolve=resolve,
            type=type_,
            serialize=_serializer(named),
            is_required=is_non_null_type(type_),
            is_text=named is GraphQLString,
            pure=pure,
        )


def _serializer(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    """How a leaf's values are written. Strawberry goes through an enum's members for each."""
    write = type_.coerce_output_value
    if not isinstance(type_, CustomGraphQLEnumType):
        return write
    enum: type[Enum] = cast(type[Enum], type_.wrapped_cls)
    _WRITABLE.add(enum)
    names = {member: write(member) for member in enum}
    return lambda value: names[value] if type(value) is enum else write(value)


_WRITABLE: set[type] = {str, int, bool, float, datetime}
"""The kinds of values that are neither awaited nor errors; the enums of the schema are added."""
_AT_HAND = frozenset({str, int, bool, float, dict, list, tuple, type(None), datetime})


def is_awaitable(value: Any) -> bool:
    """What graphql-core asks of every value several times over, quick for the kinds that most values are of."""
    return type(value) not in _AT_HAND and hasattr(value, "__await__")


def _node_of(kind: GraphQLObjectType) -> type | None:
    declared = (kind.extensions or {}).get("strawberry-definition")
    return declared.origin if isinstance(declared, StrawberryObjectDefinition) else None


class Alike(Sequence[N]):
    """A list of nodes of which many are alike: those that have the same of `keys` give the same in every field that takes
    nothing but its node. A node is made when something is asked of it."""

    __slots__ = ("_make", "keys")

    def __init__(self, keys: Sequence[object], make: Callable[[int], N]) -> None:
        self.keys, self._make = keys, make

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, place: int) -> N: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[N]: ...
    def __getitem__(self, place: int | slice) -> N | Sequence[N]:
        places = range(len(self.keys))[place]
        return self._make(places) if isinstance(places, int) else [self._make(one) for one in places]

    def few(self) -> Mapping[object, N]:
        """One of each kind, by its key."""
        places = dict(zip(self.keys, range(len(self.keys)), strict=True))
        return {key: self._make(place) for key, place in places.items()}


class Rows:
    """Writes objects of a type of which nothing but pure fields are asked."""

    __slots__ = ("_node", "_plain")

    def __init__(self, node: type | None, plain: Sequence[tuple[str, Callable[[Any], Any], Plain]]) -> None:
        self._node = node
        self._plain = [(key, pure, one.serialize, one.is_text, one.is_required) for key, pure, one in plain]

    @classmethod
    def of(cls, kind: GraphQLObjectType, asked: Mapping[str, str]) -> Rows | None:
        """`asked` has the fields' names by the keys of the answer. None where others than pure ones are asked."""
        if kind.is_type_of is not None:
            return None
        found = [(key, _PLAIN.get((kind, name))) for key, name in asked.items()]
        plain = [(key, one.pure, one) for key, one in found if one is not None and one.pure is not None]
        return cls(_node_of(kind), plain) if len(plain) == len(found) else None

    def written(self, items: Sequence[Any]) -> list[Any] | None:
        """The objects as they are written, or None where one takes the long way: nothing comes of asking them again."""
        if type(items) is not Alike:
            return self._written(items)
        few = items.few()
        rows = self._written(few.values())
        if rows is None:
            return None
        of_key = dict(zip(few, rows, strict=True))
        return [of_key[key] for key in items.keys]

    def _written(self, items: Iterable[Any]) -> list[Any] | None:
        rows = []
        try:
            for item in items:
                if type(item) is not self._node:
                    return None
                row: dict[str, Any] = {}
                for key, pure, serialize, is_text, is_required in self._plain:
                    value = pure(item)
                    if type(value) is not str or not is_text:
                        if type(value) in _WRITABLE:
                            value = serialize(value)
                        elif value is not None:
                            if iscoroutine(value):
                                value.close()
                            return None
                        if value is None and is_required:
                            return None
                    row[key] = value
                rows.append(row)
        except Exception:
            return None
        return rows


class Brief:
    """As much of `info` as our resolvers use."""

    __slots__ = ("context",)

    def __init__(self, context: Any) -> None:
        self.context = context


class PlainFirst(Executor[Any]):
    """graphql-core's executor, with a short way to the plain fields, which are most of an answer, and a shorter one to lists
    of objects of which nothing but pure ones are asked. What a field gives and how it fails are the same; whatever is not
    at hand at once goes the long way."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._brief = Brief(self.context_value)

    def of_event(self, value: Any, context: Any) -> PlainFirst:
        """The executor of one event of a subscription, whose root field's value it is, with a context of its own."""
        made = cast(PlainFirst, self.build_per_event_executor(value))
        made.context_value, made._brief = context, Brief(context)
        return made

    def complete_iterable_value(
        self, item_type: Any, field_details_list: Any, info: Any, path: Any, items: Any, position_context: Any
    ) -> Any:
        kind = nullable(item_type)
        if isinstance(kind, GraphQLObjectType) and type(items) in (list, Alike):
            asked = self.collect_subfields(kind, field_details_list).grouped_field_set
            writer = Rows.of(kind, {key: details[0].node.name.value for key, details in asked.items()})
            rows = writer.written(items) if writer is not None else None
            if rows is not None:
                return rows
        return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)

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
