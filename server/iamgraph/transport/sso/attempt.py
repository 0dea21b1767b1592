"""Signing in takes several pages: what was typed on those before comes back with the next form, sealed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from ...app.operation import Command
from ...app.sign_in import SignedIn, SignIn, SignInAsRoot
from ...domain.errors import MfaRequired
from ...domain.passkeys import MfaKind
from ...security.sealing import Sealer, SealError

GOOD_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What an MFA device has shown: a code, or what a passkey signed; neither where nothing was asked for."""

    code: str | None = field(default=None, repr=False)
    assertion: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What somebody has typed so far. `account` None is the root, whose `name` is an e-mail address. `takes_code` and
    `passkey_options` are what was asked for last: a code, and what a passkey is to sign, as JSON text."""

    account: str | None
    name: str
    password: str = field(repr=False)
    new_password: str | None = field(default=None, repr=False)
    takes_code: bool = False
    passkey_options: str | None = None

    def asked(self, needed: MfaRequired) -> Attempt:
        """The same, and what is needed beside it."""
        return replace(self, takes_code=MfaKind.TOTP in needed.kinds, passkey_options=needed.passkey_options)

    def command(self, shown: Shown) -> Command[SignedIn]:
        if self.account is None:
            return SignInAsRoot(
                email=self.name, password=self.password, mfa_code=shown.code, passkey_assertion=shown.assertion
            )
        return SignIn(
            account=self.account,
            user_name=self.name,
            password=self.password,
            new_password=self.new_password,
            mfa_code=shown.code,
            passkey_assertion=shown.assertion,
        )

    def sealed(self, sealer: Sealer, form_secret: str, now: datetime) -> str:
        """For the browser that has the form cookie, and for ten minutes. INVARIANT: only after the password has proved
        right, so that nobody has us seal without end."""
        kept = {**asdict(self), "until": (now + GOOD_FOR).isoformat()}
        return sealer.seal_message(json.dumps(kept).encode(), context=_context(form_secret))

    @classmethod
    def opened(cls, sealed: str, sealer: Sealer, form_secret: str, now: datetime) -> Attempt | None:
        """None where it is too old, another browser's, or altered."""
        try:
            kept = json.loads(sealer.unseal_message(sealed, context=_context(form_secret)))
        except SealError:
            return None
        if datetime.fromisoformat(kept.pop("until")) <= now:
            return None
        return cls(**kept)


def _context(form_secret: str) -> str:
    return f"sign-in/1/{hashlib.sha256(form_secret.encode('utf-8', 'surrogatepass')).hexdigest()}"
