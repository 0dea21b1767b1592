"""What a GraphQL request carries while it runs: the caller, and one batch an operation and level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from ...app.caller import Caller
from ...app.kernel import Ask, Kernel
from ...app.operation import Command, Query
from ...domain.errors import IamError, NoSuchEntity

T = TypeVar("T")


class Context:
    """The caller is passed from here by hand: a batch runs in the context of whoever asked first."""

    def __init__(self, kernel: Kernel, caller: Caller) -> None:
        self.kernel = kernel
        self.caller = caller
        self.signed_in: Any = None
        self.signed_out = False
        self.retry_after: int | None = None
        self._loaders: dict[type[Query[Any]], DataLoader[Ask[Any], Any]] = {}

    def become(self, caller: Caller, signed_in: Any) -> None:
        """Go on as the caller that this request has just signed in; `signed_in` is for the cookie."""
        self.caller, self.signed_in = caller, signed_in
        self._loaders.clear()

    async def run(self, command: Command[T]) -> T:
        try:
            return await self.kernel.run(self.caller, command)
        finally:
            # What was read before is no answer any more.
            self._loaders.clear()

    async def load(self, query: Query[T], target: Any = None) -> T:
        """The answer to a query, asked together with all of its kind. Raises what went wrong."""
        loader = self._loaders.get(type(query))
        if loader is None:
            loader = self._loaders[type(query)] = DataLoader(self._fetch, cache_key_fn=lambda ask: ask.query)
        answer: T = await loader.load(Ask(query, target))
        return answer

    async def find(self, query: Query[T], target: Any = None) -> T | None:
        """`load`, with None for what does not exist (which only a caller that may know is told)."""
        try:
            return await self.load(query, target)
        except NoSuchEntity:
            return None

    async def _fetch(self, asks: list[Ask[Any]]) -> Sequence[Any]:
        return await self.kernel.fetch(self.caller, asks)

    def reveal(self, query: Query[Any], target: Any) -> None:
        """Raise AccessDenied unless the caller may read `target` by `query`. The store is not asked again."""
        error: IamError | None = self.kernel.decide(self.caller, query, target)
        if error is not None:
            raise error


Info = strawberry.Info[Context, None]
