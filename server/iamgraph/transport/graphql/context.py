"""What a GraphQL request carries while it runs: the caller, and one batch an operation and level."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import strawberry

from ...app.caller import Caller
from ...app.history.live import Watch
from ...app.history.watching import WatchEvents
from ...app.kernel import Ask, Kernel
from ...app.operation import Command, Query
from ...app.questions.authorization_message import encoded
from ...app.turns import Turns
from ...domain.budget import Spent
from ...domain.errors import AccessDenied, IamError, NoSuchEntity

T = TypeVar("T")
MAX_MESSAGES = 100
"""How many different refusals of one answer bring their encoded message: each makes it longer by 1.4 KiB or more."""


class Context:
    """The caller is passed from here by hand: a batch runs in the context of whoever asked first."""

    def __init__(self, kernel: Kernel, caller: Caller) -> None:
        self.kernel = kernel
        self.caller = caller
        self.signed_in: Any = None
        self.signed_out = False
        self.own_session: str | None = None
        """The token of who signed in, in a browser that has switched to a role."""
        self.retry_after: int | None = None
        self.shed = 0
        """How many of its mutations the server was too busy for."""
        self.spent: Spent | None = None
        self.watching: Watch | None = None
        self.turns = Turns()
        self._answers: dict[Query[Any], asyncio.Future[Any]] = {}
        self._waiting: dict[type[Query[Any]], list[tuple[Ask[Any], asyncio.Future[Any]]]] = {}
        self._batches: set[asyncio.Task[None]] = set()
        self._asking: set[type[Query[Any]]] = set()
        self._messages: dict[object, str] = {}

    def become(self, caller: Caller, signed_in: Any) -> None:
        """Go on as the caller that this request has just signed in; `signed_in` is for the cookie."""
        self.caller, self.signed_in = caller, signed_in
        self._answers.clear()
        self._messages.clear()

    async def run(self, command: Command[T]) -> T:
        try:
            return await self.kernel.run(self.caller, command)
        finally:
            # What was read before is no answer any more.
            self._answers.clear()

    async def watch(self, query: WatchEvents) -> Watch:
        """Begin to follow the history. Whoever answers the request closes it."""
        self.watching = await self.kernel.watch(self.caller, query)
        return self.watching

    def load(self, query: Query[T], target: Any = None) -> Awaitable[T]:
        """The answer to a query, asked together with all of its kind. Awaiting it raises what went wrong."""
        answer = self._answers.get(query)
        if answer is None:
            loop = asyncio.get_running_loop()
            answer = self._answers[query] = loop.create_future()
            waiting = self._waiting.get(type(query))
            if waiting is None:
                waiting = self._waiting[type(query)] = []
                # Behind the resolvers of this level, which are all in the loop's queue by now.
                loop.call_soon(self._dispatch, type(query))
            waiting.append((Ask(query, target), answer))
        return answer

    async def ask(self, query: Query[T]) -> T:
        """`load`, of a query that asks for much by itself: the first of its kind does not wait for others."""
        if type(query) in self._asking:
            return await self.load(query)
        self._asking.add(type(query))
        (answer,) = await self.kernel.fetch(self.caller, [Ask(query)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def find(self, query: Query[T], target: Any = None) -> T | None:
        """`load`, with None for what does not exist (which only a caller that may know is told)."""
        try:
            return await self.load(query, target)
        except NoSuchEntity:
            return None

    def _dispatch(self, kind: type[Query[Any]]) -> None:
        batch = asyncio.create_task(self._fetch(self._waiting.pop(kind)))
        self._batches.add(batch)
        batch.add_done_callback(self._batches.discard)

    async def _fetch(self, waiting: list[tuple[Ask[Any], asyncio.Future[Any]]]) -> None:
        """Answer a batch. Whoever does not wait any more is passed over."""
        found: Any
        try:
            found = await self.kernel.fetch(self.caller, [ask for ask, _ in waiting])
        except Exception as error:
            found = [error] * len(waiting)
        for (_, answer), value in zip(waiting, found, strict=True):
            if answer.done():
                continue
            if isinstance(value, Exception):
                answer.set_exception(value)
            else:
                answer.set_result(value)

    def reveal(self, query: Query[Any], target: Any) -> None:
        """Raise AccessDenied unless the caller may read `target` by `query`. The store is not asked again."""
        error: IamError | None = self.kernel.decide(self.caller, query, target)
        if error is not None:
            raise error

    def message_of(self, error: AccessDenied) -> str:
        """The refusal in full, sealed."""
        return encoded(error, self.kernel.tools.sealer)

    def message_of_read(self, error: AccessDenied) -> str | None:
        """The same of a refused read. Fields that were refused the same thing share a message; None for what comes after
        `MAX_MESSAGES` different ones."""
        key = (error.action, error.resource, *error.decision.request.context.items())
        message = self._messages.get(key)
        if message is None and len(self._messages) < MAX_MESSAGES:
            message = self._messages[key] = self.message_of(error)
        return message


Info = strawberry.Info[Context, None]
