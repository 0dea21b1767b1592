"""Clients of OpenID Connect providers, sign-ins that are under way, and those that were, in the store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from iamgraph.domain.entities import FederatedOrigin
from iamgraph.domain.providers import SignInFlow
from iamgraph.store.unit import Database

from .made import ACCOUNT, NOW, OTHER, add_account, oidc_client, oidc_provider, role, session

FLOW = SignInFlow(
    id="f" * 64,
    provider_id=oidc_provider(1).id,
    browser_hash="b" * 64,
    nonce="n",
    verifier="v",
    next_path="/é?a=b",
    expires_at=NOW + timedelta(minutes=10),
)


async def test_a_client_is_its_providers_own_and_goes_with_it(database: Database) -> None:
    public = oidc_client(2, account_id=OTHER, is_confidential=False, client_id="é", scopes=("openid", "a b"))
    async with database.writing() as data:
        for n, account_id in ((1, ACCOUNT), (2, OTHER)):
            await add_account(data, account_id)
            await data.oidc_providers.add(oidc_provider(n, account_id=account_id))
        await data.oidc_clients.put(oidc_client(1, client_id="old"), "v1.00000000.old")
        await data.oidc_clients.put(oidc_client(1), "v1.00000000.new")
        await data.oidc_clients.put(public, None)
    ids = [oidc_provider(n).id for n in (1, 2, 3)]
    async with database.reading() as data:
        assert await data.oidc_clients.of(ids) == {ids[0]: oidc_client(1), ids[1]: public}
        assert [await data.oidc_clients.sealed_secret(id) for id in ids] == ["v1.00000000.new", None, None]
    async with database.writing() as data:
        assert await data.oidc_clients.delete(ids[1]) and not await data.oidc_clients.delete(ids[1])
        await data.oidc_providers.delete(ids[0])
        assert await data.oidc_clients.of(ids) == {}


async def test_a_flow_is_taken_once(database: Database) -> None:
    async def take(id: str, at: timedelta = timedelta()) -> bool:
        async with database.writing() as data:
            return await data.sign_in_flows.take(id, NOW + at)

    late = replace(FLOW, id="e" * 64)
    async with database.writing() as data:
        for flow in (FLOW, late):
            await data.sign_in_flows.add(flow, NOW)
    async with database.reading() as data:
        assert await data.sign_in_flows.of(FLOW.id) == FLOW
        assert await data.sign_in_flows.of("d" * 64) is None
    assert sum(await asyncio.gather(*(take(FLOW.id) for _ in range(8)))) == 1
    assert not await take(late.id, timedelta(minutes=10)) and not await take(late.id)


async def test_flows_whose_time_is_over_are_forgotten(database: Database) -> None:
    async with database.writing() as data:
        await data.sign_in_flows.add(FLOW, NOW)
        await data.sign_in_flows.add(replace(FLOW, id="e" * 64), FLOW.expires_at)
        assert await data.sign_in_flows.of(FLOW.id) is None


async def test_sessions_are_found_by_whom_a_provider_names(database: Database) -> None:
    """Those of browsers alone, and only while they last."""
    one, other = oidc_provider(1).id, oidc_provider(2).id
    rows = [
        ("a", one, "u-1", "s-1"),
        ("b", one, "u-1", "s-2"),
        ("c", one, "u-2", "s-3"),
        ("d", other, "u-1", "s-1"),
        ("e", one, "u-1", None),
    ]
    async with database.writing() as data:
        await add_account(data)
        await data.roles.add(role(1))
        for id, provider_id, subject, provider_session in rows:
            origin = FederatedOrigin(provider_id=provider_id, provider_arn="arn", issuer="i", subject=subject)
            made = session(id, role(1), federation=origin)
            await data.sessions.add(made, token_hash=id, sealed_secret=None, session_token_hash=None)
            if id != "e":
                await data.oidc_logins.add(id, provider_id, provider_session, "v1.00000000.x")
        find = data.oidc_logins.sessions
        assert await find(one, subject="u-1", provider_session=None, at=NOW) == ["a", "b"]
        assert await find(one, subject=None, provider_session="s-1", at=NOW) == ["a"]
        assert await find(one, subject="u-2", provider_session="s-1", at=NOW) == []
        assert await find(other, subject="u-1", provider_session=None, at=NOW) == ["d"]
        await data.sessions.revoke("a", NOW)
        assert await find(one, subject="u-1", provider_session=None, at=NOW) == ["b"]
        assert await find(one, subject="u-1", provider_session=None, at=NOW + timedelta(days=9)) == []
        assert await data.oidc_logins.sealed_token("b") == "v1.00000000.x"
        assert await data.oidc_logins.sealed_token("e") is None
