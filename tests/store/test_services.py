"""The services of accounts, as the store keeps them."""

from __future__ import annotations

from dataclasses import replace

from iamgraph.store.unit import Database

from ..own_services import orders
from .made import ACCOUNT, LATER, OTHER, add_account


async def test_services(database: Database) -> None:
    """Put, replaced and deleted by account and prefix, and nothing of it in another account."""
    first = orders()
    other = orders(account_id=OTHER, actions=(), resource_types=(), condition_keys=())
    async with database.writing() as data:
        await add_account(data)
        await add_account(data, OTHER)
        await data.services.put(first)
        await data.services.put(other)
    async with database.reading() as data:
        assert await data.services.named(ACCOUNT, ["orders", "sales"]) == {"orders": first}
        assert await data.services.named(OTHER, ["orders"]) == {"orders": other}
        assert await data.services.named(ACCOUNT, []) == {}

    changed = orders(actions=first.actions[:1], created_at=LATER, updated_at=LATER)
    async with database.writing() as data:
        await data.services.put(changed)
        assert await data.services.delete(ACCOUNT, "sales") is False
        assert await data.services.delete(OTHER, "orders") is True
    async with database.reading() as data:
        # When it was made stays.
        assert await data.services.all(ACCOUNT) == (replace(changed, created_at=first.created_at),)
        assert (await data.services.all(OTHER), await data.services.count(OTHER)) == ((), 0)


async def test_services_are_paged_by_prefix(database: Database) -> None:
    prefixes = ["s-a", "sa", "s1", "s", "sb"]
    async with database.writing() as data:
        await add_account(data)
        await add_account(data, OTHER)
        for prefix in prefixes:
            await data.services.put(orders(prefix=prefix))
        await data.services.put(orders(prefix="other", account_id=OTHER))
    async with database.reading() as data:
        found, after = [], None
        while True:
            page = await data.services.page(ACCOUNT, after=after, limit=2)
            found += [service.prefix for service in page.items]
            after = found[-1]
            if not page.more:
                break
        assert found == sorted(prefixes) == [service.prefix for service in await data.services.all(ACCOUNT)]
        assert await data.services.count(ACCOUNT) == 5
