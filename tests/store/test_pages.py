"""Lists: the order of names, pages that meet each item once, and statements that do not grow with the page."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from iamgraph.domain.entities import IdentityKind
from iamgraph.store.attachments import attachment_key
from iamgraph.store.session import StoreSession
from iamgraph.store.unit import Database

from .made import (
    ACCOUNT,
    ALLOW,
    NOW,
    add_account,
    add_session,
    group,
    group_id,
    instance_profile,
    mfa_device,
    oidc_provider,
    policy,
    policy_id,
    role,
    saml_provider,
    session,
    user,
    user_id,
)

# Sorted here by their bytes, as both stores must, whatever the locale of either.
NAMES = sorted(
    [f"{letter}{mark}{n}" for letter in "aAbBzZ0_" for mark in ("-", "_", ".", "@", "+", "=") for n in range(2)]
    + ["a", "A", "-", "_"]
)


async def test_names_sort_by_their_bytes(database: Database) -> None:
    assert len(NAMES) == 100
    shuffled = [user(n, f"{name}{n}") for n, name in enumerate(random.Random(1).sample(NAMES, len(NAMES)))]
    async with database.writing() as data:
        await add_account(data)
        for one in shuffled:
            await data.users.add(one)
    async with database.reading() as data:
        page = await data.users.page(ACCOUNT, after=None, limit=100)
    assert [one.name for one in page.items] == sorted((one.name for one in shuffled), key=str.encode)
    assert not page.more


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
async def test_pages_meet_each_name_once(database: Database, limit: int) -> None:
    async with database.writing() as data:
        await add_account(data)
        for n in range(7):
            await data.policies.add(policy(n), ALLOW)
    met: list[str] = []
    more, after = True, None
    async with database.reading() as data:
        while more:
            page = await data.policies.page(ACCOUNT, after=after, limit=limit)
            assert len(page.items) <= limit
            met += [one.name for one in page.items]
            more, after = page.more, met[-1]
    assert met == [f"policy{n}" for n in range(7)]


async def test_path_prefix_is_plain_text(database: Database) -> None:
    paths = ["/", "/a/", "/ab/", "/A/", "/a/b/", "/a%/", "/a_/"]
    async with database.writing() as data:
        await add_account(data)
        for n, path in enumerate(paths):
            await data.roles.add(role(n, path=path))
    async with database.reading() as data:
        for prefix in ["/", "/a", "/a/", "/A", "/a%", "/a_", "/%", "/x", "/a\x00"]:
            page = await data.roles.page(ACCOUNT, path_prefix=prefix, after=None, limit=100)
            assert [one.path for one in page.items] == [path for path in paths if path.startswith(prefix)], prefix


async def test_only_attached(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        for n in range(5):
            await data.policies.add(policy(n), ALLOW)
        await data.users.add(user(1, boundary_id=policy_id(4)))
        await data.groups.add(group(1))
        await data.roles.add(role(1))
        await data.attachments.attach(IdentityKind.USER, user_id(1), policy_id(0), NOW)
        await data.attachments.attach(IdentityKind.GROUP, group_id(1), policy_id(1), NOW)
        await data.attachments.attach(IdentityKind.ROLE, role(1).id, policy_id(2), NOW)
        page = await data.policies.page(ACCOUNT, only_attached=True, after=None, limit=2)
        assert ([one.name for one in page.items], page.more) == (["policy0", "policy1"], True)
        page = await data.policies.page(ACCOUNT, only_attached=True, after="policy1", limit=2)
        assert ([one.name for one in page.items], page.more) == (["policy2"], False)


async def test_members(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        for n in range(3):
            await data.groups.add(group(n))
        for n in range(5):
            await data.users.add(user(n))
            assert await data.memberships.add(group_id(0), user_id(n), NOW)
        assert not await data.memberships.add(group_id(0), user_id(1), NOW)
        await data.memberships.add(group_id(1), user_id(4), NOW)
        pages = await data.memberships.members_of([group_id(0), group_id(1), group_id(2)], after="user2", limit=1)
        assert {key: ([one.name for one in page.items], page.more) for key, page in pages.items()} == {
            group_id(0): (["user3"], True),
            group_id(1): (["user4"], False),
            group_id(2): ([], False),
        }
        assert await data.memberships.groups_of([user_id(4), user_id(9)]) == {
            user_id(4): (group(0), group(1)),
            user_id(9): (),
        }
        assert await data.memberships.remove(group_id(1), user_id(4))
        assert not await data.memberships.remove(group_id(1), user_id(4))


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
async def test_targets_of_a_policy(database: Database, limit: int) -> None:
    """One user has the policy attached and as its boundary: both are met, once each, wherever pages end."""
    async with database.writing() as data:
        await add_account(data)
        await data.policies.add(policy(1), ALLOW)
        await data.policies.add(policy(2), ALLOW)
        await data.users.add(user(1, "same"))
        await data.users.set_boundary(user_id(1), policy_id(1))
        await data.groups.add(group(1, "same"))
        await data.roles.add(role(1, "Zed", boundary_id=policy_id(1)))
        await data.attachments.attach(IdentityKind.USER, user_id(1), policy_id(1), NOW)
        await data.attachments.attach(IdentityKind.GROUP, group_id(1), policy_id(1), NOW)
    met: list[tuple[str, bool]] = []
    more, after = True, None
    async with database.reading() as data:
        while more:
            pages = await data.attachments.targets(
                [policy_id(1), policy_id(2)], viewer=ACCOUNT, after=after, limit=limit
            )
            page = pages[policy_id(1)]
            assert pages[policy_id(2)].items == ()
            met += [(one.target.id, one.as_boundary) for one in page.items]
            more, after = page.more, attachment_key(page.items[-1])
        assert met == [(role(1).id, True), (group_id(1), False), (user_id(1), False), (user_id(1), True)]
        first = (await data.attachments.targets([policy_id(1)], viewer=ACCOUNT, after=None, limit=9))[
            policy_id(1)
        ].items[0]
        assert first.target == role(1, "Zed", boundary_id=policy_id(1), boundary_arn=policy(1).arn)


async def test_attached_and_inline(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        await data.groups.add(group(1))
        for n, name in enumerate(["b", "A", "a-"]):
            await data.policies.add(policy(n, name), ALLOW)
            assert await data.attachments.attach(IdentityKind.GROUP, group_id(1), policy_id(n), NOW)
            await data.inline.put(IdentityKind.GROUP, group_id(1), name, "{}", NOW)
        assert not await data.attachments.attach(IdentityKind.GROUP, group_id(1), policy_id(1), NOW)
        await data.inline.put(IdentityKind.GROUP, group_id(1), "A", ALLOW, NOW)
        attached = await data.attachments.of(IdentityKind.GROUP, [group_id(1), group_id(2)])
        assert [one.policy for one in attached[group_id(1)]] == [
            replace(policy(n, name), attachment_count=1) for n, name in [(1, "A"), (2, "a-"), (0, "b")]
        ]
        assert attached[group_id(1)][0].attached_at == NOW
        assert attached[group_id(2)] == ()
        inline = await data.inline.of(IdentityKind.GROUP, [group_id(1)])
        assert [(one.name, one.document) for one in inline[group_id(1)]] == [("A", ALLOW), ("a-", "{}"), ("b", "{}")]
        pairs = [(group_id(1), "A"), (group_id(1), "a"), (group_id(2), "A")]
        assert await data.inline.get(IdentityKind.GROUP, pairs) == {pairs[0]: inline[group_id(1)][0]}
        assert await data.inline.delete(IdentityKind.GROUP, group_id(1), "A")
        assert not await data.inline.delete(IdentityKind.GROUP, group_id(1), "A")
        assert await data.attachments.detach(IdentityKind.GROUP, group_id(1), policy_id(0))
        assert not await data.attachments.detach(IdentityKind.GROUP, group_id(1), policy_id(0))


Read = Callable[[StoreSession, list[int]], Awaitable[object]]
READS: dict[str, tuple[int, Read]] = {
    "users": (1, lambda data, n: data.users.by_ids([user_id(i) for i in n])),
    "roles": (1, lambda data, n: data.roles.by_ids([role(i).id for i in n])),
    "instance profiles": (2, lambda data, n: data.instance_profiles.by_ids([instance_profile(i).id for i in n])),
    "of roles": (
        2,
        lambda data, n: data.instance_profiles.of_roles([role(i).id for i in n], after=None, limit=5),
    ),
    "groups of users": (1, lambda data, n: data.memberships.groups_of([user_id(i) for i in n])),
    "members of groups": (
        1,
        lambda data, n: data.memberships.members_of([group_id(i) for i in n], after=None, limit=5),
    ),
    "attached": (1, lambda data, n: data.attachments.of(IdentityKind.USER, [user_id(i) for i in n])),
    "targets": (
        4,
        lambda data, n: data.attachments.targets([policy_id(i) for i in n], viewer=ACCOUNT, after=None, limit=5),
    ),
    "inline": (1, lambda data, n: data.inline.of(IdentityKind.USER, [user_id(i) for i in n])),
    "versions": (1, lambda data, n: data.policies.versions([policy_id(i) for i in n])),
    "keys": (1, lambda data, n: data.keys.of([user_id(i) for i in n])),
    "mfa devices": (1, lambda data, n: data.mfa_devices.of([user_id(i) for i in n])),
    "mfa devices by id": (1, lambda data, n: data.mfa_devices.by_ids([mfa_device(i).id for i in n])),
    "oidc providers": (1, lambda data, n: data.oidc_providers.by_ids([oidc_provider(i).id for i in n])),
    "saml providers": (2, lambda data, n: data.saml_providers.by_ids([saml_provider(i).id for i in n])),
    "login profiles": (1, lambda data, n: data.login_profiles.of([user_id(i) for i in n])),
    "sessions": (1, lambda data, n: data.sessions.page([user_id(i) for i in n], after=None, limit=5, at=NOW)),
    "chained": (1, lambda data, n: data.sessions.children([f"s{i}" for i in n])),
    "principals": (2, lambda data, n: data.principals.resolve([t for i in n for t in (user(i).arn, role(i).arn)])),
}


async def test_statements_do_not_grow_with_the_page(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        for n in range(100):
            await data.policies.add(policy(n), ALLOW)
            await data.users.add(user(n, boundary_id=policy_id(n)))
            await data.groups.add(group(n))
            await data.roles.add(role(n))
            await data.instance_profiles.add(instance_profile(n))
            await data.instance_profiles.set_role(instance_profile(n).id, role(n).id)
            await data.mfa_devices.add(mfa_device(n), "")
            await data.mfa_devices.enable(mfa_device(n).id, user_id(n), user_id(n), NOW)
            await data.saml_providers.add(saml_provider(n))
            await data.memberships.add(group_id(n), user_id(n), NOW)
            await data.attachments.attach(IdentityKind.USER, user_id(n), policy_id(n), NOW)
            await data.attachments.attach(IdentityKind.GROUP, group_id(n), policy_id(n), NOW)
            await data.attachments.attach(IdentityKind.ROLE, role(n).id, policy_id(n), NOW)
            await add_session(data, session(f"s{n}", user(n)))
    sent = {}
    async with database.reading() as data:
        for name, (_, read) in READS.items():
            for count in (10, 100):
                before = database.statements
                await read(data, list(range(count)))
                sent[name, count] = database.statements - before
    assert sent == {(name, count): number for name, (number, _) in READS.items() for count in (10, 100)}
