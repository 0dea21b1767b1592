"""Passwords that become too old, and passwords that may not come back (IAM User Guide, "Account password policy")."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from iamgraph.security.passwords import PasswordHasher

from ..service import ACCOUNT, Service, allow
from ..wire import aws_key
from .asking import account, refused

FIRST, SECOND, THIRD = (f"{number}-Passw0rd!" for number in ("first", "second", "third"))
POLICY = "minimumLength requireSymbols allowUsersToChange maxAgeDays reusePrevention hardExpiry isDefault"


async def given(service: Service, **policy: Any) -> None:
    await service.good("updateAccountPasswordPolicy", {"minimumPasswordLength": 8, **policy})


async def sign_in(service: Service, password: str, new: str | None = None) -> Any:
    input = {"account": ACCOUNT, "userName": "bob", "password": password}
    return await service.do("signIn", input if new is None else {**input, "newPassword": new}, "accessToken")


async def bob(service: Service) -> None:
    await service.good("createUser", {"userName": "bob"})
    await service.good("createLoginProfile", {"userName": "bob", "password": FIRST})


async def profile(service: Service) -> Any:
    fields = "passwordSetAt passwordExpiresAt passwordResetRequired createdAt"
    return (await account(service, f'user(name: "bob") {{ loginProfile {{ {fields} }} }}'))["user"]["loginProfile"]


async def test_the_policy_is_kept_and_told(service: Service) -> None:
    """What is not given returns to its default, as on AWS; AWS's wire says the same."""
    key = await aws_key(service)
    await given(service, maxPasswordAge=90, passwordReusePrevention=24, hardExpiry=True)
    assert (await account(service, f"passwordPolicy {{ {POLICY} }}"))["passwordPolicy"] == {
        "minimumLength": 8,
        "requireSymbols": False,
        "allowUsersToChange": False,
        "maxAgeDays": 90,
        "reusePrevention": 24,
        "hardExpiry": True,
        "isDefault": False,
    }
    shown = (await key.ask("GetAccountPasswordPolicy")).data["PasswordPolicy"]
    assert shown == {
        "MinimumPasswordLength": 8,
        "RequireSymbols": False,
        "RequireNumbers": False,
        "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False,
        "AllowUsersToChangePassword": False,
        "ExpirePasswords": True,
        "MaxPasswordAge": 90,
        "PasswordReusePrevention": 24,
        "HardExpiry": True,
    }
    for age, reuse in ((0, 1), (1096, 1), (1, 0), (1, 25)):
        input = {"maxPasswordAge": age, "passwordReusePrevention": reuse}
        await refused(service, "updateAccountPasswordPolicy", input, "InvalidInputError")
    assert (await key.ask("UpdateAccountPasswordPolicy", MaxPasswordAge=1)).status == 200
    shown = (await key.ask("GetAccountPasswordPolicy")).data["PasswordPolicy"]
    assert shown.keys() & {"MaxPasswordAge", "PasswordReusePrevention"} == {"MaxPasswordAge"}
    (event, *_) = await service.events(name="UpdateAccountPasswordPolicy", error_code=None)
    changes = {change.field: (change.before, change.after) for change in event.changes}
    assert changes == {
        "minimumPasswordLength": (8, 6),
        "maxPasswordAge": (90, 1),
        "passwordReusePrevention": (24, None),
        "hardExpiry": (True, False),
    }


async def test_a_password_too_old_is_changed_at_sign_in(service: Service) -> None:
    await bob(service)
    made = await profile(service)
    assert (made["passwordSetAt"], made["passwordExpiresAt"]) == (made["createdAt"], None)
    await given(service, maxPasswordAge=30)
    made = await profile(service)
    at = datetime.fromisoformat(made["passwordExpiresAt"])
    assert at - datetime.fromisoformat(made["passwordSetAt"]) == timedelta(days=30)

    service.clock.ahead += timedelta(days=29)
    service.tokens.clear()
    assert (await sign_in(service, FIRST))["__typename"] == "SignInSuccess"
    service.clock.ahead += timedelta(days=1)
    service.tokens.clear()
    # A wrong password is told nothing of it.
    assert (await sign_in(service, SECOND))["__typename"] == "InvalidCredentialsError"
    assert (await sign_in(service, FIRST))["__typename"] == "PasswordChangeRequiredError"
    assert (await sign_in(service, FIRST, "short"))["__typename"] == "PasswordPolicyViolationError"
    assert (await sign_in(service, FIRST, SECOND))["__typename"] == "SignInSuccess"
    assert (await sign_in(service, SECOND))["__typename"] == "SignInSuccess"
    assert (await sign_in(service, FIRST))["__typename"] == "InvalidCredentialsError"
    now = await profile(service)
    assert now["createdAt"] == made["createdAt"] and now["passwordSetAt"] > made["passwordExpiresAt"]
    # Only a new password makes it younger.
    service.clock.ahead += timedelta(days=30)
    service.tokens.clear()
    await service.good("updateLoginProfile", {"userName": "bob", "passwordResetRequired": False})
    assert (await sign_in(service, SECOND))["__typename"] == "PasswordChangeRequiredError"
    # The root's password has no age.
    service.tokens.clear()
    assert await service.root()


async def test_with_hard_expiry_somebody_else_must_set_it(service: Service) -> None:
    await bob(service)
    await given(service, maxPasswordAge=1, hardExpiry=True)
    service.clock.ahead += timedelta(days=1)
    service.tokens.clear()
    before = await service.snapshot()
    for new in (None, SECOND):
        done = await sign_in(service, FIRST, new)
        assert (done["__typename"], done["code"]) == ("PasswordExpiredError", "PASSWORD_EXPIRED")
    assert (await sign_in(service, "wrong", SECOND))["__typename"] == "InvalidCredentialsError"
    assert await service.snapshot() == before
    await service.good("updateLoginProfile", {"userName": "bob", "password": SECOND})
    assert (await sign_in(service, SECOND))["__typename"] == "SignInSuccess"


@pytest.mark.parametrize("prevented", [None, 1, 2])
async def test_the_last_passwords_may_not_come_back(service: Service, prevented: int | None) -> None:
    """By each of the three ways to set one; the one in use is the first of those that count."""
    await bob(service)
    await given(service, passwordReusePrevention=prevented, allowUsersToChangePassword=True)

    async def change(old: str, new: str) -> str:
        token = (await sign_in(service, old))["accessToken"]
        done = await service.do("changePassword", {"oldPassword": old, "newPassword": new}, token=token)
        return str(done["__typename"])

    async def set_by_root(new: str, **more: Any) -> str:
        input = {"userName": "bob", "password": new, **more}
        return str((await service.do("updateLoginProfile", input, token=await service.root()))["__typename"])

    def ending(name: str, by: int) -> str:
        return "PasswordPolicyViolationError" if (prevented or 0) >= by else f"{name}Success"

    assert await change(FIRST, FIRST) == ending("ChangePassword", 1)
    assert await set_by_root(FIRST) == ending("UpdateLoginProfile", 1)
    assert await change(FIRST, SECOND) == "ChangePasswordSuccess"
    if prevented == 2:
        before = await service.snapshot()
        assert await set_by_root(FIRST) == ending("UpdateLoginProfile", 2)
        assert await service.snapshot() == before
        reply = await service.ask(
            'mutation ($p: String!) { updateLoginProfile(input: {userName: "bob", password: $p}) '
            "{ ... on PasswordPolicyViolationError { message rules } } }",
            await service.root(),
            p=FIRST,
        )
        assert reply.only()["rules"] == ["must not be one of the last 2 passwords"]
        assert FIRST not in reply.text
    assert await set_by_root(THIRD, passwordResetRequired=True) == "UpdateLoginProfileSuccess"
    new = (await sign_in(service, THIRD, SECOND))["__typename"]
    assert new == ("PasswordPolicyViolationError" if prevented == 2 else "SignInSuccess")
    if prevented == 2:
        # Two are prevented: the third in a row is free again.
        assert (await sign_in(service, THIRD, FIRST))["__typename"] == "SignInSuccess"


async def test_no_more_are_kept_than_are_wanted(service: Service) -> None:
    await bob(service)

    async def kept() -> int:
        async with service.database.reading() as data:
            return len(await data.users._db.fetch("SELECT id FROM past_password"))

    await given(service, passwordReusePrevention=3)
    for number, count in ((1, 1), (2, 2), (3, 2), (4, 2)):
        await service.good("updateLoginProfile", {"userName": "bob", "password": f"number-{number}-Passw0rd"})
        assert await kept() == count
    await given(service)
    await service.good("updateLoginProfile", {"userName": "bob", "password": "number-5-Passw0rd"})
    assert await kept() == 0


async def test_comparing_takes_one_place_at_the_hasher(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many passwords a new one is compared with; and at most 24 with the one in use."""
    await bob(service)
    await given(service, passwordReusePrevention=24)
    for number in range(26):
        await service.good("updateLoginProfile", {"userName": "bob", "password": f"number-{number}-Passw0rd"})
    counted = {"places": 0, "hashes": 0}
    take, submit = PasswordHasher._take, PasswordHasher._submit

    def counting_take(self: PasswordHasher) -> None:
        counted["places"] += 1
        take(self)

    def counting_submit(self: PasswordHasher, work: Any) -> Any:
        counted["hashes"] += 1
        return submit(self, work)

    monkeypatch.setattr(PasswordHasher, "_take", counting_take)
    monkeypatch.setattr(PasswordHasher, "_submit", counting_submit)
    await service.good("updateLoginProfile", {"userName": "bob", "password": "number-26-Passw0rd"})
    assert counted == {"places": 1, "hashes": 25}


async def test_only_who_may_read_the_login_profile_knows_its_age(service: Service) -> None:
    await bob(service)
    await given(service, maxPasswordAge=1)
    eve = await service.user("eve", allow("iam:UpdateLoginProfile"))
    fields = "loginProfile { passwordExpiresAt passwordSetAt }"
    reply = await service.ask(
        f'mutation {{ updateLoginProfile(input: {{userName: "bob", passwordResetRequired: true}}) '
        f"{{ ... on UpdateLoginProfileSuccess {{ {fields} }} }} }}",
        eve,
    )
    assert reply.only() == {"loginProfile": {"passwordExpiresAt": None, "passwordSetAt": None}}
    assert set(reply.codes) == {"ACCESS_DENIED"}
