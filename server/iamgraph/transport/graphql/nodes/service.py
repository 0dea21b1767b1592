"""`Service`: what an account has registered of a service of its own."""

from __future__ import annotations

import strawberry

from ....app.services import GetService
from ....domain import services
from ....domain.services import ConditionKeyType
from ..context import Info
from ..ids import node_id
from ..scalars import ARN, DateTime
from .base import AccountType, Resource, Seen

strawberry.enum(ConditionKeyType, name="ConditionKeyType")


@strawberry.type(description=services.ServiceAction.__doc__)
class ServiceAction:
    name: str = strawberry.field(description="Without the service's prefix.")
    description: str | None
    resource_types: list[str] = strawberry.field(description="What it is on, by the names of the service's types.")
    condition_keys: list[str] = strawberry.field(
        description="The keys that requests for it have, beside those of its resource types."
    )

    @classmethod
    def of(cls, action: services.ServiceAction) -> ServiceAction:
        return cls(
            name=action.name,
            description=action.description,
            resource_types=list(action.resource_types),
            condition_keys=list(action.condition_keys),
        )


@strawberry.type(description=services.ServiceResourceType.__doc__)
class ServiceResourceType:
    name: str
    arn_formats: list[str]
    condition_keys: list[str]

    @classmethod
    def of(cls, kind: services.ServiceResourceType) -> ServiceResourceType:
        return cls(name=kind.name, arn_formats=list(kind.arn_formats), condition_keys=list(kind.condition_keys))


@strawberry.type(description=services.ServiceConditionKey.__doc__)
class ServiceConditionKey:
    name: str
    type: ConditionKeyType
    is_multivalued: bool

    @classmethod
    def of(cls, key: services.ServiceConditionKey) -> ServiceConditionKey:
        return cls(name=key.name, type=key.type, is_multivalued=key.is_multivalued)


@strawberry.type(
    description="A service of the account's own: its actions, kinds of resource and condition keys, which policies of the "
    "account are checked against."
)
class Service(Resource):
    prefix: str
    entity: strawberry.Private[services.Service]
    seen: strawberry.Private[Seen]

    @classmethod
    def of(cls, service: services.Service, seen: Seen = Seen.WHOLE) -> Service:
        return cls(prefix=service.prefix, entity=service, seen=seen)

    @classmethod
    def listed(cls, service: services.Service) -> Service:
        return cls.of(service, Seen.LISTED)

    def _whole(self, info: Info) -> services.Service:
        """The service, if the caller has been granted all of it. Raises AccessDenied."""
        if self.seen < Seen.WHOLE:
            info.context.reveal(GetService(prefix=self.prefix), self.entity)
            self.seen = Seen.WHOLE
        return self.entity

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(node_id("Service", self.entity.account_id, self.prefix))

    @strawberry.field
    def arn(self) -> ARN:
        return ARN(self.entity.arn)

    @strawberry.field
    def account(self) -> AccountType:
        from .account import Account

        return Account.named(self.entity.account_id)

    @strawberry.field
    def created_at(self) -> DateTime:
        return DateTime(self.entity.created_at)

    @strawberry.field
    def updated_at(self) -> DateTime:
        return DateTime(self.entity.updated_at)

    @strawberry.field
    def actions(self, info: Info) -> list[ServiceAction] | None:
        return [ServiceAction.of(action) for action in self._whole(info).actions]

    @strawberry.field
    def resource_types(self, info: Info) -> list[ServiceResourceType] | None:
        return [ServiceResourceType.of(kind) for kind in self._whole(info).resource_types]

    @strawberry.field
    def condition_keys(self, info: Info) -> list[ServiceConditionKey] | None:
        return [ServiceConditionKey.of(key) for key in self._whole(info).condition_keys]
