"""Passwords of users: give one, change it, take it away; and change one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from ..domain.entities import LoginProfile, PasswordPolicy, PrincipalType, SessionSource, User
from ..domain.errors import (
    ConcurrentModification,
    EntityAlreadyExists,
    IamError,
    InvalidCredentials,
    InvalidInput,
    NoSuchEntity,
    PasswordPolicyViolation,
)
from ..domain.names import Doc, Password, SignInPassword, UserName
from ..domain.passwords import check_password, reused
from ..domain.throttling import Limit, limits
from ..store.session import StoreSession
from .caller import Caller, Identity
from .changes import GONE, shown_profile
from .operation import Command, Need, Place, Query, Target, operation
from .password_policy import policy_of
from .targets import USER
from .throttling import attempt
from .users import UniqueId
from .work import Tools, Work

ResetRequired = Annotated[bool, Doc("Whether the user must change the password at the next sign-in.")]


async def _checked(work: Work, password: str) -> PasswordPolicy:
    """The account's policy, which the password meets but for what hashes tell."""
    account = work.caller.who.account
    policy = await policy_of(work.data, account.id)
    check_password(password, policy, not_among=(account.alias, account.root_email))
    return policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A password that is to be replaced: its hash, and of those that may not be taken again, how many and their hashes."""

    hash: str | None
    prevented: int = 0
    forbidden: tuple[str, ...] = ()


async def replaced(data: StoreSession, user_id: str, policy: PasswordPolicy) -> Replaced:
    """What there is to know of a user's password before it is replaced, with two statements for whomever."""
    current, past = await data.login_profiles.password_hash(user_id), await data.login_profiles.past_hashes(user_id)
    prevented = policy.reuse_prevention or 0
    known = past if current is None else (current, *past)
    return Replaced(hash=current, prevented=prevented, forbidden=known[:prevented])


async def hashed(tools: Tools, password: str, old: Replaced) -> str:
    """The hash of a new password. Raises PasswordPolicyViolation where it is one of those that may not be taken again:
    each takes as long to compare as a sign-in. One place at the hasher does for all. Raises Overloaded."""
    with tools.hasher.place() as hasher:
        for known in old.forbidden:
            if (await hasher.verify(known, password)).ok:
                raise reused(old.prevented)
        return await hasher.hash(password)


def _no_profile(name: str) -> NoSuchEntity:
    return NoSuchEntity(f"Login Profile for User {name} cannot be found.")


@operation("iam:CreateLoginProfile", on=USER, raises=(NoSuchEntity, EntityAlreadyExists, PasswordPolicyViolation))
class CreateLoginProfile(Command[LoginProfile]):
    """Give a user a password to sign in with."""

    user_name: UserName
    password: Password
    password_reset_required: ResetRequired = False

    async def look(self, work: Work, target: User) -> None:
        await _checked(work, self.password)

    async def prepare(self, caller: Caller, tools: Tools, looked: None) -> str:
        return await tools.hasher.hash(self.password)

    async def execute(self, work: Work, target: User, prepared: str) -> LoginProfile:
        if await work.data.login_profiles.of([target.id]):
            raise EntityAlreadyExists(f"Login Profile for user {target.name} already exists.")
        await _checked(work, self.password)
        profile = LoginProfile(
            user_id=target.id,
            created_at=work.now,
            password_reset_required=self.password_reset_required,
            password_set_at=work.now,
        )
        await work.data.login_profiles.add(profile, prepared)
        return (await work.data.login_profiles.of([target.id]))[target.id]


@operation("iam:GetLoginProfile", on=USER, raises=(NoSuchEntity,))
class GetLoginProfile(Query[LoginProfile]):
    """Read whether a user has a password, since when, and whether it must be changed."""

    user_name: UserName | None = None
    unique_id: UniqueId | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetLoginProfile, User]]) -> Sequence[LoginProfile | IamError]:
        found = await work.data.login_profiles.of([user.id for _, user in asks])
        return [found.get(user.id) or _no_profile(user.name) for _, user in asks]


@operation("iam:UpdateLoginProfile", on=USER, raises=(NoSuchEntity, PasswordPolicyViolation))
class UpdateLoginProfile(Command[LoginProfile]):
    """Set a user's password, or whether it must be changed. A new password ends the user's signed-in sessions."""

    user_name: UserName
    password: Password | None = None
    password_reset_required: Annotated[bool | None, Doc("Absent leaves it as it is.")] = None

    async def look(self, work: Work, target: User) -> Replaced | None:
        if self.password is None:
            return None
        return await replaced(work.data, target.id, await _checked(work, self.password))

    async def prepare(self, caller: Caller, tools: Tools, looked: Replaced | None) -> tuple[Replaced, str] | None:
        if looked is None or self.password is None:
            return None
        return looked, await hashed(tools, self.password, looked)

    async def execute(self, work: Work, target: User, prepared: tuple[Replaced, str] | None) -> LoginProfile:
        data = work.data
        profile = (await data.login_profiles.of([target.id])).get(target.id)
        if profile is None:
            raise _no_profile(target.name)
        reset = profile.password_reset_required
        if self.password_reset_required is not None:
            reset = self.password_reset_required
        if prepared is None:
            await data.login_profiles.require_reset(target.id, reset)
        else:
            await self._set(work, target, *prepared, reset=reset)
        now = (await data.login_profiles.of([target.id]))[target.id]
        work.changed(shown_profile(profile), shown_profile(now))
        return now


    async def _set(self, work: Work, target: User, old: Replaced, new: str, *, reset: bool) -> None:
        policy = await _checked(work, self.password or "")
        if policy.reuse_prevention and await work.data.login_profiles.password_hash(target.id, hold=True) != old.hash:
            raise ConcurrentModification("The password was changed by another request. Try again.")
        await set_password(work, target.id, old, new, policy, reset=reset)
        await _end_sign_ins(work, target.id)


async def set_password(
    work: Work, user_id: str, old: Replaced, new: str, policy: PasswordPolicy, *, reset: bool = False
) -> None:
    """Replace a user's password by the hash of a new one, and keep as many of those before as the policy asks for: with the
    one in use that makes all that may not be taken again. Raises ConcurrentModification where the policy asks for more
    now than the new one was compared with."""
    prevented = policy.reuse_prevention or 0
    if prevented > old.prevented:
        raise ConcurrentModification("The password policy was changed by another request. Try again.")
    past = max(prevented - 1, 0)
    await work.data.login_profiles.set_password(user_id, new, reset_required=reset, at=work.now, past=past)


@operation("iam:DeleteLoginProfile", on=USER, raises=(NoSuchEntity,))
class DeleteLoginProfile(Command[User]):
    """Take a user's password away, and end the user's signed-in sessions. Access keys go on working."""

    user_name: UserName

    async def execute(self, work: Work, target: User, prepared: None) -> User:
        profile = (await work.data.login_profiles.of([target.id])).get(target.id)
        if profile is None or not await work.data.login_profiles.delete(target.id):
            raise _no_profile(target.name)
        work.changed(shown_profile(profile), GONE)
        await _end_sign_ins(work, target.id)
        return target


async def _end_sign_ins(work: Work, principal_id: str, keep: str | None = None) -> None:
    await work.data.sessions.revoke_of(principal_id, work.now, sources=[SessionSource.PASSWORD], keep=keep)


class _OwnPassword(Target):
    """The caller's own user, with the policy that says whether users may change their passwords."""

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[object]) -> Sequence[PasswordPolicy]:
        return [await policy_of(data, caller.account_id)] * len(ops)

    def place(self, caller: Caller, op: object, entity: object) -> Place:
        arn = caller.who.principal_arn
        return Place(resource=arn, asked=arn, account_id=caller.account_id, tags=caller.who.tags)


@operation("iam:ChangePassword", on=_OwnPassword(), raises=(NoSuchEntity, InvalidCredentials, PasswordPolicyViolation))
class ChangePassword(Command[Identity]):
    """Change one's own password, as a user or the root, and end one's other signed-in sessions."""

    old_password: SignInPassword
    new_password: Password

    checks_secret = True
    is_guarded = True

    def needs(self, caller: Caller, target: PasswordPolicy | None) -> Sequence[Need]:
        may = target is not None and target.allow_users_to_change and caller.who.principal_type is PrincipalType.USER
        return (replace(self.need(caller, target), is_granted=may),)

    async def look(self, work: Work, target: PasswordPolicy) -> Replaced:
        if work.caller.who.principal_type is PrincipalType.ROLE:
            raise InvalidInput("A role has no password to change.", field="oldPassword")
        policy = await _checked(work, self.new_password)
        if work.caller.who.principal_type is PrincipalType.ROOT:
            # The policy's age and reuse are for users.
            return Replaced(hash=await self._known(work))
        return await replaced(work.data, work.caller.who.principal_id, policy)

    async def guard(self, work: Work, looked: Replaced) -> None:
        await attempt(work, self._counting(work))

    @staticmethod
    def _counting(work: Work) -> tuple[Limit, ...]:
        """What guesses of the old password count against: those of this principal from this address."""
        who, address = work.caller.who, work.caller.origin.ip_address
        return limits(account=who.account.id, name=who.principal_id, address=address, is_known=False)[:1]

    @staticmethod
    async def _known(work: Work, *, hold: bool = False) -> str | None:
        who = work.caller.who
        if who.principal_type is PrincipalType.ROOT:
            return await work.data.accounts.root_password_hash(who.account.id, hold=hold)
        return await work.data.login_profiles.password_hash(who.principal_id, hold=hold)

    async def prepare(self, caller: Caller, tools: Tools, looked: Replaced) -> tuple[Replaced, str]:
        verdict = await tools.hasher.verify(looked.hash, self.old_password)
        if not verdict.ok or looked.hash is None:
            raise InvalidCredentials("The old password was not entered correctly.")
        return looked, await hashed(tools, self.new_password, looked)

    async def execute(self, work: Work, target: PasswordPolicy, prepared: tuple[Replaced, str]) -> Identity:
        who, (old, new) = work.caller.who, prepared
        if await self._known(work, hold=True) != old.hash:
            raise InvalidCredentials("The old password was not entered correctly.")
        policy = await _checked(work, self.new_password)
        if who.principal_type is PrincipalType.ROOT:
            await work.data.accounts.set_root_password(who.account.id, new)
        else:
            await set_password(work, who.principal_id, old, new, policy)
        await _end_sign_ins(work, who.principal_id, keep=who.session_id)
        await work.data.throttles.forgive([limit.key for limit in self._counting(work)])
        return who
