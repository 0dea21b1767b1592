"""Bringing the tables to what this program works with, and telling whether they are."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget, PlanStep
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.transactions import in_transaction

from . import migrations, models
from .failures import SchemaError
from .statements import Statements

APP = "store"
APPS: Mapping[str, dict[str, Any]] = {
    APP: {
        "models": [f"{models.__name__}.{module.name}" for module in pkgutil.iter_modules(models.__path__)],
        "migrations": "iamgraph.store.migrations",
        "default_connection": "default",
    }
}


def known() -> list[str]:
    """The names of all migrations of this program, in their order."""
    return sorted(module.name for module in pkgutil.iter_modules(migrations.__path__))


async def pending(statements: Statements, dialect: str) -> list[str]:
    """The migrations that the store still needs, in their order. Raises SchemaError where it has had one that this
    program does not know."""
    applied = await _applied(statements, dialect)
    if unknown := sorted(applied - set(known())):
        raise SchemaError(
            f"the store's tables are newer than this program: it does not know the migration {unknown[-1]!r}. "
            "Use the version that migrated the store, or a later one."
        )
    return [name for name in known() if name not in applied]


async def _applied(statements: Statements, dialect: str) -> set[str]:
    exists = (
        "SELECT 1 AS found FROM sqlite_master WHERE name = 'tortoise_migrations'"
        if dialect == "sqlite"
        else "SELECT 1 AS found WHERE to_regclass('tortoise_migrations') IS NOT NULL"
    )
    if await statements.one(exists) is None:
        return set()
    rows = await statements.fetch("SELECT name FROM tortoise_migrations WHERE app = $1", APP)
    return {row["name"] for row in rows}


async def apply(engine: str, credentials: Mapping[str, object]) -> None:
    """Run what is pending, on a connection of its own. Whoever calls keeps other processes from doing the same."""
    connections = {"default": {"engine": engine, "credentials": dict(credentials)}}
    context = TortoiseContext()
    await context.init(config={"connections": connections, "apps": dict(APPS)}, init_connections=False)
    with context:
        connection = context.connections.get("default")
        try:
            await _run(connection)
            if connection.capabilities.dialect == "sqlite":
                await _check_references(connection)
        finally:
            with suppress(Exception):
                await connection.close()


async def _run(connection: BaseDBAsyncClient) -> None:
    executor = MigrationExecutor(connection, dict(APPS))
    await executor.loader.build_graph()
    await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
    applied = set(await executor.recorder.applied_migrations())
    target = MigrationTarget(app_label=APP, name="__latest__")
    for step in executor._migration_plan([target], applied, executor.loader.graph):
        await _step(executor, step, applied)
        applied.add(MigrationKey(app_label=APP, name=step.migration.name))


async def _step(executor: MigrationExecutor, step: PlanStep, applied: set[MigrationKey]) -> None:
    """One migration, recorded in its own transaction: Tortoise's executor records it after, so that a process that dies
    between the two would leave a store that can't be migrated any more."""
    state = await executor._project_state(applied)
    async with in_transaction("default") as transaction:
        editor = executor._schema_editor(atomic=True)
        editor.client = transaction
        await step.migration.apply(state, dry_run=False, schema_editor=editor)
        await MigrationRecorder(transaction).record_applied(APP, step.migration.name)


async def _check_references(connection: BaseDBAsyncClient) -> None:
    """Foreign keys were off while migrating, so see that each still refers to something."""
    _, broken = await connection.execute_query("PRAGMA foreign_key_check")
    if broken:
        tables = ", ".join(sorted({row["table"] for row in broken}))
        raise SchemaError(f"the migration left rows that refer to nothing, in: {tables}. Restore the backup.")


async def drift() -> str | None:
    """What a new migration would have to do for the tables to be as the models say, or None where nothing. Asks no
    database."""
    connections = {"default": {"engine": "tortoise.backends.sqlite", "credentials": {"file_path": ":memory:"}}}
    context = TortoiseContext()
    await context.init(config={"connections": connections, "apps": dict(APPS)}, init_connections=False)
    with context:
        if context.apps is None:
            raise SchemaError("the models could not be loaded")
        writers = await MigrationAutodetector(context.apps, dict(APPS)).changes()
    return "\n".join(writer.as_string() for writer in writers) or None
