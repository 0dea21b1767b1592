"""A store that earlier versions wrote, brought up to date: nothing is lost, and its history still verifies."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from iamgraph.domain.entities import Change
from iamgraph.store import migrations, schema
from iamgraph.store.events import LATER_COLUMNS
from iamgraph.store.statements import insert
from iamgraph.store.unit import Database

from ..databases import STORES, fresh
from ..store.conftest import opened
from ..store.made import ACCOUNT
from .sealed import Sealed, sealed, told

KEPT = Path(__file__).parents[1] / "cases" / "store_0003.jsonl"
"""Every row of a store that the program wrote when 0003_throttles was its newest migration: users with all they can have,
two accounts, and a history sealed under `sealed.MASTER`."""
SINCE_0001 = {"throttle", "known_address", "event_link", "chain_head"}


def kept(last: str) -> list[tuple[str, dict[str, Any]]]:
    """The rows, table by table, that a store with the migrations up to `last` has."""
    rows = [json.loads(line) for line in KEPT.read_text().splitlines()]
    return [(row["table"], row["row"]) for row in rows if last != "0001_initial" or row["table"] not in SINCE_0001]


def typed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name.endswith("at") and isinstance(value, str) else value
        for name, value in row.items()
    }


async def migrate_to(database: Database, last: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the migrations up to `last`, as the program did that had no later ones."""
    names = [name for name in schema.known() if name <= last]
    package = folder / "earlier_migrations"
    package.mkdir()
    for name in ("__init__", *names):
        shutil.copy(Path(migrations.__path__[0]) / f"{name}.py", package)
    with monkeypatch.context() as earlier:
        earlier.syspath_prepend(folder)
        earlier.setattr(schema, "APPS", {"store": {**schema.APPS["store"], "migrations": "earlier_migrations"}})
        earlier.setattr(schema, "known", lambda: names)
        assert await database.migrate() == names
    for module in [module for module in sys.modules if module.startswith("earlier_migrations")]:
        del sys.modules[module]


@asynccontextmanager
async def upgraded(kind: str, last: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sealed]:
    """A store with the migrations up to `last` and what the program kept in it then, brought up to date."""
    async with fresh(kind, folder, migrated=False) as url, opened(url) as database:
        await migrate_to(database, last, folder, monkeypatch)
        history = sealed(url, database, folder)
        async with database.writing() as data:
            for table, row in kept(last):
                sql, args = insert(table, typed(row))
                await data.events._db.run(sql, *args)
            if kind == "postgres":
                # The rows brought their numbers along; the next ones come behind them, as where the program wrote them.
                for table, key in {("event", "seq"), *((t, "id") for t, row in kept(last) if type(row.get("id")) is int)}:
                    await data.events._db.fetch(
                        f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), (SELECT max({key}) FROM {table}))"
                    )
        newer = await database.migrate()
        assert newer == [name for name in schema.known() if name > last]
        yield history


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("last", ["0001_initial", "0003_throttles"])
async def test_an_earlier_store_comes_whole_into_this_version(
    kind: str, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with upgraded(kind, last, tmp_path, monkeypatch) as history:
        for table, row in kept(last):
            key = "seq" if "seq" in row else next(iter(row))
            (found,) = await history.sql(f"SELECT {', '.join(row)} FROM {table} WHERE {key} = $1", row[key])
            same = {n: datetime.fromisoformat(str(v)) if n.endswith("at") and v else v for n, v in dict(found).items()}
            if table == "account":
                # Migrations may move it on.
                assert same["revision"] >= row["revision"]
                same["revision"] = row["revision"]
            assert same == typed(row), table
        sealed_before = 0 if last == "0001_initial" else 26
        assert ((await history.verify()).events, told(await history.verify())) == (sealed_before, [])
        await history.write(
            100, 101, access_key_id="AKIAEXAMPLE", changes=(Change(field="path", before="/", after="/é/"),)
        )
        await history.write(102)
        assert await history.sealer().seal() == 29 - sealed_before
        report = await history.verify()
        assert (report.events, report.unsealed, told(report)) == (29, 0, [])


@pytest.mark.parametrize("kind", STORES)
async def test_a_column_that_came_later_can_be_altered_nowhere(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an event from before it came, whose column is null, as of one from after; each put back is sound again."""
    async with upgraded(kind, "0003_throttles", tmp_path, monkeypatch) as history:
        await history.write(100, access_key_id="AKIAEXAMPLE", changes=(Change(field="path", before="/", after=None),))
        await history.write(101, access_key_id="AKIAEXAMPLE")
        await history.write(102, changes=(Change(field="path", before="/", after=None),))
        await history.sealer().seal()
        assert told(await history.verify()) == []
        rows = await history.sql("SELECT * FROM event WHERE id IN ('event100', 'event101', 'event102') OR seq = 3")
        assert len(rows) == 4
        for row in rows:
            for column in LATER_COLUMNS:
                for value in {None, "", "null", "[]", "{}", "AKIAEXAMPLE", '[["path","/",null]]'} - {row[column]}:
                    await history.sql(f"UPDATE event SET {column} = $1 WHERE seq = $2", value, row["seq"])
                    (found,) = told(await history.verify())
                    assert found.startswith(f"altered: chain {ACCOUNT}, number ") and row["id"] in found
                await history.sql(f"UPDATE event SET {column} = $1 WHERE seq = $2", row[column], row["seq"])
            swapped = "UPDATE event SET access_key_id = changes, changes = access_key_id WHERE seq = $1"
            if row["access_key_id"] != row["changes"]:
                await history.sql(swapped, row["seq"])
                assert len((await history.verify()).findings) == 1
                await history.sql(swapped, row["seq"])
        assert told(await history.verify()) == []
