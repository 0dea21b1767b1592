"""Registering passkeys and security keys: a challenge for a browser, and the credential that was made by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from ..domain.errors import EntityAlreadyExists, InvalidPasskey, LimitExceeded, NoSuchEntity
from ..domain.names import Doc, PasskeyAnswer, PasskeyName, UserName
from ..domain.passkeys import Passkey
from ..security.passkeys import NewCredential, PasskeyError, creation_options, registration, verify_registration
from .caller import Caller
from .challenges import GOOD_FOR, new_challenge, refused, registration_by, relying_party, use_challenge
from .changes import GONE, shown_mfa_device
from .devices import devices_of
from .keys import OWNER, KeyOwner, known_owner
from .operation import Command, operation
from .quotas import ensure
from .work import Tools, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRegistration:
    """What a browser's `navigator.credentials.create` takes, as JSON text."""

    creation_options: str


@operation("iam:EnableMFADevice", on=OWNER, raises=(NoSuchEntity, LimitExceeded, InvalidPasskey))
class BeginPasskeyRegistration(Command[PasskeyRegistration]):
    """Begin to register a passkey or security key for a user: at most eight MFA devices. A browser makes it by what this
    answers, and `EnablePasskey` takes it, within five minutes and from the same caller. Without a name: for the caller
    itself."""

    user_name: UserName | None = None

    locks_account = False

    def context(self, caller: Caller, target: KeyOwner | None) -> Mapping[str, str | tuple[str, ...]]:
        return {"iam:RegisterSecurityKey": "Create"}

    async def execute(self, work: Work, target: KeyOwner | None, prepared: None) -> PasskeyRegistration:
        owner, party = known_owner(target), relying_party(work.tools)
        await _ensure_room(work, owner)
        options = creation_options(
            party,
            challenge=new_challenge(work.tools, registration_by(work.caller.who.arn), owner.id),
            owner_id=owner.id,
            owner_name=owner.user.name if owner.user is not None else work.caller.who.account.root_email,
            seconds=int(GOOD_FOR.total_seconds()),
            known=(await work.data.passkeys.of([owner.id]))[owner.id],
        )
        return PasskeyRegistration(creation_options=options)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A credential that was made by a challenge, of which it is not known whether it is ours."""

    challenge: bytes
    credential: NewCredential


@operation("iam:EnableMFADevice", on=OWNER, raises=(NoSuchEntity, EntityAlreadyExists, LimitExceeded, InvalidPasskey))
class EnablePasskey(Command[Passkey]):
    """Enable a passkey or security key for a user, that a browser has made by `BeginPasskeyRegistration`. From then on the
    user signs in with it, or with another MFA device. Without a user's name: for the caller itself."""

    passkey_name: PasskeyName
    credential: Annotated[PasskeyAnswer, Doc("What `navigator.credentials.create` gave: its `toJSON()`, as JSON text.")]
    user_name: UserName | None = None

    def context(self, caller: Caller, target: KeyOwner | None) -> Mapping[str, str | tuple[str, ...]]:
        # Nobody vouches for its certifications: the keys that would have them are not there.
        return {"iam:RegisterSecurityKey": "Activate"}

    async def prepare(self, caller: Caller, tools: Tools, looked: None) -> _Made:
        try:
            given = registration(self.credential)
            return _Made(challenge=given.challenge, credential=verify_registration(relying_party(tools), given))
        except PasskeyError as error:
            raise refused(error) from error

    async def execute(self, work: Work, target: KeyOwner | None, prepared: _Made) -> Passkey:
        owner, made = known_owner(target), prepared.credential
        await use_challenge(work, prepared.challenge, registration_by(work.caller.who.arn), owner.id)
        await _ensure_room(work, owner)
        passkey = Passkey(
            id=work.tools.entropy(16).hex(),
            account_id=work.caller.account_id,
            owner_id=owner.id,
            user=owner.user,
            name=self.passkey_name,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            transports=made.transports,
            enabled_at=work.now,
        )
        await work.data.passkeys.add(passkey)
        work.changed(GONE, shown_mfa_device(passkey))
        return passkey


async def _ensure_room(work: Work, owner: KeyOwner) -> None:
    devices = (await devices_of(work.data, [owner.id]))[owner.id]
    ensure(len(devices), "MFADevicesPerUser", work.tools.quotas.mfa_devices_per_user)
