"""Agents: what each has enrolled with, and for which instance profile."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..domain.entities import Agent
from .instance_profiles import InstanceProfiles
from .pages import Page, grouped, pages_of
from .statements import Row, Statements, insert, instant, instant_or_none

_COLUMNS = "id, account_id, instance_profile_id, public_key, created_at, expires_at, enrolled_at, last_used_at"
_SELECT = f"SELECT {_COLUMNS} FROM agent"


class Agents:
    def __init__(self, statements: Statements, profiles: InstanceProfiles) -> None:
        self._db = statements
        self._profiles = profiles

    async def add(self, agent: Agent, *, token_hash: str) -> None:
        """Adds one that has yet to enrol."""
        row = {
            "id": agent.id,
            "account_id": agent.account_id,
            "instance_profile_id": agent.instance_profile.id,
            "token_hash": token_hash,
            "created_at": agent.created_at,
            "expires_at": agent.expires_at,
        }
        sql, args = insert("agent", row)
        await self._db.run(sql, *args)

    async def by_ids(self, ids: Sequence[str]) -> dict[str, Agent]:
        """Those of the agents that exist, of any account."""
        found = await self._read(await self._db.fetch(f"{_SELECT} WHERE id = ANY($1)", list(ids)))
        return {agent.id: agent for agent in found}

    async def by_token(self, token_hash: str, at: datetime) -> Agent | None:
        """The agent whose enrolment token it is, while that is good."""
        sql = f"{_SELECT} WHERE token_hash = $1 AND expires_at > $2"
        return next(iter(await self._read(await self._db.fetch(sql, token_hash, at))), None)

    async def of_profiles(self, profile_ids: Sequence[str], *, after: str | None, limit: int) -> dict[str, Page[Agent]]:
        """A page of the agents of each instance profile, by id, behind the id `after`."""
        rows = await self._db.fetch(
            f"SELECT * FROM (SELECT {_COLUMNS}, ROW_NUMBER() OVER (PARTITION BY instance_profile_id ORDER BY id) AS place "
            "FROM agent WHERE instance_profile_id = ANY($1) AND id > $2) placed "
            "WHERE place <= $3 ORDER BY instance_profile_id, place",
            list(profile_ids),
            after or "",
            limit + 1,
        )
        agents = ((agent.instance_profile.id, agent) for agent in await self._read(rows))
        return pages_of(profile_ids, grouped(profile_ids, agents), limit)

    async def count(self, account_id: str) -> int:
        row = await self._db.one("SELECT count(*) AS n FROM agent WHERE account_id = $1", account_id)
        return int(row["n"]) if row else 0

    async def enrol(self, token_hash: str, public_key: str, at: datetime) -> bool:
        """Give the agent its key. False where the token is not good, or another key was given. INVARIANT: one statement, so
        that of many who have the same token one succeeds."""
        sql = (
            "UPDATE agent SET public_key = $2, enrolled_at = COALESCE(enrolled_at, $3) "
            "WHERE token_hash = $1 AND expires_at > $3 AND (public_key IS NULL OR public_key = $2)"
        )
        return await self._db.run(sql, token_hash, public_key, at) > 0

    async def use(self, id: str, at: datetime) -> bool:
        """Note that an agent is given credentials. False where it is gone; if not, it can't be deleted before this
        transaction ends, and who then does sees what it was given."""
        return await self._db.run("UPDATE agent SET last_used_at = $2 WHERE id = $1", id, at) > 0

    async def delete(self, id: str) -> None:
        await self._db.run("DELETE FROM agent WHERE id = $1", id)

    async def delete_of(self, profile_id: str) -> None:
        """Delete all of an instance profile."""
        await self._db.run("DELETE FROM agent WHERE instance_profile_id = $1", profile_id)

    async def sweep(self, account_id: str, at: datetime) -> None:
        """Delete those of an account that can't enrol any more."""
        sql = "DELETE FROM agent WHERE account_id = $1 AND expires_at <= $2 AND public_key IS NULL"
        await self._db.run(sql, account_id, at)

    async def _read(self, rows: Sequence[Row]) -> list[Agent]:
        profiles = await self._profiles.by_ids([row["instance_profile_id"] for row in rows])
        return [
            Agent(
                id=row["id"],
                account_id=row["account_id"],
                instance_profile=profile,
                created_at=instant(row["created_at"]),
                expires_at=instant(row["expires_at"]),
                public_key=row["public_key"],
                enrolled_at=instant_or_none(row["enrolled_at"]),
                last_used_at=instant_or_none(row["last_used_at"]),
            )
            for row in rows
            # A profile may have gone since, with its agents.
            if (profile := profiles.get(row["instance_profile_id"])) is not None
        ]
