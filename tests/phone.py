"""An authenticator app, written apart from what it is checked by: RFC 6238 on HOTP of RFC 4226."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .service import Client, Service

STEP = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A device with its serial number and seed, at the service's time. `ahead` is by how much its own clock is off."""

    service: Client
    serial: str
    secret: str
    ahead: timedelta = timedelta()

    @property
    def step(self) -> int:
        return int((self.service.clock() + self.ahead).timestamp() // 30)

    def code(self, steps: int = 0) -> str:
        """What it shows now, or so many steps from now."""
        return hotp(self.secret, self.step + steps)

    def pair(self) -> dict[str, str]:
        """The code before and the one that it shows now, as EnableMFADevice and ResyncMFADevice take them."""
        step = self.step
        codes = {"authenticationCode1": hotp(self.secret, step - 1), "authenticationCode2": hotp(self.secret, step)}
        return {"serialNumber": self.serial, **codes}

    def wrong(self) -> str:
        """A code that it shows neither now nor soon before or after."""
        shown = {self.code(steps) for steps in range(-70, 71)}
        return next(code for code in (f"{number:06}" for number in range(1000)) if code not in shown)


def hotp(secret: str, counter: int) -> str:
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    (number,) = struct.unpack(">I", digest[digest[19] & 15 :][:4])
    return str((number & 0x7FFFFFFF) % 1_000_000).rjust(6, "0")


async def device(service: Client, name: str = "phone", token: str | None = None, **more: Any) -> Phone:
    """A new device, enabled for nobody, set up by its QR code's text. In this process time stands still from here on, so
    that no code goes out of date by itself."""
    if isinstance(service, Service):
        service.clock.stop()
    fields = "otpauthUri device { serialNumber }"
    made = await service.good("createVirtualMFADevice", {"virtualMfaDeviceName": name, **more}, fields, token)
    (secret,) = parse_qs(urlsplit(made["otpauthUri"]).query)["secret"]
    return Phone(service=service, serial=made["device"]["serialNumber"], secret=secret)


async def enrolled(service: Client, user: str | None, name: str = "phone", token: str | None = None) -> Phone:
    """A new device, enabled for a user or, without a name, for whose token it is; and its next code at hand."""
    phone = await device(service, name, token)
    await service.good("enableMFADevice", phone.pair() | ({"userName": user} if user else {}), token=token)
    service.clock.ahead += STEP
    return phone
