"""Long-term keys and sessions' keys: found with whom they speak for, in one statement."""

from __future__ import annotations

from dataclasses import replace

from iamgraph.domain.entities import AccessKey, KeyStatus, Tag
from iamgraph.store.keys import OwnedKey
from iamgraph.store.unit import Database

from .made import ACCOUNT, ALLOW, NOW, add_account, policy, policy_id, role, role_id, session, user

TAGS = (Tag(key="team", value="é"),)


def key(id: str, owner_id: str) -> AccessKey:
    return AccessKey(id=id, account_id=ACCOUNT, owner_id=owner_id, status=KeyStatus.ACTIVE, created_at=NOW)


async def test_a_long_term_key_comes_with_its_owner(database: Database) -> None:
    async with database.writing() as data:
        owner = await add_account(data, alias="a")
        await data.policies.add(policy(1), ALLOW)
        alice = user(1, "alice", tags=TAGS, boundary_id=policy_id(1), boundary_arn=policy(1).arn)
        await data.users.add(alice)
        hers, roots = key("AKIA1", alice.id), key("AKIA2", ACCOUNT)
        await data.keys.add(hers, "sealed 1")
        await data.keys.add(roots, "sealed 2")
        await data.keys.set_status("AKIA1", KeyStatus.INACTIVE)
        revision = await data.accounts.lock(ACCOUNT)
    now = replace(owner, revision=revision)
    async with database.reading() as data:
        before = database.statements
        assert await data.keys.with_owner("AKIA1") == OwnedKey(
            key=replace(hers, status=KeyStatus.INACTIVE), sealed_secret="sealed 1", account=now, user=alice
        )
        assert database.statements - before == 1
        found = await data.keys.with_owner("AKIA2")
        assert found == OwnedKey(key=roots, sealed_secret="sealed 2", account=now, user=None)
        assert "sealed" not in repr(found)
        assert await data.keys.with_owner("AKIA3") is None
        assert await data.keys.with_owner("akia1") is None


async def test_a_temporary_key_comes_with_its_session(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await data.roles.add(role(1, tags=TAGS))
        made = session("s1", role(1), access_key_id="ASIA1")
        await data.sessions.add(made, token_hash="t1", sealed_secret="sealed", session_token_hash="st1")
        without = session("s2", user(1))
        await data.sessions.add(without, token_hash="t2", sealed_secret=None, session_token_hash=None)
    async with database.reading() as data:
        before = database.statements
        found = await data.sessions.by_access_key("ASIA1")
        assert database.statements - before == 1
        assert found is not None and found.speaks_for == await data.sessions.by_token("t1")
        assert (found.sealed_secret, found.session_token_hash) == ("sealed", "st1")
        assert "sealed" not in repr(found).replace("sealed_secret", "")
        assert await data.sessions.by_access_key("ASIA2") is None
    async with database.writing() as data:
        await data.roles.delete(role_id(1))
    async with database.reading() as data:
        assert await data.sessions.by_access_key("ASIA1") is None
