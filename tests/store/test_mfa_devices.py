"""MFA devices in the store: found by place, enabled for one, each step used once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from iamgraph.domain.entities import AssignmentStatus, Tag, VirtualMfaDevice
from iamgraph.domain.errors import DeleteConflict, EntityAlreadyExists
from iamgraph.store.unit import Database

from .made import ACCOUNT, LATER, OTHER, add_account, mfa_device, user, user_id


async def fill(database: Database) -> list[VirtualMfaDevice]:
    tags = (Tag(key="Team", value="é"),)
    devices = [mfa_device(1, "b", tags=tags), mfa_device(2, "a", path="/x/"), mfa_device(3, "B", path="/x/")]
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1, tags=tags))
        for device in devices:
            await data.mfa_devices.add(device, f"sealed {device.id}")
    return devices


async def test_a_device_is_read_as_it_was_added(database: Database) -> None:
    devices = await fill(database)
    one, two, three = devices
    async with database.reading() as data:
        assert await data.mfa_devices.by_ids([one.id, "x"]) == {one.id: one}
        assert await data.mfa_devices.at_places(ACCOUNT, ["/b", "/B", "/x/a", "b"]) == {"/b": one, "/x/a": two}
        assert await data.mfa_devices.at_places(OTHER, ["/b"]) == {}
        assert await data.mfa_devices.count(ACCOUNT) == 3
        (seeded,) = await data.mfa_devices.with_seeds([two.id])
        assert (seeded.device, seeded.sealed_seed) == (two, f"sealed {two.id}")
        page = await data.mfa_devices.page(ACCOUNT, AssignmentStatus.ANY, after=None, limit=2)
        assert (page.items, page.more) == ((one, three), True)
        page = await data.mfa_devices.page(ACCOUNT, AssignmentStatus.ANY, after="/x/B", limit=2)
        assert (page.items, page.more) == ((two,), False)
    async with database.writing() as data:
        for taken in ("/x/A", "/B"):
            path, _, name = taken.rpartition("/")
            with pytest.raises(EntityAlreadyExists):
                await data.mfa_devices.add(mfa_device(9, name, path=path + "/"), "")


async def test_a_device_is_enabled_for_one(database: Database) -> None:
    one, two, _ = await fill(database)
    async with database.writing() as data:
        assert await data.mfa_devices.enable(one.id, user_id(1), user_id(1), LATER)
        assert not await data.mfa_devices.enable(one.id, ACCOUNT, None, LATER)
        assert await data.mfa_devices.enable(two.id, ACCOUNT, None, LATER)
    users = replace(one, owner_id=user_id(1), user=user(1, tags=one.tags), enabled_at=LATER)
    roots = replace(two, owner_id=ACCOUNT, enabled_at=LATER)
    async with database.reading() as data:
        assert await data.mfa_devices.of([user_id(1), ACCOUNT, user_id(2)]) == {
            user_id(1): (users,),
            ACCOUNT: (roots,),
            user_id(2): (),
        }
        for status, found in ((AssignmentStatus.ASSIGNED, (users, roots)), (AssignmentStatus.UNASSIGNED, None)):
            page = await data.mfa_devices.page(ACCOUNT, status, after=None, limit=9)
            assert page.items == (found or (mfa_device(3, "B", path="/x/"),))
    with pytest.raises(DeleteConflict):
        async with database.writing() as data:
            await data.users.delete(user_id(1))
    async with database.writing() as data:
        await data.mfa_devices.deactivate(one.id)
        await data.users.delete(user_id(1))
        await data.mfa_devices.delete(one.id)
        await data.mfa_devices.set_drift(two.id, -7)
        await data.mfa_devices.set_tags(two.id, one.tags)
        assert await data.mfa_devices.by_ids([one.id, two.id]) == {two.id: replace(roots, drift=-7, tags=one.tags)}


async def test_a_step_is_used_once(database: Database) -> None:
    one, two, _ = await fill(database)

    async def use(first: int, last: int) -> bool:
        async with database.writing() as data:
            return await data.mfa_devices.use(one.id, first=first, last=last)

    assert sorted(await asyncio.gather(*(use(10, 10) for _ in range(8)))) == [False] * 7 + [True]
    assert [await use(9, 9), await use(10, 11), await use(11, 12), await use(12, 12)] == [False, False, True, False]
    async with database.reading() as data:
        found = await data.mfa_devices.by_ids([one.id, two.id])
        assert [found[id].last_step for id in (one.id, two.id)] == [12, 0]
