"""Virtual MFA devices: their sealed seeds, whom they are enabled for, and which codes were used."""


# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..domain.entities import AssignmentStatus, Tag, VirtualMfaDevice
from ..domain.errors import EntityAlreadyExists
from .named import tags_of, tags_text
from .pages import Page, grouped, page_of
from .statements import Row, Statements, insert, instant, instant_or_none
from .users import USER_COLUMNS, user_of

_OWN = "id, account_id, place, created_at, owner_id, enabled_at, last_step, drift, tags"
_COLUMNS = f"{USER_COLUMNS}, {', '.join(f'd.{column} AS d_{column}' for column in _OWN.split(', '))}"
_FROM = "FROM mfa_device d LEFT JOIN iam_user e ON e.id = d.user_id"
_SELECT, _SELECT_SEEDED = f"SELECT {_COLUMNS} {_FROM}", f"SELECT {_COLUMNS}, d.sealed_secret {_FROM}"
_ASSIGNED = {
    AssignmentStatus.ASSIGNED: " AND d.owner_id IS NOT NULL",
    AssignmentStatus.UNASSIGNED: " AND d.owner_id IS NULL",
    AssignmentStatus.ANY: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededDevice:
    """A device and its seed, sealed."""

    device: VirtualMfaDevice
    sealed_seed: str = field(repr=False)


class MfaDevices:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def add(self, device: VirtualMfaDevice, sealed_seed: str) -> None:
        """Raises EntityAlreadyExists."""
        place = device.path + device.name
        row = {
            "id": device.id,
            "account_id": device.account_id,
            "place": place,
            "place_key": place.lower(),
            "created_at": device.created_at,
            "owner_id": None,
            "user_id": None,
            "enabled_at": None,
            "last_step": device.last_step,
            "drift": device.drift,
            "sealed_secret": sealed_seed,
            "tags": tags_text(device.tags),
        }
        sql, args = insert("mfa_device", row, skip_duplicates=True)
        if not await self._db.run(sql, *args):
            raise EntityAlreadyExists("MFADevice entity at the same path and name already exists.")

    async def at_places(self, account_id: str, places: Sequence[str]) -> dict[str, VirtualMfaDevice]:
        """Those of an account's devices that exist, by path and name, such as `/team/phone`."""
        found = await self._where("d.account_id = $1 AND d.place = ANY($2)", account_id, list(places))
        return {device.path + device.name: device for device in found}

    async def by_ids(self, ids: Sequence[str]) -> dict[str, VirtualMfaDevice]:
        """Those of the devices that exist, of any account."""
        return {device.id: device for device in await self._where("d.id = ANY($1)", list(ids))} if ids else {}

    async def of(self, owner_ids: Sequence[str]) -> dict[str, tuple[VirtualMfaDevice, ...]]:
        """The devices that are enabled for each user or root, by path and name."""
        found = await self._where("d.owner_id = ANY($1) ORDER BY d.place", list(owner_ids))
        return grouped(owner_ids, ((device.owner_id or "", device) for device in found))

    async def page(
        self, account_id: str, status: AssignmentStatus, *, after: str | None, limit: int
    ) -> Page[VirtualMfaDevice]:
        """A page of an account's devices by path and name (their bytes), behind `after`."""
        where = f"d.account_id = $1 AND d.place > $2{_ASSIGNED[status]} ORDER BY d.place LIMIT $3"
        return page_of(await self._where(where, account_id, after or "", limit + 1), limit)

    async def count(self, account_id: str, status: AssignmentStatus = AssignmentStatus.ANY) -> int:
        where = f"d.account_id = $1{_ASSIGNED[status]}"
        row = await self._db.one(f"SELECT count(*) AS n FROM mfa_device d WHERE {where}", account_id)
        return int(row["n"]) if row else 0

    async def with_seeds(self, ids: Sequence[str]) -> list[SeededDevice]:
        """Those of the devices that exist, each with its seed as it is in that moment."""
        rows = await self._db.fetch(f"{_SELECT_SEEDED} WHERE d.id = ANY($1)", list(ids))
        return [SeededDevice(device=_device(row), sealed_seed=row["sealed_secret"]) for row in rows]

    async def use(self, id: str, *, first: int, last: int) -> bool:
        """Use up the codes of the steps from `first` to `last`, and all older ones. False where one of them, or a newer one,
        was used. INVARIANT: one statement, so that of many who have the same code one succeeds."""
        sql = "UPDATE mfa_device SET last_step = $3 WHERE id = $1 AND last_step < $2"
        return await self._db.run(sql, id, first, last) > 0

    async def set_drift(self, id: str, drift: int) -> None:
        await self._db.run("UPDATE mfa_device SET drift = $2 WHERE id = $1", id, drift)

    async def enable(self, id: str, owner_id: str, user_id: str | None, at: datetime) -> bool:
        """Enable the device for a user, or for the root. False where it is enabled for somebody."""
        sql = "UPDATE mfa_device SET owner_id = $2, user_id = $3, enabled_at = $4 WHERE id = $1 AND owner_id IS NULL"
        return await self._db.run(sql, id, owner_id, user_id, at) > 0

    async def deactivate(self, id: str) -> None:
        """Enable the device for nobody. The codes that were used stay used."""
        await self._db.run("UPDATE mfa_device SET owner_id = NULL, user_id = NULL, enabled_at = NULL WHERE id = $1", id)

    async def set_tags(self, id: str, tags: Iterable[Tag]) -> None:
        await self._db.run("UPDATE mfa_device SET tags = $2 WHERE id = $1", id, tags_text(tags))

    async def delete(self, id: str) -> None:
        await self._db.run("DELETE FROM mfa_device WHERE id = $1", id)

    async def _where(self, condition: str, *args: object) -> list[VirtualMfaDevice]:
        return [_device(row) for row in await self._db.fetch(f"{_SELECT} WHERE {condition}", *args)]


def _device(row: Row) -> VirtualMfaDevice:
    path, _, name = row["d_place"].rpartition("/")
    return VirtualMfaDevice(
        id=row["d_id"],
        account_id=row["d_account_id"],
        name=name,
        path=f"{path}/",
        created_at=instant(row["d_created_at"]),
        owner_id=row["d_owner_id"],
        user=user_of(row) if row["id"] is not None else None,
        enabled_at=instant_or_none(row["d_enabled_at"]),
        last_step=row["d_last_step"],
        drift=row["d_drift"],
        tags=tags_of(row["d_tags"]),
    )
