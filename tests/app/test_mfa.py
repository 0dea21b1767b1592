"""Signing in with a second factor: asked for once the password is right, each code once, and what policies see of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from iamgraph.app import sign_in as sign_in_app

from ..authenticator import ORIGIN, Authenticator, asked, registered
from ..databases import STORES, fresh
from ..phone import STEP, device, enrolled, hotp
from ..processes import Server
from ..service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Client, Service, served
from ..transport.graphql.test_signed import key_of
from .asking import WHO, arn, document, role, statement, trusting, works
from .test_passkey_sign_in import at_once as answered_at_once

OK, WRONG, NEEDED, THROTTLED = "SignInSuccess", "InvalidCredentialsError", "MfaRequiredError", "ThrottledError"
PASSWORD = "alice-Passw0rd!"
SEEN = "accessToken viewer { mfaAuthenticated }"
SIGN_IN = """mutation($input: SignInInput!) { signIn(input: $input) {
  __typename ... on SignInSuccess { accessToken } ... on Error { code message } } }"""


async def sign_in(service: Client, code: str | None = None, name: str = "alice", **more: Any) -> Any:
    input = {"account": ACCOUNT, "userName": name, "password": f"{name}-Passw0rd!", **more}
    return await service.do("signIn", input | ({"mfaCode": code} if code is not None else {}), SEEN)


async def ends(service: Client, *codes: str | None, **more: Any) -> list[str]:
    return [(await sign_in(service, code, **more))["__typename"] for code in codes]


async def test_who_has_a_device_must_show_it(service: Service) -> None:
    await service.user("alice")
    assert (await sign_in(service, "123456"))["viewer"] == {"mfaAuthenticated": False}  # there is none yet
    phone = await enrolled(service, "alice")
    error = await sign_in(service)
    assert (error["__typename"], error["code"]) == (NEEDED, "MFA_REQUIRED")
    # It is told to nobody whose password is wrong, and a wrong code is as a wrong password is.
    wrong = await sign_in(service, password="wrong")
    assert wrong["__typename"] == WRONG
    for more in (
        {"code": phone.code(), "password": "wrong"},
        {"code": phone.wrong()},
        {"code": ""},
        {"code": phone.code(), "mfaSerialNumber": arn("mfa/other")},
    ):
        assert await sign_in(service, **more) == wrong
    done = await sign_in(service, phone.code(), mfaSerialNumber=phone.serial)
    assert done["viewer"] == {"mfaAuthenticated": True}
    await service.good("deactivateMFADevice", {"serialNumber": phone.serial, "userName": "alice"})
    assert (await sign_in(service))["viewer"] == {"mfaAuthenticated": False}


async def test_a_code_works_once_and_older_ones_not_after_it(service: Service) -> None:
    """UG-04: the code of the enrolment, the same code twice, an older one after a newer one."""
    await service.user("alice")
    phone = await device(service)
    pair = phone.pair()
    await service.good("enableMFADevice", pair | {"userName": "alice"})
    assert await ends(service, pair["authenticationCode2"], pair["authenticationCode1"]) == [WRONG] * 2
    service.clock.ahead += STEP
    assert await ends(service, phone.code(), phone.code()) == [OK, WRONG]
    service.clock.ahead += 2 * STEP
    older, code = phone.code(-1), phone.code()
    assert await ends(service, code, older, code) == [OK, WRONG, WRONG]
    # One step early and one late are good; two are not.
    service.clock.ahead += 4 * STEP
    assert await ends(service, phone.code(2), phone.code(-2), phone.code(-1), phone.code(1)) == [WRONG, WRONG, OK, OK]


async def at_once(clients: list[Client], code: str, times: int) -> Counter[str]:
    asking = (sign_in(clients[i % len(clients)], code) for i in range(times))
    return Counter(one["__typename"] for one in await asyncio.gather(*asking))


async def test_ten_at_once_with_one_code(service: Service) -> None:
    """UG-04: one session, in one process."""
    await service.user("alice")
    phone = await enrolled(service, "alice")
    assert await at_once([service], phone.code(), 10) == {OK: 1, WRONG: 9}


async def test_ten_at_once_with_one_code_over_two_processes(tmp_path: Path) -> None:
    """UG-04: one session, whoever asks where; sign-in and GetSessionToken together. And one for one answer of a passkey."""
    async with fresh("postgres", tmp_path) as url, AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession())
        # They have ports of their own, and would have origins of their own.
        servers = [Server(url, tmp_path, IAMGRAPH_PASSKEY_ORIGINS=ORIGIN) for _ in range(2)]
        await asyncio.gather(*(stack.enter_async_context(server.running()) for server in servers))
        clients = [Client(url=server.url, http=http) for server in servers]
        await clients[0].user("alice")
        clients[1].tokens = clients[0].tokens
        phone = await device(clients[0])
        # Time can't be moved in another process: these codes are of the steps before, and the next one is fresh.
        step = phone.step
        codes = {
            "authenticationCode1": hotp(phone.secret, step - 2),
            "authenticationCode2": hotp(phone.secret, step - 1),
        }
        await clients[0].good("enableMFADevice", {"serialNumber": phone.serial, **codes, "userName": "alice"})
        key = await key_of(clients[0], "alice")
        keys = [key, replace(key, service=clients[1])]
        code = hotp(phone.secret, step + 1)
        tokens = (
            one.do("getSessionToken", {"serialNumber": phone.serial, "tokenCode": code})
            for one in keys
            for _ in range(3)
        )
        logins, found = await asyncio.gather(at_once(clients, code, 6), asyncio.gather(*tokens))
        # A device takes ten attempts that have not proved right, so that some may be refused for that.
        assert logins[OK] + sum(one["__typename"] == "GetSessionTokenSuccess" for one in found) == 1
        passkey, _ = await registered(clients[0], "alice", Authenticator(step=0))
        answer = passkey.get((await asked(clients[1]))["passkeyOptions"])
        assert await answered_at_once(clients, [answer] * 6) == {OK: 1, WRONG: 5}


async def test_guesses_are_counted_for_each_device(service: Service) -> None:
    """From wherever they come, however many names the address tries; the user's own address has a count of its own."""
    await service.user("alice")
    await service.user("bob")
    phone, other = await enrolled(service, "alice"), await enrolled(service, "alice", "other")
    bobs = await enrolled(service, "bob", "bobs")

    async def guess(address: str, code: str, **more: str) -> str:
        input = {"account": ACCOUNT, "userName": "alice", "password": PASSWORD, "mfaCode": code, **more}
        reply = await service.post({"query": SIGN_IN, "variables": {"input": input}}, **{"X-Forwarded-For": address})
        return str(reply.only()["__typename"])

    serial = {"mfaSerialNumber": phone.serial}
    found = [await guess(f"192.0.2.{number}", phone.wrong(), **serial) for number in range(10)]
    assert found == [WRONG] * 10
    assert await guess("192.0.2.77", phone.code(), **serial) == THROTTLED
    # Without a serial number every device is looked at, this one too.
    assert await guess("192.0.2.78", other.code()) == THROTTLED
    assert await guess("192.0.2.79", other.code(), mfaSerialNumber=other.serial) == OK
    # alice and bob have signed in from here before.
    assert await ends(service, phone.code(), mfaSerialNumber=phone.serial) == [OK]
    assert await ends(service, bobs.code(), name="bob") == [OK]
    service.clock.ahead += timedelta(minutes=15)
    assert await guess("192.0.2.77", phone.code(), **serial) == OK


async def test_guesses_at_once_count_as_many(service: Service) -> None:
    await service.user("alice")
    phone = await enrolled(service, "alice")
    found = await at_once([service], phone.wrong(), 25)
    assert found == {WRONG: 10, THROTTLED: 15}
    service.clock.ahead += timedelta(minutes=15)
    # Right ones are not counted.
    for _ in range(12):
        service.clock.ahead += STEP
        assert await ends(service, phone.code()) == [OK]


async def test_codes_are_counted_for_who_has_proved_the_password_alone(service: Service) -> None:
    """A stranger who knows no password can't lock a device."""
    await service.user("alice")
    phone = await enrolled(service, "alice")
    assert set(await ends(service, *[phone.wrong()] * 12, password="wrong")) == {WRONG}
    assert await ends(service, phone.code()) == [OK]


async def test_a_password_that_must_be_changed_takes_the_code_as_well(service: Service) -> None:
    await service.user("alice")
    phone = await enrolled(service, "alice")
    await service.good("updateLoginProfile", {"userName": "alice", "passwordResetRequired": True})
    new = {"newPassword": "a-new-Passw0rd!"}
    assert (await sign_in(service))["__typename"] == "PasswordChangeRequiredError"
    assert await ends(service, None, phone.wrong(), **new) == [NEEDED, WRONG]
    assert (await sign_in(service))["__typename"] == "PasswordChangeRequiredError"
    assert await ends(service, phone.code(), **new) == [OK]


async def test_the_root_too(service: Service) -> None:
    await service.root()
    phone = await enrolled(service, None)
    given = {"email": ROOT_EMAIL, "password": ROOT_PASSWORD}
    found = [
        (await service.do("signInAsRoot", given | more, SEEN))["__typename"]
        for more in ({}, {"mfaCode": phone.wrong()}, {"mfaCode": phone.code()}, {"mfaCode": phone.code()})
    ]
    assert found == [NEEDED, WRONG, OK, WRONG]


async def test_the_history_has_no_code(service: Service) -> None:
    await service.user("alice")
    phone = await enrolled(service, "alice")
    code, wrong = phone.code(), phone.wrong()
    assert await ends(service, None, wrong, code) == [NEEDED, WRONG, OK]
    found = [(one.error_code, one.principal_arn) for one in (await service.events(name="SignIn"))[2::-1]]
    assert found == [("MfaRequired", None), ("InvalidCredentials", None), (None, arn("user/alice"))]
    everything = repr(await service.events())
    assert f'"{code}"' not in everything and f'"{wrong}"' not in everything and "mfaCode" not in everything


async def test_what_policies_see_of_it(service: Service) -> None:
    """PE-03 for sign-in: false without the second factor, true and its age with it; a role's session does not inherit it."""
    with_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}
    policy = document(statement("Allow", "iam:ListUsers", Condition=with_mfa), statement("Allow", "sts:AssumeRole"))
    plain = await service.user("alice", policy)
    await role(service, "ops", trusting(arn("user/alice")), policy)
    phone = await enrolled(service, "alice")
    strong = (await sign_in(service, phone.code()))["accessToken"]
    input = {"roleArn": arn("role/ops"), "roleSessionName": "ci"}
    ops = (await service.good("assumeRole", input, "accessToken", strong))["accessToken"]

    async def lists(token: str) -> bool:
        reply = await service.ask("{ viewer { account { users(first: 1) { nodes { name } } } } }", token)
        return reply.codes == []

    assert [await lists(token) for token in (plain, strong, ops)] == [False, True, False]
    service.clock.ahead += timedelta(seconds=61)
    assert not await lists(strong)
    assert await works(service, strong)
    assert (await service.ask(WHO, ops)).status == 200


@pytest.mark.parametrize("kind", STORES)
async def test_a_device_that_came_while_the_password_was_checked(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its codes were not counted, so that none of them is looked at."""
    async with fresh(kind, tmp_path) as url, served(url, tmp_path) as service:
        await service.user("alice")
        phone = await device(service)
        await service.root()
        prove = sign_in_app._prove

        async def meanwhile(*given: Any) -> Any:
            monkeypatch.setattr(sign_in_app, "_prove", prove)
            await service.good("enableMFADevice", phone.pair() | {"userName": "alice"})
            return await prove(*given)

        for code, end in ((None, NEEDED), (phone.code(3), WRONG)):
            monkeypatch.setattr(sign_in_app, "_prove", meanwhile)
            assert await ends(service, code) == [end]
            service.clock.ahead += STEP
            service.clock.ahead += STEP
            await service.good("deactivateMFADevice", {"serialNumber": phone.serial, "userName": "alice"})
