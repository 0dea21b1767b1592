"""The account's password policy: read, replace, return to the default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from ..domain.entities import PasswordPolicy
from ..domain.errors import IamError, NoSuchEntity
from ..domain.names import Between, Doc
from ..domain.passwords import DEFAULT
from ..store.session import StoreSession
from .changes import shown_password_policy
from .operation import Command, Query, operation
from .targets import EVERYTHING
from .work import Work


async def policy_of(data: StoreSession, account_id: str) -> PasswordPolicy:
    """The account's own policy, or AWS's default."""
    return await data.accounts.password_policy(account_id) or DEFAULT


@operation("iam:GetAccountPasswordPolicy", on=EVERYTHING)
class GetAccountPasswordPolicy(Query[PasswordPolicy]):
    """Read the account's password policy: its own, or the default where it has none."""

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[GetAccountPasswordPolicy, None]]
    ) -> Sequence[PasswordPolicy | IamError]:
        return [await policy_of(work.data, work.caller.account_id)] * len(asks)


@operation("iam:UpdateAccountPasswordPolicy", on=EVERYTHING)
class UpdateAccountPasswordPolicy(Command[PasswordPolicy]):
    """Replace the account's password policy as a whole: what is not given returns to its default."""

    minimum_password_length: Annotated[int, Between(6, 128), Doc("The least number of characters.")] = 6
    require_symbols: Annotated[bool, Doc("Whether one of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | ' is needed.")] = False
    require_numbers: Annotated[bool, Doc("Whether a digit is needed.")] = False
    require_uppercase_characters: Annotated[bool, Doc("Whether an upper-case letter is needed.")] = False
    require_lowercase_characters: Annotated[bool, Doc("Whether a lower-case letter is needed.")] = False
    allow_users_to_change_password: Annotated[
        bool, Doc("Whether every user may change the own password without a policy that allows it.")
    ] = False
    max_password_age: Annotated[
        int | None, Between(1, 1095), Doc("After how many days a password must be changed. Absent: never.")
    ] = None
    password_reuse_prevention: Annotated[
        int | None,
        Between(1, 24),
        Doc("How many of a user's last passwords, the one in use included, can't be taken again. Absent: none."),
    ] = None
    hard_expiry: Annotated[
        bool, Doc("Whether users can't change a password any more at sign-in once it is too old.")
    ] = False

    async def execute(self, work: Work, target: None, prepared: None) -> PasswordPolicy:
        policy = PasswordPolicy(
            minimum_length=self.minimum_password_length,
            require_symbols=self.require_symbols,
            require_numbers=self.require_numbers,
            require_uppercase=self.require_uppercase_characters,
            require_lowercase=self.require_lowercase_characters,
            allow_users_to_change=self.allow_users_to_change_password,
            max_age_days=self.max_password_age,
            reuse_prevention=self.password_reuse_prevention,
            hard_expiry=self.hard_expiry,
        )
        before = await policy_of(work.data, work.caller.account_id)
        await work.data.accounts.set_password_policy(work.caller.account_id, policy)
        work.changed(shown_password_policy(before), shown_password_policy(policy))
        return policy


@operation("iam:DeleteAccountPasswordPolicy", on=EVERYTHING, raises=(NoSuchEntity,))
class DeleteAccountPasswordPolicy(Command[PasswordPolicy]):
    """Return to the default password policy."""

    async def execute(self, work: Work, target: None, prepared: None) -> PasswordPolicy:
        account_id = work.caller.account_id
        before = await work.data.accounts.password_policy(account_id)
        if before is None:
            raise NoSuchEntity("The account policy with name PasswordPolicy cannot be found.")
        await work.data.accounts.set_password_policy(account_id, None)
        work.changed(shown_password_policy(before), shown_password_policy(DEFAULT))
        return DEFAULT
