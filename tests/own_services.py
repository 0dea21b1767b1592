"""A service of an account's own, for tests: as an entity, as a mutation's input, and as what policies know of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from iamgraph.domain.services import (
    ConditionKeyType,
    Service,
    ServiceAction,
    ServiceConditionKey,
    ServiceResourceType,
)

ACCOUNT = "111122223333"
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ORDER = "arn:aws:orders:${Region}:${Account}:order/${OrderId}"


def orders(**changes: Any) -> Service:
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "prefix": "orders",
        "actions": (
            ServiceAction(
                name="CancelOrder",
                description="Ends an order that is not paid — for good.",
                resource_types=("order",),
                condition_keys=("orders:Channel", "orders:Amount"),
            ),
            ServiceAction(name="ListOrders", condition_keys=("orders:Labels", "aws:RequestTag/${TagKey}")),
        ),
        "resource_types": (
            ServiceResourceType(
                name="order", arn_formats=(ORDER,), condition_keys=("orders:Tag/${TagKey}", "aws:ResourceTag/${TagKey}")
            ),
            ServiceResourceType(
                name="desk", arn_formats=("arn:aws:orders:north-1::desk/${DeskId}/${Seat}", "arn:aws:orders:::desks")
            ),
        ),
        "condition_keys": (
            ServiceConditionKey(name="orders:Channel", type=ConditionKeyType.STRING),
            ServiceConditionKey(name="orders:Amount", type=ConditionKeyType.NUMERIC),
            ServiceConditionKey(name="orders:Labels", type=ConditionKeyType.STRING, is_multivalued=True),
            ServiceConditionKey(name="orders:Tag/${TagKey}", type=ConditionKeyType.STRING),
        ),
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Service(**(values | changes))


def given(service: Service) -> dict[str, Any]:
    """What `putService` takes to register the service."""
    return {
        "prefix": service.prefix,
        "actions": [
            {
                "name": action.name,
                "description": action.description,
                "resourceTypes": list(action.resource_types),
                "conditionKeys": list(action.condition_keys),
            }
            for action in service.actions
        ],
        "resourceTypes": [
            {"name": kind.name, "arnFormats": list(kind.arn_formats), "conditionKeys": list(kind.condition_keys)}
            for kind in service.resource_types
        ],
        "conditionKeys": [
            {"name": key.name, "type": key.type.name, "isMultivalued": key.is_multivalued}
            for key in service.condition_keys
        ],
    }
