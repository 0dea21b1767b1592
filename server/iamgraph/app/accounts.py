"""Accounts: the tenants of a server, their aliases, and their root's address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from ..domain.arn import ACCOUNT_ID, organizations_arn
from ..domain.entities import Account
from ..domain.errors import EntityAlreadyExists, IamError, InvalidInput, NoSuchEntity, PasswordPolicyViolation
from ..domain.names import AccountId, Alias, Doc, Email, Password
from ..domain.passwords import DEFAULT, check_password
from ..store.pages import Page
from ..store.session import StoreSession
from .caller import Caller
from .changes import shown_account
from .listing import Listed, Marker, MaxItems, by_name
from .operation import Command, Need, Place, Query, Target, operation
from .targets import EVERYTHING
from .work import Tools, Work

LISTING = "accounts"
FULL_ACCESS = "p-FullAWSAccess"
"""The service's own guardrail, which allows everything. Accounts have it from the beginning."""
_ELSEWHERE = "000000000000"
"""Whose the accounts are, to a caller outside the operator's account: nobody's that it could have a permission from."""


def owner_of(caller: Caller) -> str:
    """Whose the accounts and the guardrails of the server are, for whom asks: the operator's, if that is the caller."""
    return caller.account_id if caller.who.account.is_operator else _ELSEWHERE


def account_arn(caller: Caller, account_id: str) -> str:
    """How the caller's policies name an account."""
    return organizations_arn(caller.account_id, f"account/{account_id}")


class AccountTarget(Target):
    """An account of the server. To all but the operator's account every other one is as if it did not exist."""

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Account | None]:
        own = caller.who.account
        if not own.is_operator:
            return [own if self._is_own(own, op) else None for op in ops]
        by_id = await data.accounts.get([op.account_id for op in ops if op.account_id])
        return [
            by_id.get(op.account_id) if op.account_id else await data.accounts.by_alias(op.alias or "") for op in ops
        ]

    @staticmethod
    def _is_own(own: Account, op: Any) -> bool:
        return op.account_id == own.id or (op.account_id is None and own.alias is not None and op.alias == own.alias)

    def place(self, caller: Caller, op: Any, entity: Account | None) -> Place:
        asked = account_arn(caller, op.account_id or getattr(op, "alias", ""))
        # Policies know accounts by their ids, whatever the caller calls them.
        return Place(
            resource=account_arn(caller, entity.id) if entity else asked, asked=asked, account_id=owner_of(caller)
        )

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return NoSuchEntity(f"The account {op.account_id or getattr(op, 'alias', '')} cannot be found.")


ACCOUNT = AccountTarget()


class _Accounts(Target):
    """All accounts of the server, which are the operator's business only."""

    def place(self, caller: Caller, op: Any, entity: None) -> Place:
        return Place(resource="*", asked="*", account_id=owner_of(caller))


ACCOUNTS = _Accounts()


@operation("organizations:DescribeAccount", on=ACCOUNT, raises=(NoSuchEntity,))
class DescribeAccount(Query[Account]):
    """Read an account. One's own takes no permission; another is the operator's to read."""

    account_id: AccountId | None = None
    alias: Annotated[str | None, Doc("The account's alias, instead of its id.")] = None

    def needs(self, caller: Caller, target: Account | None) -> Sequence[Need]:
        if target is not None and target.id == caller.account_id:
            return ()
        return (self.need(caller, target),)

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[DescribeAccount, Account]]) -> Sequence[Account | IamError]:
        return [account for _, account in asks]


@operation("organizations:ListAccounts", on=ACCOUNTS)
class ListAccounts(Query[Listed[Account]]):
    """List the accounts of the server, by id. From the operator's account only."""

    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[ListAccounts, None]]) -> Sequence[Listed[Account] | IamError]:
        return [await _page(work, query) for query, _ in asks]


async def _page(work: Work, query: ListAccounts) -> Listed[Account] | IamError:
    async def load(after: str | None) -> Page[Account]:
        return await work.data.accounts.page(after, query.max_items)

    return await by_name(LISTING, query.marker, lambda account: account.id, load)


@operation("organizations:CreateAccount", on=ACCOUNTS, raises=(EntityAlreadyExists, PasswordPolicyViolation))
class CreateAccount(Command[Account]):
    """Make an account with its root. From the operator's account only."""

    email: Annotated[Email, Doc("The root's e-mail address, unique on the server.")]
    root_password: Password
    account_alias: Alias | None = None
    account_id: AccountId | None = None

    async def look(self, work: Work, target: None) -> None:
        check_password(self.root_password, DEFAULT, not_among=(self.account_alias, self.email))

    async def prepare(self, caller: Caller, tools: Tools, looked: None) -> str:
        return await tools.hasher.hash(self.root_password)

    async def execute(self, work: Work, target: None, prepared: str) -> Account:
        return await new_account(
            work.data,
            work.tools,
            email=self.email,
            password_hash=prepared,
            alias=self.account_alias,
            account_id=self.account_id,
            is_operator=False,
        )


async def new_account(
    data: StoreSession,
    tools: Tools,
    *,
    email: str,
    password_hash: str,
    alias: str | None,
    account_id: str | None,
    is_operator: bool,
) -> Account:
    """Make an account. Raises EntityAlreadyExists for an id, alias or e-mail address that is taken."""
    if alias is not None:
        _check_alias(alias)
    account = Account(
        id=account_id or await _free_id(data, tools),
        alias=alias,
        root_email=email,
        is_operator=is_operator,
        created_at=tools.clock(),
        closed_at=None,
        revision=1,
    )
    await data.accounts.add(account, root_password_hash=password_hash)
    if not is_operator:
        await data.guardrails.attach(FULL_ACCESS, account.id, account.created_at)
    return account


async def _free_id(data: StoreSession, tools: Tools) -> str:
    """Twelve random digits that no account has, the first not zero."""
    while True:
        drawn = 10**11 + int.from_bytes(tools.entropy(8)) % (9 * 10**11)
        if not await data.accounts.get([str(drawn)]):
            return str(drawn)


def _check_alias(alias: str) -> None:
    if ACCOUNT_ID.fullmatch(alias):
        raise InvalidInput("an alias of twelve digits would be taken for an account's id", field="accountAlias")


@operation("organizations:CloseAccount", on=ACCOUNT, raises=(NoSuchEntity,))
class CloseAccount(Command[Account]):
    """Close an account: all its credentials are refused at the next request. From the operator's account only."""

    account_id: AccountId

    async def execute(self, work: Work, target: Account, prepared: None) -> Account:
        if target.is_operator:
            raise InvalidInput("the operator's own account can't be closed", field="accountId")
        await work.data.accounts.close(target.id, work.now)
        closed = (await work.data.accounts.get([target.id]))[target.id]
        work.changed(shown_account(target), shown_account(closed))
        return closed


@operation("iam:ListAccountAliases", on=EVERYTHING)
class ListAccountAliases(Query[str | None]):
    """Read the account's alias, of which there is at most one."""

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[ListAccountAliases, None]]) -> Sequence[Any]:
        own = await work.data.accounts.get([work.caller.account_id])
        return [own[work.caller.account_id].alias] * len(asks)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlias:
    """The account with its new alias, and the one that this replaced."""

    account: Account
    replaced_alias: str | None


@operation("iam:CreateAccountAlias", on=EVERYTHING, raises=(EntityAlreadyExists,))
class CreateAccountAlias(Command[NewAlias]):
    """Give the account an alias. It replaces the one before, whose sign-in URL stops working."""

    account_alias: Alias

    def validate(self) -> None:
        _check_alias(self.account_alias)

    async def execute(self, work: Work, target: None, prepared: None) -> NewAlias:
        account_id = work.caller.account_id
        before = (await work.data.accounts.get([account_id]))[account_id]
        if before.alias == self.account_alias:
            raise EntityAlreadyExists(f"The account alias {self.account_alias} already exists.")
        await work.data.accounts.set_alias(account_id, self.account_alias)
        account = replace(before, alias=self.account_alias)
        work.changed(shown_account(before), shown_account(account))
        return NewAlias(account=account, replaced_alias=before.alias)


@operation("iam:DeleteAccountAlias", on=EVERYTHING, raises=(NoSuchEntity,))
class DeleteAccountAlias(Command[Account]):
    """Take the account's alias away. Its sign-in URL stops working; the one with the id goes on."""

    account_alias: Alias

    async def execute(self, work: Work, target: None, prepared: None) -> Account:
        account_id = work.caller.account_id
        before = (await work.data.accounts.get([account_id]))[account_id]
        if before.alias != self.account_alias:
            raise NoSuchEntity(f"The account alias {self.account_alias} cannot be found.")
        await work.data.accounts.set_alias(account_id, None)
        account = replace(before, alias=None)
        work.changed(shown_account(before), shown_account(account))
        return account


@operation("account:GetPrimaryEmail", on=EVERYTHING)
class GetPrimaryEmail(Query[str]):
    """Read the e-mail address of the account's root."""

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetPrimaryEmail, None]]) -> Sequence[str | IamError]:
        return [work.caller.who.account.root_email] * len(asks)
