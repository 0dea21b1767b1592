"""Virtual MFA devices: made, enabled with two codes, brought back in step, taken away; and who may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iamgraph.app.caller import Origin
from iamgraph.app.kernel import Ask
from iamgraph.app.mfa_device_tags import ListMFADeviceTags
from iamgraph.app.mfa_devices import CreateVirtualMFADevice, GetMFADevice, ListMFADevices, ListVirtualMFADevices
from iamgraph.domain.entities import Tag
from iamgraph.domain.errors import AccessDenied, NoSuchEntity
from iamgraph.domain.limits import Quotas

from ..databases import STORES, fresh
from ..phone import STEP, Phone, device, enrolled
from ..service import ACCOUNT, Service, allow, served
from .asking import account, arn, document, other_root, refused, role, statement, trusting

DEVICE = "__typename id serialNumber enabledAt user { name } tags { key value }"
ORIGIN = Origin(request_id="1", transport="TEST", ip_address=None, user_agent=None, is_secure=True)
NOT_VALID = "Authentication code for device is not valid."


async def shown(service: Service, inner: str) -> Any:
    found = await account(service, f"virtualMfaDevices(first: 9{inner}) {{ nodes {{ {DEVICE} }} }}")
    return found["virtualMfaDevices"]["nodes"]


async def test_a_device_is_made_enabled_found_deactivated_and_deleted(service: Service) -> None:
    root = await service.root()
    await service.user("alice", path="/eng/")
    input = {"virtualMfaDeviceName": "phone", "path": "/eng/", "tags": [{"key": "Team", "value": "é"}]}
    fields = f"base32StringSeed otpauthUri qrCodeSvg device {{ {DEVICE} }}"
    made = await service.good("createVirtualMFADevice", input, fields)
    seed, serial = made["base32StringSeed"], arn("mfa/eng/phone")
    assert len(seed) == 64
    assert made["otpauthUri"] == f"otpauth://totp/iamgraph:phone@{ACCOUNT}?secret={seed}&issuer=iamgraph"
    assert made["qrCodeSvg"].startswith("<svg ")
    unassigned = {
        "__typename": "TotpDevice",
        "id": made["device"]["id"],
        "serialNumber": serial,
        "enabledAt": None,
        "user": None,
        "tags": input["tags"],
    }
    assert made["device"] == unassigned
    phone = Phone(service=service, serial=serial, secret=seed)
    assert await shown(service, ", assignmentStatus: UNASSIGNED") == [unassigned]
    assert await shown(service, ", assignmentStatus: ASSIGNED") == []

    enabled = (await service.good("enableMFADevice", {**phone.pair(), "userName": "alice"}, f"device {{ {DEVICE} }}"))[
        "device"
    ]
    assert enabled == unassigned | {"user": {"name": "alice"}, "enabledAt": enabled["enabledAt"]}
    assert enabled["enabledAt"] is not None
    own = await account(service, f'user(name: "alice") {{ mfaDevices {{ ... on TotpDevice {{ {DEVICE} }} }} }}')
    assert own["user"]["mfaDevices"] == [enabled]
    reply = await service.ask(f'{{ node(id: "{enabled["id"]}") {{ ... on TotpDevice {{ {DEVICE} }} }} }}', root)
    assert reply.only() == enabled
    assert await shown(service, "") == await shown(service, ", assignmentStatus: ASSIGNED") == [enabled]

    blocked = "blockedBy { __typename ... on TotpDevice { serialNumber } ... on User { name } }"
    error = await refused(
        service, "deleteVirtualMFADevice", {"serialNumber": serial}, "DeleteConflictError", f"message {blocked}"
    )
    assert error["message"] == "MFA VirtualDevice in use. Must deactivate first."
    assert error["blockedBy"] == [{"__typename": "User", "name": "alice"}]
    await service.good("deleteLoginProfile", {"userName": "alice"})
    error = await refused(service, "deleteUser", {"userName": "alice"}, "DeleteConflictError", blocked)
    assert error["blockedBy"] == [{"__typename": "TotpDevice", "serialNumber": serial}]

    gone = await service.good(
        "deactivateMFADevice", {"serialNumber": serial, "userName": "alice"}, f"device {{ {DEVICE} }}"
    )
    assert gone["device"] == unassigned
    await service.good("deleteUser", {"userName": "alice"})
    deleted = await service.good("deleteVirtualMFADevice", {"serialNumber": serial}, "deletedMfaDeviceId")
    assert deleted["deletedMfaDeviceId"] == enabled["id"]
    assert await shown(service, "") == []
    assert (await service.ask(f'{{ node(id: "{enabled["id"]}") {{ id }} }}', root)).data == {"node": None}


async def test_the_history_says_what_changed_and_no_secret(service: Service) -> None:
    await service.user("alice")
    phone = await enrolled(service, "alice")
    await service.good("deactivateMFADevice", {"serialNumber": phone.serial, "userName": "alice"})
    (made,) = await service.events(name="CreateVirtualMFADevice")
    (enabled,) = await service.events(name="EnableMFADevice")
    (deactivated,) = await service.events(name="DeactivateMFADevice")
    assert made.resources == (phone.serial,) and enabled.resources == (arn("user/alice"),)
    (change,) = enabled.changes
    assert (change.field, change.before, change.after) == ("enabledFor", None, arn("user/alice"))
    (change,) = deactivated.changes
    assert (change.field, change.before, change.after) == ("enabledFor", arn("user/alice"), None)
    assert enabled.parameters == f'{{"serialNumber": "{phone.serial}", "userName": "alice"}}'
    everything = repr([made, enabled, deactivated])
    assert phone.secret not in everything and "authenticationCode" not in everything
    async with service.database.reading() as data:
        rows = await data.mfa_devices._db.fetch("SELECT * FROM mfa_device")
    assert phone.secret not in repr([dict(row) for row in rows])


async def test_two_codes_in_a_row_enable_it(service: Service) -> None:
    """Each used once: not the same twice, not in the other order, not one right and one wrong."""
    await service.user("alice")
    phone = await device(service)
    right = phone.pair()
    for first, second in (
        (phone.code(), phone.code()),
        (phone.code(), phone.code(-1)),
        (phone.code(), phone.wrong()),
        (phone.wrong(), phone.code()),
        (phone.code(-1), phone.code(1)),
    ):
        input = right | {"authenticationCode1": first, "authenticationCode2": second, "userName": "alice"}
        error = await refused(service, "enableMFADevice", input, "InvalidAuthenticationCodeError")
        assert (error["code"], error["message"]) == ("INVALID_AUTHENTICATION_CODE", NOT_VALID)
    for code in ("12345", "1234567", "abcdef", "12345٣"):
        error = await refused(
            service, "enableMFADevice", right | {"authenticationCode1": code}, "InvalidInputError", "field"
        )
        assert error["field"] == "authenticationCode1" and code not in error["message"]
    await service.good("enableMFADevice", right | {"userName": "alice"})


async def test_a_device_is_enabled_for_one_and_its_codes_are_not_good_again(service: Service) -> None:
    await service.user("alice")
    await service.user("bob")
    phone = await device(service)
    pair = phone.pair()
    await service.good("enableMFADevice", pair | {"userName": "alice"})
    for name in ("alice", "bob"):
        error = await refused(service, "enableMFADevice", pair | {"userName": name}, "EntityAlreadyExistsError")
        assert error["message"] == f"MFA device {phone.serial} is enabled for somebody already."
    for mutation, input in (
        ("deactivateMFADevice", {"serialNumber": phone.serial}),
        ("resyncMFADevice", phone.pair()),
    ):
        error = await refused(service, mutation, input | {"userName": "bob"}, "NoSuchEntityError")
        assert error["message"] == f"VirtualMFADevice with serial number {phone.serial} doesn't exist."
    await refused(service, "resyncMFADevice", pair | {"userName": "alice"}, "InvalidAuthenticationCodeError")
    await service.good("deactivateMFADevice", {"serialNumber": phone.serial, "userName": "alice"})
    await refused(service, "enableMFADevice", pair | {"userName": "bob"}, "InvalidAuthenticationCodeError")
    service.clock.ahead += 2 * STEP
    await service.good("enableMFADevice", phone.pair() | {"userName": "bob"})


async def test_a_clock_that_is_off_is_found_out_and_kept(service: Service) -> None:
    password = "alice-Passw0rd!"
    await service.user("alice")
    phone = await enrolled(service, "alice")

    async def signs_in(phone: Phone) -> bool:
        input = {"account": ACCOUNT, "userName": "alice", "password": password, "mfaCode": phone.code()}
        return bool((await service.do("signIn", input))["__typename"] == "SignInSuccess")

    for off in (timedelta(minutes=20), timedelta(minutes=-15)):
        late = replace(phone, ahead=off)
        # Codes that are older than one that was used stay used.
        service.clock.ahead += timedelta(hours=1)
        assert not await signs_in(late)
        await service.good("resyncMFADevice", late.pair() | {"userName": "alice"})
        assert not await signs_in(late)
        service.clock.ahead += STEP
        assert await signs_in(late)
        assert not await signs_in(phone)
    service.clock.ahead += timedelta(hours=1)
    far = replace(phone, ahead=timedelta(minutes=40))
    await refused(service, "resyncMFADevice", far.pair() | {"userName": "alice"}, "InvalidAuthenticationCodeError")


async def test_guessing_two_codes_is_counted_for_the_device(service: Service) -> None:
    await service.user("alice")
    phone, other = await device(service), await device(service, "other")
    wrong = phone.pair() | {"authenticationCode2": phone.wrong(), "userName": "alice"}
    ends = [(await service.do("enableMFADevice", wrong, token=await service.root()))["__typename"] for _ in range(11)]
    assert ends == ["InvalidAuthenticationCodeError"] * 10 + ["ThrottledError"]
    right = phone.pair() | {"userName": "alice"}
    assert (await service.do("enableMFADevice", right, token=await service.root()))["__typename"] == "ThrottledError"
    await service.good("enableMFADevice", other.pair() | {"userName": "alice"})
    service.clock.ahead += timedelta(minutes=15)
    await service.good("enableMFADevice", phone.pair() | {"userName": "alice"})


@pytest.mark.parametrize("kind", STORES)
async def test_quotas_hold(kind: str, tmp_path: Path) -> None:
    quotas = Quotas(virtual_mfa_devices_per_account=4, mfa_devices_per_user=2)
    async with fresh(kind, tmp_path) as url, served(url, tmp_path, quotas=quotas) as service:
        await service.user("alice")
        phones = [await device(service, f"p{i}") for i in range(4)]
        error = await refused(
            service, "createVirtualMFADevice", {"virtualMfaDeviceName": "p4"}, "LimitExceededError", "limit"
        )
        assert (error["limit"], error["message"]) == (4, "Cannot exceed quota for VirtualMFADevicesPerAccount: 4")
        for phone in phones[:2]:
            await service.good("enableMFADevice", phone.pair() | {"userName": "alice"})
        error = await refused(
            service, "enableMFADevice", phones[2].pair() | {"userName": "alice"}, "LimitExceededError"
        )
        assert error["message"] == "Cannot exceed quota for MFADevicesPerUser: 2"
        await service.good("enableMFADevice", phones[2].pair())  # the root has its own


async def test_names_are_unique_at_their_path(service: Service) -> None:
    await device(service, "phone")
    await device(service, "phone", path="/a/")
    for path, name in (("/", "PHONE"), ("/A/", "phone")):
        input = {"virtualMfaDeviceName": name, "path": path}
        error = await refused(service, "createVirtualMFADevice", input, "EntityAlreadyExistsError")
        assert error["message"] == "MFADevice entity at the same path and name already exists."
    for input, field in (
        ({"virtualMfaDeviceName": "a b"}, "virtualMfaDeviceName"),
        ({"virtualMfaDeviceName": "x" * 226, "path": "/a/"}, "virtualMfaDeviceName"),
        ({"virtualMfaDeviceName": "x", "path": "a"}, "path"),
        ({"virtualMfaDeviceName": "x", "tags": [{"key": "aws:x", "value": ""}]}, "tags"),
    ):
        error = await refused(service, "createVirtualMFADevice", input, "InvalidInputError", "field")
        assert error["field"].startswith(field)
    longest = await device(service, "x" * 226)
    assert len(longest.serial) == 256
    # A serial number is found exactly.
    for serial in (arn("mfa/PHONE"), arn("mfa/b/phone"), arn("user/phone"), "GAHT12345678"):
        error = await refused(service, "deleteVirtualMFADevice", {"serialNumber": serial}, "NoSuchEntityError")
        assert error["message"] == f"VirtualMFADevice with serial number {serial} doesn't exist."


async def test_the_roots_devices_are_the_roots(service: Service) -> None:
    root = await service.root()
    phone = await device(service)
    made = await service.good("enableMFADevice", phone.pair(), f"device {{ {DEVICE} }}")
    assert (made["device"]["user"], made["device"]["enabledAt"] is not None) == (None, True)
    inner = "root { mfaDevices { ... on TotpDevice { serialNumber } } }"
    assert (await account(service, inner))["root"] == {"mfaDevices": [{"serialNumber": phone.serial}]}
    admin = await service.user("admin", allow("*"))
    error = await refused(
        service, "deactivateMFADevice", {"serialNumber": phone.serial}, "NoSuchEntityError", token=admin
    )
    assert phone.serial in error["message"]
    (change,) = (await service.events(name="EnableMFADevice"))[0].changes
    assert change.after == arn("root")
    await service.good("deactivateMFADevice", {"serialNumber": phone.serial}, token=root)


async def test_users_look_after_their_own_devices(service: Service) -> None:
    """By the policy that AWS's guide has for that ("Allows MFA-authenticated IAM users to manage their own MFA device")."""
    own = document(
        statement("Allow", "iam:ListVirtualMFADevices"),
        statement("Allow", "iam:CreateVirtualMFADevice", "arn:aws:iam::*:mfa/*"),
        statement(
            "Allow",
            ["iam:EnableMFADevice", "iam:DeactivateMFADevice", "iam:ListMFADevices", "iam:ResyncMFADevice"],
            "arn:aws:iam::*:user/${aws:username}",
        ),
    )
    alice = await service.user("alice", own)
    await service.user("bob")
    phone = await enrolled(service, None, token=alice)
    error = await refused(
        service, "enableMFADevice", phone.pair() | {"userName": "bob"}, "AccessDeniedError", "action resource", alice
    )
    assert (error["action"], error["resource"]) == ("iam:EnableMFADevice", arn("user/bob"))
    await refused(service, "deleteVirtualMFADevice", {"serialNumber": phone.serial}, "AccessDeniedError", token=alice)
    tagged = {"virtualMfaDeviceName": "x", "tags": [{"key": "team", "value": "red"}]}
    error = await refused(service, "createVirtualMFADevice", tagged, "AccessDeniedError", "action", alice)
    assert error["action"] == "iam:TagMFADevice"
    service.clock.ahead += STEP
    await service.good("resyncMFADevice", phone.pair(), token=alice)
    await service.good("deactivateMFADevice", {"serialNumber": phone.serial}, token=alice)
    # A role's session has no devices.
    await role(service, "ops", trusting(arn("user/alice")), allow("*"))
    ops = (
        await service.good("assumeRole", {"roleArn": arn("role/ops"), "roleSessionName": "ci"}, "accessToken", alice)
    )["accessToken"]
    await refused(service, "enableMFADevice", phone.pair(), "InvalidInputError", token=ops)


async def test_devices_of_others_are_not_to_be_known(service: Service) -> None:
    """Another account's, and one's own account's to whom may not list them, are as if they did not exist."""
    there, phone = await other_root(service), await device(service, tags=[{"key": "team", "value": "red"}])
    for mutation, more in (
        ("deleteVirtualMFADevice", {}),
        ("tagMFADevice", {"tags": [{"key": "a", "value": "b"}]}),
        ("enableMFADevice", {"authenticationCode1": phone.code(-1), "authenticationCode2": phone.code()}),
        ("resyncMFADevice", {"authenticationCode1": phone.code(-1), "authenticationCode2": phone.code()}),
    ):
        errors = [
            await service.do(mutation, {"serialNumber": serial, **more}, token=there)
            for serial in (phone.serial, arn("mfa/nothing"))
        ]
        assert errors[0]["__typename"].endswith("Error")
        assert errors[0]["__typename"] == errors[1]["__typename"]
        assert errors[0]["message"].replace("phone", "nothing") == errors[1]["message"]
    listed = await service.ask("{ viewer { account { virtualMfaDevices(first: 9) { nodes { id } } } } }", there)
    assert listed.only()["account"]["virtualMfaDevices"]["nodes"] == []

    # Who may touch those without the tag alone hears of one with it what it would hear of none.
    untagged = document(statement("Allow", "iam:UntagMFADevice", Condition={"Null": {"aws:ResourceTag/team": "true"}}))
    eve = await service.user("eve", untagged)
    errors = [
        await service.do("untagMFADevice", {"serialNumber": serial, "tagKeys": ["x"]}, token=eve)
        for serial in (phone.serial, arn("mfa/nothing"))
    ]
    assert errors[0]["__typename"] == "NoSuchEntityError"
    assert errors[0]["message"].replace("phone", "nothing") == errors[1]["message"]


async def test_tags(service: Service) -> None:
    phone = await device(service, tags=[{"key": "Team", "value": "red"}, {"key": "a", "value": ""}])
    serial = {"serialNumber": phone.serial}
    tags = [{"key": "team", "value": "blue"}, {"key": "b", "value": "2"}]
    done = await service.good("tagMFADevice", {**serial, "tags": tags}, "device { tags { key value } }")
    assert sorted(tag["key"] for tag in done["device"]["tags"]) == ["a", "b", "team"]
    await service.good("untagMFADevice", {**serial, "tagKeys": ["TEAM", "nothing"]})
    caller = await service.kernel.authenticate(await service.root(), ORIGIN)
    (page,) = await service.kernel.fetch(caller, [Ask(ListMFADeviceTags(serial_number=phone.serial, max_items=1))])
    assert not isinstance(page, Exception)
    assert (page.items, page.more) == ((Tag(key="a", value=""),), True)
    rest = ListMFADeviceTags(serial_number=phone.serial, marker=page.cursors[0])
    (page,) = await service.kernel.fetch(caller, [Ask(rest)])
    assert not isinstance(page, Exception)
    assert (page.items, page.more) == ((Tag(key="b", value="2"),), False)


async def test_what_awss_wire_asks_for(service: Service) -> None:
    alice, eve = await service.user("alice", allow("iam:*")), await service.user("eve")
    phones = [await enrolled(service, "alice", f"p{i}") for i in range(3)]
    root = await service.kernel.authenticate(await service.root(), ORIGIN)
    caller = await service.kernel.authenticate(alice, ORIGIN)

    async def asked(query: Any, who: Any = caller) -> Any:
        (answer,) = await service.kernel.fetch(who, [Ask(query)])
        return answer

    for query in (
        ListMFADevices(max_items=2),
        ListMFADevices(user_name="alice", max_items=2),
        ListVirtualMFADevices(max_items=2),
    ):
        page = await asked(query)
        assert [one.arn for one in page.items] == [phone.serial for phone in phones[:2]] and page.more
        rest = await asked(replace(query, marker=page.cursors[-1]))
        assert [one.arn for one in rest.items] == [phones[2].serial] and not rest.more
        assert rest.items[0].user.name == "alice"
    assert (await asked(GetMFADevice(serial_number=phones[1].serial))).arn == phones[1].serial
    assert (await asked(GetMFADevice(serial_number=phones[1].serial, user_name="alice"), root)).user.name == "alice"
    assert isinstance(await asked(GetMFADevice(serial_number=phones[1].serial), root), NoSuchEntity)
    assert isinstance(await asked(GetMFADevice(serial_number=phones[1].serial, user_name="eve")), NoSuchEntity)
    eves = await service.kernel.authenticate(eve, ORIGIN)
    assert isinstance(await asked(GetMFADevice(serial_number=phones[1].serial, user_name="alice"), eves), AccessDenied)
    made = await service.kernel.run(root, CreateVirtualMFADevice(virtual_mfa_device_name="new"))
    assert made.qr_code_png.startswith(b"\x89PNG")
    assert repr(made).find(made.base32_string_seed) == -1 and repr(made.seed) not in repr(made)
