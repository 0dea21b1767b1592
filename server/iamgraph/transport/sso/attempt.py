"""Signing in takes several pages: what was typed on those before comes back with the next form, sealed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from ...app.operation import Command
from ...app.sign_in import SignedIn, SignIn, SignInAsRoot
from ...domain.errors import MfaRequired
from ...domain.passkeys import MfaKind
from .carried import Carrier


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

    def sealed(self, carrier: Carrier) -> str:
        """INVARIANT: only after the password has proved right."""
        return carrier.seal("sign-in", asdict(self))

    @classmethod
    def opened(cls, sealed: str, carrier: Carrier) -> Attempt | None:
        """None where it is no good any more."""
        kept = carrier.open("sign-in", sealed)
        return cls(**kept) if kept is not None else None
