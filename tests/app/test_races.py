"""Much of one kind at once, in one process and over two: what is unique stays so, and a quota holds to the one."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from iamgraph.domain.limits import Quotas

from ..databases import STORES, fresh
from ..processes import Server
from ..service import Client, allow, served
from ..transport.graphql.test_signed import key_of
from .asking import account, arn, trusting

QUOTAS = {"User": 7, "Group": 5, "Role": 3}
SERVICES = 4
PASSWORD = "alice-Passw0rd!"
LOOPS = int(os.environ.get("IAMGRAPH_TEST_LOOPS", "20"))


async def at_once(clients: Sequence[Client], mutation: str, inputs: Sequence[Any], fields: str = "") -> list[Any]:
    """Each input's result, asked for together and of the clients in turn."""
    root = await clients[0].root()
    asking = (clients[i % len(clients)].do(mutation, input, fields, root) for i, input in enumerate(inputs))
    return await asyncio.gather(*asking)


def ends(results: Sequence[Any]) -> Counter[str]:
    return Counter(one.get("__typename", str(one)) for one in results)


async def one_alias_is_left(clients: Sequence[Client]) -> None:
    """Each of the others was replaced once, in some order, and signs nobody in any more."""
    await clients[0].user("alice")
    wanted = [f"alias-{i:02}" for i in range(20)]
    done = await at_once(clients, "createAccountAlias", [{"accountAlias": one} for one in wanted], "replacedAlias")
    assert ends(done) == {"CreateAccountAliasSuccess": 20}
    left = (await account(clients[-1], "alias"))["alias"]
    assert sorted(one["replacedAlias"] or "" for one in done) == sorted({"", *wanted} - {left})

    async def signs_in(alias: str) -> str:
        input = {"account": alias, "userName": "alice", "password": PASSWORD}
        return str((await clients[-1].do("signIn", input))["__typename"])

    gone = [one for one in wanted if one != left][:3]
    assert [await signs_in(one) for one in (*gone, left)] == ["InvalidCredentialsError"] * 3 + ["SignInSuccess"]


async def attachments_stop_at_the_quota(clients: Sequence[Client]) -> None:
    made = await at_once(
        clients, "createPolicy", [{"policyName": f"p{i}", "policyDocument": allow("s3:*")} for i in range(30)]
    )
    assert ends(made) == {"CreatePolicySuccess": 30}
    await clients[0].good("createUser", {"userName": "n"})
    await clients[0].good("createGroup", {"groupName": "n"})
    await clients[0].good("createRole", {"roleName": "n", "assumeRolePolicyDocument": trusting("*")})
    for kind, quota in QUOTAS.items():
        inputs = [{f"{kind.lower()}Name": "n", "policyArn": arn(f"policy/p{i}")} for i in range(30)]
        done = await at_once(clients, f"attach{kind}Policy", inputs)
        assert ends(done) == {f"Attach{kind}PolicySuccess": quota, "LimitExceededError": 30 - quota}
        inner = "attachedPolicies(first: 99) { nodes { name } }"
        found = (await account(clients[-1], f'{kind.lower()}(name: "n") {{ {inner} }}'))[kind.lower()]
        attached = [f"p{i}" for i, one in enumerate(done) if one["__typename"].endswith("Success")]
        assert sorted(node["name"] for node in found["attachedPolicies"]["nodes"]) == sorted(attached)


async def two_keys_are_made(clients: Sequence[Client]) -> None:
    """CC-02"""
    await clients[0].good("createUser", {"userName": "keys"})
    done = await at_once(clients, "createAccessKey", [{"userName": "keys"}] * 50, "accessKey { accessKeyId }")
    assert ends(done) == {"CreateAccessKeySuccess": 2, "LimitExceededError": 48}
    keys = (await account(clients[-1], 'user(name: "keys") { accessKeys { accessKeyId } }'))["user"]["accessKeys"]
    assert sorted(key["accessKeyId"] for key in keys) == sorted(
        one["accessKey"]["accessKeyId"] for one in done if "accessKey" in one
    )


async def a_name_in_any_case_is_one_user(clients: Sequence[Client]) -> None:
    """CC-02"""
    names = ["".join(c.upper() if i >> n & 1 else c for n, c in enumerate("shiraki")) for i in range(100)]
    assert len(set(names)) == 100
    done = await at_once(clients, "createUser", [{"userName": name} for name in names])
    assert ends(done) == {"CreateUserSuccess": 1, "EntityAlreadyExistsError": 99}
    users = (await account(clients[-1], "users(first: 99) { nodes { name } }"))["users"]["nodes"]
    won = names[[one["__typename"] for one in done].index("CreateUserSuccess")]
    assert [user["name"] for user in users if user["name"].lower() == "shiraki"] == [won]


async def services_stop_at_the_quota(clients: Sequence[Client]) -> None:
    """Each prefix is put three times at once: it counts once."""
    inputs = [{"prefix": f"own-{i % 10}", "actions": [{"name": f"A{i}"}]} for i in range(30)]
    done = await at_once(clients, "putService", inputs, "service { prefix }")
    found = (await account(clients[-1], "services(first: 99) { nodes { prefix actions { name } } }"))["services"]
    left = {node["prefix"]: node["actions"] for node in found["nodes"]}
    assert len(left) == SERVICES
    assert ends(done) == {"PutServiceSuccess": 3 * SERVICES, "LimitExceededError": 30 - 3 * SERVICES}
    assert {one["service"]["prefix"] for one in done if "service" in one} == set(left)
    assert all(len(actions) == 1 for actions in left.values())


Race = Callable[[Sequence[Client]], Coroutine[Any, Any, None]]
RACES: list[Race] = [
    one_alias_is_left,
    attachments_stop_at_the_quota,
    two_keys_are_made,
    a_name_in_any_case_is_one_user,
    services_stop_at_the_quota,
]


@pytest.mark.parametrize("store", STORES)
async def test_races_in_one_process(store: str, tmp_path: Path) -> None:
    attached = {f"attached_policies_per_{kind.lower()}": quota for kind, quota in QUOTAS.items()}
    quotas = Quotas(services_per_account=SERVICES, **attached)
    async with fresh(store, tmp_path) as url, served(url, tmp_path, quotas=quotas) as service:
        for race in RACES:
            await race([service])


async def test_races_over_two_processes(tmp_path: Path) -> None:
    """And CC-01: what one process has acknowledged, the other knows."""
    settings = {f"IAMGRAPH_QUOTA_ATTACHED_POLICIES_PER_{kind.upper()}": str(quota) for kind, quota in QUOTAS.items()}
    settings["IAMGRAPH_QUOTA_SERVICES_PER_ACCOUNT"] = str(SERVICES)
    async with fresh("postgres", tmp_path) as url, AsyncExitStack() as stack:
        servers = [Server(url, tmp_path, **settings) for _ in range(2)]
        await asyncio.gather(*(stack.enter_async_context(server.running()) for server in servers))
        http = await stack.enter_async_context(ClientSession())
        clients = [Client(url=server.url, http=http) for server in servers]
        for race in RACES:
            await race(clients)
        await created_means_usable(clients)


async def created_means_usable(clients: Sequence[Client]) -> None:
    """Each step is taken at once, on the other process than the one before."""
    one, other = clients
    other.tokens["root"] = await one.root()
    for i in range(LOOPS):
        name, at = f"new-{i:03}", {"userName": f"new-{i:03}"}
        await one.good("createUser", at)
        found = await account(other, f'user(name: "{name}") {{ name }} users(first: 99) {{ nodes {{ name }} }}')
        assert found["user"] == {"name": name} and {"name": name} in found["users"]["nodes"]
        trust = trusting(arn(f"user/{name}"))
        await one.good("createRole", {"roleName": name, "assumeRolePolicyDocument": trust})
        key = await key_of(other, name)
        role = {"roleArn": arn(f"role/{name}"), "roleSessionName": "ci"}
        session = await replace(key, service=one).do("assumeRole", role, "accessToken session { id }")
        assert (await other.ask("{ viewer { arn } }", session["accessToken"])).codes == []
        await one.good("revokeSession", {"sessionId": session["session"]["id"]})
        assert (await other.ask("{ viewer { arn } }", session["accessToken"])).codes == ["UNAUTHENTICATED"]
        await one.good("deleteAccessKey", {**at, "accessKeyId": key.id})
        assert not await replace(key, service=other).works()
        await one.good("deleteUser", at)
        assert (await account(other, f'user(name: "{name}") {{ name }}'))["user"] is None
