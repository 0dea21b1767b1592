"""Guardrails: control policies that the operator's account puts on the others, and that their roots obey, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from ..domain.arn import organizations_arn
from ..domain.entities import Account, BoundAccount, Guardrail, GuardrailKind
from ..domain.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    IamError,
    InvalidInput,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
)
from ..domain.ids import guardrail_id
from ..domain.names import AccountId, Doc, GuardrailDescription, GuardrailId, GuardrailName, PolicyText
from ..domain.policy.guardrail_grammar import check_guardrail
from ..store.pages import Page
from ..store.session import StoreSession
from .accounts import ACCOUNTS, AccountTarget, account_arn, owner_of
from .caller import Caller
from .changes import GONE, shown_guardrail
from .edges import paged
from .listing import Listed, Marker, MaxItems, by_name
from .operation import Command, Need, Place, Query, Target, operation
from .quotas import ensure
from .work import Work

LISTING, TARGETS = "guardrails", "guardrail-targets"
SHOWN_BLOCKERS = 100
_PER_ACCOUNT = {
    GuardrailKind.SERVICE_CONTROL: "ServiceControlPoliciesPerAccount",
    GuardrailKind.RESOURCE_CONTROL: "ResourceControlPoliciesPerAccount",
}
_IN_ALL = {
    GuardrailKind.SERVICE_CONTROL: "ServiceControlPolicies",
    GuardrailKind.RESOURCE_CONTROL: "ResourceControlPolicies",
}
Context = Mapping[str, str | tuple[str, ...]]


class _GuardrailById(Target):
    """A guardrail. To all but the operator's account there are none."""

    know = "organizations:DescribePolicy"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Guardrail | None]:
        if not caller.who.account.is_operator:
            return [None] * len(ops)
        found = await data.guardrails.by_ids(list({op.guardrail_id for op in ops}))
        return [found.get(op.guardrail_id) for op in ops]

    def place(self, caller: Caller, op: Any, entity: Guardrail | None) -> Place:
        asked = organizations_arn(caller.account_id, f"policy/{op.guardrail_id}")
        # A guardrail's ARN says which account is the operator's.
        resource = entity.arn if entity is not None and caller.who.account.is_operator else asked
        return Place(resource=resource, asked=asked, account_id=owner_of(caller))

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return NoSuchEntity(f"The guardrail {op.guardrail_id} cannot be found.")


GUARDRAIL = _GuardrailById()


def _kind_context(kind: GuardrailKind | None) -> Context:
    return {} if kind is None else {"organizations:PolicyType": kind.value}


@operation(
    "organizations:CreatePolicy", on=ACCOUNTS, raises=(EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument)
)
class CreateGuardrail(Command[Guardrail]):
    """Make a guardrail, which limits nobody until it is attached. From the operator's account only."""

    name: GuardrailName
    kind: Annotated[GuardrailKind, Doc("Whether it limits an account's principals, or what is done to its resources.")]
    policy_document: PolicyText
    description: GuardrailDescription | None = None

    def context(self, caller: Caller, target: None) -> Context:
        return _kind_context(self.kind)

    async def look(self, work: Work, target: None) -> None:
        check_guardrail(self.kind, self.policy_document, limit=work.tools.quotas.guardrail_size)

    async def execute(self, work: Work, target: None, prepared: None) -> Guardrail:
        ensure(await work.data.guardrails.count(self.kind), _IN_ALL[self.kind], work.tools.quotas.guardrails)
        guardrail = Guardrail(
            id=guardrail_id(work.tools.entropy(10)),
            account_id=work.caller.account_id,
            kind=self.kind,
            name=self.name,
            description=self.description,
            document=self.policy_document,
            created_at=work.now,
            updated_at=work.now,
        )
        await work.data.guardrails.add(guardrail)
        return guardrail


@operation("organizations:DescribePolicy", on=GUARDRAIL, raises=(NoSuchEntity,))
class DescribeGuardrail(Query[Guardrail]):
    """Read a guardrail with its text. From the operator's account only."""

    guardrail_id: GuardrailId

    def context(self, caller: Caller, target: Guardrail | None) -> Context:
        return _kind_context(target.kind if target else None)

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[DescribeGuardrail, Guardrail]]
    ) -> Sequence[Guardrail | IamError]:
        return [guardrail for _, guardrail in asks]


@operation("organizations:ListPolicies", on=ACCOUNTS)
class ListGuardrails(Query[Listed[Guardrail]]):
    """List the guardrails of the server, by name. From the operator's account only."""

    kind: Annotated[GuardrailKind | None, Doc("Only those of this kind.")] = None
    max_items: MaxItems = 100
    marker: Marker | None = None

    def context(self, caller: Caller, target: None) -> Context:
        return _kind_context(self.kind)

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListGuardrails, None]]
    ) -> Sequence[Listed[Guardrail] | IamError]:
        return [await _page(work, query) for query, _ in asks]


async def _page(work: Work, query: ListGuardrails) -> Listed[Guardrail] | IamError:
    async def load(after: str | None) -> Page[Guardrail]:
        return await work.data.guardrails.page(query.kind, after, query.max_items)

    return await by_name(LISTING, query.marker, lambda guardrail: guardrail.name, load)


def _changeable(guardrail: Guardrail) -> None:
    """Raise InvalidInput for what the service owns."""
    if guardrail.account_id is None:
        raise InvalidInput(f"{guardrail.name} is the service's own and can't be changed", field="guardrailId")


@operation(
    "organizations:UpdatePolicy",
    on=GUARDRAIL,
    raises=(NoSuchEntity, EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument),
)
class UpdateGuardrail(Command[Guardrail]):
    """Change a guardrail's name, description or text, at once for all the accounts that it is attached to. What is absent
    stays as it is. From the operator's account only."""

    guardrail_id: GuardrailId
    name: GuardrailName | None = None
    policy_document: PolicyText | None = None
    description: GuardrailDescription | None = None

    def context(self, caller: Caller, target: Guardrail | None) -> Context:
        return _kind_context(target.kind if target else None)

    async def look(self, work: Work, target: Guardrail) -> None:
        _changeable(target)
        if self.policy_document is not None:
            check_guardrail(target.kind, self.policy_document, limit=work.tools.quotas.guardrail_size)

    async def execute(self, work: Work, target: Guardrail, prepared: None) -> Guardrail:
        _changeable(target)
        guardrail = replace(
            target,
            name=self.name or target.name,
            document=self.policy_document or target.document,
            description=target.description if self.description is None else self.description,
            updated_at=work.now,
        )
        await work.data.accounts.lock_all(await work.data.guardrails.accounts(target.id))
        await work.data.guardrails.update(guardrail)
        work.changed(shown_guardrail(target), shown_guardrail(guardrail))
        return guardrail


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedGuardrail:
    """The id of a guardrail that is gone."""

    deleted_guardrail_id: str


@operation("organizations:DeletePolicy", on=GUARDRAIL, raises=(NoSuchEntity, DeleteConflict))
class DeleteGuardrail(Command[DeletedGuardrail]):
    """Delete a guardrail that is attached to no account. From the operator's account only."""

    guardrail_id: GuardrailId

    def context(self, caller: Caller, target: Guardrail | None) -> Context:
        return _kind_context(target.kind if target else None)

    async def execute(self, work: Work, target: Guardrail, prepared: None) -> DeletedGuardrail:
        _changeable(target)
        bound = (await work.data.guardrails.bound([target.id], after=None, limit=SHOWN_BLOCKERS))[target.id]
        if bound.items:
            raise DeleteConflict(
                "The guardrail is attached to one or more accounts. You must detach it from all of them before you "
                "delete it.",
                blocked_by=[item.account for item in bound.items],
            )
        await work.data.guardrails.delete(target.id)
        work.changed(shown_guardrail(target), GONE)
        return DeletedGuardrail(deleted_guardrail_id=target.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailAndAccount:
    """A guardrail, and an account that it was attached to or detached from."""

    guardrail: Guardrail
    account: Account


class _Attaching(Command[GuardrailAndAccount]):
    """What attaching and detaching have in common: AWS asks for the action on the guardrail and on the account."""

    guardrail_id: GuardrailId
    account_id: AccountId

    def needs(self, caller: Caller, target: Guardrail | None) -> Sequence[Need]:
        need = self.need(caller, target)
        # An account's ARN says no more than its id, which the caller has: it is the same where there is no such account.
        account = account_arn(caller, self.account_id)
        return (need, replace(need, resource=account, asked=account))

    def context(self, caller: Caller, target: Guardrail | None) -> Context:
        return _kind_context(target.kind if target else None)

    async def _account(self, work: Work) -> Account:
        found = (await work.data.accounts.get([self.account_id])).get(self.account_id)
        if found is None:
            raise NoSuchEntity(f"The account {self.account_id} cannot be found.")
        return found


@operation("organizations:AttachPolicy", on=GUARDRAIL, raises=(NoSuchEntity, EntityAlreadyExists, LimitExceeded))
class AttachGuardrail(_Attaching):
    """Put a guardrail on an account: it holds at the next request. From the operator's account only."""

    guardrail_id: GuardrailId
    account_id: AccountId

    async def execute(self, work: Work, target: Guardrail, prepared: None) -> GuardrailAndAccount:
        account = await self._account(work)
        if account.is_operator:
            raise InvalidInput("no guardrail binds the operator's own account", field="accountId")
        held = [one for one in await _binding(work, account.id) if one.kind is target.kind]
        if any(one.id == target.id for one in held):
            raise EntityAlreadyExists(f"The guardrail {target.id} is attached to the account {account.id} already.")
        ensure(len(held), _PER_ACCOUNT[target.kind], work.tools.quotas.guardrails_per_account)
        await work.data.accounts.lock(account.id)
        await work.data.guardrails.attach(target.id, account.id, work.now)
        work.changed(GONE, {"attachedAccount": account.id})
        return GuardrailAndAccount(guardrail=target, account=account)


@operation("organizations:DetachPolicy", on=GUARDRAIL, raises=(NoSuchEntity, LimitExceeded))
class DetachGuardrail(_Attaching):
    """Take a guardrail off an account: it is lifted at the next request. An account keeps at least one service control
    policy. From the operator's account only."""

    guardrail_id: GuardrailId
    account_id: AccountId

    async def execute(self, work: Work, target: Guardrail, prepared: None) -> GuardrailAndAccount:
        account = await self._account(work)
        held = [one for one in await _binding(work, account.id) if one.kind is target.kind]
        if not any(one.id == target.id for one in held):
            raise NoSuchEntity(f"The guardrail {target.id} is not attached to the account {account.id}.")
        # Nobody acts in a closed account: what is left on it would only keep guardrails from being deleted.
        if target.kind is GuardrailKind.SERVICE_CONTROL and len(held) == 1 and account.closed_at is None:
            raise LimitExceeded(
                "An account must have at least one service control policy: attach another one before you detach "
                f"{target.id}, such as p-FullAWSAccess.",
                limit=1,
            )
        await work.data.accounts.lock(account.id)
        await work.data.guardrails.detach(target.id, account.id)
        work.changed({"attachedAccount": account.id}, GONE)
        return GuardrailAndAccount(guardrail=target, account=account)


async def _binding(work: Work, account_id: str) -> Sequence[Guardrail]:
    return (await work.data.guardrails.binding([account_id]))[account_id]


@operation("organizations:ListTargetsForPolicy", on=GUARDRAIL, raises=(NoSuchEntity,))
class ListTargetsForGuardrail(Query[Listed[BoundAccount]]):
    """List the accounts that a guardrail is attached to, by their ids. From the operator's account only."""

    guardrail_id: GuardrailId
    max_items: MaxItems = 100
    marker: Marker | None = None

    def context(self, caller: Caller, target: Guardrail | None) -> Context:
        return _kind_context(target.kind if target else None)

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListTargetsForGuardrail, Guardrail]]
    ) -> Sequence[Listed[BoundAccount] | IamError]:
        async def load(
            ids: Sequence[str], after: tuple[str, ...] | None, limit: int
        ) -> Mapping[str, Page[BoundAccount]]:
            return await work.data.guardrails.bound(ids, after=after[0] if after else None, limit=limit)

        return await paged(TARGETS, asks, load, lambda bound: (bound.account.id,), 1)


class _BoundAccount(AccountTarget):
    """An account, which a caller in it may be allowed to ask about."""

    def place(self, caller: Caller, op: Any, entity: Account | None) -> Place:
        place = super().place(caller, op, entity)
        return replace(place, account_id=caller.account_id) if op.account_id == caller.account_id else place


@operation("organizations:ListPoliciesForTarget", on=_BoundAccount(), raises=(NoSuchEntity,))
class ListGuardrailsForAccount(Query[tuple[Guardrail, ...]]):
    """List the guardrails that are on an account, by name. Of another account, from the operator's only."""

    account_id: AccountId

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[ListGuardrailsForAccount, Account]]
    ) -> Sequence[tuple[Guardrail, ...] | IamError]:
        found = await work.data.guardrails.binding(list({account.id for _, account in asks}))
        return [found[account.id] for _, account in asks]
