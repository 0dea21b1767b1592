"""Signing in with a password and, where one is enabled, an MFA device, as a user or as the root; and signing out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

from ..domain.arn import ACCOUNT_ID
from ..domain.entities import (
    Account,
    PasswordPolicy,
    PrincipalType,
    Session,
    SessionPolicies,
    SessionSource,
    User,
)
from ..domain.errors import (
    InvalidCredentials,
    InvalidInput,
    InvalidPasskey,
    MfaRequired,
    PasswordChangeRequired,
    PasswordExpired,
    PasswordPolicyViolation,
)
from ..domain.names import Doc, Match, PasskeyAnswer, Secret, SignInPassword
from ..domain.passwords import check_password
from ..domain.throttling import Limit, limits
from ..security.passkeys import Assertion, PasskeyError, assertion
from ..security.tokens import new_token, token_hash
from ..store.session import StoreSession
from .caller import Caller
from .login_profiles import Replaced, hashed, replaced, set_password
from .operation import Command, Need, operation
from .password_policy import policy_of
from .second_factor import SecondFactor, enabled, required, second_factor, use_assertion, use_code
from .targets import NOTHING
from .throttling import attempt, knows_address, succeeded
from .work import Tools, Work

USE_IS_NOTED_EVERY = timedelta(minutes=1)
"""Last-used times are coalesced: a storm of sign-ins must not write one user's row each time."""

# Secret: what is typed here may be a password in the wrong box. The history names accounts and users by what was found.
_NOBODY = "nobody"
"""An id that nothing has."""
_Typed = Annotated[str, Match(r".*", 0, 320), Secret()]
MfaCode = Annotated[
    str, Match(r".*", 0, 320), Secret(), Doc("What the MFA device shows. It is not looked at where none is enabled.")
]
PasskeyAssertion = Annotated[
    PasskeyAnswer,
    Doc(
        "What a passkey has signed by `MfaRequiredError.passkeyOptions`: the `toJSON()` of what "
        "`navigator.credentials.get` gave, as JSON text."
    ),
]
MfaSerialNumber = Annotated[
    str, Match(r".*", 0, 320), Secret(), Doc("Which MFA device shows it; without, any that is enabled may.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A new session, and the bearer token that stands for it: the only time that it is shown."""

    access_token: str = field(repr=False)
    expires_at: datetime
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Who wants to sign in. All of it is None for somebody who does not exist."""

    account: Account | None = None
    user: User | None = None
    old: Replaced
    reset_required: bool = False
    is_expired: bool = False
    policy: PasswordPolicy | None = None
    counting: tuple[Limit, ...]
    factor: SecondFactor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proven:
    """Somebody whose password was right; with the hash that replaces the old one, where one must."""

    found: _Found
    account: Account
    new_hash: str | None
    is_changed: bool


def _wrong() -> InvalidCredentials:
    """INVARIANT: one answer, whatever was wrong."""
    return InvalidCredentials("The account, the name, the password or the code is wrong.")


async def _second_factor(work: Work, factor: SecondFactor) -> datetime | None:
    """When a second factor was shown: now, or None for who has none. Raises MfaRequired, and InvalidCredentials."""
    devices = await enabled(work, factor.owner_id)
    if not devices:
        return None
    if not factor.is_given:
        raise required(work, factor.owner_id, devices)
    if factor.assertion is None:
        if not await use_code(work, factor):
            raise _wrong()
        return work.now
    try:
        await use_assertion(work, factor)
    except InvalidPasskey as error:
        wrong = _wrong()
        wrong.truth = error
        raise wrong from error
    return work.now


def _assertion(text: str | None) -> Assertion | None:
    """What a passkey has signed. Raises InvalidInput, before anything is looked up, for what no passkey has."""
    try:
        return assertion(text) if text is not None else None
    except PasskeyError as error:
        raise InvalidInput(
            f"'passkeyAssertion' is no answer of a passkey: {error}", field="passkeyAssertion"
        ) from error


def _check_factor(code: str | None, passkey_assertion: str | None) -> None:
    if code is not None and passkey_assertion is not None:
        raise InvalidInput("give 'mfaCode' or 'passkeyAssertion', not both", field="passkeyAssertion")
    _assertion(passkey_assertion)


async def _prove(found: _Found, password: str, new_password: str | None, tools: Tools) -> _Proven:
    """Check the password, at the same cost whether anybody was found. Raises InvalidCredentials."""
    verdict = await tools.hasher.verify(found.old.hash, password)
    if not verdict.ok or found.account is None or found.account.closed_at is not None:
        raise _wrong()
    policy = found.policy
    if found.is_expired and policy is not None and policy.hard_expiry:
        raise PasswordExpired("The password has expired. An administrator must set a new one.")
    if policy is None or not (found.reset_required or found.is_expired):
        return _Proven(
            found=found,
            account=found.account,
            new_hash=await tools.hasher.hash(password) if verdict.rehash else None,
            is_changed=False,
        )
    if new_password is None:
        raise PasswordChangeRequired("The password must be changed: sign in with a new password beside it.")
    check_password(new_password, policy, not_among=(found.account.alias, found.account.root_email))
    if new_password == password:
        raise PasswordPolicyViolation("The new password is the old one.", rules=["must differ from the old password"])
    new_hash = await hashed(tools, new_password, found.old)
    return _Proven(found=found, account=found.account, new_hash=new_hash, is_changed=True)


def _is_worth_noting(last: datetime | None, now: datetime) -> bool:
    return last is None or now - last >= USE_IS_NOTED_EVERY


async def _open(
    work: Work,
    account: Account,
    kind: PrincipalType,
    principal_id: str,
    name: str,
    path: str,
    mfa_at: datetime | None,
) -> SignedIn:
    """Make the session. Its token is kept as a hash."""
    token = new_token("igs")
    session = Session(
        id=work.tools.entropy(16).hex(),
        account_id=account.id,
        principal_type=kind,
        principal_id=principal_id,
        principal_name=name,
        principal_path=path,
        parent_id=None,
        name=None,
        source=SessionSource.PASSWORD,
        access_key_id=None,
        issued_at=work.now,
        expires_at=work.now + work.tools.sign_in_time,
        revoked_at=None,
        ip_address=work.caller.origin.ip_address,
        user_agent=work.caller.origin.user_agent,
        policies=SessionPolicies(),
        source_identity=None,
        tags=(),
        transitive_tag_keys=(),
        mfa_at=mfa_at,
    )
    await work.data.sessions.add(session, token_hash=token_hash(token), sealed_secret=None, session_token_hash=None)
    work.trail.principal_id, work.trail.principal_arn = principal_id, session.arn
    return SignedIn(access_token=token, expires_at=session.expires_at, session=session)


@operation(
    "signin:SignIn",
    on=NOTHING,
    raises=(InvalidCredentials, MfaRequired, PasswordChangeRequired, PasswordExpired, PasswordPolicyViolation),
)
class SignIn(Command[SignedIn]):
    """Exchange an account, a user name and a password for a bearer token and, in a browser, a session cookie."""

    account: Annotated[_Typed, Doc("The account's alias, or its twelve-digit id.")]
    user_name: Annotated[_Typed, Doc("The user's name.")]
    password: SignInPassword
    new_password: Annotated[
        str | None, Match(r".*", 0, 1024), Secret(), Doc("The password from now on, where it must be changed.")
    ] = None
    mfa_code: MfaCode | None = None
    mfa_serial_number: MfaSerialNumber | None = None
    passkey_assertion: PasskeyAssertion | None = None

    is_public = True
    checks_secret = True
    is_guarded = True
    locks_account = False

    def validate(self) -> None:
        _check_factor(self.mfa_code, self.passkey_assertion)

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def look(self, work: Work, target: None) -> _Found:
        # INVARIANT: the same statements, whoever exists, so that their time tells nothing.
        data = work.data
        account = await _account(data, self.account)
        account_id = account.id if account else _NOBODY
        user = (await data.users.named(account_id, [self.user_name])).get(self.user_name)
        user_id = user.id if user else _NOBODY
        profile = (await data.login_profiles.of([user_id])).get(user_id)
        is_known = await knows_address(work, user_id)
        policy = await policy_of(data, account_id)
        found = _Found(
            account=account,
            user=user,
            old=await replaced(data, user_id, policy),
            reset_required=profile is not None and profile.password_reset_required,
            is_expired=profile is not None and profile.is_expired(work.now),
            policy=policy,
            counting=limits(
                account=account.id if account else self.account,
                name=self.user_name,
                address=work.caller.origin.ip_address,
                is_known=is_known,
            ),
            factor=await second_factor(
                work,
                user_id,
                serial=self.mfa_serial_number,
                code=self.mfa_code,
                assertion=_assertion(self.passkey_assertion),
                is_known=is_known,
            ),
        )
        work.trail.account_id = account.id if account else None
        work.trail.resources += [user.arn] if user else []
        return found

    async def guard(self, work: Work, looked: _Found) -> None:
        await attempt(work, looked.counting)

    async def prepare(self, caller: Caller, tools: Tools, looked: _Found) -> _Proven:
        return await _prove(looked, self.password, self.new_password, tools)

    def attempts(self, prepared: _Proven) -> Sequence[Limit]:
        return prepared.found.factor.attempts

    async def execute(self, work: Work, target: None, prepared: _Proven) -> SignedIn:
        user, profiles = prepared.found.user, work.data.login_profiles
        assert user is not None
        work.trail.resources.append(user.arn)
        # Somebody may have changed the password, or renamed the user, while this one was checked.
        now = (await work.data.users.by_ids([user.id])).get(user.id)
        if now is None or await profiles.password_hash(user.id, hold=True) != prepared.found.old.hash:
            raise _wrong()
        mfa_at = await _second_factor(work, prepared.found.factor)
        if prepared.new_hash is not None and prepared.is_changed:
            policy = await policy_of(work.data, prepared.account.id)
            await set_password(work, user.id, prepared.found.old, prepared.new_hash, policy)
        elif prepared.new_hash is not None:
            await profiles.rehash(user.id, prepared.found.old.hash or "", prepared.new_hash)
        if _is_worth_noting(now.password_last_used_at, work.now):
            await work.data.users.used_password(user.id, work.now)
        await succeeded(work, prepared.found.counting, user.id)
        return await _open(work, prepared.account, PrincipalType.USER, user.id, now.name, now.path, mfa_at)


async def _account(data: StoreSession, text: str) -> Account | None:
    """The account of an alias or a twelve-digit id. No alias has twelve digits."""
    if ACCOUNT_ID.fullmatch(text):
        return (await data.accounts.get([text])).get(text)
    return await data.accounts.by_alias(text)


@operation("signin:SignInAsRoot", on=NOTHING, raises=(InvalidCredentials, MfaRequired))
class SignInAsRoot(Command[SignedIn]):
    """Exchange an account's root e-mail address and password for a bearer token and, in a browser, a session cookie."""

    email: Annotated[_Typed, Doc("The root's e-mail address, in any case.")]
    password: SignInPassword
    mfa_code: MfaCode | None = None
    mfa_serial_number: MfaSerialNumber | None = None
    passkey_assertion: PasskeyAssertion | None = None

    is_public = True
    checks_secret = True
    is_guarded = True
    locks_account = False

    def validate(self) -> None:
        _check_factor(self.mfa_code, self.passkey_assertion)

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def look(self, work: Work, target: None) -> _Found:
        account = await work.data.accounts.by_root_email(self.email)
        account_id = account.id if account else _NOBODY
        known = await work.data.accounts.root_password_hash(account_id)
        work.trail.account_id = account.id if account else None
        work.trail.resources += [account.arn] if account else []
        is_known = await knows_address(work, account_id)
        return _Found(
            account=account,
            old=Replaced(hash=known),
            counting=limits(account="", name=self.email, address=work.caller.origin.ip_address, is_known=is_known),
            factor=await second_factor(
                work,
                account_id,
                serial=self.mfa_serial_number,
                code=self.mfa_code,
                assertion=_assertion(self.passkey_assertion),
                is_known=is_known,
            ),
        )

    async def guard(self, work: Work, looked: _Found) -> None:
        await attempt(work, looked.counting)

    async def prepare(self, caller: Caller, tools: Tools, looked: _Found) -> _Proven:
        return await _prove(looked, self.password, None, tools)

    def attempts(self, prepared: _Proven) -> Sequence[Limit]:
        return prepared.found.factor.attempts

    async def execute(self, work: Work, target: None, prepared: _Proven) -> SignedIn:
        account, accounts = prepared.account, work.data.accounts
        work.trail.resources.append(account.arn)
        if await accounts.root_password_hash(account.id, hold=True) != prepared.found.old.hash:
            raise _wrong()
        mfa_at = await _second_factor(work, prepared.found.factor)
        if prepared.new_hash is not None:
            await accounts.set_root_password(account.id, prepared.new_hash)
        if _is_worth_noting(account.root_password_last_used_at, work.now):
            await accounts.used_root_password(account.id, work.now)
        await succeeded(work, prepared.found.counting, account.id)
        return await _open(work, account, PrincipalType.ROOT, account.id, "root", "/", mfa_at)


@operation("signin:SignOut", on=NOTHING)
class SignOut(Command[bool]):
    """End the session that asks, and every session chained from it. A long-term key has none to end: it answers false."""

    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        return ()

    async def execute(self, work: Work, target: None, prepared: None) -> bool:
        session = work.caller.who.session
        if session is None:
            return False
        await work.data.sessions.revoke(session.id, work.now)
        return True
