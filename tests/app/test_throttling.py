"""Sign-in throttles: guesses are counted one by one and stopped, and strangers lock nobody out."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from ..service import ACCOUNT, ROOT_EMAIL, Reply, Service

SIGN_IN = """mutation($input: SignInInput!) { signIn(input: $input) {
  __typename ... on SignInSuccess { accessToken } ... on ThrottledError { retryAfterSeconds message } } }"""


async def sign_in(service: Service, name: str, password: str, address: str, account: str = ACCOUNT) -> Reply:
    input = {"account": account, "userName": name, "password": password}
    return await service.post({"query": SIGN_IN, "variables": {"input": input}}, **{"X-Forwarded-For": address})


async def kinds(service: Service, times: int, name: str, address: str, **more: Any) -> list[str]:
    """What guessing a password so often gives, each time."""
    replies = [await sign_in(service, name, "wrong", address, **more) for _ in range(times)]
    return [reply.only()["__typename"] for reply in replies]


WRONG, THROTTLED = "InvalidCredentialsError", "ThrottledError"


async def test_ten_guesses_from_one_address(service: Service) -> None:
    """Then even the right password waits, which the answer says for how long; a name that nobody has is no different."""
    await service.user("alice")
    await service.good("createAccountAlias", {"accountAlias": "acme"})
    assert await kinds(service, 5, "alice", "192.0.2.1") == [WRONG] * 5
    # The alias is the same account, and another case the same name.
    assert await kinds(service, 6, "ALICE", "192.0.2.1", account="acme") == [WRONG] * 5 + [THROTTLED]
    reply = await sign_in(service, "alice", "alice-Passw0rd!", "192.0.2.1")
    waits = reply.only()["retryAfterSeconds"]
    assert reply.only()["__typename"] == THROTTLED and 0 < waits <= 900
    assert reply.headers["Retry-After"] == str(waits)
    assert await kinds(service, 11, "nobody", "192.0.2.9") == [WRONG] * 10 + [THROTTLED]

    service.clock.ahead = timedelta(minutes=15)
    assert (await sign_in(service, "alice", "alice-Passw0rd!", "192.0.2.1")).only()["__typename"] == "SignInSuccess"


async def test_guesses_at_once_count_as_many(service: Service) -> None:
    await service.user("alice")
    replies = await asyncio.gather(*(sign_in(service, "alice", "wrong", "192.0.2.1") for _ in range(25)))
    found = [reply.only()["__typename"] for reply in replies]
    assert (found.count(WRONG), found.count(THROTTLED)) == (10, 15)


async def test_strangers_do_not_lock_out_who_is_known(service: Service) -> None:
    """A name guessed from everywhere still lets its user in from an address that it has used, and from no other."""
    await service.user("alice")
    assert (await sign_in(service, "alice", "alice-Passw0rd!", "198.51.100.7")).only()["__typename"] == "SignInSuccess"
    for number in range(4):
        await kinds(service, 10, "alice", f"192.0.2.{number}")
    stranger = await sign_in(service, "alice", "alice-Passw0rd!", "203.0.113.5")
    assert stranger.only()["__typename"] == THROTTLED
    assert (await sign_in(service, "alice", "alice-Passw0rd!", "198.51.100.7")).only()["__typename"] == "SignInSuccess"


async def test_an_address_that_guesses_many_names_is_stopped(service: Service) -> None:
    await service.user("alice")
    for number in range(6):
        await kinds(service, 10, f"name-{number}", "192.0.2.1")
    assert await kinds(service, 1, "another", "192.0.2.1") == [THROTTLED]
    assert (await sign_in(service, "alice", "alice-Passw0rd!", "192.0.2.2")).only()["__typename"] == "SignInSuccess"


async def test_the_root_and_changing_a_password_are_guarded_too(service: Service) -> None:
    token = await service.root()
    change = {"oldPassword": "wrong", "newPassword": "another-Passw0rd!"}
    found = [(await service.do("changePassword", change, token=token))["__typename"] for _ in range(11)]
    assert found == [WRONG] * 10 + [THROTTLED]
    guess = "mutation($e: String!) { signInAsRoot(input: {email: $e, password: \"wrong\"}) { __typename } }"
    body = {"query": guess, "variables": {"e": ROOT_EMAIL.upper()}}
    replies = [await service.post(body, **{"X-Forwarded-For": "192.0.2.1"}) for _ in range(11)]
    assert [reply.only()["__typename"] for reply in replies] == [WRONG] * 10 + [THROTTLED]


async def test_right_passwords_are_not_counted(service: Service) -> None:
    await service.user("alice")
    for _ in range(15):
        done = await sign_in(service, "alice", "alice-Passw0rd!", "192.0.2.1")
        assert done.only()["__typename"] == "SignInSuccess"


async def test_many_right_ones_at_once_from_a_known_address(service: Service) -> None:
    """Each counts until it has proved right, and none is in another's way."""
    await service.user("alice")
    replies = await asyncio.gather(*(sign_in(service, "alice", "alice-Passw0rd!", "127.0.0.1") for _ in range(40)))
    assert {reply.only()["__typename"] for reply in replies} == {"SignInSuccess"}
