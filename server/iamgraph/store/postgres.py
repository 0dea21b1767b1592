"""PostgreSQL: a pool of connections, transactions at READ COMMITTED, and an advisory lock for migrating."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from types import NoneType
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.base.config_generator import expand_db_url

from .failures import CommitUnknown, Duplicate, StoreError, conflicting, in_use
from .hearing import CHANNEL, Heard, hear
from .statements import Connections, Counter, Row, Statements, plain, storable, utc
from .together import Together, Turns
from .uninterrupted import uninterrupted

POOL_SIZE = 10
LAZY_COMMIT = "SET LOCAL synchronous_commit = off; COMMIT"
KEPT_STATEMENTS = 500
"""How many statements a connection keeps prepared: as many as there are, those with lists in each of their widths."""
# A connection that is cut while it is used shows as any of these.
_DISCONNECTIONS = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_FAILURES = (asyncpg.PostgresError, *_DISCONNECTIONS)
MIGRATION_LOCK = 0x1A36_4A9B
SETTINGS = {
    "application_name": "iamgraph",
    "timezone": "UTC",
    "default_transaction_isolation": "read committed",
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection whose state nobody changes, so that it needs no reset (a round trip) on its way back to the pool."""

    def get_reset_query(self) -> str:
        return ""


class PostgresStatements(Statements):
    """Statements over one connection, which is in a transaction."""

    dialect = "postgres"

    def __init__(self, connection: Any, counter: Counter) -> None:
        super().__init__(counter)
        self._connection = connection

    async def announce(self, texts: Sequence[str]) -> None:
        await self.fetch("SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text", CHANNEL, list(texts))

    async def run_or_duplicate(self, sql: str, *args: object) -> int:
        # PostgreSQL gives the whole transaction up after a refused statement, so only a savepoint is lost.
        await self._connection.execute("SAVEPOINT refusable")
        try:
            changed = await self.run(sql, *args)
        except Duplicate:
            await self._connection.execute("ROLLBACK TO SAVEPOINT refusable")
            raise
        await self._connection.execute("RELEASE SAVEPOINT refusable")
        return changed

    async def _fetch(self, sql: str, args: Sequence[object]) -> Sequence[Row]:
        try:
            rows: Sequence[Row] = await self._connection.fetch(sql, *map(_value, args))
        except _FAILURES as error:
            raise _meaning(error, sql) from error
        return rows

    async def _run(self, sql: str, args: Sequence[object]) -> int:
        try:
            status: str = await self._connection.execute(sql, *map(_value, args))
        except _FAILURES as error:
            raise _meaning(error, sql) from error
        return int(status.rpartition(" ")[2])

    async def _run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        try:
            await self._connection.executemany(sql, [tuple(map(_value, row)) for row in rows])
        except _FAILURES as error:
            raise _meaning(error, sql) from error


class PooledStatements(Statements):
    """Statements each in a transaction of its own, over one connection that is taken from the pool for the first of
    them. They can be sent at the same time, and then wait for one another."""

    dialect = "postgres"

    def __init__(self, pool: Any, look_ups: dict[tuple[object, ...], Together], counter: Counter) -> None:
        super().__init__(counter)
        self._pool, self._look_ups = pool, look_ups
        self._connection: Any = None
        self._turn = asyncio.Lock()

    async def announce(self, texts: Sequence[str]) -> None:
        async with self._turn:
            await (await self._statements()).announce(texts)

    async def run_or_duplicate(self, sql: str, *args: object) -> int:
        return await self.run(sql, *args)

    async def look_up(self, sql: str, key: str, *within: object) -> Row | None:
        if self._connection is not None:
            # INVARIANT: who has a connection waits for no other one, or all who have one could.
            return await super().look_up(sql, key, *within)
        asked = (sql, *within)
        look_ups = self._look_ups.get(asked)
        if look_ups is None:
            look_ups = self._look_ups[asked] = Together(partial(self._alone, sql, within))
        try:
            return await look_ups.ask(key)
        finally:
            if look_ups.is_idle:
                self._look_ups.pop(asked, None)

    async def _alone(self, sql: str, within: Sequence[object], keys: list[str]) -> Sequence[Row]:
        """The rows of a statement for several readers."""
        statements = PooledStatements(self._pool, self._look_ups, self._counter)
        try:
            return await statements.fetch(sql, *within, keys)
        finally:
            await statements.release()

    async def release(self) -> None:
        if self._connection is not None:
            # It goes on when this task is cancelled.
            await self._pool.release(self._connection)

    async def _fetch(self, sql: str, args: Sequence[object]) -> Sequence[Row]:
        async with self._turn:
            return await (await self._statements())._fetch(sql, args)

    async def _run(self, sql: str, args: Sequence[object]) -> int:
        async with self._turn:
            return await (await self._statements())._run(sql, args)

    async def _run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        async with self._turn:
            await (await self._statements())._run_many(sql, rows)

    async def _statements(self) -> PostgresStatements:
        if self._connection is None:
            self._connection = await _acquired(self._pool, self._counter)
        return PostgresStatements(self._connection, self._counter)


def _value(arg: object) -> object:
    kind = type(arg)
    if kind is str:
        return storable(arg)  # type: ignore[arg-type]
    if kind is NoneType or kind is int:
        return arg
    if isinstance(arg, datetime):
        return utc(arg)
    if isinstance(arg, (list, tuple)):
        return [plain(one) for one in arg]
    return plain(arg)


def _meaning(error: Exception, sql: str) -> Exception:
    """The error in the store's or the domain's words; a bug of ours stays what it is."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return Duplicate()
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return in_use() if sql.startswith("DELETE") else conflicting()
    if isinstance(error, (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)):
        return conflicting()
    if isinstance(error, ValueError):
        # asyncpg could not encode an argument.
        return error
    if isinstance(error, (asyncpg.PostgresConnectionError, *_DISCONNECTIONS)):
        return StoreError("the database does not answer")
    if isinstance(error, (asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError)):
        return StoreError(f"the database gave up: {type(error).__name__}")
    return error


class PostgresEngine:
    """One PostgreSQL database, with a pool of connections."""

    dialect = "postgres"

    def __init__(self, url: str, counter: Counter) -> None:
        scheme, _, rest = url.partition("://")
        try:
            self._credentials: dict[str, Any] = expand_db_url(f"asyncpg://{rest}")["credentials"]
        except Exception:
            raise StoreError(f"the URL of the database can't be read: write {scheme}://user@host:port/name") from None
        self._counter = counter
        self._client: AsyncpgDBClient | None = None
        self._look_ups: dict[tuple[object, ...], Together] = {}
        self._turns, self._flushed = Turns(), Together(self._flush)

    def _where(self) -> str:
        """The database for messages, without its password."""
        return "{host}:{port}/{database}".format(**self._credentials)

    async def open(self, wait_seconds: float) -> None:
        # One is opened to see that it can be. A pool that must keep one fills the log with traces when it can't.
        sizes = {"maxsize": POOL_SIZE, "minsize": 0, **self._credentials}
        client = AsyncpgDBClient(
            **sizes,
            init_size=max(1, int(sizes["minsize"])),
            connection_name="default",
            connection_class=Connection,
            server_settings=SETTINGS,
            statement_cache_size=KEPT_STATEMENTS,
        )
        try:
            await client.create_connection(with_db=True)
        except Exception as error:
            raise StoreError(f"the database {self._where()} can't be reached: {_reason(error)}") from None
        self._client = client

    async def close(self) -> None:
        client, self._client = self._client, None
        self._look_ups = {}
        if client is not None:
            await client.close()

    def _pool(self) -> Any:
        if self._client is None or self._client._pool is None:
            raise StoreError("the database is not open")
        return self._client._pool

    @property
    def connections(self) -> Connections:
        pool = self._pool()
        size, idle = pool.get_size(), pool.get_idle_size()
        return Connections(limit=pool.get_max_size(), open=size, in_use=size - idle, waiting=self._counter.waiting)

    def reading(self) -> Statements:
        return PooledStatements(self._pool(), self._look_ups, self._counter)

    @asynccontextmanager
    async def writing(self, turn: str | None = None) -> AsyncIterator[Statements]:
        if turn is None:
            async with self._transaction(lambda: False) as statements:
                yield statements
            return
        async with self._turns.of(turn) as held:
            is_lazy: bool = False

            def lazily() -> bool:
                nonlocal is_lazy
                is_lazy = held.is_awaited
                return is_lazy

            async with self._transaction(lazily) as statements:
                yield statements
        if is_lazy:
            # The next in turn need not wait for the disk; whoever is told that this is done does.
            try:
                await self._flushed.ask("")
            except StoreError as error:
                raise CommitUnknown(str(error)) from error

    @asynccontextmanager
    async def _transaction(self, lazily: Callable[[], bool]) -> AsyncIterator[Statements]:
        """A transaction. `lazily` is asked at its end whether the commit may return before it is on the disk."""
        pool = self._pool()
        connection = await _acquired(pool, self._counter)
        try:
            try:
                await _sent(connection, "BEGIN")
                yield PostgresStatements(connection, self._counter)
                await uninterrupted(_committed(connection, LAZY_COMMIT if lazily() else "COMMIT"))
            except BaseException:
                await uninterrupted(_undone(connection))
                raise
        finally:
            await uninterrupted(pool.release(connection))

    async def _flush(self, keys: list[str]) -> Sequence[Row]:
        """Return once everything that was committed before is on the disk. The log of changes is written in its order, so
        that one more entry, committed as the operator has commits, takes all before it along (and to the replicas that are
        waited for)."""
        statements = PooledStatements(self._pool(), self._look_ups, self._counter)
        try:
            await statements.fetch("SELECT pg_logical_emit_message(true, 'iamgraph', '')")
        finally:
            await statements.release()
        return ()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Statements]:
        """Statements that all see the same moment and change nothing, on a connection of their own."""
        try:
            # Reading a long history may take long; it holds nobody up.
            settings = {**SETTINGS, "statement_timeout": "0"}
            connection = await asyncpg.connect(**self._alone(), server_settings=settings)
        except Exception as error:
            raise StoreError(f"the database {self._where()} can't be reached: {_reason(error)}") from None
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                yield PostgresStatements(connection, self._counter)
        finally:
            await uninterrupted(connection.close())

    @asynccontextmanager
    async def hearing(self, heard: Heard) -> AsyncIterator[None]:
        listening = asyncio.create_task(hear({**self._alone(), "server_settings": SETTINGS}, heard), name="hearing")
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    def _alone(self) -> dict[str, Any]:
        """What it takes to open a connection outside the pool."""
        return {key: value for key, value in self._credentials.items() if key not in ("minsize", "maxsize")}

    def migration_credentials(self) -> tuple[str, dict[str, object]]:
        """Tortoise's engine and credentials for migrating: without time limits, since building an index takes long."""
        settings = {"application_name": "iamgraph migrate", "timezone": "UTC"}
        return "tortoise.backends.asyncpg", {**self._credentials, "server_settings": settings}

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[None]:
        """Keep other processes from migrating, and wait until they have: an advisory lock on a connection of its own,
        which goes with the connection."""
        settings = self.migration_credentials()[1]["server_settings"]
        try:
            connection = await asyncpg.connect(**self._alone(), server_settings=settings)
        except Exception as error:
            raise StoreError(f"the database {self._where()} can't be reached: {_reason(error)}") from None
        try:
            try:
                await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
            except _FAILURES as error:
                raise _meaning(error, "") from error
            yield
        finally:
            await uninterrupted(connection.close())


async def _acquired(pool: Any, counter: Counter) -> Any:
    counter.waiting += 1
    try:
        return await pool.acquire()
    except _FAILURES as error:
        raise _meaning(error, "") from error
    finally:
        counter.waiting -= 1


async def _sent(connection: Any, sql: str) -> None:
    try:
        await connection.execute(sql)
    except _FAILURES as error:
        raise _meaning(error, sql) from error


async def _committed(connection: Any, sql: str) -> None:
    try:
        await _sent(connection, sql)
    except StoreError as error:
        raise CommitUnknown(str(error)) from error


async def _undone(connection: Any) -> None:
    """Leave no transaction behind. A connection on which that can't be made sure of is cut."""
    try:
        if connection.is_in_transaction():
            await asyncio.wait_for(connection.execute("ROLLBACK"), 10)
    except Exception:
        # One that was lost is out of the pool already, and refuses even this.
        with suppress(*_DISCONNECTIONS):
            connection.terminate()


def _reason(error: Exception) -> str:
    """One line, without the password: neither driver nor server repeats it."""
    return (str(error) or type(error).__name__).splitlines()[0]
