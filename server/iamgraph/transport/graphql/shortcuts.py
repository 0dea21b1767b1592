"""Resolving plain fields without Strawberry's wrapper, which costs more than most of our fields do.

A field without arguments is an attribute or a method of its node. Our resolvers use nothing of `info` but its context,
which graphql-core's own has too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.types.field import StrawberryField


def shorten(schema: GraphQLSchema) -> None:
    """Give every object field that takes no arguments a resolver that calls straight through."""
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        for field in kind.fields.values():
            declared = (field.extensions or {}).get("strawberry-definition")
            if isinstance(declared, StrawberryField) and not field.args:
                straight = _straight(declared)
                if straight is not None:
                    field.resolve = straight


def _straight(declared: StrawberryField) -> Callable[[Any, Any], Any] | None:
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
