"""GetSessionToken and AssumeRole with a code: whose credentials come of it, for how long, and what policies see of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from iamgraph.app.session_tokens import WITH_MFA, WITHOUT_MFA

from ..phone import STEP, device, enrolled
from ..service import ACCOUNT, Service, allow
from ..transport.graphql.test_signed import Key, key_of
from .asking import account, arn, document, refused, role, statement, trusting, works

FIELDS = (
    "accessToken credentials { accessKeyId secretAccessKey sessionToken expiration } "
    "session { arn source issuedAt expiresAt }"
)
LISTS = "{ viewer { mfaAuthenticated account { users(first: 1) { nodes { name } } } } }"
INVALID = "MultiFactorAuthentication failed with invalid MFA one time pass code."
NOT_OURS = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and "
    "associated with this user."
)


async def programmer(service: Service, *statements: dict[str, Any]) -> Key:
    await service.user("alice", document(*statements) if statements else None)
    return await key_of(service, "alice")


async def session(key: Key, **input: Any) -> Key:
    """The temporary key that GetSessionToken gives."""
    made = (await key.do("getSessionToken", input, FIELDS))["credentials"]
    assert made["accessKeyId"].startswith("ASIA")
    return Key(service=key.service, id=made["accessKeyId"], secret=made["secretAccessKey"], token=made["sessionToken"])


async def error(key: Key, mutation: str, **input: Any) -> tuple[str, str, str]:
    found = await key.do(mutation, input)
    return found["__typename"], found["code"], found["message"]


async def allowed(keys: Sequence[Key], query: str = LISTS) -> list[bool]:
    return [(await key.ask(query)).codes == [] for key in keys]


async def test_credentials_for_oneself(service: Service) -> None:
    key = await programmer(service, statement("Allow", "*"))
    made = await key.do("getSessionToken", {}, FIELDS)
    found = made["session"]
    assert (found["arn"], found["source"]) == (arn("user/alice"), "SESSION_TOKEN")
    assert made["credentials"]["expiration"] == found["expiresAt"]
    for seconds in (None, 900, 129_600):
        given = {} if seconds is None else {"durationSeconds": seconds}
        found = (await key.do("getSessionToken", given, FIELDS))["session"]
        lasts = datetime.fromisoformat(found["expiresAt"]) - datetime.fromisoformat(found["issuedAt"])
        assert lasts.total_seconds() == (seconds or 43_200)
    for seconds in (899, 129_601):
        assert (await error(key, "getSessionToken", durationSeconds=seconds))[0] == "InvalidInputError"
    # It takes no permission, and no policy can forbid it.
    nobody = await key_of(service, await no_one(service))
    assert await (await session(nobody)).works()
    (event,) = [one for one in await service.events(name="GetSessionToken") if one.principal_arn == arn("user/no-one")]
    assert (event.action, event.resources, event.access_key_id) == (
        "sts:GetSessionToken",
        (arn("user/no-one"),),
        nobody.id,
    )
    assert made["credentials"]["secretAccessKey"] not in repr(await service.events())


async def no_one(service: Service) -> str:
    await service.user("no-one", document(statement("Deny", "sts:GetSessionToken")))
    return "no-one"


async def test_the_root_has_an_hour_at_most(service: Service) -> None:
    key = await key_of(service, None)
    for seconds, lasts in ((None, 3600), (900, 900), (7200, 3600)):
        given = {} if seconds is None else {"durationSeconds": seconds}
        found = (await key.do("getSessionToken", given, FIELDS))["session"]
        until = datetime.fromisoformat(found["expiresAt"]) - datetime.fromisoformat(found["issuedAt"])
        assert (found["arn"], until.total_seconds()) == (arn("root"), lasts)


async def test_only_a_long_term_key_gets_them(service: Service) -> None:
    key = await programmer(service, statement("Allow", "*"))
    await role(service, "ops", trusting(arn("user/alice")), allow("*"))
    ops = await key.do("assumeRole", {"roleArn": arn("role/ops"), "roleSessionName": "ci"}, "accessToken")
    own = await session(key)
    message = "Cannot call GetSessionToken with session credentials"
    for token in (service.tokens["alice"], ops["accessToken"]):
        found = await refused(service, "getSessionToken", {}, "LongTermKeyRequiredError", token=token)
        assert (found["code"], found["message"]) == ("ACCESS_DENIED", message)
    assert await error(own, "getSessionToken") == ("LongTermKeyRequiredError", "ACCESS_DENIED", message)
    assert (await service.ask("mutation { getSessionToken(input: {}) { __typename } }")).status == 401


async def test_pe_03_what_is_absent_is_not_false(service: Service) -> None:
    """PE-03: Bool false hits the session without MFA alone; BoolIfExists false hits the key too; Null true the key alone."""
    key = await programmer(service)
    phone = await enrolled(service, "alice")
    plain = await session(key)
    strong = await session(key, serialNumber=phone.serial, tokenCode=phone.code())
    for operator, value, expected in (
        ("Bool", {"aws:MultiFactorAuthPresent": "false"}, [True, False, True]),
        ("BoolIfExists", {"aws:MultiFactorAuthPresent": "false"}, [False, False, True]),
        ("Null", {"aws:MultiFactorAuthPresent": "true"}, [False, True, True]),
        ("NumericGreaterThanIfExists", {"aws:MultiFactorAuthAge": "60"}, [False, False, True]),
    ):
        denied = statement("Deny", "cloudtrail:*", Condition={operator: value})
        policy = document(statement("Allow", "*"), denied)
        await service.good("putUserPolicy", {"userName": "alice", "policyName": "own", "policyDocument": policy})
        query = "{ viewer { account { auditEvents(first: 1) { nodes { name } } } } }"
        assert await allowed([key, plain, strong], query) == expected, operator
    service.clock.ahead += 3 * STEP
    # The last one again: now it was too long ago.
    assert await allowed([strong], query) == [False]


async def test_without_mfa_no_iam_and_of_sts_assume_role(service: Service) -> None:
    key = await programmer(service, statement("Allow", "*"))
    await role(service, "ops", trusting(arn("user/alice")), allow("*"))
    phone = await enrolled(service, "alice")
    plain = await session(key)
    strong = await session(key, serialNumber=phone.serial, tokenCode=phone.code())
    assert await allowed([key, plain, strong]) == [True, False, True]
    assert [(await one.ask()).data["viewer"]["mfaAuthenticated"] for one in (key, plain, strong)] == [
        False,
        False,
        True,
    ]
    # Not either where the password policy lets everybody change theirs.
    await service.good("updateAccountPasswordPolicy", {"allowUsersToChangePassword": True})
    change = {"oldPassword": "alice-Passw0rd!", "newPassword": "another-Passw0rd!"}
    assert (await plain.do("changePassword", change))["__typename"] == "AccessDeniedError"
    # Other services are the user's as ever, and so are roles.
    asked = '{ authorize(input: { action: "%s", resource: "*" }) { outcome } }'
    for action, outcomes in (
        ("s3:GetObject", ["ALLOWED", "ALLOWED"]),
        ("iam:GetUser", ["EXPLICITLY_DENIED", "ALLOWED"]),
        ("sts:GetFederationToken", ["EXPLICITLY_DENIED", "EXPLICITLY_DENIED"]),
    ):
        found = [(await one.ask(asked % action)).only()["outcome"] for one in (plain, strong)]
        assert found == outcomes, action
    # ST-01: and that is chaining.
    input = {"roleArn": arn("role/ops"), "roleSessionName": "ci"}
    await service.good("updateRole", {"roleName": "ops", "maxSessionDuration": 43_200})
    for one in (plain, strong):
        assert (await one.do("assumeRole", {**input, "durationSeconds": 3600}))["__typename"] == "AssumeRoleSuccess"
        assert (await one.do("assumeRole", {**input, "durationSeconds": 3601}))["__typename"] == "InvalidInputError"
    assert (await key.do("assumeRole", {**input, "durationSeconds": 43_200}))["__typename"] == "AssumeRoleSuccess"


async def test_the_root_without_mfa_has_no_iam_either(service: Service) -> None:
    key = await key_of(service, None)
    phone = await enrolled(service, None)
    plain = await session(key)
    strong = await session(key, serialNumber=phone.serial, tokenCode=phone.code())
    assert await allowed([key, plain, strong]) == [True, False, True]


async def test_what_narrows_a_session_is_to_be_seen(service: Service) -> None:
    key = await programmer(service, statement("Allow", "*"))
    phone = await enrolled(service, "alice")
    await session(key)
    service.clock.ahead += STEP
    await session(key, serialNumber=phone.serial, tokenCode=phone.code())
    found = await account(service, 'user(name: "alice") { sessions(first: 9) { nodes { source sessionPolicy } } }')
    nodes = [node for node in found["user"]["sessions"]["nodes"] if node["source"] == "SESSION_TOKEN"]
    assert [node["sessionPolicy"] for node in nodes] == [WITH_MFA, WITHOUT_MFA]


async def test_a_code_of_ones_own_device_once(service: Service) -> None:
    """UG-04: a code that was used to sign in is not good for GetSessionToken, nor the other way round."""
    key = await programmer(service)
    await service.user("bob")
    phone = await enrolled(service, "alice")
    bobs = await enrolled(service, "bob", "bobs")
    spare = await device(service, "spare")
    both = {"serialNumber": phone.serial, "tokenCode": phone.code()}
    refusal = ("InvalidAuthenticationCodeError", "INVALID_AUTHENTICATION_CODE")
    for serial in (bobs.serial, spare.serial, arn("mfa/nothing"), "GAHT12345678"):
        found = await error(key, "getSessionToken", serialNumber=serial, tokenCode=bobs.code())
        assert found == (*refusal, NOT_OURS)
    for missing in both:
        given = {name: value for name, value in both.items() if name != missing}
        found = await error(key, "getSessionToken", **given)
        assert found[:2] == refusal and found[2].endswith("must provide both MFA serial number and one time pass code.")
    assert await error(key, "getSessionToken", **both | {"tokenCode": phone.wrong()}) == (*refusal, INVALID)
    assert (await error(key, "getSessionToken", **both | {"tokenCode": "12345"}))[0] == "InvalidInputError"
    assert (await key.do("getSessionToken", both))["__typename"] == "GetSessionTokenSuccess"
    assert await error(key, "getSessionToken", **both) == (*refusal, INVALID)
    login = {"account": ACCOUNT, "userName": "alice", "password": "alice-Passw0rd!", "mfaCode": both["tokenCode"]}
    assert (await service.do("signIn", login))["__typename"] == "InvalidCredentialsError"
    service.clock.ahead += STEP
    assert (await service.do("signIn", login | {"mfaCode": phone.code()}))["__typename"] == "SignInSuccess"
    assert await error(key, "getSessionToken", **both | {"tokenCode": phone.code()}) == (*refusal, INVALID)


async def test_ten_at_once_with_one_code(service: Service) -> None:
    key = await programmer(service)
    phone = await enrolled(service, "alice")
    both = {"serialNumber": phone.serial, "tokenCode": phone.code()}
    found = await asyncio.gather(*(key.do("getSessionToken", both) for _ in range(10)))
    ends = Counter(one["__typename"] for one in found)
    assert ends == {"GetSessionTokenSuccess": 1, "InvalidAuthenticationCodeError": 9}


async def test_guesses_with_a_key_are_counted_with_those_at_sign_in(service: Service) -> None:
    key = await programmer(service)
    phone = await enrolled(service, "alice")
    wrong = {"serialNumber": phone.serial, "tokenCode": phone.wrong()}
    ends = [(await error(key, "getSessionToken", **wrong))[0] for _ in range(11)]
    assert ends == ["InvalidAuthenticationCodeError"] * 10 + ["ThrottledError"]
    role_input = {"roleArn": arn("role/x"), "roleSessionName": "ci", **wrong}
    assert (await error(key, "assumeRole", **role_input))[0] == "AccessDeniedError"  # no role, so no code is looked at
    login = {"account": ACCOUNT, "userName": "alice", "password": "alice-Passw0rd!", "mfaCode": phone.code()}
    assert (await service.do("signIn", login))["__typename"] == "ThrottledError"


async def test_a_role_that_asks_for_a_code(service: Service) -> None:
    """The role's trust policy sees the code that is given with AssumeRole; the role's session has none of it."""
    asks = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "30"}}
    key = await programmer(service)
    with_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    await role(
        service,
        "ops",
        trusting(arn("user/alice"), arn("role/ops"), Condition=asks),
        document(statement("Allow", "iam:ListUsers", Condition=with_mfa), statement("Allow", "sts:AssumeRole")),
    )
    await role(service, "free", trusting(arn("user/alice")))
    phone = await enrolled(service, "alice")
    input = {"roleArn": arn("role/ops"), "roleSessionName": "ci"}
    both = {"serialNumber": phone.serial, "tokenCode": phone.code()}
    assert (await error(key, "assumeRole", **input))[0] == "AccessDeniedError"
    assert (await error(key, "assumeRole", **input, serialNumber=phone.serial))[0] == "AccessDeniedError"
    found = await error(key, "assumeRole", **input, tokenCode=both["tokenCode"])
    assert found[0] == "InvalidAuthenticationCodeError"
    found = await error(key, "assumeRole", **input, **both | {"tokenCode": phone.wrong()})
    assert found == ("InvalidAuthenticationCodeError", "INVALID_AUTHENTICATION_CODE", INVALID)
    # What is refused for another reason has not used the code up.
    assert (await error(key, "assumeRole", **input, **both, durationSeconds=3601))[0] == "InvalidInputError"
    made = await key.do("assumeRole", {**input, **both}, "accessToken")
    assert made["__typename"] == "AssumeRoleSuccess"
    free = {"roleArn": arn("role/free"), "roleSessionName": "ci"}
    assert (await error(key, "assumeRole", **free, **both))[2] == INVALID
    ops = made["accessToken"]
    assert await works(service, ops)
    reply = await service.ask(LISTS, ops)
    assert (reply.codes, reply.data["viewer"]["mfaAuthenticated"]) == (["ACCESS_DENIED"], False)
    # A role has no device: its session can't show one for another role.
    service.clock.ahead += STEP
    again = await service.do("assumeRole", {**input, **both, "tokenCode": phone.code()}, token=ops)
    assert (again["__typename"], again["message"]) == ("InvalidAuthenticationCodeError", NOT_OURS)
    assert (await service.do("assumeRole", input, token=ops))["__typename"] == "AccessDeniedError"
    # A session that has shown one need not again, for as long as the policy says.
    strong = await session(key, serialNumber=phone.serial, tokenCode=phone.code())
    assert (await strong.do("assumeRole", input))["__typename"] == "AssumeRoleSuccess"
    service.clock.ahead += STEP
    assert (await strong.do("assumeRole", input))["__typename"] == "AccessDeniedError"
