"""What is done to a store from the command line, where nobody can sign in yet or any more. All of it is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..domain.entities import Account, SessionSource
from ..domain.errors import EntityAlreadyExists, NoSuchEntity
from ..domain.passkeys import Passkey
from ..domain.passwords import DEFAULT, check_password
from ..security.tokens import new_password
from ..store.session import StoreSession
from .accounts import new_account
from .devices import devices_of
from .history.events import event_of_server
from .work import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The account to bootstrap. Without a password one is made up."""

    account_id: str | None
    alias: str | None
    email: str
    password: str | None = field(repr=False)
    made_up: str = field(default_factory=new_password, repr=False)

    @property
    def secret(self) -> str:
        return self.password or self.made_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrapped:
    """The operator's account. `made_up_password` is shown once: only when it was made up just now."""

    account: Account
    is_new: bool
    made_up_password: str | None = field(repr=False)


async def bootstrap(data: StoreSession, tools: Tools, wanted: Wanted, password_hash: str) -> Bootstrapped:
    """Make the operator's account, unless there is one: it is then left as it is, whatever is wanted now."""
    account = await data.accounts.operator()
    if account is not None:
        return Bootstrapped(account=account, is_new=False, made_up_password=None)
    try:
        account = await new_account(
            data,
            tools,
            email=wanted.email,
            password_hash=password_hash,
            alias=wanted.alias,
            account_id=wanted.account_id,
            is_operator=True,
        )
    except EntityAlreadyExists:
        # Servers that start together: another one was first.
        account = await data.accounts.operator()
        if account is None:
            raise
        return Bootstrapped(account=account, is_new=False, made_up_password=None)
    await data.events.add([event_of_server(tools, "Bootstrap", "CLI", {"email": wanted.email}, account)])
    made_up = wanted.made_up if wanted.password is None else None
    return Bootstrapped(account=account, is_new=True, made_up_password=made_up)


async def create_account(
    data: StoreSession, tools: Tools, *, email: str, password_hash: str, alias: str | None, account_id: str | None
) -> Account:
    """Make a further account. Raises EntityAlreadyExists and InvalidInput."""
    account = await new_account(
        data,
        tools,
        email=email,
        password_hash=password_hash,
        alias=alias,
        account_id=account_id,
        is_operator=False,
    )
    await data.events.add([event_of_server(tools, "CreateAccount", "CLI", {"email": email}, account)])
    return account


async def deactivate_root_mfa(data: StoreSession, tools: Tools, *, email: str) -> int:
    """Enable a root's MFA devices for nobody, where they are lost; how many they were. Raises NoSuchEntity."""
    account = await _by_root_email(data, email)
    await data.accounts.lock(account.id)
    devices = (await devices_of(data, [account.id]))[account.id]
    for device in devices:
        await (data.passkeys.delete if isinstance(device, Passkey) else data.mfa_devices.deactivate)(device.id)
    parameters = {"serialNumbers": [device.arn for device in devices]}
    await data.events.add([event_of_server(tools, "DeactivateRootMfa", "CLI", parameters, account)])
    return len(devices)


async def _by_root_email(data: StoreSession, email: str) -> Account:
    account = await data.accounts.by_root_email(email)
    if account is None:
        raise NoSuchEntity(f"no account has the root e-mail address {email}")
    return account


async def reset_root_password(data: StoreSession, tools: Tools, *, email: str, password: str, hashed: str) -> Account:
    """Set a root's password and end its sessions. Raises NoSuchEntity and PasswordPolicyViolation."""
    account = await _by_root_email(data, email)
    check_password(password, DEFAULT, not_among=(account.alias, account.root_email))
    await data.accounts.set_root_password(account.id, hashed)
    await data.sessions.revoke_of(account.id, tools.clock(), sources=list(SessionSource))
    await data.events.add([event_of_server(tools, "ResetRootPassword", "CLI", {}, account)])
    return account
