"""Accounts, users, groups, roles and policies: what is kept, how it is found, and which names collide."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from iamgraph.domain.entities import IdentityKind, PasswordPolicy, Tag
from iamgraph.domain.errors import DeleteConflict, EntityAlreadyExists
from iamgraph.store.unit import Database

from .made import (
    ACCOUNT,
    ALLOW,
    LATER,
    NOW,
    OTHER,
    account,
    add_account,
    group,
    instance_profile,
    policy,
    policy_id,
    role,
    user,
    user_id,
)

KINDS = {"users": user, "groups": group, "roles": role, "instance_profiles": instance_profile}


async def test_accounts(database: Database) -> None:
    async with database.writing() as data:
        first = await add_account(data, alias="first", is_operator=True, root_email="Root@Example.com")
        second = await add_account(data, OTHER)
    async with database.writing() as data:
        for clash, said in [
            (account(ACCOUNT), "Account 111122223333 already exists."),
            (account("7" * 12, alias="first"), "The account alias first already exists."),
            (account("7" * 12, root_email="ROOT@example.COM"), "An account with the email ROOT@example.COM"),
            (account("7" * 12, is_operator=True), "An operator account already exists."),
        ]:
            with pytest.raises(EntityAlreadyExists, match=said):
                await data.accounts.add(clash, root_password_hash="x")
        with pytest.raises(EntityAlreadyExists, match=r"^The account alias first already exists\.$"):
            await data.accounts.set_alias(OTHER, "first")
        # The transaction goes on after each of these refusals.
        assert await data.accounts.lock(OTHER) == 2
        with pytest.raises(KeyError):
            await data.accounts.lock("0" * 12)
        await data.accounts.set_alias(OTHER, "second")
        await data.accounts.set_root_password(OTHER, "new hash")
        await data.accounts.close(OTHER, LATER)
        await data.accounts.close(OTHER, LATER + timedelta(days=1))
    async with database.reading() as data:
        closed = replace(second, alias="second", revision=2, closed_at=LATER)
        assert await data.accounts.get([ACCOUNT, OTHER, "0" * 12]) == {ACCOUNT: first, OTHER: closed}
        assert await data.accounts.by_alias("first") == await data.accounts.operator() == first
        assert await data.accounts.by_alias("FIRST") is None
        assert await data.accounts.by_root_email("root@EXAMPLE.com") == first
        assert await data.accounts.root_password_hash(OTHER) == "new hash"
        assert await data.accounts.root_password_hash("0" * 12) is None
        assert await data.accounts.revision(OTHER) == 2
        page = await data.accounts.page(None, 1)
        assert (page.items, page.more) == ((first,), True)
        page = await data.accounts.page(ACCOUNT, 1)
        assert (page.items, page.more) == ((closed,), False)


async def test_password_policy(database: Database) -> None:
    own = PasswordPolicy(
        minimum_length=12,
        require_symbols=True,
        allow_users_to_change=True,
        max_age_days=90,
        reuse_prevention=24,
        hard_expiry=True,
    )
    async with database.writing() as data:
        await add_account(data)
        assert await data.accounts.password_policy(ACCOUNT) is None
        await data.accounts.set_password_policy(ACCOUNT, PasswordPolicy())
        await data.accounts.set_password_policy(ACCOUNT, own)
        assert await data.accounts.password_policy(ACCOUNT) == own
        await data.accounts.set_password_policy(ACCOUNT, None)
        assert await data.accounts.password_policy(ACCOUNT) is None


async def test_what_is_kept_comes_back(database: Database) -> None:
    tags = (Tag(key="Team", value="é \N{GRINNING FACE}"), Tag(key="nul", value="\x00"), Tag(key="half", value="\ud800"))
    kept = (*tags[:2], Tag(key="half", value="\N{REPLACEMENT CHARACTER}"))
    a_user = user(1, "Alice", path="/eng/", boundary_id=policy_id(1), tags=tags, password_last_used_at=LATER)
    a_role = role(1, "Dev", path="/a/b/", description="x\n\xff", max_session_seconds=7200, tags=tags)
    a_policy = policy(1, "P", path="/p/", description="d", tags=tags)
    async with database.writing() as data:
        await add_account(data)
        await data.policies.add(a_policy, ALLOW)
        await data.users.add(a_user)
        await data.groups.add(group(1, "Devs", path="/g/"))
        await data.roles.add(a_role)
        await data.roles.set_boundary(a_role.id, a_policy.id)
    a_role = replace(a_role, boundary_id=a_policy.id, boundary_arn=a_policy.arn, tags=kept)
    a_user = replace(a_user, boundary_arn=a_policy.arn, tags=kept)
    async with database.reading() as data:
        assert await data.users.named(ACCOUNT, ["Alice", "ALICE", "nobody", "Alice\x00"]) == {"Alice": a_user}
        assert await data.users.by_ids([a_user.id, user_id(9)]) == {a_user.id: a_user}
        assert await data.groups.named(ACCOUNT, ["Devs"]) == {"Devs": group(1, "Devs", path="/g/")}
        assert await data.roles.named(ACCOUNT, ["Dev", "dev"]) == {"Dev": a_role}
        bounding = replace(a_policy, boundary_count=2, tags=kept)
        assert await data.policies.named(ACCOUNT, ["P"]) == {"P": bounding}
        arns = [a_policy.arn, "arn:aws:iam::111122223333:policy/P", "arn:aws:iam::111122223333:policy/p/p", "x"]
        assert await data.policies.by_arns(arns) == {a_policy.arn: bounding}
        assert await data.users.named(OTHER, ["Alice"]) == {}
    async with database.writing() as data:
        await data.users.set_tags(a_user.id, ())
        await data.users.set_boundary(a_user.id, None)
        await data.users.used_password(a_user.id, NOW)
        await data.roles.update(a_role.id, description=None, max_session_seconds=3600)
        await data.policies.set_tags(a_policy.id, tags[:1])
    async with database.reading() as data:
        expected = replace(a_user, tags=(), boundary_id=None, boundary_arn=None, password_last_used_at=NOW)
        assert await data.users.by_ids([a_user.id]) == {a_user.id: expected}
        assert await data.roles.by_ids([a_role.id]) == {
            a_role.id: replace(a_role, description=None, max_session_seconds=3600)
        }
        assert (await data.policies.by_ids([a_policy.id]))[a_policy.id].tags == tags[:1]


async def test_an_instance_profile_holds_one_role(database: Database) -> None:
    empty = instance_profile(1, "Web", path="/a/", tags=(Tag(key="Team", value="é"),))
    others = [instance_profile(n, name) for n, name in ((2, "b"), (3, "B2"), (4, "a"))]
    async with database.writing() as data:
        await add_account(data)
        await data.roles.add(role(1))
        await data.roles.add(role(2))
        for profile in (empty, *others):
            await data.instance_profiles.add(profile)
            await data.instance_profiles.set_role(profile.id, role(1).id)
        await data.instance_profiles.set_role(others[2].id, role(2).id)
        await data.instance_profiles.set_role(others[1].id, None)
    async with database.reading() as data:
        held = replace(empty, role=role(1))
        assert await data.instance_profiles.named(ACCOUNT, ["Web", "web"]) == {"Web": held}
        assert await data.instance_profiles.by_ids([others[1].id]) == {others[1].id: others[1]}
        assert await data.instance_profiles.named(OTHER, ["Web"]) == {}
        ids = [role(1).id, role(2).id, role(9).id]
        pages = await data.instance_profiles.of_roles(ids, after=None, limit=1)
        shown = {id: ([one.name for one in page.items], page.more) for id, page in pages.items()}
        assert shown == {ids[0]: (["Web"], True), ids[1]: (["a"], False), ids[2]: ([], False)}
        page = (await data.instance_profiles.of_roles(ids[:1], after="Web", limit=9))[ids[0]]
        assert (page.items, page.more) == ((replace(others[0], role=role(1)),), False)


@pytest.mark.parametrize("kind", [*KINDS, "policies"])
async def test_names_collide_whatever_their_case(database: Database, kind: str) -> None:
    said = {
        "users": "User with name DEV already exists.",
        "groups": "Group with name DEV already exists.",
        "roles": "Role with name DEV already exists.",
        "instance_profiles": "Instance Profile DEV already exists.",
        "policies": "A policy called DEV already exists. Duplicate names are not allowed.",
    }[kind]
    make = KINDS.get(kind, policy)
    document = (ALLOW,) if kind == "policies" else ()
    async with database.writing() as data:
        await add_account(data)
        await add_account(data, OTHER)
        repo = getattr(data, kind)
        await repo.add(make(1, "Dev", path="/a/"), *document)
        await repo.add(make(2, "Dev", account_id=OTHER), *document)
        await repo.add(make(3, "ops"), *document)
        with pytest.raises(EntityAlreadyExists) as adding:
            await repo.add(make(4, "DEV"), *document)
        with pytest.raises(EntityAlreadyExists) as renaming:
            await repo.rename(make(3).id, name="DEV", path="/")
        assert str(adding.value) == str(renaming.value) == said
        await repo.rename(make(1).id, name="DEV", path="/b/")
        assert await repo.count(ACCOUNT) == 2
        renamed = (await repo.by_ids([make(1).id]))[make(1).id]
        assert (renamed.name, renamed.path) == ("DEV", "/b/")
        assert await repo.delete(make(3).id)
        assert not await repo.delete(make(3).id)
        await repo.add(make(5, "OPS"), *document)


@pytest.mark.parametrize("kind", KINDS)
async def test_parallel_additions_of_one_name(database: Database, kind: str) -> None:
    async with database.writing() as data:
        await add_account(data)

    async def add(n: int) -> str:
        try:
            async with database.writing() as data:
                await getattr(data, kind).add(KINDS[kind](n, "DEV" if n % 2 else "dev"))
        except EntityAlreadyExists:
            return "exists"
        return "added"

    answers = await asyncio.gather(*map(add, range(50)))
    assert sorted(answers) == ["added"] + ["exists"] * 49


async def test_deleting_what_is_in_use(database: Database) -> None:
    async with database.writing() as data:
        await add_account(data)
        await data.users.add(user(1))
        await data.groups.add(group(1))
        await data.roles.add(role(1))
        for n in (1, 2):
            await data.policies.add(policy(n), ALLOW)
        await data.memberships.add(group(1).id, user(1).id, NOW)
        await data.inline.put(IdentityKind.ROLE, role(1).id, "own", ALLOW, NOW)
        await data.attachments.attach(IdentityKind.USER, user(1).id, policy(1).id, NOW)
        await data.users.set_boundary(user(1).id, policy(2).id)
        await data.instance_profiles.add(instance_profile(1))
        await data.roles.add(role(2))
        await data.instance_profiles.set_role(instance_profile(1).id, role(2).id)
    for kind, unique_id in [
        ("users", user(1).id),
        ("groups", group(1).id),
        ("roles", role(1).id),
        ("roles", role(2).id),
        ("policies", policy(1).id),
        ("policies", policy(2).id),
    ]:
        with pytest.raises(DeleteConflict, match="Cannot delete entity"):
            async with database.writing() as data:
                await getattr(data, kind).delete(unique_id)
    async with database.reading() as data:
        assert (
            await data.users.count(ACCOUNT)
            == await data.groups.count(ACCOUNT)
            == await data.roles.count(ACCOUNT) - 1
            == 1
        )
        assert await data.policies.count(ACCOUNT) == 2
