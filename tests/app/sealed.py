"""A store whose history is sealed, for tests: no server, and no waiting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from iamgraph.app.history.heads import HeadsFile
from iamgraph.app.history.retention import Retention
from iamgraph.app.history.sealer import HistorySealer
from iamgraph.app.history.verify import Report, verify
from iamgraph.app.work import Tools
from iamgraph.domain.limits import Quotas
from iamgraph.security.chaining import ChainKeys
from iamgraph.security.passwords import PasswordHasher
from iamgraph.security.sealing import MasterKey, Sealer
from iamgraph.store.unit import Database

from ..store.made import NOW, event

MASTER = MasterKey(secret=b"m" * 32)
KEYS = ChainKeys(MASTER)


@dataclass
class Sealed:
    """A store and what seals it."""

    url: str
    database: Database
    file: HeadsFile

    def sealer(self, keys: ChainKeys = KEYS, **options: Any) -> HistorySealer:
        reading, writing = self.database.reading, self.database.writing
        return HistorySealer(keys, reading=reading, writing=writing, file=self.file, **options)

    async def write(self, *numbers: int, **changes: Any) -> None:
        async with self.database.writing() as data:
            await data.events.add([event(n, **changes) for n in numbers])

    async def verify(self, *, with_file: bool = True, keys: ChainKeys = KEYS) -> Report:
        heads = self.file.read() if with_file and self.file.path.exists() else None
        async with Database(self.url).snapshot() as data:
            return await verify(data, keys, heads)

    async def sql(self, statement: str, *args: object) -> list[Any]:
        """What somebody with the database's password can do."""
        async with self.database.writing() as data:
            if statement.startswith("SELECT"):
                return list(await data.events._db.fetch(statement, *args))
            await data.events._db.run(statement, *args)
            return []


def told(report: Report) -> list[str]:
    return [str(finding) for finding in report.findings]


def sealed(url: str, database: Database, folder: Path) -> Sealed:
    return Sealed(url, database, HeadsFile(folder / "heads.jsonl"))


HASHER = PasswordHasher(memory_kib=8, time_cost=1, parallelism=1, max_waiting=1)


def keeping(history: Sealed, last: int, keys: ChainKeys = KEYS) -> Retention:
    """Retention at a time when the events from number `last` on are young enough: the one with number n is n seconds
    younger than the first."""
    clock = NOW + timedelta(days=30, seconds=last)
    tools = Tools(hasher=HASHER, sealer=Sealer(MASTER), quotas=Quotas(), clock=lambda: clock)
    reading, writing = history.database.reading, history.database.writing
    return Retention(keys, tools, kept=timedelta(days=30), reading=reading, writing=writing)
