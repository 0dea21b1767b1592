"""Queries of one root field, of whose objects nothing but pure fields are asked, made ready once for their document: they
are answered without graphql-core's executor, which would cost them more than what they ask. Where something is not as it
should be, it goes on from what the root has given, and says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    MiddlewareManager,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Undefined,
    VariableNode,
    is_abstract_type,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.utilities.coerce_input_value import coerce_default_value

from .shortcuts import Alike, Brief, Resolver, Rows, is_awaitable, nullable, resolver_of

Fields = dict[str, list[FieldNode]]
"""By the keys of the answer, as they are merged."""


class Given(MiddlewareManager):
    """Lets graphql-core's executor go on from what the root has given or raised."""

    def __init__(self, *, value: Any = None, error: Exception | None = None) -> None:
        super().__init__()
        self._value, self._error = value, error

    def get_field_resolver(self, field_resolver: Resolver) -> Resolver:
        def resolve(source: Any, info: Any, **arguments: Any) -> Any:
            if info.path.prev is not None:
                return field_resolver(source, info, **arguments)
            if self._error is not None:
                raise self._error
            return self._value

        return resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How an operation is answered. `variables` are the root's arguments, by the names that its resolver has for them, where
    all of them are variables; `rows` write what it gives."""

    key: str
    node: FieldNode
    field: GraphQLField
    resolve: Resolver
    variables: Mapping[str, str] | None
    rows: Rows
    is_list: bool

    @classmethod
    def of(
        cls, schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> Plan | None:
        """None where it takes graphql-core's executor."""
        kind, asked = schema.query_type, _Asked(schema, fragments)
        if operation.operation is not OperationType.QUERY or operation.directives or kind is None:
            return None
        roots = asked.of(kind, [operation.selection_set]) or {}
        if len(roots) != 1:
            # How errors of one root are told beside another's is up to graphql-core.
            return None
        ((key, nodes),) = roots.items()
        name = nodes[0].name.value
        resolve = resolver_of(kind, name)
        if resolve is None:
            return None
        field = kind.fields[name]
        type_: Any = nullable(field.type)
        is_list = isinstance(type_, GraphQLList)
        of = nullable(type_.of_type) if is_list else type_
        if not isinstance(of, GraphQLObjectType):
            return None
        fields = asked.of(of, [node.selection_set for node in nodes if node.selection_set])
        rows = Rows.of(of, {key: inner[0].name.value for key, inner in fields.items()}) if fields else None
        if rows is None:
            return None
        return cls(
            key=key,
            node=nodes[0],
            field=field,
            resolve=resolve,
            variables=_variables(field, nodes[0]),
            rows=rows,
            is_list=is_list,
        )

    async def run(self, values: VariableValues, context: Any) -> ExecutionResult | Given:
        """The result; or what the root has given, for graphql-core to go on from."""
        try:
            value = self.resolve(None, Brief(context), **self._arguments(values))
            if is_awaitable(value):
                value = await value
        except Exception as error:
            return Given(error=error)
        if value is None:
            return ExecutionResult({self.key: None}, None) if self._may_be_null else Given()
        items = value if self.is_list else [value]
        rows = self.rows.written(items) if type(items) in (list, Alike) else None
        if rows is None:
            return Given(value=value)
        return ExecutionResult({self.key: rows if self.is_list else rows[0]}, None)

    @property
    def _may_be_null(self) -> bool:
        return nullable(self.field.type) is self.field.type

    def _arguments(self, values: VariableValues) -> Mapping[str, Any]:
        if self.variables is not None:
            found = {name: values.coerced.get(variable) for name, variable in self.variables.items()}
            if None not in found.values():
                return found
        return get_argument_values(self.field, self.node, values, hide_suggestions=True)


class _Asked:
    """Merges selections, as graphql-core does."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema, self._fragments = schema, fragments

    def of(self, kind: GraphQLObjectType, selections: Sequence[SelectionSetNode]) -> Fields | None:
        """What is asked of an object; None where directives have a say in that."""
        found: Fields = {}
        spread: set[str] = set()
        return found if all(self._add(kind, one, found, spread) for one in selections) else None

    def _add(self, kind: GraphQLObjectType, selections: SelectionSetNode, found: Fields, spread: set[str]) -> bool:
        for node in selections.selections:
            inner: Any = node
            if node.directives:
                return False
            if isinstance(node, FieldNode):
                found.setdefault((node.alias or node.name).value, []).append(node)
                continue
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in spread:
                    continue
                spread.add(node.name.value)
                inner = self._fragments[node.name.value]
            if self._is_about(kind, inner) and not self._add(kind, inner.selection_set, found, spread):
                return False
        return True

    def _is_about(self, kind: GraphQLObjectType, fragment: Any) -> bool:
        if fragment.type_condition is None:
            return True
        condition = self._schema.get_type(fragment.type_condition.name.value)
        return condition is kind or (is_abstract_type(condition) and self._schema.is_sub_type(condition, kind))


def _variables(field: GraphQLField, node: FieldNode) -> Mapping[str, str] | None:
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    found: dict[str, str] = {}
    for name, argument in field.args.items():
        value = given.get(name)
        if isinstance(value, VariableNode):
            found[argument.out_name or name] = value.name.value
        elif value is not None or coerce_default_value(argument) is not Undefined:
            return None
    return found
