"""Running a subscription: it begins once, and is executed for each event, as whoever may have that event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from graphql import DocumentNode, ExecutionResult, GraphQLSchema, create_source_event_stream

from ...app.kernel import Kernel
from .context import Context
from .limits import Root
from .shortcuts import PlainFirst, is_awaitable
from .subscription import Source


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription that was allowed, before its first event."""

    executor: PlainFirst
    source: Source
    root: Root

    async def results(self, kernel: Kernel) -> AsyncIterator[tuple[Context, Sequence[ExecutionResult]]]:
        """The results of each batch of events, which share what they read, with the context that they share. Raises what
        ends the subscription."""
        async for watched in self.source:
            context = Context(kernel, watched.caller)
            values = map(self.source.value, watched.events)
            yield (
                context,
                await _done([self.executor.of_event(value, context).execute_operation(False) for value in values]),
            )


async def subscribe(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any],
    context: Context,
    root: Root,
) -> Subscribed | ExecutionResult:
    """Begin the subscription that a valid document names; or why it can't begin."""
    executor = PlainFirst.build(
        schema,
        document,
        context_value=context,
        raw_variable_values=dict(variables),
        operation_name=operation_name,
        hide_suggestions=True,
        is_awaitable=is_awaitable,  # type: ignore[arg-type]
    )
    if isinstance(executor, list):
        return ExecutionResult(None, executor)
    begun = create_source_event_stream(executor)
    source: Any = await begun if is_awaitable(begun) else begun
    return source if isinstance(source, ExecutionResult) else Subscribed(cast(PlainFirst, executor), source, root)


async def _done(results: Sequence[Any]) -> Sequence[ExecutionResult]:
    """The results, those that are not there yet awaited together."""
    awaited = iter(await asyncio.gather(*(one for one in results if not isinstance(one, ExecutionResult))))
    return [one if isinstance(one, ExecutionResult) else next(awaited) for one in results]
