"""Passkeys in the store: each credential once, counters that only go on, challenges that are used once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from iamgraph.domain.errors import DeleteConflict, EntityAlreadyExists
from iamgraph.domain.passkeys import Passkey
from iamgraph.store.unit import Database

from .made import ACCOUNT, LATER, NOW, OTHER, add_account, user, user_id


def passkey(n: int, owner_id: str = user_id(1), **changes: Any) -> Passkey:
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "owner_id": owner_id,
        "user": user(1) if owner_id == user_id(1) else None,
        "name": "key",
        "credential_id": f"credential{n}",
        "public_key": bytes([n, 0, 255]),
        "sign_count": 2**32 - 1,
        "transports": ("internal", "usb"),
        "enabled_at": NOW,
    }
    return Passkey(id=f"{n:032x}", **(values | changes))


async def fill(database: Database, *passkeys: Passkey) -> None:
    async with database.writing() as data:
        await add_account(data)
        await add_account(data, OTHER)
        await data.users.add(user(1))
        for one in passkeys:
            await data.passkeys.add(one)


async def test_a_passkey_is_read_as_it_was_added(database: Database) -> None:
    one, two, roots = passkey(1, name="b"), passkey(2, name="a", transports=()), passkey(3, ACCOUNT)
    await fill(database, one, two, roots)
    async with database.reading() as data:
        assert await data.passkeys.by_ids([one.id, roots.id, "x"]) == {one.id: one, roots.id: roots}
        assert await data.passkeys.of([user_id(1), ACCOUNT, OTHER]) == {
            user_id(1): (two, one),
            ACCOUNT: (roots,),
            OTHER: (),
        }
        assert (await data.passkeys.count(ACCOUNT), await data.passkeys.count(OTHER)) == (3, 0)
    with pytest.raises(DeleteConflict):
        async with database.writing() as data:
            await data.users.delete(user_id(1))
    async with database.writing() as data:
        await data.passkeys.delete(one.id)
        assert await data.passkeys.by_ids([one.id]) == {}
        await data.passkeys.add(replace(one, id=f"{9:032x}"))


async def test_a_credential_is_somebodys_in_whatever_account(database: Database) -> None:
    long = "x" * 1364
    await fill(database, passkey(1, credential_id=long))
    for other in (passkey(2, credential_id=long), passkey(3, OTHER, account_id=OTHER, credential_id=long)):
        with pytest.raises(EntityAlreadyExists):
            async with database.writing() as data:
                await data.passkeys.add(other)
    async with database.writing() as data:
        await data.passkeys.add(passkey(4, credential_id=long[:-1]))


async def test_a_counter_goes_on_or_is_none(database: Database) -> None:
    await fill(database, passkey(1, sign_count=0), passkey(2, sign_count=5))
    async with database.writing() as data:
        counts = (0, 0, 3, 3, 0, 2, 4, 2**32 - 1, 2**32 - 1)
        used = [await data.passkeys.use(passkey(1).id, count) for count in counts]
        assert used == [True, True, True, False, False, False, True, True, False]
        assert [await data.passkeys.use(passkey(2).id, count) for count in (5, 0, 6)] == [False, False, True]
        assert not await data.passkeys.use("x", 9)


async def test_a_challenge_is_used_once(database: Database) -> None:
    """By one of many transactions; what one that fails has used is not used."""

    async def use(challenge: bytes) -> bool:
        async with database.writing() as data:
            return await data.passkeys.use_challenge(challenge, LATER)

    with pytest.raises(ZeroDivisionError):
        async with database.writing() as data:
            assert await data.passkeys.use_challenge(b"one", LATER)
            raise ZeroDivisionError
    assert sorted(await asyncio.gather(*(use(b"one") for _ in range(5)))) == [False] * 4 + [True]
    assert await use(b"other")
    async with database.writing() as data:
        await data.passkeys.forget_challenges(LATER - timedelta(microseconds=1))
    assert not await use(b"one")
    async with database.writing() as data:
        await data.passkeys.forget_challenges(LATER)
    assert await use(b"one")
