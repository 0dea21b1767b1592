"""Codes of MFA devices, beside a password or a key: each works once, and guessing is counted for each device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..domain.entities import MfaDevice
from ..domain.errors import InvalidAuthenticationCode
from ..domain.throttling import Limit, device_limit
from ..security import totp
from ..store.mfa_devices import SeededDevice
from .throttling import knows_address
from .work import Work

_FAILED = "MultiFactorAuthentication failed"


def seed_context(device_id: str) -> str:
    """What a device's seed is sealed to, so that it is of no use in another row."""
    return f"totp-seed/{device_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """What somebody gives beside a password or a key: a code, None where there is none; the devices that it may be of; and
    what an attempt counts against."""

    owner_id: str
    code: str | None = field(repr=False)
    devices: tuple[MfaDevice, ...]
    is_known: bool
    address: str | None

    @property
    def attempts(self) -> Sequence[Limit]:
        """Nothing is counted where there is nothing to guess."""
        if self.code is None:
            return ()
        return [device_limit(device.id, address=self.address, is_known=self.is_known) for device in self.devices]


async def second_factor(
    work: Work, owner_id: str, serial: str | None, code: str | None, *, is_known: bool
) -> SecondFactor:
    """What is given for a user or a root: for the device with that serial number, or for any that is enabled."""
    devices = (await work.data.mfa_devices.of([owner_id]))[owner_id]
    return SecondFactor(
        owner_id=owner_id,
        code=code,
        devices=tuple(device for device in devices if serial is None or device.arn == serial),
        is_known=is_known,
        address=work.caller.origin.ip_address,
    )


async def is_needed(work: Work, owner_id: str) -> bool:
    """Whether a device is enabled for a user or a root now."""
    return bool((await work.data.mfa_devices.of([owner_id]))[owner_id])


async def use_code(work: Work, factor: SecondFactor) -> bool:
    """Whether one of the devices shows the code at this time. It is used up then, and the attempt, which was counted
    before, counts no more. INVARIANT: only devices are looked at whose attempt was counted."""
    assert factor.code is not None
    for seeded in await work.data.mfa_devices.with_seeds([device.id for device in factor.devices]):
        device = seeded.device
        if device.owner_id != factor.owner_id:
            continue
        around = totp.step_at(work.now) + device.drift
        step = totp.step_of(_seed(work, seeded), factor.code, around=around, after=device.last_step)
        if step is not None and await work.data.mfa_devices.use(device.id, first=step, last=step):
            await work.data.throttles.forgive([limit.key for limit in factor.attempts])
            return True
    return False


async def caller_factor(work: Work, serial: str | None, code: str | None) -> SecondFactor | None:
    """What the caller gives for a device of its own; None where it gives nothing. Raises InvalidAuthenticationCode, in AWS's
    words."""
    if serial is None and code is None:
        return None
    if serial is None or code is None:
        raise InvalidAuthenticationCode(f"{_FAILED}, must provide both MFA serial number and one time pass code.")
    owner_id = work.caller.who.principal_id
    is_known = await knows_address(work, owner_id)
    factor = await second_factor(work, owner_id, serial, code, is_known=is_known)
    if not factor.devices:
        # Alike, whether the device is another's or does not exist.
        raise InvalidAuthenticationCode(
            f"{_FAILED}, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with "
            "this user."
        )
    return factor


async def use_caller_code(work: Work, factor: SecondFactor) -> None:
    """Use the code up. Raises InvalidAuthenticationCode."""
    if not await use_code(work, factor):
        raise InvalidAuthenticationCode(f"{_FAILED} with invalid MFA one time pass code.")


async def synchronise(work: Work, device_id: str, first: str, second: str) -> None:
    """Use up two codes in a row, and note by how much the device's clock is off. Raises InvalidAuthenticationCode."""
    now = totp.step_at(work.now)
    (seeded,) = await work.data.mfa_devices.with_seeds([device_id])
    device = seeded.device
    step = totp.steps_of(_seed(work, seeded), first, second, around=now, after=device.last_step)
    if step is None or not await work.data.mfa_devices.use(device.id, first=step - 1, last=step):
        raise InvalidAuthenticationCode("Authentication code for device is not valid.")
    # As much as the window allows is the time that typing took.
    drift = step - now if abs(step - now) > totp.WINDOW else 0
    await work.data.mfa_devices.set_drift(device.id, drift)


async def attempts_at(work: Work, device: MfaDevice) -> tuple[Limit, ...]:
    """What an attempt to synchronise a device counts against."""
    is_known = await knows_address(work, work.caller.who.principal_id)
    return (device_limit(device.id, address=work.caller.origin.ip_address, is_known=is_known),)


def _seed(work: Work, seeded: SeededDevice) -> bytes:
    return work.tools.sealer.unseal(seeded.sealed_seed, context=seed_context(seeded.device.id))
