"""Writing the history: an event of every command with its change, and the reads in batches."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from ...domain.entities import Account, Event, EventOutcome
from ...domain.errors import AccessDenied, IamError, NotTrusted, ServiceUnavailable, Unauthenticated
from ..caller import Caller
from ..operation import Operation, audited
from ..work import Tools, Trail

log = logging.getLogger(__name__)
MAX_BATCH = 500
MAX_KEPT = 20_000
"""Events that are kept while the store does not answer. Those that come after are lost, and counted in the log."""


def event_of(
    caller: Caller,
    name: str,
    action: str,
    resources: Sequence[str],
    parameters: str,
    *,
    now: datetime,
    id: str,
    outcome: EventOutcome = EventOutcome.SUCCEEDED,
    error_code: str | None = None,
    error_message: str | None = None,
) -> Event:
    """An event of what `caller` asked for, as yet a success unless its end is given."""
    identity, origin = caller.identity, caller.origin
    return Event(
        id=id,
        account_id=identity.account.id if identity else None,
        name=name,
        at=now,
        request_id=origin.request_id,
        transport=origin.transport,
        principal_id=identity.principal_id if identity else None,
        principal_arn=identity.arn if identity else None,
        session_id=identity.session_id if identity else None,
        access_key_id=identity.access_key_id if identity else None,
        action=action,
        resources=tuple(resources),
        outcome=outcome,
        error_code=error_code,
        error_message=error_message,
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
        parameters=parameters,
    )


def event_of_server(
    tools: Tools, name: str, transport: str, parameters: Mapping[str, object], account: Account | None = None
) -> Event:
    """An event of what the server or its operator did, in an account or in the server's own chain: no principal acted."""
    return Event(
        id=event_id(tools),
        account_id=account.id if account else None,
        name=name,
        at=tools.clock(),
        request_id=event_id(tools),
        transport=transport,
        principal_id=None,
        principal_arn=None,
        session_id=None,
        action=f"iamgraph:{name}",
        resources=(account.arn,) if account else (),
        outcome=EventOutcome.SUCCEEDED,
        error_code=None,
        error_message=None,
        ip_address=None,
        user_agent=None,
        parameters=json.dumps(parameters),
    )


def event_of_command(
    caller: Caller, command: Operation[Any], trail: Trail, tools: Tools, error: BaseException | None = None
) -> Event:
    """The one event of a command: done, refused or failed."""
    resources = list(dict.fromkeys(trail.resources))
    if command.is_public:
        # Who signs in is who they prove to be, whatever session they still have, perhaps of another account.
        caller = replace(caller, identity=None)
    name, action = type(command).__name__, command.action
    event = event_of(caller, name, action, resources, audited(command), now=tools.clock(), id=trail.event_id)
    if trail.account_id or trail.principal_id or trail.principal_arn or (trail.changes and error is None):
        event = replace(
            event,
            changes=tuple(trail.changes) if error is None else (),
            account_id=trail.account_id or event.account_id,
            principal_id=trail.principal_id or event.principal_id,
            principal_arn=trail.principal_arn or event.principal_arn,
        )
    if trail.attempt is not None:
        event = replace(event, attempt=trail.attempt)
    return event if error is None else failed(event, error)


def events_of_success(caller: Caller, command: Operation[Any], trail: Trail, tools: Tools) -> list[Event]:
    """The event of a command that succeeded, in each account that it concerns."""
    event = event_of_command(caller, command, trail, tools)
    if trail.other_account_id is None:
        return [event]
    return [event, replace(event, id=event_id(tools), account_id=trail.other_account_id)]


def failed(event: Event, error: BaseException) -> Event:
    """The same event, with the error that ended it."""
    return replace(event, outcome=outcome_of(error), error_code=code_of(error), error_message=text_of(error))


def outcome_of(error: BaseException) -> EventOutcome:
    denied = isinstance(_truth(error), AccessDenied | NotTrusted | Unauthenticated)
    return EventOutcome.DENIED if denied else EventOutcome.FAILED


def code_of(error: BaseException) -> str | None:
    """The name of an expected error; None for a fault of ours."""
    return type(_truth(error)).__name__ if isinstance(error, IamError) else None


def text_of(error: BaseException) -> str:
    """What an expected error says; of a fault only its kind, for its text may hold anything."""
    true = _truth(error)
    return true.message if isinstance(true, IamError) else type(true).__name__


def _truth(error: BaseException) -> BaseException:
    """What went wrong, even where the caller was told that something did not exist."""
    return (error.truth or error) if isinstance(error, IamError) else error


def event_id(tools: Tools) -> str:
    return tools.entropy(16).hex()


def events_of_reads(caller: Caller, tools: Tools) -> tuple[list[Event], bool]:
    """What the request has read so far, as events; and whether a refusal is among them."""
    events, refused = [], False
    now = tools.clock()
    for (name, outcome, code), read in caller.origin.reads.take().items():
        # What is missing waits as what is refused does, or the time would tell which it was.
        refused = refused or outcome is not EventOutcome.SUCCEEDED
        events.append(
            event_of(
                caller,
                name,
                read.action,
                tuple(read.resources),
                read.parameters,
                now=now,
                id=event_id(tools),
                outcome=outcome,
                error_code=code,
                error_message=read.error_message,
            )
        )
    return events, refused


_Waiting = tuple[Event, asyncio.Future[None] | None]


class Recorder:
    """Writes events of reads and refusals in batches, in one transaction each. Refusals wait until theirs is written.

    While the store does not answer, events are kept, and written once it does; who waits for one is told at once."""

    def __init__(
        self,
        write: Callable[[Sequence[Event]], Awaitable[None]],
        *,
        every_seconds: float = 0.05,
        retry_seconds: float = 0.5,
    ) -> None:
        self._write, self._every, self._retry = write, every_seconds, retry_seconds
        self._waiting: list[_Waiting] = []
        self._some, self._urgent = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def add(self, events: Sequence[Event], *, wait: bool) -> None:
        """Take events; with `wait`, return once they are written."""
        if not events:
            return
        done = asyncio.get_running_loop().create_future() if wait else None
        self._waiting += [(event, None) for event in events[:-1]]
        self._waiting.append((events[-1], done))
        self._some.set()
        if wait or len(self._waiting) >= MAX_BATCH:
            self._urgent.set()
        if done is not None:
            await asyncio.shield(done)

    async def close(self) -> None:
        """Write what is left, and stop."""
        self._closing = True
        self._some.set()
        self._urgent.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._some.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), self._every)
            if not self._closing:
                self._some.clear()
                self._urgent.clear()
            if not await self._flush() and not self._closing:
                self._some.set()
                await asyncio.sleep(self._retry)

    async def _flush(self) -> bool:
        """Write a batch; False where the store does not answer."""
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        if self._waiting:
            self._some.set()
        if not batch:
            return True
        error: Exception | None = None
        try:
            await self._write([event for event, _ in batch])
        except ServiceUnavailable as caught:
            self._keep(batch, caught)
            return False
        except Exception as caught:
            log.exception("%d events could not be written", len(batch))
            error = caught
        _end(batch, error)
        return True

    def _keep(self, batch: Sequence[_Waiting], error: ServiceUnavailable) -> None:
        """Nobody waits on a silent store; but what happened is written once it answers."""
        waiting = [*batch, *self._waiting]
        _end(waiting, error)
        self._waiting = [] if self._closing else [(event, None) for event, _ in waiting[:MAX_KEPT]]
        if lost := len(waiting) - len(self._waiting):
            log.error("the store does not answer: %d events are lost to the history", lost)


def _end(waiting: Sequence[_Waiting], error: Exception | None) -> None:
    for _, done in waiting:
        if done is not None and not done.done():
            done.set_exception(error) if error else done.set_result(None)
