"""MFA devices: make a virtual one, enable it for a user or the root, bring it back in step, take it away; and list them and
passkeys, which `app/passkeys.py` registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from ..domain.arn import iam_arn, parse_arn
from ..domain.entities import AssignmentStatus, VirtualMfaDevice
from ..domain.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    IamError,
    InvalidAuthenticationCode,
    InvalidInput,
    LimitExceeded,
    NoSuchEntity,
)
from ..domain.names import AuthenticationCode, Doc, PathName, SerialNumber, UserName, VirtualMfaDeviceName
from ..domain.passkeys import MfaDevice, Passkey, passkey_id
from ..domain.tags import check_tags, with_tags
from ..domain.throttling import Limit
from ..security import qr, totp
from ..store.pages import Page
from ..store.session import StoreSession
from .caller import Caller
from .changes import GONE, shown_mfa_device
from .devices import devices_of, seed_context
from .keys import OWNER, KeyOwner, known_owner
from .listing import Listed, Marker, MaxItems, by_name, sliced
from .operation import Command, Need, Place, Query, Target, operation
from .quotas import ensure
from .second_factor import attempts_at, synchronise
from .tagging import Tags, request_tags
from .targets import EVERYTHING, New
from .throttling import attempt
from .users import UniqueId
from .work import Tools, Work

LISTING, OF_OWNER = "virtual-mfa-devices", "mfa-devices"
_MAX_SERIAL = 256


def _no_such_device(serial: str) -> NoSuchEntity:
    return NoSuchEntity(f"VirtualMFADevice with serial number {serial} doesn't exist.")


async def _with_serials(data: StoreSession, account_id: str, serials: Sequence[str]) -> list[VirtualMfaDevice | None]:
    """The device of the account that each serial number names."""
    parsed = [parse_arn(serial) for serial in serials]
    places = [arn.path + arn.name if arn is not None else "" for arn in parsed]
    found = await data.mfa_devices.at_places(account_id, sorted(set(places)))
    devices = [found.get(place) for place in places]
    return [
        device if device is not None and device.arn == serial else None
        for device, serial in zip(devices, serials, strict=True)
    ]


class _BySerialNumber(Target):
    """A virtual MFA device of the caller's account, by its serial number."""

    know = "iam:ListVirtualMFADevices"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[VirtualMfaDevice | None]:
        return await _with_serials(data, caller.account_id, [op.serial_number for op in ops])

    def place(self, caller: Caller, op: Any, entity: VirtualMfaDevice | None) -> Place:
        parsed = parse_arn(op.serial_number)
        asked = op.serial_number if parsed else iam_arn(caller.account_id, "mfa", "/", op.serial_number)
        return Place(
            resource=asked,
            asked=asked,
            account_id=parsed.account_id if parsed else caller.account_id,
            tags=entity.tags if entity is not None else (),
            tag_keys=("aws:ResourceTag",),
        )

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return _no_such_device(op.serial_number)


MFA_DEVICE = _BySerialNumber()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMfaDevice:
    """A new device, and its seed: the only time that it is shown. `account` is the account's alias or id."""

    device: VirtualMfaDevice
    seed: bytes = field(repr=False)
    account: str

    @property
    def base32_string_seed(self) -> str:
        """The seed as it is typed into an authenticator app."""
        return totp.base32(self.seed)

    @property
    def otpauth_uri(self) -> str:
        """What the QR codes hold."""
        return totp.otpauth_uri(self.seed, device=self.device.name, account=self.account)

    @property
    def qr_code_svg(self) -> str:
        return qr.svg(self.otpauth_uri)

    @property
    def qr_code_png(self) -> bytes:
        return qr.png(self.otpauth_uri)


@operation(
    "iam:CreateVirtualMFADevice",
    on=New(kind="mfa", parameter="virtual_mfa_device_name"),
    raises=(EntityAlreadyExists, LimitExceeded),
)
class CreateVirtualMFADevice(Command[NewMfaDevice]):
    """Make a virtual MFA device, to be put into an authenticator app and then enabled for a user. Its seed is shown once."""

    virtual_mfa_device_name: VirtualMfaDeviceName
    path: PathName = "/"
    tags: Tags = ()

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        tagging = (self.need(caller, target, "iam:TagMFADevice"),) if self.tags else ()
        return (self.need(caller, target), *tagging)

    def context(self, caller: Caller, target: None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)
        # The account's id has twelve digits in any account.
        if len(iam_arn("0" * 12, "mfa", self.path, self.virtual_mfa_device_name)) > _MAX_SERIAL:
            raise InvalidInput(
                f"the serial number that path and name make may have {_MAX_SERIAL} characters at most",
                field="virtualMfaDeviceName",
            )

    async def execute(self, work: Work, target: None, prepared: None) -> NewMfaDevice:
        account, quotas = work.caller.who.account, work.tools.quotas
        used = await work.data.mfa_devices.count(account.id)
        ensure(used, "VirtualMFADevicesPerAccount", quotas.virtual_mfa_devices_per_account)
        device = VirtualMfaDevice(
            id=work.tools.entropy(16).hex(),
            account_id=account.id,
            name=self.virtual_mfa_device_name,
            path=self.path,
            created_at=work.now,
            tags=with_tags((), self.tags, limit=quotas.tags_per_entity),
        )
        seed = work.tools.entropy(totp.SEED_BYTES)
        await work.data.mfa_devices.add(device, work.tools.sealer.seal(seed, context=seed_context(device.id)))
        return NewMfaDevice(device=device, seed=seed, account=account.alias or account.id)


async def changed(work: Work, before: VirtualMfaDevice) -> VirtualMfaDevice:
    """The device as the store has it now, the change noted."""
    device = (await work.data.mfa_devices.by_ids([before.id]))[before.id]
    work.changed(shown_mfa_device(before), shown_mfa_device(device))
    return device


async def _named(work: Work, serial: str) -> VirtualMfaDevice:
    """The device with the serial number. Raises NoSuchEntity."""
    (device,) = await _with_serials(work.data, work.caller.account_id, [serial])
    if device is None:
        raise _no_such_device(serial)
    return device


async def _enabled(work: Work, owner: KeyOwner | None, serial: str) -> VirtualMfaDevice:
    """The same, if it is enabled for the owner; another's and one that does not exist answer alike."""
    device = await _named(work, serial)
    if device.owner_id != known_owner(owner).id:
        raise _no_such_device(serial)
    return device


class _Synchronising(Command[VirtualMfaDevice]):
    """What takes two codes in a row. Attempts are counted, so that nobody learns by trying which code is right."""

    serial_number: SerialNumber

    is_guarded = True

    async def look(self, work: Work, target: KeyOwner | None) -> tuple[Limit, ...]:
        (device,) = await _with_serials(work.data, work.caller.account_id, [self.serial_number])
        return await attempts_at(work, device) if device is not None else ()

    async def guard(self, work: Work, looked: tuple[Limit, ...]) -> None:
        await attempt(work, looked)

    async def prepare(self, caller: Caller, tools: Tools, looked: tuple[Limit, ...]) -> tuple[Limit, ...]:
        return looked


@operation(
    "iam:EnableMFADevice",
    on=OWNER,
    raises=(NoSuchEntity, EntityAlreadyExists, LimitExceeded, InvalidAuthenticationCode),
)
class EnableMFADevice(_Synchronising):
    """Enable a device for a user: at most eight. From then on the user signs in with a code of it. Without a name: for the
    caller itself."""

    serial_number: SerialNumber
    authentication_code1: Annotated[AuthenticationCode, Doc("Six digits that the device shows.")]
    authentication_code2: Annotated[AuthenticationCode, Doc("The six digits that it shows next.")]
    user_name: UserName | None = None

    async def execute(self, work: Work, target: KeyOwner | None, prepared: tuple[Limit, ...]) -> VirtualMfaDevice:
        owner, device = known_owner(target), await _named(work, self.serial_number)
        if device.owner_id is not None:
            raise EntityAlreadyExists(f"MFA device {device.arn} is enabled for somebody already.")
        devices = (await devices_of(work.data, [owner.id]))[owner.id]
        ensure(len(devices), "MFADevicesPerUser", work.tools.quotas.mfa_devices_per_user)
        await synchronise(work, device.id, self.authentication_code1, self.authentication_code2)
        await work.data.throttles.forgive([limit.key for limit in prepared])
        user_id = owner.user.id if owner.user is not None else None
        if not await work.data.mfa_devices.enable(device.id, owner.id, user_id, work.now):
            raise EntityAlreadyExists(f"MFA device {device.arn} is enabled for somebody already.")
        return await changed(work, device)


@operation("iam:ResyncMFADevice", on=OWNER, raises=(NoSuchEntity, InvalidAuthenticationCode))
class ResyncMFADevice(_Synchronising):
    """Bring a device whose clock is off back in step. Without a user's name: one of the caller's own."""

    serial_number: SerialNumber
    authentication_code1: Annotated[AuthenticationCode, Doc("Six digits that the device shows.")]
    authentication_code2: Annotated[AuthenticationCode, Doc("The six digits that it shows next.")]
    user_name: UserName | None = None

    async def execute(self, work: Work, target: KeyOwner | None, prepared: tuple[Limit, ...]) -> VirtualMfaDevice:
        device = await _enabled(work, target, self.serial_number)
        await synchronise(work, device.id, self.authentication_code1, self.authentication_code2)
        await work.data.throttles.forgive([limit.key for limit in prepared])
        return await changed(work, device)


@operation("iam:DeactivateMFADevice", on=OWNER, raises=(NoSuchEntity,))
class DeactivateMFADevice(Command[VirtualMfaDevice | None]):
    """Enable a device for nobody any more. A virtual one stays, and can be enabled again; a passkey is gone. Without a
    user's name: one of the caller's own."""

    serial_number: SerialNumber
    user_name: UserName | None = None

    async def execute(self, work: Work, target: KeyOwner | None, prepared: None) -> VirtualMfaDevice | None:
        (passkey,) = await _passkeys(work.data, [self.serial_number])
        if passkey is not None and passkey.owner_id == known_owner(target).id:
            await work.data.passkeys.delete(passkey.id)
            work.changed(shown_mfa_device(passkey), GONE)
            return None
        device = await _enabled(work, target, self.serial_number)
        await work.data.mfa_devices.deactivate(device.id)
        return await changed(work, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedMfaDevice:
    """The id of a device that is gone."""

    deleted_mfa_device_id: str


@operation("iam:DeleteVirtualMFADevice", on=MFA_DEVICE, raises=(NoSuchEntity, DeleteConflict))
class DeleteVirtualMFADevice(Command[DeletedMfaDevice]):
    """Delete a virtual MFA device that is enabled for nobody."""

    serial_number: SerialNumber

    async def execute(self, work: Work, target: VirtualMfaDevice, prepared: None) -> DeletedMfaDevice:
        if target.owner_id is not None:
            raise DeleteConflict(
                "MFA VirtualDevice in use. Must deactivate first.",
                blocked_by=[target.user if target.user is not None else work.caller.who.account],
            )
        await work.data.mfa_devices.delete(target.id)
        work.changed(shown_mfa_device(target), GONE)
        return DeletedMfaDevice(deleted_mfa_device_id=target.id)


@operation("iam:ListMFADevices", on=OWNER, raises=(NoSuchEntity,))
class ListMFADevices(Query[Listed[MfaDevice]]):
    """List the MFA devices that are enabled for a user, by serial number. Without a name: the caller's own."""

    user_name: UserName | None = None
    unique_id: UniqueId | None = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListMFADevices, KeyOwner | None]]
    ) -> Sequence[Listed[MfaDevice] | IamError]:
        found = await devices_of(work.data, [owner.id for _, owner in asks if owner is not None])
        return [cls._page(query, owner, found) for query, owner in asks]

    @staticmethod
    def _page(
        query: ListMFADevices, owner: KeyOwner | None, found: Mapping[str, Sequence[MfaDevice]]
    ) -> Listed[MfaDevice] | IamError:
        try:
            devices = found.get(known_owner(owner).id, ())
            return sliced(OF_OWNER, devices, lambda device: (device.arn,), 1, query.marker, query.max_items)
        except InvalidInput as error:
            return error


def _place(device: VirtualMfaDevice) -> str:
    return device.path + device.name


async def _passkeys(data: StoreSession, serials: Sequence[str]) -> list[Passkey | None]:
    """The passkey that each serial number names, of whatever account."""
    ids = [passkey_id(serial) for serial in serials]
    found = await data.passkeys.by_ids(sorted({id for id in ids if id is not None}))
    passkeys = [found.get(id or "") for id in ids]
    return [
        one if one is not None and one.arn == serial else None for one, serial in zip(passkeys, serials, strict=True)
    ]


@operation("iam:GetMFADevice", on=OWNER, raises=(NoSuchEntity,))
class GetMFADevice(Query[MfaDevice]):
    """Read one MFA device of a user. Without a name: one of the caller's own."""

    serial_number: SerialNumber
    user_name: UserName | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetMFADevice, KeyOwner | None]]
    ) -> Sequence[MfaDevice | IamError]:
        serials = [query.serial_number for query, _ in asks]
        virtual = await _with_serials(work.data, work.caller.account_id, serials)
        passkeys = await _passkeys(work.data, serials)
        return [
            device
            if device is not None and owner is not None and device.owner_id == owner.id
            else _no_such_device(query.serial_number)
            for (query, owner), device in zip(asks, map(_either, virtual, passkeys), strict=True)
        ]


def _either(device: VirtualMfaDevice | None, passkey: Passkey | None) -> MfaDevice | None:
    return device if device is not None else passkey


@operation("iam:ListVirtualMFADevices", on=EVERYTHING)
class ListVirtualMFADevices(Query[Listed[VirtualMfaDevice]]):
    """List the virtual MFA devices of the account, by path and name."""

    assignment_status: AssignmentStatus = AssignmentStatus.ANY
    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListVirtualMFADevices, None]]
    ) -> Sequence[Listed[VirtualMfaDevice] | IamError]:
        return [await cls._page(work, query) for query, _ in asks]

    @staticmethod
    async def _page(work: Work, query: ListVirtualMFADevices) -> Listed[VirtualMfaDevice] | IamError:
        async def load(after: str | None) -> Page[VirtualMfaDevice]:
            return await work.data.mfa_devices.page(
                work.caller.account_id, query.assignment_status, after=after, limit=query.max_items
            )

        return await by_name(LISTING, query.marker, _place, load)


@operation("iam:ListVirtualMFADevices", on=EVERYTHING, raises=(NoSuchEntity,))
class GetVirtualMFADevice(Query[VirtualMfaDevice]):
    """Read one virtual MFA device by its unique id, by the permission to list them: AWS has no action for it."""

    unique_id: UniqueId

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetVirtualMFADevice, None]]
    ) -> Sequence[VirtualMfaDevice | IamError]:
        found = await work.data.mfa_devices.by_ids([query.unique_id for query, _ in asks])
        own = {id: device for id, device in found.items() if device.account_id == work.caller.account_id}
        return [
            own.get(query.unique_id) or NoSuchEntity(f"VirtualMFADevice {query.unique_id} doesn't exist.")
            for query, _ in asks
        ]
