"""MFA devices and what takes their codes, over AWS's wire: as AWS's command line walks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...authenticator import registered
from ...phone import STEP, Phone
from ...service import ACCOUNT, Service, allow
from ...wire import AwsKey, aws_key

SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/eng/phone"


async def code_and_message(answer: Any) -> tuple[int, str | None, str]:
    found = await answer
    return found.status, found.code, found.message


async def made(key: AwsKey) -> Phone:
    found = await key.ask(
        "CreateVirtualMFADevice", VirtualMFADeviceName="phone", Path="/eng/", Tags=[{"Key": "Team", "Value": "red"}]
    )
    device = found.data["VirtualMFADevice"]
    assert (device["SerialNumber"], device["Tags"]) == (SERIAL, [{"Key": "Team", "Value": "red"}])
    assert device["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
    return Phone(service=key.service, serial=SERIAL, secret=device["Base32StringSeed"].decode())


def pair(phone: Phone, user: str, *codes: str) -> dict[str, str]:
    first, second = codes or (phone.code(-1), phone.code())
    given = {"UserName": user, "SerialNumber": phone.serial}
    return {**given, "AuthenticationCode1": first, "AuthenticationCode2": second}


async def test_a_device_from_its_making_to_its_end(service: Service) -> None:
    key, root = await aws_key(service, "alice", allow("iam:*")), await aws_key(service)
    phone = await made(key)
    assert await code_and_message(key.ask("CreateVirtualMFADevice", VirtualMFADeviceName="phone", Path="/eng/")) == (
        409,
        "EntityAlreadyExists",
        "MFADevice entity at the same path and name already exists.",
    )
    listed = (await key.ask("ListVirtualMFADevices", AssignmentStatus="Unassigned")).data
    assert listed == {"VirtualMFADevices": [{"SerialNumber": SERIAL}], "IsTruncated": False}
    wrong = pair(phone, "alice", phone.code(), phone.code())
    assert await code_and_message(key.ask("EnableMFADevice", **wrong)) == (
        403,
        "InvalidAuthenticationCode",
        "Authentication code for device is not valid.",
    )
    status, code, message = await code_and_message(key.ask("EnableMFADevice", **pair(phone, "alice", "12345", "x" * 6)))
    assert (status, code) == (400, "ValidationError")
    assert (
        message.startswith("2 validation errors detected: Value at 'authenticationCode1' failed")
        and "12345" not in message
    )
    assert (await key.ask("EnableMFADevice", **pair(phone, "alice"))).data == {}

    (enabled,) = (await key.ask("ListMFADevices")).data["MFADevices"]
    assert (enabled["UserName"], enabled["SerialNumber"]) == ("alice", SERIAL)
    got = (await root.ask("GetMFADevice", SerialNumber=SERIAL, UserName="alice")).data
    assert got == {**enabled, "Certifications": {}}
    (virtual,) = (await key.ask("ListVirtualMFADevices", AssignmentStatus="Assigned")).data["VirtualMFADevices"]
    assert virtual.keys() == {"SerialNumber", "User", "EnableDate"} and virtual["EnableDate"] == enabled["EnableDate"]
    assert virtual["User"]["UserName"] == "alice"
    assert (await key.ask("ListMFADeviceTags", SerialNumber=SERIAL)).data["Tags"] == [{"Key": "Team", "Value": "red"}]
    assert await code_and_message(key.ask("DeleteVirtualMFADevice", SerialNumber=SERIAL)) == (
        409,
        "DeleteConflict",
        "MFA VirtualDevice in use. Must deactivate first.",
    )
    service.clock.ahead += 2 * STEP
    assert (await key.ask("ResyncMFADevice", **pair(phone, "alice"))).status == 200
    assert (await key.ask("DeactivateMFADevice", UserName="alice", SerialNumber=SERIAL)).status == 200
    service.clock.ahead += 2 * STEP
    own = {name: value for name, value in pair(phone, "").items() if name != "UserName"}
    assert (await root.ask("EnableMFADevice", **own)).status == 200
    (virtual,) = (await key.ask("ListVirtualMFADevices")).data["VirtualMFADevices"]
    assert virtual["User"] == {"UserId": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}
    assert (await root.ask("DeactivateMFADevice", SerialNumber=SERIAL)).status == 200
    assert (await key.ask("DeleteVirtualMFADevice", SerialNumber=SERIAL)).status == 200
    assert await code_and_message(key.ask("DeleteVirtualMFADevice", SerialNumber=SERIAL)) == (
        404,
        "NoSuchEntity",
        f"VirtualMFADevice with serial number {SERIAL} doesn't exist.",
    )


async def test_codes_for_temporary_credentials(service: Service) -> None:
    key = await aws_key(service, "alice", allow("iam:*", "sts:AssumeRole"))
    phone = await made(key)
    await key.ask("EnableMFADevice", **pair(phone, "alice"))
    service.clock.ahead += STEP
    both = {"SerialNumber": SERIAL, "TokenCode": phone.code()}
    denied = (403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.")
    wrong = both | {"TokenCode": phone.wrong()}
    assert await code_and_message(key.ask("GetSessionToken", "sts", **wrong)) == denied
    found = (await key.ask("GetSessionToken", "sts", **both)).data
    assert found.keys() == {"Credentials"}
    assert await code_and_message(key.ask("GetSessionToken", "sts", **both)) == denied
    given = found["Credentials"]
    session = replace(key, id=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"])
    assert (await session.ask("GetUser")).data["User"]["UserName"] == "alice"
    assert await code_and_message(session.ask("GetSessionToken", "sts")) == (
        403,
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
    )
    given = (await key.ask("GetSessionToken", "sts", DurationSeconds=900)).data["Credentials"]
    plain = replace(key, id=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"])
    assert (await plain.ask("GetUser")).code == "AccessDenied"
    assert (await plain.ask("GetCallerIdentity", "sts")).data["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"

    trust = allow("sts:AssumeRole").replace(
        '"Resource": "*"',
        f'"Principal": {{"AWS": "{ACCOUNT}"}}, "Condition": {{"Bool": {{"aws:MultiFactorAuthPresent": "true"}}}}',
    )
    await session.ask("CreateRole", RoleName="ops", AssumeRolePolicyDocument=trust)
    role = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/ops", "RoleSessionName": "ci"}
    service.clock.ahead += STEP
    assert (await key.ask("AssumeRole", "sts", **role)).code == "AccessDenied"
    assert await code_and_message(key.ask("AssumeRole", "sts", **role, **wrong)) == denied
    code = both | {"TokenCode": phone.code()}
    assert (await key.ask("AssumeRole", "sts", **role, **code)).status == 200
    assert await code_and_message(key.ask("AssumeRole", "sts", **role, **code)) == denied


async def test_a_passkey_is_listed_and_deactivated(service: Service) -> None:
    """As AWS shows one that was registered in its console."""
    key, root = await aws_key(service, "alice", allow("iam:*", "sts:AssumeRole")), await aws_key(service)
    await made(key)
    serials = [(await registered(service, user))[1]["serialNumber"] for user in ("alice", "alice", None)]
    alices = sorted(serials[:2])
    found = (await key.ask("ListMFADevices", MaxItems=1)).data
    assert [device["SerialNumber"] for device in found["MFADevices"]] == alices[:1]
    found = (await key.ask("ListMFADevices", Marker=found["Marker"])).data
    (listed,) = found["MFADevices"]
    assert (listed["UserName"], listed["SerialNumber"], found["IsTruncated"]) == ("alice", alices[1], False)
    got = (await root.ask("GetMFADevice", SerialNumber=alices[1], UserName="alice")).data
    assert got == {**listed, "Certifications": {}}
    (own,) = (await root.ask("ListMFADevices")).data["MFADevices"]
    assert own["SerialNumber"] == serials[2]
    virtual = (await key.ask("ListVirtualMFADevices")).data["VirtualMFADevices"]
    assert [device["SerialNumber"] for device in virtual] == [SERIAL]
    for serial in (serials[2], alices[0][:-1], alices[0].lower(), alices[0].replace("alice", "bob")):
        missing = (404, "NoSuchEntity", f"VirtualMFADevice with serial number {serial} doesn't exist.")
        for action in ("GetMFADevice", "DeactivateMFADevice"):
            assert await code_and_message(key.ask(action, UserName="alice", SerialNumber=serial)) == missing
    assert (await key.ask("DeactivateMFADevice", UserName="alice", SerialNumber=alices[0])).data == {}
    left = (await key.ask("ListMFADevices")).data["MFADevices"]
    assert [device["SerialNumber"] for device in left] == alices[1:]
    codes = {"SerialNumber": alices[1], "TokenCode": "123456"}
    status, code, message = await code_and_message(key.ask("GetSessionToken", "sts", **codes))
    assert (status, code) == (403, "AccessDenied") and f"the MFA device {alices[1]} is a passkey" in message
