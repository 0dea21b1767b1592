"""How one of AWS's actions is answered by an operation: its parameters by name, its result as AWS shows it."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from botocore import xform_name

from ...app.caller import Caller, Identity
from ...app.operation import Command, Operation, Parameter, Query, camel, parameters
from ...domain.arn import parse_arn
from ...domain.budget import POINTS_OF_COMMAND, POINTS_OF_HASHING
from ...domain.entities import PrincipalType
from ...domain.errors import InvalidInput
from ...domain.unset import Unset
from .errors import WireError, broken, constraint_text
from .models import Structure

ITEMS_A_POINT = 10
DEFAULT_ITEMS, MAX_ITEMS = 100, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for, as an operation and in AWS's words, and by whom."""

    operation: Any
    given: Structure
    asker: Caller

    @property
    def caller(self) -> Identity:
        """Who that is; only answers of operations that take credentials may ask."""
        return self.asker.who

    @property
    def user_name(self) -> str | None:
        """The user that is named, or, where none is, the caller itself. The root has no name."""
        if self.operation.user_name is not None or self.caller.principal_type is not PrincipalType.USER:
            named: str | None = self.operation.user_name
            return named
        own = parse_arn(self.caller.principal_arn)
        return own.name if own is not None else None


Answer = Callable[[Any, Asked], Structure]


def nothing(result: Any, asked: Asked) -> Structure:
    """AWS's answer has nothing."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """`answer` makes AWS's answer of the operation's result; with `also`, a second query on the same target, of both
    results. `answered` are parameters that the operation does not have and the answer sees to; any other one is refused.
    With `is_idempotent` a target that is not there is no error: it was to go. `differs` says for the documentation what is
    not as on AWS."""

    operation: type[Operation[Any]]
    answer: Answer = nothing
    also: type[Query[Any]] | None = None
    answered: frozenset[str] = frozenset()
    points: Callable[[Any], int] | None = None
    is_idempotent: bool = False
    differs: str = ""

    def cost(self, operation: Any) -> int:
        """What the request takes of its caller's budget: as in GraphQL, one for the request and what the operation takes."""
        if self.points is not None:
            return 1 + self.points(operation)
        if issubclass(self.operation, Command):
            return 1 + POINTS_OF_COMMAND
        items: int = getattr(operation, "max_items", 0) if self.also is None else DEFAULT_ITEMS
        return 1 + max(0, items) // ITEMS_A_POINT


def hashing(operation: Any) -> int:
    """The points of an operation that hashes a password."""
    return POINTS_OF_HASHING


def operation_of(action: Action, kind: type[Operation[Any]], given: Structure) -> Operation[Any]:
    """The operation with the parameters given. Raises WireError for a parameter that it does not have, and InvalidInput
    where one is missing or is none of its values."""
    known = _known(kind)
    values: dict[str, Any] = {}
    for name, value in given.items():
        parameter = known.get(xform_name(name))
        if parameter is not None:
            values[parameter.name] = _value(parameter, value)
        elif xform_name(name) not in _all_names(action) and not _is_nothing(action, name, value):
            raise WireError("NotImplemented", f"The parameter {name} is not supported by this service.")
    for parameter in known.values():
        if parameter.default is MISSING and parameter.name not in values:
            raise _invalid(parameter, "not be null")
    return kind(**values)


_KNOWN: dict[type[Operation[Any]], Mapping[str, Parameter]] = {}


def _known(kind: type[Operation[Any]]) -> Mapping[str, Parameter]:
    known = _KNOWN.get(kind)
    if known is None:
        known = _KNOWN[kind] = {parameter.name: parameter for parameter in parameters(kind)}
    return known


def _invalid(parameter: Parameter, must: str) -> InvalidInput:
    field = camel(parameter.name)
    return InvalidInput(constraint_text([broken("Value null", field, must)]), field=field)


def _names(kind: type[Operation[Any]]) -> frozenset[str]:
    return frozenset(_known(kind))


def _all_names(action: Action) -> frozenset[str]:
    return _names(action.operation) | (_names(action.also) if action.also is not None else frozenset())


def _is_nothing(action: Action, name: str, value: Any) -> bool:
    # What is switched off need not be there.
    return name in action.answered or value is False or value == []


def _value(parameter: Parameter, value: Any) -> Any:
    """A parameter's value as the operation has it."""
    try:
        return _converted(parameter.hint, value)
    except (KeyError, TypeError, ValueError):
        # The constraints of the shape say what is missing, or none of its values.
        raise InvalidInput("lacks a part, or has a value that is none", field=camel(parameter.name)) from None


def _converted(hint: Any, value: Any) -> Any:
    """Lists as tuples, structures as the classes that the hint has, or where it wants a text, as their only member; names of
    enums as these."""
    kind = _kind(hint)
    if isinstance(value, list):
        return tuple(_converted(get_args(kind)[0], item) for item in value)
    if not isinstance(value, Mapping):
        return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value
    if not (isinstance(kind, type) and is_dataclass(kind)):
        (value,) = value.values()
        return value
    hints = _hints(kind)
    parts = {xform_name(name): part for name, part in value.items()}
    return kind(**{name: _converted(hints[name], part) for name, part in parts.items()})


@cache
def _hints(kind: type[Any]) -> Mapping[str, Any]:
    return get_type_hints(kind)


@cache
def _kind(hint: Any) -> Any:
    """What a parameter is, if it is there."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    (kind,) = (part for part in get_args(hint) if part is not types.NoneType and part is not Unset)
    return kind
