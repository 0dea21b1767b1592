"""The one door: every operation, from every transport, is authenticated, authorised, run and recorded here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from ..domain.budget import Bucket, Spent
from ..domain.entities import Event, EventOutcome
from ..domain.errors import IamError, ServiceUnavailable, Throttled, Unauthenticated
from ..store.session import StoreSession
from ..store.unit import Connections, Database, StoreError
from .budget import Budgets
from .caller import Caller, Origin
from .decide import denied
from .history.events import (
    Recorder,
    code_of,
    event_id,
    event_of,
    event_of_command,
    events_of_reads,
    events_of_success,
    failed,
    outcome_of,
    text_of,
)
from .history.live import Live, StreamLimits, Watch
from .history.watching import WatchEvents
from .identity import Authenticator, Shown
from .meters import Meters, ended_by
from .operation import Command, Need, Query, audited
from .reads import Reads
from .refusals import Refusals, invalid
from .silence import beforehand, telling, told
from .throttling import attempt
from .tracing import Tracer
from .uses import Uses
from .work import Tools, Trail, Work

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A query, with its target where the request has it already."""

    query: Query[T]
    target: Any = None


class Kernel:
    """Runs commands and answers queries. It alone opens the store."""

    def __init__(
        self,
        database: Database,
        tools: Tools,
        *,
        records_reads: bool = True,
        bucket: Bucket | None = None,
        streams: StreamLimits = StreamLimits(),  # noqa: B008 (frozen)
        meters: Meters | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """`bucket` is what each principal may ask for; without one, whatever it likes."""
        self.tools = tools
        self._database = database
        self._meters, self._tracer = meters or Meters(), tracer or Tracer()
        self._authenticator, self._refusals = Authenticator(tools), Refusals(self._meters)
        self._running: set[asyncio.Task[Any]] = set()
        self._records_reads = records_reads
        self._recorder = Recorder(self._write_events)
        self.uses = Uses(database.writing, tools.clock)
        self._budgets = Budgets(bucket, writing=database.writing, clock=tools.clock) if bucket is not None else None
        self._live = Live(reading=self._reading, hearing=database.hearing, clock=tools.clock, limits=streams)

    def start(self) -> None:
        """Begin to write events of reads, and when keys and roles were used. Needs the running loop."""
        self._recorder.start()
        self.uses.start()

    async def close(self) -> None:
        """Let what runs end, and write the rest of the history and of the uses."""
        await self._live.close()
        while self._running:
            await asyncio.wait(self._running)
        await self._recorder.close()
        await self.uses.close()

    def end_streams(self) -> None:
        """Let all who watch come to their end: the server stops."""
        self._live.end()

    async def problem(self) -> str | None:
        """What keeps the store from serving, for the operator's eyes; None where nothing does."""
        try:
            pending = await self._database.pending()
        except (StoreError, OSError) as error:
            return str(error)
        return f"{len(pending)} migrations are yet to be run" if pending else None

    @property
    def connections(self) -> Connections:
        """How busy the store's connections are."""
        return self._database.connections

    # ------------------------------------------------------------ who asks

    @telling
    async def authenticate(self, shown: Shown | None, origin: Origin) -> Caller:
        """The caller that a bearer token or a signature speaks for; an anonymous one where it speaks for nobody (any
        more)."""
        if shown is None:
            return Caller(origin=origin)
        async with self._database.reading() as data:
            caller = await self._authenticator.caller(data, shown, origin)
        self.uses.note(caller)
        if caller.identity is not None:
            origin.noted.principal_arn = caller.identity.arn
        return caller

    @telling
    async def admit(self, caller: Caller, names: Sequence[str]) -> None:
        """Raise Unauthenticated, and record it for each of the operations named, where the caller is anonymous."""
        if not caller.is_anonymous:
            return
        error = caller.refusal or _unauthenticated()
        await self._note(caller, names, error)
        self._refused(names, error)
        raise error

    @telling
    async def charge(self, caller: Caller, cost: int, names: Sequence[str]) -> Spent | None:
        """Take what a request costs, in points, from its caller's budget, before anything of it runs. None where there is
        no budget: budgets are off, or the caller is nobody. Raises Throttled, which the history has once a minute under
        the operations named, and LimitExceeded."""
        if self._budgets is None or caller.identity is None:
            return None
        principal_id = caller.identity.principal_id
        try:
            return await self._budgets.spend(principal_id, cost)
        except Throttled as error:
            self._refused(names, error)
            if self._budgets.is_to_note(principal_id):
                await self._note(caller, names, error)
            raise

    def left(self, caller: Caller, cost: int) -> Spent | None:
        """What is left of the budget of a caller who has been refused so many points."""
        if self._budgets is None or caller.identity is None:
            return None
        return self._budgets.left(caller.identity.principal_id, cost)

    def _refused(self, names: Sequence[str], error: IamError) -> None:
        for name in dict.fromkeys(names):
            self._meters.ended(name, ended_by(error))

    async def _note(self, caller: Caller, names: Sequence[str], error: IamError) -> None:
        """Record that operations were refused before they were looked at."""
        now = self.tools.clock()
        events = [
            failed(event_of(caller, name, name, (), "{}", now=now, id=event_id(self.tools)), error)
            for name in dict.fromkeys(names)
        ]
        await self._recorder.add(events, wait=True)

    # ------------------------------------------------------------ commands

    @telling
    async def run(self, caller: Caller, command: Command[T]) -> T:
        """Authorise, execute and record one command.

        It runs to its end in a task of its own: a client that hangs up can stop waiting, but can neither half-do it nor
        leave it out of the history. (A cancelled BEGIN would also keep SQLite's lock for ever.)
        """
        caller.origin.noted.operations[type(command).__name__] = None
        with self._tracer.span(type(command).__name__):
            task = asyncio.create_task(self._run(caller, command))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            return await asyncio.shield(task)

    async def _run(self, caller: Caller, command: Command[T]) -> T:
        trail = Trail(event_id=event_id(self.tools))
        try:
            with self._placed(command) as tools:
                prepared = await self._prepare(caller, command, trail, tools)
            turn = caller.identity.account.id if command.locks_account and caller.identity is not None else None
            async with self._transaction(turn) as data:
                caller = await self._again(data, caller, command)
                work = self._work(caller, data, trail)
                target = await self._authorised(work, command)
                result = await command.execute(work, target, prepared)
                await data.events.add(events_of_success(caller, command, trail, self.tools))
            self._meters.ended(type(command).__name__, ended_by(None))
            return result
        except Exception as error:
            shown = told(error)
            self._meters.ended(type(command).__name__, ended_by(shown))
            # It has the same id as the event of the success, which may be committed although the store did not say so.
            event = event_of_command(caller, command, trail, self.tools, shown)
            await self._recorder.add([event], wait=not isinstance(shown, ServiceUnavailable))
            if shown is error:
                raise
            raise shown from error

    @contextmanager
    def _placed(self, command: Command[Any]) -> Iterator[Tools]:
        """What `command` prepares itself with. What checks a secret has its place at the hasher from the beginning: who
        gets none has cost no statement, and its attempt does not count. Raises Overloaded."""
        if command.checks_secret:
            with self.tools.hasher.place() as hasher:
                yield replace(self.tools, hasher=hasher)
        else:
            yield self.tools

    async def _prepare(self, caller: Caller, command: Command[Any], trail: Trail, tools: Tools) -> Any:
        """Refuse what can be refused before any lock is taken, and do what is slow."""
        if caller.is_anonymous and (caller.refusal is not None or not command.is_public):
            raise caller.refusal or _unauthenticated()
        async with self._database.reading() as data:
            work = self._work(caller, data, trail)
            target = await self._authorised(work, command)
            looked = await command.look(work, target)
        if command.is_guarded:
            with beforehand():
                async with self._transaction() as data:
                    await command.guard(replace(work, data=data), looked)
        prepared = await command.prepare(caller, tools, looked)
        if limits := command.attempts(prepared):
            with beforehand():
                async with self._transaction() as data:
                    await attempt(replace(work, data=data), limits)
        return prepared

    @asynccontextmanager
    async def _transaction(self, turn: str | None = None) -> AsyncIterator[StoreSession]:
        with self._tracer.span("transaction"):
            async with self._database.writing(turn) as data:
                yield data

    async def _again(self, data: StoreSession, caller: Caller, command: Command[Any]) -> Caller:
        """The same caller as this transaction sees it, its account's row taken where the command needs that."""
        if caller.identity is None:
            return caller
        behind = 0
        if command.locks_account and command.moves_revision:
            await data.accounts.lock(caller.account_id)
            behind = 1
        elif command.locks_account:
            await data.accounts.hold(caller.account_id)
        again = await self._authenticator.again(data, caller.identity.credential, caller.origin, behind=behind)
        if again.is_anonymous:
            raise _unauthenticated()
        return again

    def _work(self, caller: Caller, data: StoreSession, trail: Trail) -> Work:
        trail.resources.clear()
        trail.changes.clear()
        now, authenticator = self.tools.clock(), self._authenticator
        return Work(caller=caller, tools=self.tools, data=data, now=now, authenticator=authenticator, trail=trail)

    async def _authorised(self, work: Work, command: Command[Any]) -> Any:
        """The command's target, once everything that the command needs is allowed and its parameters are sound."""
        unsound = invalid(command)
        # Also where a parameter is unsound: whether the caller may be told that can hang on the target.
        target = (await command.on.find(work, [command]))[0]
        with self._tracer.span("decide"):
            error = self._refusals.first(work.caller, command, target, work.trail.resources) or unsound
        if error is None and target is None:
            error = command.on.missing(work.caller, command)
        if error is not None:
            raise error
        return target

    # ------------------------------------------------------------ queries

    @telling
    async def fetch(self, caller: Caller, asks: Sequence[Ask[T]]) -> Sequence[T | IamError]:
        """Authorise queries of one kind, and answer the allowed ones together. An error stands in its answer's place."""
        kind = type(asks[0].query)
        caller.origin.noted.operations[kind.__name__] = None
        try:
            with self._tracer.span(kind.__name__):
                answers = await self._fetch(caller, kind, asks)
        except Exception as error:
            self._meters.ended(kind.__name__, ended_by(told(error)), len(asks))
            raise
        errors = [answer for answer in answers if isinstance(answer, IamError)]
        if len(errors) < len(answers):
            self._meters.ended(kind.__name__, ended_by(None), len(answers) - len(errors))
        for refusal in errors:
            self._meters.ended(kind.__name__, ended_by(refusal))
        return answers

    async def _fetch(self, caller: Caller, kind: type[Query[T]], asks: Sequence[Ask[T]]) -> Sequence[T | IamError]:
        if caller.is_anonymous:
            return [caller.refusal or _unauthenticated()] * len(asks)
        async with self._database.reading() as data:
            work = self._work(caller, data, Trail())
            targets = await self._targets(work, kind, asks)
            with self._tracer.span("decide"):
                decided = [
                    self._decided(caller, ask.query, target, invalid(ask.query), is_known=ask.target is not None)
                    for ask, target in zip(asks, targets, strict=True)
                ]
            answers: list[Any] = [error for _, error in decided]
            allowed = [i for i, error in enumerate(answers) if error is None]
            if allowed:
                found = await kind.fetch(work, [(asks[i].query, targets[i]) for i in allowed])
                for i, answer in zip(allowed, found, strict=True):
                    answers[i] = answer
            for ask, (resource, _), answer in zip(asks, decided, answers, strict=True):
                self._note_read(caller, ask.query, resource, answer if isinstance(answer, IamError) else None)
        return answers

    async def _targets(self, work: Work, kind: type[Query[Any]], asks: Sequence[Ask[Any]]) -> list[Any]:
        targets = [ask.target for ask in asks]
        unknown = [i for i, ask in enumerate(asks) if ask.target is None]
        if unknown:
            loaded = await kind.on.find(work, [asks[i].query for i in unknown])
            for i, target in zip(unknown, loaded, strict=True):
                targets[i] = target
        return targets

    def _decided(
        self, caller: Caller, query: Query[Any], target: Any, unsound: IamError | None = None, *, is_known: bool
    ) -> tuple[str, IamError | None]:
        """The resource of a query, and what speaks against answering it. `is_known`: the request has shown the target to
        the caller already."""
        resources: list[str] = []
        error: IamError | None = self._refusals.first(caller, query, target, resources, is_known=is_known) or unsound
        if error is None and target is None:
            error = query.on.missing(caller, query)
        return resources[0] if resources else "*", error

    def _note_read(self, caller: Caller, query: Query[Any], resource: str, error: IamError | None) -> None:
        """Note a query and how it ended for the history."""
        outcome = outcome_of(error) if error else EventOutcome.SUCCEEDED
        if self._records_reads or outcome is EventOutcome.DENIED:
            caller.origin.reads.add(
                type(query).__name__,
                query.action,
                resource,
                partial(audited, query),
                outcome,
                code_of(error) if error else None,
                text_of(error) if error else None,
            )

    def decide(self, caller: Caller, query: Query[Any], target: Any) -> IamError | None:
        """Whether the caller may see `target` as `query` shows it, without asking the store again."""
        resource, error = self._decided(caller, query, target, is_known=True)
        self._note_read(caller, query, resource, error)
        caller.origin.noted.operations[type(query).__name__] = None
        self._meters.ended(type(query).__name__, ended_by(error))
        return error

    def refuse_elsewhere(self, caller: Caller, query: Query[Any], account_id: str) -> IamError:
        """The refusal of a query about another account, whether that exists or not. INVARIANT: nobody, the operator
        neither, reads inside another account."""
        need = Need(
            action=query.action,
            resource=f"arn:aws:iam::{account_id}:root",
            asked=f"arn:aws:iam::{account_id}:root",
            account_id=account_id,
        )
        error = denied(caller, need, self._refusals.decided(caller, need), need.asked)
        self._note_read(caller, query, need.asked, error)
        caller.origin.noted.operations[type(query).__name__] = None
        self._meters.ended(type(query).__name__, ended_by(error))
        return error

    @telling
    async def settle(self, caller: Caller) -> None:
        """The request is over: write what it has read to the history, refusals before this returns."""
        events, refused = events_of_reads(caller, self.tools)
        await self._recorder.add(events, wait=refused)

    # ------------------------------------------------------------ streams

    @telling
    async def watch(self, caller: Caller, query: WatchEvents) -> Watch:
        """Authorise following the history, record that once, and begin. Whoever is given the result closes it. Raises
        Unauthenticated, AccessDenied, InvalidInput and Throttled."""
        if caller.is_anonymous:
            raise caller.refusal or _unauthenticated()
        caller = replace(caller, origin=replace(caller.origin, reads=Reads(is_stream=True)))
        watch = self._live.watch(caller, query.wants, lambda last: self._still(last, query))
        try:
            (number,) = await self.fetch(caller, [Ask(query)])
            await self.settle(caller)
            if isinstance(number, IamError):
                raise number
            return watch.begin(number)
        except BaseException:
            watch.close()
            raise

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[StoreSession]:
        try:
            async with self._database.reading() as data:
                yield data
        except StoreError as error:
            raise told(error) from error

    async def _still(self, last: Caller, query: Query[Any]) -> Caller:
        """The caller as it is now. Raises what it would get if it asked now, and records that."""
        async with self._reading() as data:
            caller = await self._authenticator.again(data, last.who.credential, last.origin)
        resources: list[str] = []
        error = _ended() if caller.is_anonymous else self._refusals.first(caller, query, None, resources)
        if error is not None:
            name, now = type(query).__name__, self.tools.clock()
            event = event_of(last, name, query.action, resources, audited(query), now=now, id=event_id(self.tools))
            await self._recorder.add([failed(event, error)], wait=True)
            raise error
        return caller

    # ------------------------------------------------------------ history

    async def _write_events(self, events: Sequence[Event]) -> None:
        try:
            with beforehand():
                async with self._database.writing() as data:
                    await data.events.add(events)
        except StoreError as error:
            raise told(error) from error


def _unauthenticated() -> Unauthenticated:
    return Unauthenticated("The request carries no valid credentials. Sign in, and send the access token.")


def _ended() -> Unauthenticated:
    return Unauthenticated("The session or key that opened this stream is not valid any more.")
