"""The parts of an account's own services: written and read back, and refused where they do not fit each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamgraph.domain.errors import InvalidInput
from iamgraph.domain.services import (
    ConditionKeyType,
    Service,
    ServiceAction,
    ServiceConditionKey,
    ServiceResourceType,
    check_parts,
    is_reserved,
    parts_of,
)

from ..own_services import orders

TEXTS = st.text(max_size=20)
NAMES = st.lists(TEXTS, max_size=3).map(tuple)
FORMATS = st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
SERVICES = st.builds(
    lambda actions, resource_types, condition_keys: orders(
        actions=tuple(actions), resource_types=tuple(resource_types), condition_keys=tuple(condition_keys)
    ),
    st.lists(
        st.builds(ServiceAction, name=TEXTS, description=st.none() | TEXTS, resource_types=NAMES, condition_keys=NAMES),
        max_size=3,
    ),
    st.lists(st.builds(ServiceResourceType, name=TEXTS, arn_formats=FORMATS, condition_keys=NAMES), max_size=3),
    st.lists(
        st.builds(
            ServiceConditionKey, name=TEXTS, type=st.sampled_from(ConditionKeyType), is_multivalued=st.booleans()
        ),
        max_size=3,
    ),
)


@given(SERVICES)
def test_a_definition_reads_back_as_it_was(service: Service) -> None:
    assert parts_of(service.definition) == (service.actions, service.resource_types, service.condition_keys)


def checked(service: Service) -> None:
    check_parts(service.prefix, service.actions, service.resource_types, service.condition_keys)


def test_a_sound_service() -> None:
    checked(orders())
    checked(orders(actions=(), resource_types=(), condition_keys=()))


def kind(*formats: str, **more: Any) -> dict[str, Any]:
    return {"actions": (), "resource_types": (ServiceResourceType(name="order", arn_formats=formats, **more),)}


def key(name: str) -> ServiceConditionKey:
    return ServiceConditionKey(name=name, type=ConditionKeyType.STRING)


FORMAT = "resourceTypes.0.arnFormats.0"


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"condition_keys": (key("sales:Channel"),)}, "conditionKeys.0.name", "must begin with 'orders:'"),
        ({"condition_keys": (key("orders-x:Channel"),)}, "conditionKeys.0.name", "must begin with 'orders:'"),
        (
            {"actions": (ServiceAction(name="Go"), ServiceAction(name="GO"))},
            "actions.1.name",
            "'GO' at 'actions.1.name' stands there twice",
        ),
        ({"condition_keys": (key("orders:A"), key("orders:a"))}, "conditionKeys.1.name", "stands there twice"),
        (
            {"resource_types": tuple(ServiceResourceType(name=n, arn_formats=()) for n in ("x", "X"))},
            "resourceTypes.1.name",
            "stands there twice",
        ),
        (
            {"actions": (ServiceAction(name="Go", resource_types=("order", "ghost")),)},
            "actions.0.resourceTypes.1",
            "'ghost' at 'actions.0.resourceTypes.1' must be one of the service's own resourceTypes",
        ),
        (
            {"actions": (ServiceAction(name="Go", condition_keys=("orders:Ghost",)),)},
            "actions.0.conditionKeys.0",
            "'orders:Ghost' at 'actions.0.conditionKeys.0' must be one of the service's own conditionKeys, or a global",
        ),
        (
            {"actions": (ServiceAction(name="Go", condition_keys=("aws:ResourceTag/team",)),)},
            "actions.0.conditionKeys.0",
            "a global key as AWS writes it",
        ),
        (kind(), "resourceTypes.0.arnFormats", "at least one format"),
        (
            kind("arn:aws:orders:::x", condition_keys=("s3:prefix",)),
            "resourceTypes.0.conditionKeys.0",
            "must be one of the service's own",
        ),
        (kind("arn:aws:orders:${Region}:order"), FORMAT, "must have six fields"),
        (kind("orn:aws:orders:::order"), FORMAT, "must have six fields"),
        (kind("arn:aws-cn:orders:::order"), FORMAT, "the partition aws"),
        (kind("arn:aws:sales:::order"), FORMAT, "the service's prefix, orders, as its third field"),
        (kind("arn:aws:orders:*::order"), FORMAT, "a Region or nothing"),
        (kind("arn:aws:orders:${Zone}::order"), FORMAT, "a Region or nothing"),
        (kind("arn:aws:orders::12345:order"), FORMAT, "an account id or nothing"),
        (kind("arn:aws:orders::*:order"), FORMAT, "an account id or nothing"),
        *(
            (kind(f"arn:aws:orders:::{resource}"), FORMAT, "must end in a resource")
            for resource in ("", "*", "order/*", "a?", "${", "${}", "${Id", "$Id", "{Id}", "a}", "${${A}}", "${a b}", "${1}")
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(changes: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(replace(orders(), **changes))
    assert refused.value.field == field
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("aws", True), ("aws-moon", True), ("amazon-moon", True), ("iamgraph-x", True), ("awsome", False), ("orders", False)],
)  # fmt: skip
def test_reserved_prefixes(prefix: str, expected: bool) -> None:
    assert is_reserved(prefix) is expected
