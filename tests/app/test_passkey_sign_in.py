"""Signing in with a passkey: what is told to whose password is right, each challenge answered once, and by whom alone."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ..authenticator import Authenticator, asked, b64, begun, registered, unb64
from ..phone import enrolled
from ..service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Client, Service
from ..transport.graphql.test_signed import key_of
from .asking import arn, document, other_root, refused, role, statement, trusting

OK, WRONG, NEEDED, THROTTLED = "SignInSuccess", "InvalidCredentialsError", "MfaRequiredError", "ThrottledError"
TEXT = "The account, the name, the password or the code is wrong."
REFUSED = "The passkey's answer is refused: "
NOT_OURS = "The passkey's answer is not to a challenge of this server for this user: begin again."


async def sign_in(service: Client, assertion: str, name: str = "alice", **more: Any) -> Any:
    input = {
        "account": ACCOUNT,
        "userName": name,
        "password": f"{name}-Passw0rd!",
        "passkeyAssertion": assertion,
        **more,
    }
    return await service.do("signIn", input, "accessToken viewer { mfaAuthenticated }")


async def options_of(service: Client, name: str = "alice") -> str:
    return str((await asked(service, name))["passkeyOptions"])


async def wrong(service: Service, assertion: str, name: str = "alice") -> str:
    """Why, as the history has it, of an answer that is refused in the words of any wrong password; nothing has changed."""
    before = await service.snapshot()
    error = await sign_in(service, assertion, name)
    assert (error["__typename"], error["code"], error["message"]) == (WRONG, "INVALID_CREDENTIALS", TEXT)
    assert await service.snapshot() == before
    event = (await service.events(name="SignIn"))[0]
    assert event.error_code == "InvalidPasskey"
    return str(event.error_message)


async def test_who_has_a_passkey_must_show_it(service: Service) -> None:
    await service.user("alice")
    key, _ = await registered(service, "alice")
    told = await asked(service)
    options = json.loads(told.pop("passkeyOptions"))
    message = "The passkey is needed: sign in with what it signs beside the password."
    assert told == {"__typename": NEEDED, "code": "MFA_REQUIRED", "message": message, "kinds": ["PASSKEY"]}
    challenge = options.pop("challenge")
    descriptor = {"id": b64(key.credential_id), "type": "public-key", "transports": ["usb"]}
    allowed = {"rpId": "localhost", "allowCredentials": [descriptor], "userVerification": "preferred"}
    assert options == {"timeout": 300_000, **allowed}
    assert json.loads(await options_of(service))["challenge"] != challenge
    # Neither is told to anybody whose password is wrong, with the passkey at hand or not.
    input = {"account": ACCOUNT, "userName": "alice", "password": "wrong"}
    assert (await service.do("signIn", input))["__typename"] == WRONG
    assert (await sign_in(service, key.get(json.dumps({"challenge": challenge})), password="wrong"))["message"] == TEXT
    done = await sign_in(service, key.get(json.dumps({"challenge": challenge})))
    assert done["viewer"] == {"mfaAuthenticated": True}


async def test_either_device_will_do(service: Service) -> None:
    await service.user("alice")
    phone = await enrolled(service, "alice")
    told = await asked(service)
    assert (told["kinds"], told["passkeyOptions"]) == (["TOTP"], None)
    key, passkey = await registered(service, "alice")
    other, _ = await registered(service, "alice", Authenticator(step=0))
    told = await asked(service)
    message = "An MFA device is needed: sign in with a code, or with what the passkey signs, beside the password."
    assert (told["kinds"], told["message"]) == (["TOTP", "PASSKEY"], message)
    for one in (key, other, other):  # which does not count is taken as well
        assert (await sign_in(service, one.get(await options_of(service))))["__typename"] == OK
    code = {"account": ACCOUNT, "userName": "alice", "password": "alice-Passw0rd!", "mfaCode": phone.code()}
    assert (await service.do("signIn", code))["__typename"] == OK
    # A serial number names the one that is meant.
    serial = {"mfaSerialNumber": passkey["serialNumber"]}
    assert (await sign_in(service, other.get(await options_of(service)), **serial))["__typename"] == WRONG
    assert (await sign_in(service, key.get(await options_of(service)), **serial))["__typename"] == OK
    error = await sign_in(service, key.get(await options_of(service)), mfaCode=phone.code())
    assert error["message"] == "give 'mfaCode' or 'passkeyAssertion', not both"
    # One that is taken away is none any more, also by a challenge from before.
    options = await options_of(service)
    await service.good("deactivateMFADevice", {"serialNumber": passkey["serialNumber"], "userName": "alice"})
    assert await wrong(service, key.get(options)) == "The passkey is none of the user's."


async def test_the_session_is_one_with_a_second_factor(service: Service) -> None:
    """As with a code: policies see it."""
    here = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}
    await service.user("alice", document(statement("Allow", "iam:ListUsers", Condition=here)))
    query = f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ users(first: 1) {{ nodes {{ id }} }} }} }}'
    assert (await service.ask(query, service.tokens["alice"])).codes == ["ACCESS_DENIED"]
    key, _ = await registered(service, "alice")
    token = (await sign_in(service, key.get(await options_of(service))))["accessToken"]
    assert (await service.ask(query, token)).codes == []


async def test_the_root_signs_in_with_its_passkey(service: Service) -> None:
    key, _ = await registered(service, None)
    password = {"email": ROOT_EMAIL, "password": ROOT_PASSWORD}
    query = """mutation($input: SignInAsRootInput!) { signInAsRoot(input: $input) {
      ... on MfaRequiredError { kinds passkeyOptions } } }"""
    told = (await service.ask(query, input=password)).only()
    assert told["kinds"] == ["PASSKEY"]
    input = password | {"passkeyAssertion": key.get(told["passkeyOptions"])}
    done = await service.do("signInAsRoot", input, "viewer { arn mfaAuthenticated }")
    assert done["viewer"] == {"arn": arn("root"), "mfaAuthenticated": True}
    assert (await service.do("signInAsRoot", input))["__typename"] == WRONG


@pytest.mark.parametrize(("lie", "reason"), [
    ({"origin": "https://localhost:8080"}, "Unexpected client data origin \"https://localhost:8080\", expected one of "
     "['http://localhost:8080']"),
    ({"rp_id": "evil.localhost"}, "Unexpected RP ID hash"),
    ({"flags": 0x04}, "User was not present during authentication"),
    ({"client": {"type": "webauthn.create"}}, 'Unexpected client data type "webauthn.create", expected '
     '"ClientDataType.WEBAUTHN_GET"'),
    ({"client": {"crossOrigin": True}}, "it was made in a frame of another site's page"),
    ({"user_handle": b"AIDASOMEBODY"}, "it was made for another user"),
    ({"key": Authenticator().key}, "Could not verify authentication signature"),
    ({"count": 3}, "Response sign count of 4 was not greater than current count of 5"),
    ({"count": -1}, "Response sign count of 0 was not greater than current count of 5"),
], ids=["origin", "rp-id", "presence", "type", "frame", "user-handle", "key", "counter-back", "counter-gone"])  # fmt: skip
async def test_a_signature_is_refused_for(service: Service, lie: dict[str, Any], reason: str) -> None:
    await service.user("alice")
    key, _ = await registered(service, "alice", Authenticator(count=4))
    assert (await sign_in(service, key.get(await options_of(service))))["__typename"] == OK
    assert await wrong(service, replace(key, **lie).get(await options_of(service))) == f"{REFUSED}{reason}."
    assert (await sign_in(service, key.get(await options_of(service))))["__typename"] == OK


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature"])
async def test_what_was_tampered_with_is_refused(service: Service, part: str) -> None:
    """Any one bit of it."""
    await service.user("alice")
    key, _ = await registered(service, "alice")
    options = await options_of(service)
    answer = json.loads(key.get(options))
    data = bytearray(unb64(answer["response"][part]))
    data[-2] ^= 1
    answer["response"][part] = b64(bytes(data))
    error = await sign_in(service, json.dumps(answer))
    assert error["__typename"] == ("InvalidInputError" if part == "clientDataJSON" else WRONG)
    assert (await sign_in(service, key.get(options)))["__typename"] == OK


async def test_an_answer_is_good_once(service: Service) -> None:
    await service.user("alice")
    key, _ = await registered(service, "alice", Authenticator(step=0))
    options = await options_of(service)
    assert (await sign_in(service, key.get(options)))["__typename"] == OK
    assert await wrong(service, key.get(options)) == "The challenge has been answered already: begin again."


async def test_a_challenge_is_good_for_five_minutes(service: Service) -> None:
    await service.user("alice")
    key, _ = await registered(service, "alice")
    service.clock.stop()
    options = await options_of(service)
    service.clock.ahead += timedelta(minutes=5)
    until = f"{service.clock():%Y-%m-%dT%H:%M:%SZ}"
    assert await wrong(service, key.get(options)) == f"The challenge was good until {until}: begin again."
    service.clock.ahead -= timedelta(milliseconds=10)
    assert (await sign_in(service, key.get(options)))["__typename"] == OK
    # What is over is not kept.
    service.clock.ahead += timedelta(minutes=6)
    assert (await sign_in(service, key.get(await options_of(service))))["__typename"] == OK
    async with service.database.reading() as data:
        assert len(await data.passkeys._db.fetch("SELECT id FROM used_challenge")) == 1


async def test_a_challenge_is_for_one_user_and_for_signing_in(service: Service) -> None:
    await service.user("alice")
    await service.user("bob")
    key, _ = await registered(service, "alice")
    bobs, _ = await registered(service, "bob")
    for challenge in (await options_of(service, "bob"), await begun(service, "alice"), '{"challenge": "AAAA"}'):
        assert await wrong(service, key.get(challenge)) == NOT_OURS
    assert await wrong(service, bobs.get(await options_of(service))) == "The passkey is none of the user's."
    assert await wrong(service, Authenticator().get(await options_of(service))) == "The passkey is none of the user's."
    # The passkey of a root of another account is none here, by whichever challenge.
    roots, _ = await registered(service, None, token=await other_root(service))
    assert await wrong(service, roots.get(await options_of(service))) == "The passkey is none of the user's."


@pytest.mark.parametrize("assertion", ["{}", "null", "x", '{"id": 5}', "[" * 9000])
async def test_what_is_no_answer_is_told_apart(service: Service, assertion: str) -> None:
    """Before anybody is looked up: it tells nothing of the password, which is wrong here."""
    await service.user("alice")
    await registered(service, "alice")
    error = await sign_in(service, assertion, password="wrong")
    assert (error["__typename"], error["code"]) == ("InvalidInputError", "INVALID_INPUT")
    assert error["message"].startswith("'passkeyAssertion' is no answer of a passkey: ")


async def test_malformed_authenticator_data_is_refused(service: Service) -> None:
    await service.user("alice")
    key, _ = await registered(service, "alice")
    answer = json.loads(key.get(await options_of(service)))
    head = unb64(answer["response"]["authenticatorData"])[:32]
    for data in (b"", head, head + b"\xc1" + b"\xff" * 30, head + b"\x81" + bytes(4) + b"\x81" * 8000):
        answer["response"]["authenticatorData"] = b64(data)
        assert await wrong(service, json.dumps(answer)) == f"{REFUSED}authenticatorData was malformed."
    error = await sign_in(service, json.dumps(answer) + " " * 16_384)
    assert error["message"] == "the value at 'passkeyAssertion' must have a length between 1 and 16384"


async def test_attempts_are_counted_for_each_passkey(service: Service) -> None:
    await service.user("alice")
    key, _ = await registered(service, "alice")
    other, _ = await registered(service, "alice")
    forged = replace(key, key=Authenticator().key)
    ends = [(await sign_in(service, forged.get(await options_of(service))))["__typename"] for _ in range(11)]
    assert ends == [WRONG] * 10 + [THROTTLED]
    assert (await sign_in(service, key.get(await options_of(service))))["__typename"] == THROTTLED
    assert (await sign_in(service, other.get(await options_of(service))))["__typename"] == OK
    service.clock.ahead += timedelta(minutes=15)
    key.count += 20
    assert [(await sign_in(service, key.get(await options_of(service))))["__typename"] for _ in range(12)] == [OK] * 12


async def test_codes_are_of_virtual_devices_alone(service: Service) -> None:
    """For GetSessionToken and AssumeRole, as on AWS; and what a passkey's owner is told, nobody else is."""
    await service.user("alice")
    await service.user("bob")
    _, passkey = await registered(service, "alice")
    serial = passkey["serialNumber"]
    await role(service, "ops", trusting(arn("user/alice"), arn("user/bob")))
    failed = "MultiFactorAuthentication failed, "
    unknown = (
        f"{failed}unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this "
        "user."
    )
    own = (
        f"{failed}the MFA device {serial} is a passkey or security key, which shows no code. Please give the serial "
        "number and a code of a virtual MFA device."
    )
    for name, message in (("alice", own), ("bob", unknown)):
        key = await key_of(service, name)
        input = {"serialNumber": serial, "tokenCode": "123456"}
        error = await key.do("getSessionToken", input)
        assert (error["__typename"], error["message"]) == ("InvalidAuthenticationCodeError", message)
        error = await key.do("assumeRole", input | {"roleArn": arn("role/ops"), "roleSessionName": "one"})
        assert (error["__typename"], error["message"]) == ("InvalidAuthenticationCodeError", message)
    for mutation in ("enableMFADevice", "resyncMFADevice"):
        codes = {"authenticationCode1": "123456", "authenticationCode2": "654321"}
        input = {"serialNumber": serial, "userName": "alice", **codes}
        error = await refused(service, mutation, input, "NoSuchEntityError")
        assert error["message"] == f"VirtualMFADevice with serial number {serial} doesn't exist."


async def at_once(clients: list[Client], answers: list[str]) -> Counter[str]:
    """How sign-ins with answers end that are sent together, over several processes in turn."""
    asking = (sign_in(clients[i % len(clients)], answer) for i, answer in enumerate(answers))
    return Counter(one["__typename"] for one in await asyncio.gather(*asking))


async def test_ten_at_once_by_one_challenge(service: Service) -> None:
    """The same answer, and answers of an authenticator that counts on."""
    await service.user("alice")
    key, _ = await registered(service, "alice", Authenticator(step=0))
    counting, _ = await registered(service, "alice")
    assert await at_once([service], [key.get(await options_of(service))] * 10) == {OK: 1, WRONG: 9}
    options = await options_of(service)
    assert await at_once([service], [counting.get(options) for _ in range(10)]) == {OK: 1, WRONG: 9}
    # One answer of a copy with the same count beside it, each by a challenge of its own.
    counting, _ = await registered(service, "alice")
    copy = replace(counting)
    both = [counting.get(await options_of(service)), copy.get(await options_of(service))]
    assert await at_once([service], both) == {OK: 1, WRONG: 1}
