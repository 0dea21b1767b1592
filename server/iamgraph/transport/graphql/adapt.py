"""From an operation to its mutation: input type, result union, resolver, description."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

import strawberry
from strawberry import UNSET

from ...app.operation import Command, Parameter, parameters
from ...domain import entities
from ...domain.errors import IamError, Overloaded, Throttled
from ...domain.unset import Unset
from .context import Info
from .ids import parse_node_id
from .members import MEMBERS, member_of
from .scalars import ARN, AccessKeyStatus, AccountId, PolicyDocument

_SCALARS: dict[str, Any] = {
    "arn": ARN,
    "policy_arn": ARN,
    "role_arn": ARN,
    "open_id_connect_provider_arn": ARN,
    "saml_provider_arn": ARN,
    "provider_arn": ARN,
    "principal_arn": ARN,
    "serial_number": ARN,
    "permissions_boundary": ARN,
    "policy_arns": list[ARN],
    "policy_document": PolicyDocument,
    "assume_role_policy_document": PolicyDocument,
    "policy": PolicyDocument,
    "account_id": AccountId,
    "session_id": strawberry.ID,
    "guardrail_id": strawberry.ID,
    "agent_id": strawberry.ID,
}
"""The parameters that are more than a text in GraphQL, whatever the operation."""
_NODES = {"session_id": "Session", "guardrail_id": "Guardrail", "agent_id": "Agent"}
"""The types of the nodes whose ids are parameters. The key alone is understood, too."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One field of a mutation's success: its type, and how it is made of the command's result."""

    type: Any
    make: Callable[[Any], Any] = lambda value: value
    description: str | None = None


def mutation(
    op: type[Command[Any]],
    *,
    like: type[Command[Any]] | None = None,
    after: Callable[[Info, Any], Any] | None = None,
    **success: Payload,
) -> Any:
    """`mutation(CreateRole, role=Payload(Role, Role.of))` is `createRole(input: CreateRoleInput!): CreateRoleResult!`.

    With one field of success the command's result is its value; with more, the result has an attribute for each. `after`
    runs once the command has succeeded and may replace the result. `like` names the operation whose result types this one
    shares: it must raise all that this one raises.
    """
    done, result = _result_types(like or op, success)
    # AWS's own name, also where it has several capitals in a row.
    name = op.__name__[0].lower() + op.__name__[1:]
    input_type = _input_type(op) if parameters(op) else None

    async def answer(info: Info, command: Command[Any]) -> Any:
        try:
            value = await info.context.run(command)
        except IamError as error:
            if not isinstance(error, op.raises):
                raise
            if isinstance(error, Throttled):
                info.context.retry_after = error.retry_after_seconds
                info.context.shed += isinstance(error, Overloaded)
            return member_of(error)
        if after is not None:
            value = await after(info, value)
        return done(**{name: part.make(_part(value, name, success)) for name, part in success.items()})

    if input_type is None:

        async def resolve_bare(info: Info) -> Any:
            return await answer(info, op())

        resolve_bare.__annotations__["return"] = result
        return strawberry.mutation(resolver=resolve_bare, name=name, description=op.__doc__)

    async def resolve(info: Info, input: Any) -> Any:
        return await answer(info, op(**_values(op, input)))

    resolve.__annotations__ |= {"input": input_type, "return": result}
    return strawberry.mutation(resolver=resolve, name=name, description=op.__doc__)


def _part(value: Any, name: str, success: dict[str, Payload]) -> Any:
    return getattr(value, name) if len(success) > 1 or hasattr(value, name) else value


_RESULTS: dict[str, tuple[type, Any]] = {}


def _result_types(op: type[Command[Any]], success: dict[str, Payload]) -> tuple[type, Any]:
    """The success type and the union of an operation, made once."""
    if op.__name__ not in _RESULTS:
        done = _success_type(op, success)
        _RESULTS[op.__name__] = done, _result_type(op, done)
    return _RESULTS[op.__name__]


def _success_type(op: type[Command[Any]], success: dict[str, Payload]) -> type:
    body: dict[str, Any] = {"__annotations__": {name: part.type for name, part in success.items()}}
    body |= {name: strawberry.field(description=part.description) for name, part in success.items() if part.description}
    return strawberry.type(type(f"{op.__name__}Success", (), body), description=f"`{op.__name__}` succeeded.")


def _result_type(op: type[Command[Any]], done: type) -> Any:
    members = [MEMBERS[error][0] for error in op.raises]
    return Annotated[Union[(done, *members)], strawberry.union(f"{op.__name__}Result")]


def _input_type(op: type[Command[Any]]) -> type:
    return strawberry.input(_input_body(op), description=f"The parameters of `{op.__name__}`.")


_PARTS: dict[type, type] = {}
_MADE_OF: dict[type, type] = {}


def _part_type(part: type) -> type:
    """The input type of a value that is a parameter's part, made once."""
    if part not in _PARTS:
        _PARTS[part] = strawberry.input(_input_body(part))
        _MADE_OF[_PARTS[part]] = part
    return _PARTS[part]


def _input_body(of: type) -> type:
    body: dict[str, Any] = {"__annotations__": {}}
    for parameter in parameters(of):
        body["__annotations__"][parameter.name] = _hint(parameter)
        body[parameter.name] = strawberry.field(description=parameter.doc, **_default(parameter))
    return type(f"{of.__name__}Input", (), body)


def _hint(parameter: Parameter) -> Any:
    optional = _is_optional(parameter.hint)
    hint = _SCALARS.get(parameter.name) or _bare(parameter.hint)
    return hint | None if optional else hint


def _is_optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _bare(hint: Any) -> Any:
    """The GraphQL type of a parameter's Python type, leaving out None and `Unset`."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = [part for part in get_args(hint) if part not in (type(None), Unset)]
    if get_origin(hint) is tuple:
        return list[_bare(get_args(hint)[0])]
    if dataclasses.is_dataclass(hint):
        return _part_type(hint)  # type: ignore[arg-type]
    return {entities.KeyStatus: AccessKeyStatus}.get(hint, hint)


def _default(parameter: Parameter) -> dict[str, Any]:
    if parameter.default is dataclasses.MISSING:
        return {}
    if parameter.default is None or parameter.default is Unset.UNSET:
        return {"default": UNSET}
    if parameter.default == ():
        return {"default_factory": list}
    return {"default": parameter.default}


def _values(of: type, input: Any) -> dict[str, Any]:
    """The parameters that were given. Null for one that only may be absent means absent."""
    values: dict[str, Any] = {}
    for parameter in parameters(of):
        value = getattr(input, parameter.name)
        if value is UNSET or (value is None and parameter.default is None):
            continue
        values[parameter.name] = _value(parameter, value)
    return values


def _value(parameter: Parameter, value: Any) -> Any:
    if parameter.name in _NODES:
        parsed = parse_node_id(value)
        return parsed[1][0] if parsed and parsed[0] == _NODES[parameter.name] else value
    if isinstance(value, list):
        return tuple(_value(parameter, item) for item in value)
    if type(value) in _MADE_OF:
        part = _MADE_OF[type(value)]
        return part(**_values(part, value))
    if isinstance(value, AccessKeyStatus):
        return entities.KeyStatus(value.value)
    return value
