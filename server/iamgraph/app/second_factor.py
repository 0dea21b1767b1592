"""What MFA devices give beside a password or a key, codes and passkeys' signatures: each works once, and attempts are
counted for each device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..domain.entities import VirtualMfaDevice
from ..domain.errors import InvalidAuthenticationCode, InvalidPasskey, MfaRequired
from ..domain.passkeys import MfaDevice, MfaKind, Passkey
from ..domain.throttling import Limit, device_limit
from ..security import totp
from ..security.passkeys import Assertion, PasskeyError, request_options, verify_assertion
from ..store.mfa_devices import SeededDevice
from .challenges import GOOD_FOR, SIGN_IN, new_challenge, refused, relying_party, use_challenge
from .devices import devices_of, seed_context
from .throttling import knows_address
from .work import Work

_FAILED = "MultiFactorAuthentication failed"
_NEEDED = {
    (MfaKind.TOTP,): "A code of the MFA device is needed: sign in with it beside the password.",
    (MfaKind.PASSKEY,): "The passkey is needed: sign in with what it signs beside the password.",
    (MfaKind.TOTP, MfaKind.PASSKEY): (
        "An MFA device is needed: sign in with a code, or with what the passkey signs, beside the password."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """What somebody gives beside a password or a key: a code or what a passkey has signed, neither where there is none; the
    devices that it may be of; and what an attempt counts against."""

    owner_id: str
    code: str | None = field(default=None, repr=False)
    assertion: Assertion | None = field(default=None, repr=False)
    devices: tuple[VirtualMfaDevice, ...]
    passkeys: tuple[Passkey, ...]
    is_known: bool
    address: str | None

    @property
    def is_given(self) -> bool:
        return self.code is not None or self.assertion is not None

    @property
    def attempts(self) -> Sequence[Limit]:
        """Nothing is counted where there is nothing to guess."""
        tried = [
            *(self.devices if self.code is not None else ()),
            *([self.passkey] if self.passkey is not None else ()),
        ]
        return [device_limit(device.id, address=self.address, is_known=self.is_known) for device in tried]

    @property
    def passkey(self) -> Passkey | None:
        """Which of the owner's passkeys has signed, or so it is said."""
        if self.assertion is None:
            return None
        return next((one for one in self.passkeys if one.credential_id == self.assertion.credential_id), None)


async def second_factor(
    work: Work,
    owner_id: str,
    *,
    serial: str | None,
    code: str | None,
    assertion: Assertion | None = None,
    is_known: bool,
) -> SecondFactor:
    """What is given for a user or a root: for the device with that serial number, or for any that is enabled."""
    found = (await devices_of(work.data, [owner_id]))[owner_id]
    named = [device for device in found if serial is None or device.arn == serial]
    return SecondFactor(
        owner_id=owner_id,
        code=code,
        assertion=assertion,
        devices=tuple(device for device in named if isinstance(device, VirtualMfaDevice)),
        passkeys=tuple(device for device in named if isinstance(device, Passkey)),
        is_known=is_known,
        address=work.caller.origin.ip_address,
    )


async def enabled(work: Work, owner_id: str) -> tuple[MfaDevice, ...]:
    """The devices of which one is needed for a user or a root now."""
    return (await devices_of(work.data, [owner_id]))[owner_id]


def required(work: Work, owner_id: str, found: Sequence[MfaDevice]) -> MfaRequired:
    """The answer to whoever has given a password alone: what the owner of these devices can show, and what its passkeys are
    to sign."""
    passkeys = [device for device in found if isinstance(device, Passkey)]
    kinds = [*([MfaKind.TOTP] if len(passkeys) < len(found) else ()), *([MfaKind.PASSKEY] if passkeys else ())]
    options = None
    if passkeys and work.tools.relying_party is not None:
        options = request_options(
            work.tools.relying_party,
            challenge=new_challenge(work.tools, SIGN_IN, owner_id),
            seconds=int(GOOD_FOR.total_seconds()),
            known=passkeys,
        )
    return MfaRequired(_NEEDED[tuple(kinds)], kinds=kinds, passkey_options=options)


async def use_assertion(work: Work, factor: SecondFactor) -> None:
    """Use up the challenge that a passkey has signed; the attempt, which was counted before, counts no more. Raises
    InvalidPasskey. INVARIANT: only a passkey is looked at whose attempt was counted."""
    passkey, given = factor.passkey, factor.assertion
    # As it is now: it may have gone, or have been used, in the meantime.
    found = (await work.data.passkeys.by_ids([passkey.id])).get(passkey.id) if passkey is not None else None
    if given is None or found is None or found.owner_id != factor.owner_id:
        raise InvalidPasskey("The passkey is none of the user's.")
    try:
        count = verify_assertion(relying_party(work.tools), given, found)
    except PasskeyError as error:
        raise refused(error) from error
    await use_challenge(work, given.challenge, SIGN_IN, factor.owner_id)
    if not await work.data.passkeys.use(found.id, count):
        raise InvalidPasskey(f"The passkey has counted {count}, and that before: there may be two of it.")
    await work.data.throttles.forgive([limit.key for limit in factor.attempts])


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
    factor = await second_factor(work, owner_id, serial=serial, code=code, is_known=is_known)
    if factor.passkeys:
        raise InvalidAuthenticationCode(
            f"{_FAILED}, the MFA device {serial} is a passkey or security key, which shows no code. Please give the serial "
            "number and a code of a virtual MFA device."
        )
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


async def attempts_at(work: Work, device: VirtualMfaDevice) -> tuple[Limit, ...]:
    """What an attempt to synchronise a device counts against."""
    is_known = await knows_address(work, work.caller.who.principal_id)
    return (device_limit(device.id, address=work.caller.origin.ip_address, is_known=is_known),)


def _seed(work: Work, seeded: SeededDevice) -> bytes:
    return work.tools.sealer.unseal(seeded.sealed_seed, context=seed_context(seeded.device.id))
