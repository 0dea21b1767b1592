"""Virtual MFA devices."""

from __future__ import annotations

from collections.abc import Mapping

from ....app import mfa_device_tags, mfa_devices
from ....domain.arn import root_arn
from ....domain.entities import VirtualMfaDevice
from ....domain.passkeys import MfaDevice
from ..action import Action, Asked
from ..models import Structure
from .base import instant, page, tag, tags
from .users import listed_user


def _made(made: mfa_devices.NewMfaDevice, asked: Asked) -> Structure:
    return {
        "VirtualMFADevice": {
            "SerialNumber": made.device.arn,
            "Base32StringSeed": made.base32_string_seed.encode(),
            "QRCodePNG": made.qr_code_png,
            "Tags": tags(made.device.tags),
        }
    }


def _enabled(device: MfaDevice) -> Structure:
    return {
        "UserName": device.user.name if device.user is not None else None,
        "SerialNumber": device.arn,
        "EnableDate": instant(device.enabled_at) if device.enabled_at is not None else None,
    }


def _virtual(device: VirtualMfaDevice) -> Structure:
    return {
        "SerialNumber": device.arn,
        "User": _owner(device),
        "EnableDate": instant(device.enabled_at) if device.enabled_at is not None else None,
    }


def _owner(device: VirtualMfaDevice) -> Structure | None:
    if device.owner_id is None:
        return None
    if device.user is None:
        # The root, which has neither name nor path.
        return {"UserId": device.owner_id, "Arn": root_arn(device.account_id)}
    return listed_user(device.user)


def _got(device: MfaDevice, asked: Asked) -> Structure:
    return {**_enabled(device), "Certifications": {}}


ACTIONS: Mapping[str, Action] = {
    "CreateVirtualMFADevice": Action(operation=mfa_devices.CreateVirtualMFADevice, answer=_made),
    "EnableMFADevice": Action(
        operation=mfa_devices.EnableMFADevice, differs="without `UserName`, for the caller itself, the root too"
    ),
    "ResyncMFADevice": Action(
        operation=mfa_devices.ResyncMFADevice, differs="without `UserName`, for the caller itself, the root too"
    ),
    "DeactivateMFADevice": Action(operation=mfa_devices.DeactivateMFADevice),
    "DeleteVirtualMFADevice": Action(operation=mfa_devices.DeleteVirtualMFADevice),
    "ListMFADevices": Action(operation=mfa_devices.ListMFADevices, answer=page("MFADevices", _enabled)),
    "GetMFADevice": Action(
        operation=mfa_devices.GetMFADevice, answer=_got, differs="virtual devices too; `Certifications` is empty"
    ),
    "ListVirtualMFADevices": Action(
        operation=mfa_devices.ListVirtualMFADevices, answer=page("VirtualMFADevices", _virtual)
    ),
    "TagMFADevice": Action(operation=mfa_device_tags.TagMFADevice),
    "UntagMFADevice": Action(operation=mfa_device_tags.UntagMFADevice),
    "ListMFADeviceTags": Action(operation=mfa_device_tags.ListMFADeviceTags, answer=page("Tags", tag)),
}
