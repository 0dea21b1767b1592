"""Opening the store, and sessions of it. Only `app/kernel.py` and `main` may import this module; import-linter holds
them to that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from . import backup, schema
from .failures import CommitUnknown, Duplicate, SchemaError, StoreBusy, StoreError, conflicting
from .hearing import Heard
from .postgres import PostgresEngine
from .session import StoreSession
from .sqlite import SqliteEngine
from .statements import Connections, Counter, Statements

__all__ = ["CommitUnknown", "Connections", "Database", "SchemaError", "StoreBusy", "StoreError"]


class Database:
    """One store: a SQLite file (`sqlite://relative/path`, `sqlite:///absolute/path`) or a PostgreSQL database
    (`postgres://user:password@host:port/name`). A process may have several open; any task may use one."""

    def __init__(self, url: str) -> None:
        """Raises StoreError for a URL that names no store."""
        self._counter = Counter()
        scheme = url.partition("://")[0]
        self._engine: SqliteEngine | PostgresEngine
        if scheme == "sqlite":
            self._engine = SqliteEngine(url, self._counter)
        elif scheme in ("postgres", "postgresql"):
            self._engine = PostgresEngine(url, self._counter)
        else:
            raise StoreError("the URL of the store must begin with sqlite:// or postgres://")

    @property
    def statements(self) -> int:
        """How many SQL statements were sent, besides those that begin and end transactions."""
        return self._counter.value

    @property
    def connections(self) -> Connections:
        """How busy the connections are now. Raises StoreError where the store is not open."""
        return self._engine.connections

    async def open(self, *, wait_seconds: float = 0) -> None:
        """Connect. On SQLite this takes the file for this process alone: raises StoreBusy if another one has it for
        longer than `wait_seconds`. Raises StoreError where the store can't be reached."""
        await self._engine.open(wait_seconds)

    async def close(self) -> None:
        """Let go of everything. To close what is not open does nothing."""
        await self._engine.close()

    async def pending(self) -> list[str]:
        """The names of the migrations that are yet to be run. Raises SchemaError where the store is newer than this
        program."""
        statements = self._engine.reading()
        try:
            return await schema.pending(statements, self._engine.dialect)
        finally:
            await statements.release()

    async def migrate(self) -> list[str]:
        """Bring the tables up to date; the names of the migrations that were run. While one process does, others wait.
        Raises SchemaError."""
        async with self._engine.migrating():
            names = await self.pending()
            if names:
                await schema.apply(*self._engine.migration_credentials())
            return names

    @staticmethod
    async def backup(url: str, path: Path) -> None:
        """See `store.backup.backup`."""
        await backup.backup(url, path)

    @staticmethod
    async def restore(url: str, path: Path) -> None:
        """See `store.backup.restore`."""
        await backup.restore(url, path)

    @staticmethod
    async def drift() -> str | None:
        """The migration that is missing, as text, where the models differ from the migrations. Asks no database."""
        return await schema.drift()

    def reading(self) -> AbstractAsyncContextManager[StoreSession]:
        """A session for reading. Each statement sees what was committed before it; it never waits for a writer."""
        return _Reading(self._engine.reading())

    @asynccontextmanager
    async def hearing(self, heard: Heard) -> AsyncIterator[None]:
        """Until the end, `heard` is given every text that a transaction on this store announces, in any process, soon after
        its commit; and None where some may have been missed. It can come late or be lost: so poll, too."""
        async with self._engine.hearing(heard):
            yield

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[StoreSession]:
        """A session for reading that sees one moment, on a store that need not be open and that others may be using.
        Raises SchemaError where the tables are not those of this program, StoreError where they can't be read."""
        async with self._engine.snapshot() as statements:
            if pending := await schema.pending(statements, self._engine.dialect):
                raise SchemaError(f"the store lacks {len(pending)} migrations: run `iamgraph migrate` first")
            yield StoreSession(statements)

    @asynccontextmanager
    async def writing(self, turn: str | None = None) -> AsyncIterator[StoreSession]:
        """A session in a transaction, which is committed at the end, and rolled back on any exception. When this
        returns, the changes survive a crash. Those of one `turn` begin one after the other in this process: they would wait
        for the same row. Raises ConcurrentModification where another transaction was in the way, CommitUnknown where the
        store does not say whether it has committed."""
        async with self._engine.writing(turn) as statements:
            try:
                yield StoreSession(statements)
            except Duplicate:
                raise conflicting() from None


class _Reading(AbstractAsyncContextManager[StoreSession]):
    """Written out, since every request enters two and a generator of each would cost it more than its decision."""

    __slots__ = ("_statements",)

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def __aenter__(self) -> StoreSession:
        return StoreSession(self._statements)

    async def __aexit__(self, *error: object) -> None:
        await self._statements.release()
