"""Which MFA devices users and roots have: virtual ones, and passkeys."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.passkeys import MfaDevice
from ..store.session import StoreSession


async def devices_of(data: StoreSession, owner_ids: Sequence[str]) -> dict[str, tuple[MfaDevice, ...]]:
    """The devices that are enabled for each user or root, by serial number."""
    virtual = await data.mfa_devices.of(owner_ids)
    passkeys = await data.passkeys.of(owner_ids)
    # No serial number of a passkey comes before one of a virtual device.
    return {id: (*virtual[id], *passkeys[id]) for id in owner_ids}


def seed_context(device_id: str) -> str:
    """What a virtual device's seed is sealed to, so that it is of no use in another row."""
    return f"totp-seed/{device_id}"
