"""How one of AWS's actions is answered by an operation: its parameters by name, its result as AWS shows it."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field
from enum import Enum
from typing import Any, Union, get_args, get_origin

from botocore import xform_name

from ...app.caller import Identity
from ...app.operation import Command, Operation, Parameter, Query, camel, parameters
from ...domain.arn import parse_arn
from ...domain.budget import POINTS_OF_COMMAND
from ...domain.entities import PrincipalType, Tag
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
    caller: Identity

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
    results. `defaults` are AWS's where ours are others. `answered` are parameters that the operation does not have and the
    answer sees to; any other one is refused. `differs` says for the documentation what is not as on AWS."""

    operation: type[Operation[Any]]
    answer: Answer = nothing
    also: type[Query[Any]] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    answered: frozenset[str] = frozenset()
    points: int | None = None
    differs: str = ""

    def cost(self, given: Structure) -> int:
        """What the request takes of its caller's budget: as in GraphQL, one for the request and what the operation takes."""
        if self.points is not None:
            return 1 + self.points
        if issubclass(self.operation, Command):
            return 1 + POINTS_OF_COMMAND
        items: int = given.get("MaxItems", DEFAULT_ITEMS if "marker" in _all_names(self) else 0)
        return 1 + max(0, items) // ITEMS_A_POINT


def operation_of(action: Action, kind: type[Operation[Any]], given: Structure) -> Operation[Any]:
    """The operation with the parameters given. Raises WireError for a parameter that it does not have, and InvalidInput
    where one is missing or is none of its values."""
    known = {parameter.name: parameter for parameter in parameters(kind)}
    values: dict[str, Any] = {name: value for name, value in action.defaults.items() if name in known}
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


def _invalid(parameter: Parameter, must: str) -> InvalidInput:
    field = camel(parameter.name)
    return InvalidInput(constraint_text([broken("Value null", field, must)]), field=field)


def _names(kind: type[Operation[Any]]) -> frozenset[str]:
    return frozenset(parameter.name for parameter in parameters(kind))


def _all_names(action: Action) -> frozenset[str]:
    return _names(action.operation) | (_names(action.also) if action.also is not None else frozenset())


def _is_nothing(action: Action, name: str, value: Any) -> bool:
    # What is switched off need not be there.
    return name in action.answered or value is False or value == []


def _value(parameter: Parameter, value: Any) -> Any:
    """A parameter's value as the operation has it: tuples of texts or tags, and enums."""
    if isinstance(value, list):
        return tuple(_item(parameter, item) for item in value)
    enum = _enum(parameter.hint)
    if enum is None:
        return value
    try:
        return enum(value)
    except ValueError:
        values = ", ".join(str(one.value) for one in enum)
        raise InvalidInput(f"must be one of {values}", field=camel(parameter.name)) from None


def _item(parameter: Parameter, item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    try:
        return item["arn"] if parameter.name == "policy_arns" else Tag(key=item["Key"], value=item["Value"])
    except KeyError as missing:
        raise InvalidInput(f"an item lacks its {missing.args[0]}", field=camel(parameter.name)) from None


def _enum(hint: Any) -> type[Enum] | None:
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return next(
        (part for part in parts if isinstance(part, type) and issubclass(part, Enum) and part is not Unset), None
    )
