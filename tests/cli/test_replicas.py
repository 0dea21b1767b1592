"""Servers that start on one store: several at once on an empty one, and one again with bootstrap settings left over."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession

from iamgraph.store import schema
from iamgraph.store.unit import Database

from ..databases import STORES, fresh
from ..processes import Server
from ..service import ROOT_EMAIL, ROOT_PASSWORD, Client
from ..transport.graphql.test_signed import key_of

NEW_PASSWORD = "a-new-Root-passw0rd"


async def signs_in(client: Client, password: str) -> bool:
    done = await client.do("signInAsRoot", {"email": ROOT_EMAIL, "password": password})
    assert done["__typename"] in ("SignInSuccess", "InvalidCredentialsError"), done
    return bool(done["__typename"] == "SignInSuccess")


async def events(url: str) -> list[str]:
    async with Database(url).snapshot() as data:
        return [row["name"] for row in await data.events._db.fetch("SELECT name FROM event ORDER BY seq")]


@pytest.mark.parametrize("is_given", [True, False], ids=["password given", "password made up"])
async def test_three_replicas_start_at_once_on_an_empty_store(tmp_path: Path, is_given: bool) -> None:
    """OP-01: one migrates and bootstraps, the others wait; all serve the one account, with the one key."""
    async with fresh("postgres", tmp_path, migrated=False) as url, AsyncExitStack() as stack:
        servers = [Server(url, tmp_path) for _ in range(3)]
        for server in servers:
            if not is_given:
                del server.environment["IAMGRAPH_BOOTSTRAP_ACCOUNT_ID"]
                del server.environment["IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD"]
        await asyncio.gather(*(stack.enter_async_context(server.running()) for server in servers))
        http = await stack.enter_async_context(ClientSession())
        said = [await server.announced() for server in servers]
        told = [re.findall(r"^account      (\d{12})$", text, re.M)[0] for text in said]
        assert len(set(told)) == 1
        assert sum("unchanged: the account was there already" in text for text in said) == 2
        shown = [
            found for text in said for found in re.findall(r"^password     (\S+)   \(shown this once\)$", text, re.M)
        ]
        assert len(shown) == (0 if is_given else 1)
        password = ROOT_PASSWORD if is_given else shown[0]
        clients = [Client(url=server.url, http=http) for server in servers]
        assert [await signs_in(client, password) for client in clients] == [True] * 3
        # What one has sealed the others open: they have not made a key each.
        done = await clients[0].do("signInAsRoot", {"email": ROOT_EMAIL, "password": password}, "accessToken")
        key = await key_of(clients[0], None, done["accessToken"])
        assert [await replace(key, service=client).works() for client in clients] == [True] * 3
        async with Database(url).snapshot() as data:
            rows = await data.users._db.fetch("SELECT name FROM tortoise_migrations WHERE app = 'store' ORDER BY name")
        assert [row["name"] for row in rows] == schema.known()
        assert (await events(url)).count("Bootstrap") == 1


@pytest.mark.parametrize("kind", STORES)
async def test_bootstrap_settings_that_are_left_over_do_nothing(kind: str, tmp_path: Path) -> None:
    """OP-02: a password that was changed stays changed, which the start says; to set it is a command, with an event."""
    async with fresh(kind, tmp_path, migrated=False) as url, ClientSession() as http:
        server = Server(url, tmp_path)
        client = Client(url=server.url, http=http)
        async with server.running():
            change = {"oldPassword": ROOT_PASSWORD, "newPassword": NEW_PASSWORD}
            await client.good("changePassword", change)
        server.environment["IAMGRAPH_BOOTSTRAP_ACCOUNT_ID"] = "999988887777"
        async with server.running():
            assert "unchanged: the account was there already" in await server.announced()
            assert [await signs_in(client, one) for one in (ROOT_PASSWORD, NEW_PASSWORD)] == [False, True]
            if kind == "sqlite":
                busy = await server.command("root", "reset-password", "--email", ROOT_EMAIL)
                assert busy[0] == 1 and "in use by another process" in busy[2]
                return
            status, out, _ = await server.command("root", "reset-password", "--email", ROOT_EMAIL)
            (shown,) = re.findall(r"^password \(shown once\): (\S+)$", out, re.M)
            assert status == 0
            assert [await signs_in(client, one) for one in (NEW_PASSWORD, shown)] == [False, True]
        names = await events(url)
        assert (names.count("Bootstrap"), names.count("ResetRootPassword")) == (1, 1)
