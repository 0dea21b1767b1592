"""Accounts: the operator's and the tenants', and the setting up that acts once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from iamgraph.app.bootstrap import Bootstrapped, Wanted, bootstrap

from ..databases import STORES, fresh
from ..service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Service, allow, served
from .asking import OTHER, OTHER_EMAIL, OTHER_PASSWORD, arn, document, other_root, refused, statement, works

MAKE = {"email": "third@example.com", "rootPassword": "a-third-Passw0rd!"}


@pytest.mark.parametrize("store", STORES)
async def test_bootstrapping_acts_once(store: str, tmp_path: Path) -> None:
    """OP-02: the same store is served again, with other wishes too: nothing is made, and no password is reset."""
    async with fresh(store, tmp_path) as url:
        async with served(url, tmp_path) as service:
            await service.root()
            before = await service.snapshot()
            hashed = await service.kernel.tools.hasher.hash("another-Passw0rd!")
            for id, email in ((ACCOUNT, ROOT_EMAIL), (OTHER, "new@example.com"), (None, ROOT_EMAIL)):
                wanted = Wanted(account_id=id, alias="new", email=email, password="another-Passw0rd!")
                async with service.database.writing() as data:
                    made = await bootstrap(data, service.kernel.tools, wanted, hashed)
                assert (made.is_new, made.account.id, made.made_up_password) == (False, ACCOUNT, None)
            assert await service.snapshot() == before
        async with served(url, tmp_path) as service:
            assert await works(service, await service.root())
            wrong = {"email": ROOT_EMAIL, "password": "another-Passw0rd!"}
            assert (await service.do("signInAsRoot", wrong))["__typename"] == "InvalidCredentialsError"
            assert len(await service.events(name="Bootstrap")) == 1


@pytest.mark.parametrize("store", STORES)
async def test_bootstrapping_at_once_makes_one_account(store: str, tmp_path: Path) -> None:
    """OP-01: servers that start together each want one of their own, and then share the first."""
    async with fresh(store, tmp_path) as url, served(url, tmp_path, account=False) as service:
        tools = service.kernel.tools
        hashed = await tools.hasher.hash(ROOT_PASSWORD)

        async def one() -> Bootstrapped:
            wanted = Wanted(account_id=None, alias=None, email=ROOT_EMAIL, password=None)
            async with service.database.writing() as data:
                return await bootstrap(data, tools, wanted, hashed)

        async with AsyncExitStack() as stack:
            # So that each has its connection by then, and none is done before the next begins.
            for _ in range(4):
                await (await stack.enter_async_context(service.database.reading())).accounts.operator()
        made = await asyncio.gather(*(one() for _ in range(4)))
        assert len({one.account.id for one in made}) == 1
        ends = sorted((one.is_new, one.made_up_password is not None) for one in made)
        assert ends == [(False, False)] * 3 + [(True, True)]


async def test_only_the_operator_makes_and_closes_accounts(service: Service) -> None:
    """A tenant's root is refused as if the accounts were somewhere else; the operator's users need the permission."""
    other = await other_root(service)
    for mutation, input in (("createAccount", MAKE), ("closeAccount", {"accountId": OTHER})):
        await refused(service, mutation, input, "AccessDeniedError", token=other)
    plain = await service.user("plain")
    for mutation, input in (("createAccount", MAKE), ("closeAccount", {"accountId": OTHER})):
        await refused(service, mutation, input, "AccessDeniedError", token=plain)
    reply = await service.ask("{ accounts(first: 9) { nodes { accountId } } }", other)
    assert reply.codes == ["ACCESS_DENIED"] and reply.data == {"accounts": None}
    reply = await service.ask("{ accounts(first: 9) { nodes { accountId } } }", await service.root())
    assert [one["accountId"] for one in reply.only()["nodes"]] == [ACCOUNT, OTHER]
    # What a tenant's own policies say counts for nothing.
    for mutation, input in (
        ("createUser", {"userName": "bold"}),
        ("createLoginProfile", {"userName": "bold", "password": "bold-Passw0rd!"}),
        ("putUserPolicy", {"userName": "bold", "policyName": "own", "policyDocument": allow("*")}),
    ):
        await service.good(mutation, input, token=other)
    sign_in = {"account": OTHER, "userName": "bold", "password": "bold-Passw0rd!"}
    bold = (await service.do("signIn", sign_in, "accessToken"))["accessToken"]
    await refused(service, "closeAccount", {"accountId": OTHER}, "AccessDeniedError", token=bold)


async def test_an_accounts_id_address_and_alias_are_one_on_the_server(service: Service) -> None:
    """What is taken is told to the operator; an account is whole or not there."""
    await other_root(service)
    await service.good("createAccountAlias", {"accountAlias": "acme"})
    for taken in (
        {**MAKE, "accountId": OTHER},
        {**MAKE, "email": OTHER_EMAIL},
        {**MAKE, "email": OTHER_EMAIL.upper()},
        {**MAKE, "accountAlias": "acme"},
    ):
        await refused(service, "createAccount", taken, "EntityAlreadyExistsError")
    for bad, kind in (
        ({**MAKE, "rootPassword": "weak"}, "PasswordPolicyViolationError"),
        ({**MAKE, "rootPassword": MAKE["email"]}, "PasswordPolicyViolationError"),
        ({**MAKE, "email": "nonsense"}, "InvalidInputError"),
        ({**MAKE, "accountAlias": "123456789012"}, "InvalidInputError"),
        ({**MAKE, "accountAlias": "A-b"}, "InvalidInputError"),
        ({**MAKE, "accountAlias": "a--b"}, "InvalidInputError"),
    ):
        await refused(service, "createAccount", bad, kind)
    await refused(service, "closeAccount", {"accountId": "9" * 12}, "NoSuchEntityError")


async def test_closing_ends_everything_there_and_nothing_else(service: Service) -> None:
    """All its credentials at the next request; its alias and address stay taken; closing twice changes no date."""
    other = await other_root(service)
    await service.good("createAccountAlias", {"accountAlias": "acme"}, token=other)
    await service.good("closeAccount", {"accountId": OTHER})
    assert not await works(service, other)
    done = await service.do("signInAsRoot", {"email": OTHER_EMAIL, "password": OTHER_PASSWORD})
    assert done["__typename"] == "InvalidCredentialsError"
    assert await works(service, await service.root())
    closed = await _closed_at(service)
    service.clock.ahead += timedelta(minutes=1)
    await service.do("closeAccount", {"accountId": OTHER}, token=await service.root())
    assert closed == await _closed_at(service) is not None
    await refused(service, "createAccount", {**MAKE, "email": OTHER_EMAIL}, "EntityAlreadyExistsError")


async def _closed_at(service: Service) -> object:
    async with service.database.reading() as data:
        return (await data.accounts.get([OTHER]))[OTHER].closed_at


async def test_policies_know_accounts_by_their_ids(service: Service) -> None:
    """A Deny on an account holds whether it is asked for by id or by alias; what may be described stays closed inside."""
    other = await other_root(service)
    await service.good("createAccountAlias", {"accountAlias": "acme"}, token=other)
    on = f"arn:aws:organizations::{ACCOUNT}:account/{OTHER}"
    may = allow("organizations:DescribeAccount", resource=on)
    never = document(statement("Allow", "*"), statement("Deny", "organizations:*", on))
    asks = (
        f'{{ account(by: {{ id: "{OTHER}" }}) {{ accountId }} }}',
        '{ account(by: { alias: "acme" }) { accountId } }',
    )
    allowed, barred = await service.user("allowed", may), await service.user("barred", never)
    for ask in asks:
        assert (await service.ask(ask, allowed)).only() == {"accountId": OTHER}
        assert (await service.ask(ask, barred)).only() is None
    # Nobody reads inside another account (ADR 6).
    inside = f'{{ account(by: {{ id: "{OTHER}" }}) {{ accountId users(first: 1) {{ nodes {{ id }} }} }} }}'
    reply = await service.ask(inside, await service.root())
    assert (reply.codes, reply.only()) == (["ACCESS_DENIED"], {"accountId": OTHER, "users": None})
    assert arn("root", OTHER) in reply.text
