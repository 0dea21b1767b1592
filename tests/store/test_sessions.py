"""Sessions: by token, in pages, and how they end with all that was chained from them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from iamgraph.domain.entities import FederatedOrigin, SessionPolicies, SessionSource, Tag
from iamgraph.store.sessions import Authenticated
from iamgraph.store.unit import Database

from .made import (
    ACCOUNT,
    ALLOW,
    LATER,
    NOW,
    account,
    add_account,
    add_session,
    policy,
    policy_id,
    role,
    role_id,
    session,
    user,
    user_id,
)

TAGS = (Tag(key="team", value="é"),)
ORIGIN = FederatedOrigin(
    provider_id="p1", provider_arn="arn:aws:iam::1:oidc-provider/x", issuer="https://x", subject='s"é',
    context={"x:sub": 's"é', "x:amr": ("pwd", "otp")},
)  # fmt: skip


async def test_by_token_is_one_statement(database: Database) -> None:
    async with database.writing() as data:
        owner = await add_account(data, alias="a")
        await data.policies.add(policy(1), ALLOW)
        alice = user(1, "alice", tags=TAGS, boundary_id=policy_id(1), boundary_arn=policy(1).arn)
        await data.users.add(alice)
        await data.roles.add(role(1, tags=TAGS))
        await add_session(data, session("s1", alice))
        chained = session(
            "s2",
            role(1, tags=TAGS),
            parent_id="s1",
            access_key_id="ASIA1",
            policies=SessionPolicies(document=ALLOW, policy_ids=(policy_id(1),)),
            source_identity="alice",
            tags=TAGS,
            transitive_tag_keys=("team",),
            mfa_at=NOW,
            federation=ORIGIN,
        )
        await data.sessions.add(chained, token_hash="t2", sealed_secret="sealed", session_token_hash="st2")
        await add_session(data, session("s3", owner))
        await data.users.rename(alice.id, name="alicia", path="/x/")
    alicia = replace(alice, name="alicia", path="/x/")
    async with database.reading() as data:
        before = database.statements
        assert await data.sessions.by_token("hash of s1") == Authenticated(
            session=session("s1", alicia), account=owner, user=alicia, boundary_id=policy_id(1)
        )
        assert database.statements - before == 1
        assert await data.sessions.by_token("t2") == Authenticated(
            session=chained, account=owner, user=None, boundary_id=None
        )
        assert await data.sessions.by_token("hash of s3") == Authenticated(
            session=session("s3", owner), account=owner, user=None, boundary_id=None
        )
        assert await data.sessions.by_token("no such") is None
    async with database.writing() as data:
        await data.users.delete(alice.id)
        await data.roles.delete(role_id(1))
    async with database.reading() as data:
        assert await data.sessions.by_token("hash of s1") is None
        assert await data.sessions.by_token("t2") is None
        # Its name at the start is all that is left of a principal.
        left = {"s1": session("s1", alice, principal_tags=()), "s2": replace(chained, principal_tags=())}
        assert await data.sessions.by_ids(["s1", "s2", "s9"]) == left


async def test_validity_ends_to_the_microsecond(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await add_session(data, session("s1", user(1), expires_at=LATER))
        just = timedelta(microseconds=1)
        for check in (data.sessions.valid, data.sessions.hold):
            assert await check("s1", LATER - just)
            assert not await check("s1", LATER)
            assert not await check("s9", NOW)
        await data.sessions.revoke("s1", NOW)
        assert not await data.sessions.valid("s1", NOW)
        assert not await data.sessions.hold("s1", NOW)


async def test_pages_are_newest_first(database: Database) -> None:
    second = timedelta(seconds=1)
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        for id, changes in {
            "a": {"issued_at": NOW},
            "b": {"issued_at": NOW},
            "c": {"issued_at": NOW.replace(microsecond=0)},
            "d": {"issued_at": NOW + second},
            "expired": {"expires_at": LATER},
            "revoked": {"revoked_at": NOW},
        }.items():
            await add_session(data, session(id, user(1), **changes))
    met: list[str] = []
    after = None
    async with database.reading() as data:
        while True:
            pages = await data.sessions.page([user_id(1), user_id(2)], after=after, limit=2, at=LATER)
            assert pages[user_id(2)].items == ()
            page = pages[user_id(1)]
            met += [one.id for one in page.items]
            after = (page.items[-1].issued_at.isoformat(), page.items[-1].id)
            if not page.more:
                break
    assert met == ["d", "b", "a", "c"]


async def test_revoking_ends_what_was_chained(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await data.roles.add(role(1))
        await add_session(data, session("root", user(1)))
        await add_session(data, session("sibling", user(1)))
        await add_session(data, session("child", role(1), parent_id="root"))
        await add_session(data, session("over", role(1), parent_id="root", expires_at=NOW + timedelta(seconds=1)))
        await add_session(data, session("of over", role(1), parent_id="over", issued_at=LATER))
        await add_session(data, session("grandchild", role(1), parent_id="child"))
        assert [one.id for one in (await data.sessions.children(["root"]))["root"]] == ["child", "over"]
    async with database.writing() as data:
        ended = await data.sessions.revoke("root", LATER)
        assert ended[0].id == "root"
        assert {one.id for one in ended} == {"root", "child", "grandchild", "of over"}
        assert {one.revoked_at for one in ended} == {LATER}
        assert await data.sessions.revoke("root", LATER + timedelta(seconds=1)) == ()
        assert (await data.sessions.by_ids(["root"]))["root"].revoked_at == LATER
        assert await data.sessions.valid("sibling", LATER)


async def test_revoking_the_sessions_of_a_principal(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await data.roles.add(role(1))
        for id in ("one", "two", "kept"):
            await add_session(data, session(id, user(1)))
            await add_session(data, session(f"from {id}", role(1), parent_id=id))
        passwords = [SessionSource.PASSWORD]
        assert await data.sessions.revoke_of(user_id(1), LATER, sources=passwords, keep="kept") == 4
        again = LATER + timedelta(seconds=1)
        assert await data.sessions.revoke_of(user_id(1), again, sources=passwords, keep="kept") == 0
        assert await data.sessions.revoke_of(user_id(1), LATER, sources=[SessionSource.ASSUME_ROLE]) == 0
        for id in ("kept", "from kept"):
            assert await data.sessions.valid(id, LATER)
        for id in ("one", "two", "from one", "from two"):
            assert not await data.sessions.valid(id, LATER)


async def test_nothing_is_chained_from_a_session_while_it_is_revoked(database: Database) -> None:
    """Twenty chain from one session while it ends: each either sees that it is over, or ends with it."""
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await data.roles.add(role(1))
        await add_session(data, session("parent", user(1)))

    async def chain(n: int) -> bool:
        async with database.writing() as data:
            held = await data.sessions.hold("parent", NOW)
            await asyncio.sleep(0.002)
            if held:
                await add_session(data, session(f"child{n}", role(1), parent_id="parent"))
            return held

    async def revoke() -> int:
        await asyncio.sleep(0.004)
        async with database.writing() as data:
            return len(await data.sessions.revoke("parent", LATER))

    *held, ended = await asyncio.gather(*map(chain, range(20)), revoke())
    assert ended == 1 + sum(held)
    async with database.reading() as data:
        pages = await data.sessions.page([role_id(1)], after=None, limit=100, at=LATER)
        assert pages[role_id(1)].items == ()


async def test_account_locks_make_counting_safe(database: Database) -> None:
    async with database.writing() as data:
        await data.accounts.add(account(), root_password_hash="h")

    async def add(n: int) -> bool:
        async with database.writing() as data:
            await data.accounts.lock(ACCOUNT)
            if await data.users.count(ACCOUNT) >= 2:
                return False
            await data.users.add(user(n))
            return True

    assert sum(await asyncio.gather(*map(add, range(20)))) == 2
    async with database.reading() as data:
        assert await data.accounts.revision(ACCOUNT) == 21
