"""Opening, transactions and migrations: what holds when processes compete, are cancelled or are killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import asyncpg
import pytest

from iamgraph.domain.entities import IdentityKind
from iamgraph.domain.errors import ConcurrentModification
from iamgraph.store import migrations, schema
from iamgraph.store.unit import Database, SchemaError, StoreBusy, StoreError

from ..databases import fresh
from .conftest import opened
from .made import (
    ACCOUNT,
    ALLOW,
    LATER,
    NOW,
    add_account,
    add_session,
    event,
    group,
    policy,
    role,
    session,
    user,
    user_id,
)

ALL = schema.known()


async def python(program: str, *args: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *args, stdout=-1, stderr=-1, env={**os.environ, **environment}
    )


# ------------------------------------------------------------ opening


async def test_a_sqlite_file_serves_one_at_a_time(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/store.db"
    (tmp_path / "link.db").symlink_to(tmp_path / "store.db")
    async with opened(url):
        for same in (url, f"sqlite://{tmp_path}/link.db"):
            with pytest.raises(StoreBusy, match="in use by another process") as refused:
                await Database(same).open()
            assert "\n" not in str(refused.value)
    async with opened(url):
        pass
    assert (tmp_path / "store.db").stat().st_mode & 0o777 == 0o600


async def test_a_killed_process_keeps_neither_the_lock_nor_half_a_transaction(url: str) -> None:
    """What was committed is there; what was not is not; a new process can go on at once."""
    holding = await python(
        "import asyncio, sys\n"
        "from iamgraph.store.unit import Database\n"
        "from tests.store.made import account\n"
        "async def main():\n"
        "    database = Database(sys.argv[1])\n"
        "    await database.open()\n"
        "    async with database.writing() as data:\n"
        "        await data.accounts.add(account('1' * 12), root_password_hash='')\n"
        "    async with database.writing() as data:\n"
        "        await data.accounts.add(account('2' * 12), root_password_hash='')\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n",
        url,
    )
    assert holding.stdout is not None
    assert await holding.stdout.readline() == b"ready\n"
    holding.send_signal(signal.SIGKILL)
    await holding.wait()
    async with opened(url) as database:
        async with database.writing() as data:
            await data.accounts.lock("1" * 12)
        async with database.reading() as data:
            assert [one.id for one in (await data.accounts.page(None, 10)).items] == ["1" * 12]


async def test_a_process_that_never_closes_its_store_ends(url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from iamgraph.store.unit import Database\n"
        "async def main():\n"
        "    database = Database(sys.argv[1])\n"
        "    await database.open()\n"
        "    async with database.writing():\n"
        "        raise SystemExit(3)\n"
        "asyncio.run(main())\n"
    )
    ended = await python(program, url)
    assert await asyncio.wait_for(ended.wait(), 20) == 3


@pytest.mark.parametrize(
    "url",
    [
        "mysql://x",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite:///proc/no/such/folder/store.db",
        "postgres://nobody:hunter2@127.0.0.1:1/none",
    ],
)
async def test_what_cannot_be_opened_is_said_in_one_line(url: str) -> None:
    with pytest.raises(StoreError) as refused:
        await Database(url).open()
    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


async def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreError):
        await Database(f"sqlite://{tmp_path}/store.db").open()


# ------------------------------------------------------------ transactions


async def test_an_exception_rolls_everything_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.writing() as data:
            await add_account(data)
            raise ZeroDivisionError
    async with database.reading() as data:
        assert await data.accounts.get([ACCOUNT]) == {}


async def test_a_refusal_that_nobody_expected_is_a_conflict(database: Database) -> None:
    """The driver's own message, which quotes values, never leaves the store."""
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await add_session(data, session("s1", user(1)))
    with pytest.raises(ConcurrentModification) as refused:
        async with database.writing() as data:
            await add_session(data, session("s1", user(1)))
    assert "s1" not in str(refused.value)
    with pytest.raises(ConcurrentModification):
        async with database.writing() as data:
            await data.users.set_boundary(user_id(1), "ANPA0")


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
    async with database.writing() as writing:
        await writing.accounts.lock(ACCOUNT)
        async with database.reading() as data:
            assert await asyncio.wait_for(data.accounts.revision(ACCOUNT), 2) == 1
    async with database.reading() as data:
        assert await data.accounts.revision(ACCOUNT) == 2


async def test_cancelling_leaves_no_lock_and_no_transaction(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)

    async def read() -> None:
        async with database.reading() as data:
            while True:
                await data.accounts.page(None, 100)

    async def write() -> None:
        while True:
            async with database.writing() as data:
                await data.accounts.lock(ACCOUNT)
                await data.accounts.set_alias(ACCOUNT, None)

    for round in range(100):
        tasks = [asyncio.create_task(work()) for work in (read, write, write)]
        await asyncio.sleep(0.0003 * (round % 10))
        for task in tasks:
            task.cancel()
        ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended
    async with database.writing() as data:
        before = await asyncio.wait_for(data.accounts.lock(ACCOUNT), 2)
    async with database.reading() as data:
        assert await data.accounts.revision(ACCOUNT) == before


async def test_a_restarted_server_is_found_again(tmp_path: Path) -> None:
    async with fresh("postgres", tmp_path) as url, opened(url) as database:
        async with database.writing() as data:
            await add_account(data)
        with pytest.raises(StoreError, match=r"^the database (does not answer$|gave up)"):
            async with database.writing() as data:
                await data.accounts.lock(ACCOUNT)
                await cut(url)
                await data.accounts.lock(ACCOUNT)
        await cut(url)
        await asyncio.sleep(0.1)
        async with database.reading() as data:
            assert await data.accounts.revision(ACCOUNT) == 1


async def cut(url: str) -> None:
    """Cut every connection to a PostgreSQL database but this one."""
    connection = await asyncpg.connect(url)
    mine = "datname = current_database() AND pid <> pg_backend_pid()"
    await connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
    await connection.close()


async def test_two_stores_in_one_process(url: str, tmp_path: Path) -> None:
    async with opened(url) as first, opened(f"sqlite://{tmp_path}/other.db") as second:
        await second.migrate()
        async with first.writing() as one, second.writing() as other:
            await add_account(one)
            await add_account(other, "2" * 12)
        async with first.reading() as one, second.reading() as other:
            assert list(await one.accounts.get([ACCOUNT, "2" * 12])) == [ACCOUNT]
            assert list(await other.accounts.get([ACCOUNT, "2" * 12])) == ["2" * 12]


@pytest.fixture(params=["Asia/Kolkata", "America/New_York", "UTC"])
async def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


async def test_times_mean_the_same_in_every_zone(database: Database, zone: str) -> None:
    """In the hour that New York has twice, written with an offset of another place."""
    issued = datetime(2026, 11, 1, 5, 55, tzinfo=UTC)
    expires = (issued + timedelta(minutes=15)).astimezone(timezone(timedelta(hours=-4)))
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await add_session(data, session("s1", user(1), issued_at=issued, expires_at=expires))
        with pytest.raises(ValueError, match="without a zone"):
            await data.accounts.close(ACCOUNT, datetime(2026, 1, 1))
    async with database.reading() as data:
        assert await data.sessions.valid("s1", issued + timedelta(minutes=14))
        assert not await data.sessions.valid("s1", issued + timedelta(minutes=16))
        found = (await data.sessions.by_ids(["s1"]))["s1"]
        assert found.issued_at.isoformat() == "2026-11-01T05:55:00+00:00"
        assert found.expires_at.isoformat() == "2026-11-01T06:10:00+00:00"


# ------------------------------------------------------------ migrations


async def test_models_and_migrations_agree() -> None:
    assert await Database.drift() is None


async def test_migrating_an_empty_store_and_again(empty_url: str) -> None:
    async with opened(empty_url) as database:
        assert await database.pending() == ALL
        assert await database.migrate() == ALL
        assert await database.pending() == await database.migrate() == []


async def test_three_processes_that_migrate_at_once(empty_url: str) -> None:
    """One does; the others wait and find nothing to do."""
    program = (
        "import asyncio, sys\n"
        "from iamgraph.store.unit import Database\n"
        "async def main():\n"
        "    database = Database(sys.argv[1])\n"
        "    await database.open(wait_seconds=30)\n"
        "    print(await database.migrate())\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
    )
    processes = [await python(program, empty_url) for _ in range(3)]
    ended = await asyncio.gather(*(one.communicate() for one in processes))
    assert [one.returncode for one in processes] == [0, 0, 0], ended
    assert sorted(out.decode().strip() for out, _ in ended) == sorted([str(ALL), "[]", "[]"])


async def test_a_newer_store_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "known", list)
    with pytest.raises(SchemaError, match=f"newer than this program: it does not know the migration '{ALL[-1]}'"):
        await database.pending()
    with pytest.raises(SchemaError):
        await database.migrate()


@pytest.fixture
def next_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The migrations, and after them one that alters a table which others refer to."""
    folder = tmp_path / "next_migrations"
    shutil.copytree(migrations.__path__[0], folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "9999_next.py").write_text(
        "from tortoise import migrations\n"
        "from tortoise.migrations import operations as ops\n"
        "from iamgraph.store.columns import Word\n"
        "class Migration(migrations.Migration):\n"
        f"    dependencies = [('store', '{ALL[-1]}')]\n"
        "    operations = [\n"
        "        ops.AlterField('UserRow', 'path', Word(max_length=512, null=True)),\n"
        "        ops.AlterField('PolicyRow', 'path', Word(max_length=512, null=True)),\n"
        "    ]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "next_migrations", raising=False)
    monkeypatch.setattr(schema, "APPS", {"store": {**schema.APPS["store"], "migrations": "next_migrations"}})
    monkeypatch.setattr(schema, "known", lambda: [*ALL, "9999_next"])
    return "9999_next"


async def test_a_populated_store_survives_a_migration(database: Database, next_migration: str) -> None:
    async with database.writing() as data:
        await add_account(data)
        await data.policies.add(policy(1), ALLOW)
        await data.users.add(user(1, boundary_id=policy(1).id))
        await data.groups.add(group(1))
        await data.roles.add(role(1, bindings={"x": user_id(1)}))
        await data.memberships.add(group(1).id, user_id(1), NOW)
        await data.attachments.attach(IdentityKind.USER, user_id(1), policy(1).id, NOW)
        await data.inline.put(IdentityKind.USER, user_id(1), "own", ALLOW, NOW)
        await add_session(data, session("s1", user(1)))
        await data.events.add([event(1)])
    assert await database.migrate() == [next_migration]
    async with database.reading() as data:
        assert len((await data.memberships.groups_of([user_id(1)]))[user_id(1)]) == 1
        assert len((await data.attachments.of(IdentityKind.USER, [user_id(1)]))[user_id(1)]) == 1
        assert len((await data.inline.of(IdentityKind.USER, [user_id(1)]))[user_id(1)]) == 1
        assert len((await data.policies.versions([policy(1).id]))[policy(1).id]) == 1
        assert (await data.roles.named(ACCOUNT, ["role1"]))["role1"].bindings == {"x": user_id(1)}
        assert await data.sessions.by_token("hash of s1") is not None
        assert "event1" in await data.events.by_ids(["event1"])
    async with database.writing() as data:
        await data.users.used_password(user_id(1), LATER)


async def test_a_migration_that_dies_is_run_again(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and the note that they are made come together or not at all."""

    async def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(schema.MigrationRecorder, "record_applied", die)
        async with opened(empty_url) as database:
            with pytest.raises(KeyboardInterrupt):
                await database.migrate()
    async with opened(empty_url) as database:
        assert await database.migrate() == ALL
