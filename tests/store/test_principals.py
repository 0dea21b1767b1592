"""Who is who: trust policies through renaming and deletion, principals by text, keys, passwords, and what decides."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from iamgraph.domain.entities import (
    AccessKey,
    IdentityKind,
    KeyStatus,
    LoginProfile,
    PasswordPolicy,
    PolicyVersion,
    PrincipalType,
)
from iamgraph.domain.errors import DeleteConflict, EntityAlreadyExists
from iamgraph.store.access import PolicyRow
from iamgraph.store.unit import Database

from .made import (
    ACCOUNT,
    ALLOW,
    LATER,
    NOW,
    OTHER,
    add_account,
    group,
    group_id,
    policy,
    policy_id,
    role,
    role_id,
    user,
    user_id,
)


def trust(*principals: str) -> str:
    """With spaces and an escape that must stay."""
    return (
        '{ "Version":"2012-10-17",\n "Statement": [{"Effect":"Allow","Sid":"\\u0041", "Principal":{"AWS":['
        + ", ".join(map(json.dumps, principals))
        + ']},"Action":"sts:AssumeRole"}] }'
    )


ALICE = "arn:aws:iam::111122223333:user/alice"
DEV = "arn:aws:iam::111122223333:role/a/dev"
CI = "arn:aws:sts::111122223333:assumed-role/dev/ci"
STRANGER = "arn:aws:iam::444455556666:user/stranger"
ROOT = "arn:aws:iam::444455556666:root"


async def test_trust_policies_follow_their_principals(database: Database) -> None:
    bindings = {ALICE: user_id(1), DEV: role_id(2), CI: role_id(2), STRANGER: user_id(3)}
    async with database.writing() as data:
        await add_account(data)
        await add_account(data, OTHER)
        await data.users.add(user(1, "alice"))
        await data.roles.add(role(2, "dev", path="/a/"))
        await data.users.add(user(3, "stranger", account_id=OTHER))
        written = trust(ALICE, DEV, CI, STRANGER, ROOT)
        await data.roles.add(role(1, trust_policy=written, bindings=bindings))

    async def shown() -> tuple[str, dict[str, str]]:
        async with database.reading() as data:
            found = (await data.roles.named(ACCOUNT, ["role1"]))["role1"]
            return found.trust_policy, dict(found.bindings)

    assert await shown() == (written, bindings)

    async with database.writing() as data:
        await data.users.rename(user_id(1), name="alicia", path="/x/")
        await data.users.rename(user_id(3), name="renamed", path="/")
    alicia = "arn:aws:iam::111122223333:user/x/alicia"
    assert await shown() == (
        trust(alicia, DEV, CI, STRANGER, ROOT),
        {alicia: user_id(1), DEV: role_id(2), CI: role_id(2), STRANGER: user_id(3)},
    )

    async with database.writing() as data:
        await data.users.delete(user_id(1))
        await data.users.delete(user_id(3))
        await data.roles.delete(role_id(2))
        # The same names again are other principals.
        await data.users.add(user(4, "alice"))
        await data.roles.add(role(5, "dev", path="/a/"))
    assert await shown() == (
        trust(user_id(1), role_id(2), role_id(2), STRANGER, ROOT),
        {user_id(1): user_id(1), role_id(2): role_id(2), STRANGER: user_id(3)},
    )

    async with database.writing() as data:
        await data.roles.set_trust(role_id(1), trust(ALICE), {ALICE: user_id(4)})
    assert await shown() == (trust(ALICE), {ALICE: user_id(4)})
    async with database.writing() as data:
        assert await data.roles.delete(role_id(1))


async def test_principals_by_text(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        await add_account(data, OTHER)
        await data.users.add(user(1, "alice"))
        await data.roles.add(role(2, "dev", path="/a/"))
        await data.users.add(user(3, "stranger", account_id=OTHER))
        found = {ALICE: user_id(1), DEV: role_id(2), CI: role_id(2), STRANGER: user_id(3), role_id(2): role_id(2)}
        absent = [
            ROOT,
            "*",
            "",
            "arn:aws:iam::111122223333:user/Alice",
            "arn:aws:iam::111122223333:user/x/alice",
            "arn:aws:iam::444455556666:user/alice",
            "arn:aws:iam::111122223333:role/dev",
            "arn:aws:iam::111122223333:group/alice",
            "arn:aws:sts::111122223333:assumed-role/a/dev/ci",
            "arn:aws:sts::111122223333:assumed-role/ci",
            "arn:aws:iam::111122223333:assumed-role/dev/ci",
            user_id(9),
            "AIDA\x00",
        ]
        assert await data.principals.resolve([*found, *absent]) == found
        assert await data.principals.resolve([]) == {}


async def test_versions(database: Database) -> None:
    pid = policy_id(1)
    async with database.writing() as data:
        await add_account(data)
        await data.policies.add(policy(1), '{"n":1}')
        await data.policies.add_version(pid, '{"n":2}', LATER, default=False)
        assert await data.policies.add_version(pid, '{"n":3}', LATER, default=True) == PolicyVersion(
            policy_id=pid, version_id="v3", is_default=True, created_at=LATER, document='{"n":3}'
        )
        assert not await data.policies.delete_version(pid, "v3")
        assert await data.policies.delete_version(pid, "v2")
        for none in ("v2", "v0", "3", "v3.1", "v99999999999999999999"):
            assert not await data.policies.set_default(pid, none, NOW)
            assert not await data.policies.delete_version(pid, none)
        # Neither the number of a deleted version comes back, nor that of the newest one.
        assert (await data.policies.add_version(pid, "{}", LATER, default=False)).version_id == "v4"
        assert await data.policies.delete_version(pid, "v4")
        assert (await data.policies.add_version(pid, "{}", LATER, default=False)).version_id == "v5"
        assert await data.policies.set_default(pid, "v1", LATER + timedelta(1))
    async with database.reading() as data:
        versions = (await data.policies.versions([pid, policy_id(2)]))[pid]
        assert [(one.version_id, one.is_default, one.document) for one in versions] == [
            ("v5", False, None),
            ("v3", False, None),
            ("v1", True, None),
        ]
        found = await data.policies.version([(pid, "v3"), (pid, "v2"), (policy_id(2), "v1")])
        assert {key: one.document for key, one in found.items()} == {(pid, "v3"): '{"n":3}'}
        one = (await data.policies.by_ids([pid]))[pid]
        assert (one.default_version, one.updated_at) == ("v1", LATER + timedelta(1))
    async with database.writing() as data:
        with pytest.raises(KeyError):
            await data.policies.add_version(policy_id(9), "{}", NOW, default=True)
        assert await data.policies.delete(pid)


async def test_keys(database: Database) -> None:
    keys = [
        AccessKey(id=f"AKIA{n:016}", account_id=ACCOUNT, owner_id=owner, status=KeyStatus.ACTIVE, created_at=at)
        for n, owner, at in [(1, user_id(1), LATER), (3, user_id(1), NOW), (2, user_id(1), NOW), (4, ACCOUNT, NOW)]
    ]
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        for key in keys:
            await data.keys.add(key, f"sealed {key.id}")
        assert await data.keys.of([user_id(1), ACCOUNT, user_id(2)]) == {
            user_id(1): (keys[2], keys[1], keys[0]),
            ACCOUNT: (keys[3],),
            user_id(2): (),
        }
        await data.keys.set_status(keys[0].id, KeyStatus.INACTIVE)
        assert (await data.keys.get([keys[0].id, "AKIA"]))[keys[0].id].status is KeyStatus.INACTIVE
        assert await data.keys.sealed_secret(keys[0].id) == f"sealed {keys[0].id}"
        assert await data.keys.sealed_secret("AKIA") is None
    with pytest.raises(DeleteConflict):
        async with database.writing() as data:
            await data.users.delete(user_id(1))
    async with database.writing() as data:
        for key in keys[:3]:
            assert await data.keys.delete(key.id)
        assert not await data.keys.delete(keys[0].id)
        assert await data.users.delete(user_id(1))


async def test_login_profiles(database: Database) -> None:
    profile = LoginProfile(user_id=user_id(1), created_at=NOW, password_reset_required=True, password_set_at=NOW)
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await data.login_profiles.add(profile, "old")
        with pytest.raises(EntityAlreadyExists):
            await data.login_profiles.add(profile, "other")
        assert await data.login_profiles.of([user_id(1), user_id(2)]) == {user_id(1): profile}
        assert not await data.login_profiles.rehash(user_id(1), "another", "newer")
        assert await data.login_profiles.rehash(user_id(1), "old", "newer")
        assert await data.login_profiles.password_hash(user_id(1)) == "newer"
        assert await data.login_profiles.password_hash(user_id(2)) is None
        assert await data.login_profiles.past_hashes(user_id(1)) == ()
        await data.login_profiles.set_password(user_id(1), "set", reset_required=False, at=LATER, past=2)
        assert await data.login_profiles.password_hash(user_id(1)) == "set"
        found = (await data.login_profiles.of([user_id(1)]))[user_id(1)]
        assert (found.password_reset_required, found.password_set_at, found.created_at) == (False, LATER, NOW)
        assert found.password_expires_at is None
        await data.login_profiles.require_reset(user_id(1), True)
        found = (await data.login_profiles.of([user_id(1)]))[user_id(1)]
        assert (found.password_reset_required, found.password_set_at) == (True, LATER)
        for hash, past, kept in (
            ("a", 2, ("set", "newer")),
            ("b", 2, ("a", "set")),
            ("c", 1, ("b",)),
            ("d", 0, ()),
            ("e", 24, ("d",)),
        ):
            await data.login_profiles.set_password(user_id(1), hash, reset_required=False, at=LATER, past=past)
            assert await data.login_profiles.past_hashes(user_id(1)) == kept
        await data.accounts.set_password_policy(ACCOUNT, PasswordPolicy(max_age_days=3))
        found = (await data.login_profiles.of([user_id(1)]))[user_id(1)]
        assert found.password_expires_at == LATER + timedelta(days=3)
        assert await data.login_profiles.delete(user_id(1))
        assert not await data.login_profiles.delete(user_id(1))
        assert await data.login_profiles.past_hashes(user_id(1)) == ()


def managed(n: int, to: str, layer: str = "identity", version: str = "v1", document: str = ALLOW) -> PolicyRow:
    return PolicyRow(
        layer=layer,  # type: ignore[arg-type]
        kind="MANAGED",
        name=f"policy{n}",
        arn=f"arn:aws:iam::111122223333:policy/policy{n}",
        policy_id=policy_id(n),
        version_id=version,
        attached_to=to,
        document=document,
    )


def inlined(to: str) -> PolicyRow:
    return PolicyRow(
        layer="identity",
        kind="INLINE",
        name="own",
        arn=None,
        policy_id=None,
        version_id=None,
        attached_to=to,
        document="{}",
    )


async def test_what_decides_is_read_in_one_statement(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await data.groups.add(group(1))
        await data.groups.add(group(2))
        await data.roles.add(role(1))
        for n in range(1, 6):
            await data.policies.add(policy(n), ALLOW)
        await data.policies.add_version(policy_id(1), '{"n":2}', NOW, default=True)
        await data.memberships.add(group_id(1), user_id(1), NOW)
        await data.attachments.attach(IdentityKind.USER, user_id(1), policy_id(1), NOW)
        await data.attachments.attach(IdentityKind.GROUP, group_id(1), policy_id(2), NOW)
        await data.attachments.attach(IdentityKind.GROUP, group_id(2), policy_id(3), NOW)
        await data.attachments.attach(IdentityKind.ROLE, role_id(1), policy_id(4), NOW)
        for kind, owner in [
            (IdentityKind.USER, user_id(1)),
            (IdentityKind.GROUP, group_id(1)),
            (IdentityKind.ROLE, role_id(1)),
        ]:
            await data.inline.put(kind, owner, "own", "{}", NOW)
        await data.users.set_boundary(user_id(1), policy_id(5))
        await data.roles.set_boundary(role_id(1), policy_id(1))
    async with database.reading() as data:
        before = database.statements
        rows = await data.access.policies_of(PrincipalType.USER, user_id(1))
        assert database.statements - before == 1
        assert rows == (
            managed(5, user_id(1), "boundary"),
            inlined(group_id(1)),
            managed(2, group_id(1)),
            inlined(user_id(1)),
            managed(1, user_id(1), version="v2", document='{"n":2}'),
        )
        assert await data.access.policies_of(PrincipalType.ROLE, role_id(1)) == (
            managed(1, role_id(1), "boundary", version="v2", document='{"n":2}'),
            inlined(role_id(1)),
            managed(4, role_id(1)),
        )
        assert await data.access.policies_of(PrincipalType.ROOT, ACCOUNT) == ()
        assert await data.access.policies_of(PrincipalType.USER, user_id(9)) == ()
        assert await data.access.documents([policy_id(1), policy_id(9)]) == {
            policy_id(1): managed(1, policy_id(1), version="v2", document='{"n":2}')
        }
