"""Running an operation: what hangs on its document alone is found out once, and kept with it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues

from .inputs import Variables
from .plan import Given, Plan
from .shortcuts import PlainFirst, is_awaitable


class Executable:
    """One operation of a valid document, ready to run for any variables."""

    __slots__ = ("_definitions", "_fragments", "_operation", "_plan", "_schema", "_variables")

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._schema, self._operation = schema, operation
        fragments = (one for one in document.definitions if isinstance(one, FragmentDefinitionNode))
        self._definitions = {fragment.name.value: fragment for fragment in fragments}
        # Fragments have no variables of their own: the parser is not told to take those.
        self._fragments = {name: FragmentDetails(fragment, None) for name, fragment in self._definitions.items()}
        self._variables = Variables(schema, operation)
        self._plan = Plan.of(schema, operation, self._definitions)

    def run(self, variables: Mapping[str, Any], context: Any) -> ExecutionResult | Awaitable[ExecutionResult]:
        """What graphql-core's `execute` gives."""
        values = self._variables.coerced(variables)
        if isinstance(values, list):
            return ExecutionResult(None, values)
        if self._plan is not None:
            return self._planned(self._plan, values, context)
        return self._executed(values, context)

    async def _planned(self, plan: Plan, values: VariableValues, context: Any) -> ExecutionResult:
        found = await plan.run(values, context)
        if isinstance(found, ExecutionResult):
            return found
        result = self._executed(values, context, found)
        return result if isinstance(result, ExecutionResult) else await result

    def _executed(
        self, values: VariableValues, context: Any, given: Given | None = None
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        executor = PlainFirst(
            self._schema,
            self._definitions,
            self._fragments,
            None,
            context,
            self._operation,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            False,
            given,
            is_awaitable,
            hide_suggestions=True,
        )
        return cast(ExecutionResult | Awaitable[ExecutionResult], executor.execute_operation())
