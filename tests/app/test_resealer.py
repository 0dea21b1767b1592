"""The re-sealer: all that a retired key sealed and signed comes under the current one, and nothing else is touched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tortoise.models import Model

from iamgraph.app import resealer as resealing
from iamgraph.app.history.sealer import HistorySealer
from iamgraph.app.keys import key_context
from iamgraph.app.oidc_clients import client_context, id_token_context
from iamgraph.app.resealer import CONTEXTS, Resealer, usage_of
from iamgraph.app.saml_keys import private_key_context
from iamgraph.app.second_factor import seed_context
from iamgraph.domain.entities import AccessKey, KeyStatus
from iamgraph.security.keyfile import MasterKeys, changing
from iamgraph.security.keyring import KeyRing
from iamgraph.security.sealing import Sealer, SealError, sealed_under
from iamgraph.store.saml_providers import SealedPrivateKey
from iamgraph.store.schema import APP, APPS
from iamgraph.store.sealed import SealedColumn
from iamgraph.store.session import StoreSession

from ..store.made import (
    ACCOUNT,
    NOW,
    OTHER,
    add_account,
    mfa_device,
    oidc_client,
    oidc_provider,
    role,
    saml_provider,
    session,
)
from .sealed import Sealed, keeping, told


@dataclass
class Machine:
    """A server's key file, its ring and what works with it."""

    path: Path
    history: Sealed
    ring: KeyRing

    def change(self, how: str) -> MasterKeys:
        with changing(self.path) as file:
            file.replace(getattr(file.keys, how)())
            return file.keys

    def resealer(self, writing: Callable[[], Any] | None = None) -> Resealer:
        database = self.history.database
        return Resealer(self.ring, reading=database.reading, writing=writing or database.writing)

    def sealer(self) -> HistorySealer:
        return self.history.sealer(self.ring.chains, refresh=self.ring.refresh)

    async def verify(self) -> list[str]:
        return told(await self.history.verify(keys=KeyRing(self.path).chains))


def machine(folder: Path, history: Sealed, name: str = "master.key") -> Machine:
    return Machine(folder / name, history, KeyRing(folder / name))


async def fill(history: Sealed, sealer: Sealer, count: int = 5) -> None:
    async with history.database.writing() as data:
        await add_account(data)
        await data.roles.add(role(1))
        await data.saml_providers.add(saml_provider(1))
        for n in range(count):
            key = AccessKey(
                id=f"AKIA{n}", account_id=ACCOUNT, owner_id=ACCOUNT, status=KeyStatus.ACTIVE, created_at=NOW
            )
            await data.keys.add(key, sealer.seal(b"long %d" % n, context=CONTEXTS[SealedColumn.ACCESS_KEY](key.id)))
            sealed = sealer.seal(b"short %d" % n, context=CONTEXTS[SealedColumn.TEMPORARY_KEY](f"ASIA{n}"))
            made = session(f"s{n}", role(1), access_key_id=f"ASIA{n}")
            await data.sessions.add(made, token_hash=f"t{n}", sealed_secret=sealed, session_token_hash=f"st{n}")
            provider, client = oidc_provider(n), oidc_client(n)
            await data.oidc_providers.add(provider)
            await data.oidc_clients.put(client, sealer.seal(b"client %d" % n, context=client_context(provider.id)))
            token = sealer.seal(b"token %d" % n, context=id_token_context(made.id))
            await data.oidc_logins.add(made.id, provider.id, None, token)
            device = mfa_device(n)
            await data.mfa_devices.add(device, sealer.seal(b"seed %d" % n, context=seed_context(device.id)))
            pem = SealedPrivateKey(
                id=f"K{n}", sealed_secret=sealer.seal(b"pem %d" % n, context=private_key_context(f"K{n}"))
            )
            await data.saml_providers.add_key(saml_provider(1).id, pem, NOW)
        without = session("s", role(1))
        await data.sessions.add(without, token_hash="t", sealed_secret=None, session_token_hash=None)


async def opened_secrets(history: Sealed, sealer: Sealer) -> list[bytes]:
    found = []
    for column in SealedColumn:
        table, id = column.value
        for row in await history.sql(f"SELECT {id} AS id, sealed_secret FROM {table} WHERE sealed_secret IS NOT NULL"):
            found.append(sealer.unseal(row["sealed_secret"], context=CONTEXTS[column](row["id"])))
    return sorted(found)


KINDS = (b"long %d", b"short %d", b"seed %d", b"pem %d", b"client %d", b"token %d")
SECRETS = sorted(kind % n for kind in KINDS for n in range(5))


def test_every_sealed_column_is_known() -> None:
    modules = [import_module(name) for name in APPS[APP]["models"]]
    tables = {
        str(model._meta.db_table)
        for model in (one for module in modules for one in vars(module).values())
        if isinstance(model, type) and issubclass(model, Model) and model is not Model
        if any(name.startswith("sealed") for name in model._meta.fields_map)
    }
    assert tables == {column.value[0] for column in SealedColumn}
    assert set(CONTEXTS) == set(SealedColumn)


async def test_a_rotation_ends_with_nothing_under_the_old_key(
    history: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    server = machine(tmp_path, history)
    old = server.ring.keys.current.id
    await fill(history, server.ring.sealer)
    await history.write(1, 2)
    await history.write(3, account_id=OTHER)
    await server.sealer().seal()
    resealer = server.resealer()
    assert await resealer.reseal() == 0

    new = server.change("rotated").current.id
    assert await resealer.reseal() == len(SECRETS) + 2
    assert await resealer.reseal() == 0
    async with history.database.reading() as data:
        usage = await usage_of(data)
        assert (usage.secrets, usage.heads) == ({new: len(SECRETS)}, {new: 2})
        assert await data.sealed.key_ids() == {new}
    await history.write(4)
    await server.sealer().seal()
    assert await server.verify() == []

    server.change("cleared")
    assert await opened_secrets(history, KeyRing(server.path).sealer) == SECRETS
    await history.write(5)
    await machine(tmp_path, history).sealer().seal()
    assert await server.verify() == []
    links = await history.sql("SELECT key_id FROM event_link WHERE chain = $1 ORDER BY number", ACCOUNT)
    assert [row["key_id"] for row in links] == [old, old, new, new]


@pytest.mark.parametrize("number", [1, 3])
async def test_a_history_that_spans_a_rotation_is_bent_on_neither_side(
    history: Sealed, tmp_path: Path, number: int
) -> None:
    server = machine(tmp_path, history)
    await history.write(1, 2)
    await server.sealer().seal()
    server.change("rotated")
    await server.resealer().reseal()
    await history.write(3, 4)
    await server.sealer().seal()
    server.change("cleared")
    await history.sql("UPDATE event SET name = 'Other' WHERE id = $1", f"event{number}")
    (found,) = await server.verify()
    assert found.startswith(f"altered: chain {ACCOUNT}, number {number}, event event{number}: ")


async def test_who_has_got_hold_of_a_retired_key_can_make_no_head(history: Sealed, tmp_path: Path) -> None:
    server = machine(tmp_path, history)
    leaked = KeyRing(server.path)
    await history.write(1, 2)
    await server.sealer().seal()
    async with history.database.reading() as data:
        earlier = (await data.chains.all_heads())[ACCOUNT]
    server.change("rotated")
    await server.resealer().reseal()
    server.change("cleared")
    async with history.database.writing() as data:
        forged = leaked.chains.head(chain=ACCOUNT, count=2, link=earlier.link, at=NOW, horizon=2)
        await data.chains.set_head(forged)
    assert any("with which no head was left when it went" in found for found in await server.verify())
    await history.write(3)
    with pytest.raises(Exception, match="was not signed by this server"):
        await machine(tmp_path, history).sealer().seal()
    assert await machine(tmp_path, history).resealer().reseal() == 0


async def test_where_chains_begin_is_signed_anew(history: Sealed, tmp_path: Path) -> None:
    """Before the old key goes, so that who has got hold of it can't say that a chain begins later than it does."""
    server = machine(tmp_path, history)
    leaked = KeyRing(server.path)
    await history.write(1, 2, 3, 4)
    await server.sealer().seal()
    assert await keeping(history, 3, server.ring.chains).apply() == 2
    await server.sealer().seal()
    server.change("rotated")
    async with history.database.reading() as data:
        assert (await usage_of(data)).heads == {leaked.keys.current.id: 3}
    assert await server.resealer().reseal() == 3
    assert await server.resealer().reseal() == 0
    server.change("cleared")
    assert await server.verify() == []
    assert await keeping(history, 4, KeyRing(server.path).chains).apply() == 1
    assert await server.verify() == []
    (last,) = await history.sql("SELECT link FROM event_link WHERE chain = $1", ACCOUNT)
    async with history.database.writing() as data:
        await data.chains.drop(ACCOUNT, 3, 4)
        await data.chains.set_anchor(leaked.chains.anchor(chain=ACCOUNT, number=4, link=last["link"], at=NOW))
    assert any(line.startswith(f"unknown key: chain {ACCOUNT}, number 4: ") for line in await server.verify())


async def test_a_change_meanwhile_is_never_overwritten(history: Sealed, tmp_path: Path) -> None:
    server = machine(tmp_path, history)
    await fill(history, server.ring.sealer)
    server.change("rotated")
    server.ring.refresh()
    other = server.ring.sealer.seal(b"other", context=key_context("AKIA3"))

    @asynccontextmanager
    async def writing() -> AsyncIterator[StoreSession]:
        # Between what was read and what is written.
        await history.sql("DELETE FROM access_key WHERE id = 'AKIA1'")
        await history.sql("UPDATE access_key SET sealed_secret = $1 WHERE id = 'AKIA3'", other)
        async with history.database.writing() as data:
            yield data

    assert await server.resealer(writing).reseal() == len(SECRETS) - 2
    found = await history.sql("SELECT id, sealed_secret FROM access_key ORDER BY id")
    assert [row["id"] for row in found] == ["AKIA0", "AKIA2", "AKIA3", "AKIA4"] and found[2]["sealed_secret"] == other


async def test_it_goes_on_where_it_was_ended(history: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    server = machine(tmp_path, history)
    await fill(history, server.ring.sealer)
    new = server.change("rotated").current.id
    calls = 0

    def writing() -> AbstractAsyncContextManager[StoreSession]:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise ConnectionError("killed")
        return history.database.writing()

    with pytest.raises(ConnectionError):
        await server.resealer(writing).reseal()
    ends = [sealed_under(row["sealed_secret"]) for row in await history.sql("SELECT sealed_secret FROM access_key")]
    assert ends.count(new) == 4
    assert await opened_secrets(history, KeyRing(server.path).sealer) == SECRETS
    assert await machine(tmp_path, history).resealer().reseal() == len(SECRETS) - 4
    assert await opened_secrets(history, server.ring.sealer) == SECRETS


async def test_what_does_not_open_is_told_and_keeps_no_other(history: Sealed, tmp_path: Path) -> None:
    server = machine(tmp_path, history)
    await fill(history, server.ring.sealer)
    broken = server.ring.sealer.seal(b"x", context="elsewhere")
    await history.sql("UPDATE access_key SET sealed_secret = $1 WHERE id = 'AKIA0'", broken)
    old = server.ring.keys.current.id
    server.change("rotated")
    with pytest.raises(SealError, match=r"^1 secrets, of which the first is AKIA0: .*altered or moved"):
        await server.resealer().reseal()
    async with history.database.reading() as data:
        assert (await usage_of(data)).of(old) == 1


async def test_a_machine_that_has_the_next_key_follows_without_a_new_file(history: Sealed, tmp_path: Path) -> None:
    """Its file still calls the old key the current one, and its own re-sealer must not take anything back."""
    server = machine(tmp_path, history)
    await fill(history, server.ring.sealer)
    await history.write(1)
    await server.sealer().seal()
    server.change("prepared")
    copy = tmp_path / "copy.key"
    copy.write_bytes(server.path.read_bytes())
    copy.chmod(0o600)
    other = machine(tmp_path, history, "copy.key")
    assert await other.resealer().reseal() == 0
    new = server.change("rotated").current.id
    # The other one has not noticed yet, and seals with the old key.
    late = AccessKey(id="AKIA9", account_id=ACCOUNT, owner_id=ACCOUNT, status=KeyStatus.ACTIVE, created_at=NOW)
    async with history.database.writing() as data:
        await data.keys.add(late, other.ring.sealer.seal(b"late", context=key_context(late.id)))
    assert await server.resealer().reseal() == len(SECRETS) + 2
    assert await other.resealer().reseal() == 0
    assert other.ring.keys.current.id == new == other.ring.chains.key_id
    assert await opened_secrets(history, other.ring.sealer) == sorted([*SECRETS, b"late"])


async def test_several_at_once_do_it_once(history: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    servers = [machine(tmp_path, history) for _ in range(3)]
    await fill(history, servers[0].ring.sealer)
    servers[0].change("rotated")

    async def until_done(reseal: Callable[[], Awaitable[int]]) -> int:
        done = 0
        while True:
            done += await reseal()
            async with history.database.reading() as data:
                if await data.sealed.key_ids() == {servers[0].ring.keys.current.id}:
                    return done
            await asyncio.sleep(0)

    assert sum(await asyncio.gather(*(until_done(one.resealer().reseal) for one in servers))) == len(SECRETS)
    assert await opened_secrets(history, servers[0].ring.sealer) == SECRETS
