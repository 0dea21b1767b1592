"""What a user shows beside a password: MFA devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from ....app.mfa_device_tags import ListMFADeviceTags
from ....app.mfa_devices import ListMFADevices
from ....domain import entities, passkeys
from ....domain.errors import NoSuchEntity
from ..context import Info
from ..ids import node_id
from ..scalars import ARN, DateTime
from .base import Known, Node, Tag

if TYPE_CHECKING:
    from .user import User

UserType = Annotated["User", strawberry.lazy(".user")]


@strawberry.interface(description="What a user or the root shows at sign-in beside the password.")
class MfaDevice(Node):
    serial_number: ARN

    @strawberry.field(description="Whom it is enabled for; none for the root, or while it is enabled for nobody.")
    def user(self) -> UserType | None:
        raise NotImplementedError

    @strawberry.field
    def enabled_at(self) -> DateTime | None:
        raise NotImplementedError


@strawberry.type(description="A virtual MFA device: an authenticator app that shows one-time passwords (RFC 6238).")
class TotpDevice(Known, MfaDevice):
    inner: strawberry.Private[entities.VirtualMfaDevice]

    @classmethod
    def of(cls, device: entities.VirtualMfaDevice) -> TotpDevice:
        return cls(
            node_id=node_id("TotpDevice", device.id),
            serial_number=ARN(device.arn),
            inner=device,
        )

    @strawberry.field(description="Whom it is enabled for; none for the root, or while it is enabled for nobody.")
    def user(self) -> UserType | None:
        return _owner(self.inner.user)

    @strawberry.field
    def enabled_at(self) -> DateTime | None:
        return DateTime(self.inner.enabled_at) if self.inner.enabled_at is not None else None

    @strawberry.field
    async def tags(self, info: Info) -> list[Tag] | None:
        found = await info.context.load(ListMFADeviceTags(serial_number=self.inner.arn), self.inner)
        return [Tag(key=tag.key, value=tag.value) for tag in found.items]


@strawberry.type(description="A passkey or security key (Web Authentication), which is there as long as it is enabled.")
class Passkey(Known, MfaDevice):
    name: str
    credential_id: str = strawberry.field(description="What its authenticator calls it, in base64url.")
    transports: list[str] = strawberry.field(
        description="How its authenticator said that it is reached: `internal`, `usb`, `nfc`, `ble`, `hybrid` …"
    )
    inner: strawberry.Private[passkeys.Passkey]

    @classmethod
    def of(cls, passkey: passkeys.Passkey) -> Passkey:
        return cls(
            node_id=node_id("Passkey", passkey.owner_id, passkey.id),
            serial_number=ARN(passkey.arn),
            name=passkey.name,
            credential_id=passkey.credential_id,
            transports=list(passkey.transports),
            inner=passkey,
        )

    @strawberry.field(description="Whom it is enabled for; none for the root.")
    def user(self) -> UserType | None:
        return _owner(self.inner.user)

    @strawberry.field
    def enabled_at(self) -> DateTime | None:
        return DateTime(self.inner.enabled_at)


def _owner(user: entities.User | None) -> UserType | None:
    from .user import User

    return User.named(user.id, user.arn, user) if user is not None else None


def mfa_device(device: passkeys.MfaDevice) -> MfaDevice:
    return Passkey.of(device) if isinstance(device, passkeys.Passkey) else TotpDevice.of(device)


async def read_passkey(info: Info, owner_id: str, passkey_id: str) -> passkeys.Passkey:
    """The passkey of its owner, by ListMFADevices. Raises NoSuchEntity."""
    is_root = owner_id == info.context.caller.account_id
    # Without a name the list is the caller's own: the root's only if the root asks.
    found = await info.context.load(ListMFADevices(unique_id=None if is_root else owner_id))
    for device in found.items:
        if isinstance(device, passkeys.Passkey) and device.id == passkey_id and device.owner_id == owner_id:
            return device
    raise NoSuchEntity("The passkey doesn't exist.")
