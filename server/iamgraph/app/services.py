"""An account's own services: put, read, list and delete them, and what policies of the account know of services."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ..domain.arn import service_arn
from ..domain.errors import IamError, InvalidInput, LimitExceeded, NoSuchEntity
from ..domain.policy.reference import Reference, Together
from ..domain.services import (
    Actions,
    ConditionKeys,
    ResourceTypes,
    Service,
    ServicePrefix,
    check_parts,
    is_reserved,
)
from ..reference.account import AccountReference
from ..store.pages import Page
from ..store.session import StoreSession
from .caller import Caller
from .changes import GONE, shown_service
from .listing import Listed, Marker, MaxItems, by_name
from .operation import Command, Place, Query, Target, operation
from .quotas import ensure, ensure_fits
from .work import Work

LISTING = "services"


async def knowledge(work: Work) -> Reference:
    """What services have, as policies of the caller's account know it: its own ones first, so that a service that AWS makes
    later takes nothing away from them."""
    own = await work.data.services.all(work.caller.account_id)
    return Together((AccountReference(own), work.tools.reference))


class _ServiceByPrefix(Target):
    """A service of the caller's account."""

    know = "iamgraph:GetService"

    async def load(self, caller: Caller, data: StoreSession, ops: Sequence[Any]) -> Sequence[Service | None]:
        found = await data.services.named(caller.account_id, list({op.prefix for op in ops}))
        return [found.get(op.prefix) for op in ops]

    def place(self, caller: Caller, op: Any, entity: Service | None) -> Place:
        arn = service_arn(caller.account_id, op.prefix)
        return Place(resource=arn, asked=arn, account_id=caller.account_id)

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return NoSuchEntity(f"The service {op.prefix} cannot be found.")


class _ServiceToPut(_ServiceByPrefix):
    """The service that a new one replaces, if there is one."""

    def missing(self, caller: Caller, op: Any) -> NoSuchEntity | None:
        return None


class _Services(Target):
    """All services of the caller's account."""

    def place(self, caller: Caller, op: Any, entity: None) -> Place:
        arn = service_arn(caller.account_id, "")
        return Place(resource=arn, asked=arn, account_id=caller.account_id)


SERVICE = _ServiceByPrefix()


@operation("iamgraph:PutService", on=_ServiceToPut(), raises=(LimitExceeded,))
class PutService(Command[Service]):
    """Register a service of the account's own, in place of the one that has the prefix: its parts are those given and no
    others. Policies of the account are checked against it from then on; what they allow does not change."""

    prefix: ServicePrefix
    actions: Actions = ()
    resource_types: ResourceTypes = ()
    condition_keys: ConditionKeys = ()

    def validate(self) -> None:
        check_parts(self.prefix, self.actions, self.resource_types, self.condition_keys)

    async def look(self, work: Work, target: Service | None) -> None:
        # What is there may stay, also where AWS has made a service of that name since.
        if target is None:
            # In a thread: the formats of all of AWS's ARNs may have to be read.
            await asyncio.to_thread(_check_free, self.prefix, work.tools.reference)

    async def execute(self, work: Work, target: Service | None, prepared: None) -> Service:
        quotas = work.tools.quotas
        account_id = work.caller.account_id
        if target is None:
            ensure(await work.data.services.count(account_id), "ServicesPerAccount", quotas.services_per_account)
        ensure_fits(len(self.actions), "ActionsPerService", quotas.actions_per_service)
        ensure_fits(len(self.resource_types), "ResourceTypesPerService", quotas.resource_types_per_service)
        ensure_fits(len(self.condition_keys), "ConditionKeysPerService", quotas.condition_keys_per_service)
        service = Service(
            account_id=account_id,
            prefix=self.prefix,
            actions=self.actions,
            resource_types=self.resource_types,
            condition_keys=self.condition_keys,
            created_at=target.created_at if target else work.now,
            updated_at=work.now,
        )
        ensure_fits(len(service.definition), "ServiceSize", quotas.service_size)
        await work.data.services.put(service)
        work.changed(shown_service(target) if target else GONE, shown_service(service))
        return service


def _check_free(prefix: str, reference: Reference) -> None:
    """Raise InvalidInput for a prefix that no account may have: policies mean somebody else's service by it."""
    known = (reference.service(prefix), reference.condition_keys(prefix), reference.arn_formats(prefix))
    if is_reserved(prefix) or any(found is not None for found in known):
        message = f"{prefix!a} at 'prefix' is taken by a service of AWS's or of this server's: choose another one"
        raise InvalidInput(message, field="prefix")


@operation("iamgraph:DeleteService", on=SERVICE, raises=(NoSuchEntity,))
class DeleteService(Command[Service]):
    """Delete a service of the account's own. Policies that name its actions go on to decide as they did."""

    prefix: ServicePrefix

    async def execute(self, work: Work, target: Service, prepared: None) -> Service:
        await work.data.services.delete(target.account_id, target.prefix)
        work.changed(shown_service(target), GONE)
        return target


@operation("iamgraph:GetService", on=SERVICE, raises=(NoSuchEntity,))
class GetService(Query[Service]):
    """Read one service of the account's own."""

    prefix: ServicePrefix

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[GetService, Service]]) -> Sequence[Service | IamError]:
        return [service for _, service in asks]


@operation("iamgraph:ListServices", on=_Services())
class ListServices(Query[Listed[Service]]):
    """List the services of the account's own, by prefix."""

    max_items: MaxItems = 100
    marker: Marker | None = None

    @classmethod
    async def fetch(cls, work: Work, asks: Sequence[tuple[ListServices, None]]) -> Sequence[Listed[Service] | IamError]:
        return [await cls._page(work, query) for query, _ in asks]

    @staticmethod
    async def _page(work: Work, query: ListServices) -> Listed[Service] | IamError:
        async def load(after: str | None) -> Page[Service]:
            return await work.data.services.page(work.caller.account_id, after=after, limit=query.max_items)

        return await by_name(LISTING, query.marker, lambda service: service.prefix, load)
