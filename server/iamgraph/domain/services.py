"""An account's own services: their actions, kinds of resource and condition keys, shaped as the Service Authorization
Reference shapes AWS's."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Final

from .arn import service_arn
from .errors import InvalidInput
from .names import Count, Doc, Match, shown
from .policy.global_keys import GLOBAL_KEYS

ServicePrefix = Annotated[
    str,
    Match(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", 2, 63),
    Doc("What the names of its actions and condition keys begin with, and the third field of its ARNs: `orders`."),
]
PartName = Annotated[str, Match(r"[A-Za-z][\w-]*", 1, 128)]
KeyName = Annotated[str, Match(r"[a-z][a-z0-9-]*:[A-Za-z][\w.-]*(/[\w.-]+)*(/\$\{[A-Za-z]\w*\})?", 3, 256)]
ArnFormat = Annotated[str, Match(r"[\x21-\x7e]+", 1, 512)]

_ACCOUNT: Final = re.compile(r"\$\{Account\}|\d{12}|", re.ASCII)
_REGION: Final = re.compile(r"\$\{Region\}|[a-z0-9-]*", re.ASCII)
_RESOURCE: Final = re.compile(r"([^${}*?]|\$\{[A-Za-z]\w*\})+", re.ASCII)
_RESERVED: Final = re.compile(r"(aws|amazon|iamgraph)(-.*)?")


class ConditionKeyType(Enum):
    """What the values of a condition key are, which says what operators fit it."""

    STRING = "String"
    ARN = "ARN"
    BOOL = "Bool"
    NUMERIC = "Numeric"
    DATE = "Date"
    IP_ADDRESS = "IPAddress"
    BINARY = "Binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConditionKey:
    """A condition key of a service, such as `orders:Channel`."""

    name: Annotated[
        KeyName, Doc("Begins with the service's prefix, and may end in a placeholder: `orders:Tag/${TagKey}`.")
    ]
    type: Annotated[ConditionKeyType, Doc("What its values are.")]
    is_multivalued: Annotated[bool, Doc("Whether a request can have several values of it.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceResourceType:
    """A kind of resource of a service."""

    name: Annotated[PartName, Doc("What the service's actions call it, such as `order`.")]
    arn_formats: Annotated[
        tuple[ArnFormat, ...],
        Count(10),
        Doc("At least one, such as `arn:aws:orders:${Region}:${Account}:order/${OrderId}`."),
    ]
    condition_keys: Annotated[
        tuple[KeyName, ...], Count(50), Doc("Keys that requests on it have, beside those of the action.")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAction:
    """An action of a service."""

    name: Annotated[PartName, Doc("Without the prefix: `CancelOrder` is `orders:CancelOrder` in policies.")]
    description: Annotated[
        str | None, Match(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*", 0, 512), Doc("What it does.")
    ] = None
    resource_types: Annotated[
        tuple[PartName, ...], Count(50), Doc("What it is on, by the names of the service's resource types.")
    ] = ()
    condition_keys: Annotated[
        tuple[KeyName, ...],
        Count(50),
        Doc("Keys that requests for it have: the service's, and global ones such as `aws:RequestTag/${TagKey}`."),
    ] = ()


ServicePart = ServiceAction | ServiceResourceType | ServiceConditionKey
Actions = Annotated[tuple[ServiceAction, ...], Count(1000), Doc("Its actions.")]
ResourceTypes = Annotated[tuple[ServiceResourceType, ...], Count(1000), Doc("Its kinds of resource.")]
ConditionKeys = Annotated[tuple[ServiceConditionKey, ...], Count(1000), Doc("Its condition keys.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that an account has registered. Its prefix is its name."""

    account_id: str
    prefix: str
    actions: tuple[ServiceAction, ...]
    resource_types: tuple[ServiceResourceType, ...]
    condition_keys: tuple[ServiceConditionKey, ...]
    created_at: datetime
    updated_at: datetime

    @property
    def arn(self) -> str:
        return service_arn(self.account_id, self.prefix)

    @property
    def definition(self) -> str:
        """All its parts as JSON text; `parts_of` reads it."""
        return _text({name: [_plain(part) for part in found] for name, found in self.parts.items()})

    @property
    def parts(self) -> Mapping[str, Sequence[ServicePart]]:
        """Its parts by what the history and GraphQL call them."""
        return {"actions": self.actions, "resourceTypes": self.resource_types, "conditionKeys": self.condition_keys}


Parts = tuple[tuple[ServiceAction, ...], tuple[ServiceResourceType, ...], tuple[ServiceConditionKey, ...]]


def parts_of(definition: str) -> Parts:
    """The actions, resource types and condition keys of a `Service.definition`."""
    found = json.loads(definition)
    actions = tuple(
        ServiceAction(
            name=action["name"],
            description=action.get("description"),
            resource_types=tuple(action.get("resourceTypes", ())),
            condition_keys=tuple(action.get("conditionKeys", ())),
        )
        for action in found["actions"]
    )
    resource_types = tuple(
        ServiceResourceType(
            name=kind["name"],
            arn_formats=tuple(kind["arnFormats"]),
            condition_keys=tuple(kind.get("conditionKeys", ())),
        )
        for kind in found["resourceTypes"]
    )
    condition_keys = tuple(
        ServiceConditionKey(
            name=key["name"], type=ConditionKeyType(key["type"]), is_multivalued=key.get("isMultivalued", False)
        )
        for key in found["conditionKeys"]
    )
    return actions, resource_types, condition_keys


def part_text(part: ServicePart) -> str:
    """One part as JSON text."""
    return _text(_plain(part))


def _plain(part: ServicePart) -> dict[str, Any]:
    """A part as it is written, without what it leaves out."""
    found: dict[str, Any] = {"name": part.name}
    if isinstance(part, ServiceAction):
        found |= {"description": part.description, "resourceTypes": part.resource_types}
    if isinstance(part, ServiceResourceType):
        found["arnFormats"] = part.arn_formats
    if isinstance(part, ServiceConditionKey):
        found |= {"type": part.type.value, "isMultivalued": part.is_multivalued}
    else:
        found["conditionKeys"] = part.condition_keys
    return {name: value for name, value in found.items() if value not in (None, (), False)}


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def is_reserved(prefix: str) -> bool:
    """Whether no account may have the prefix, although no service has it: the room of AWS's and of this server's own."""
    return _RESERVED.fullmatch(prefix) is not None


def check_parts(
    prefix: str,
    actions: Sequence[ServiceAction],
    resource_types: Sequence[ServiceResourceType],
    condition_keys: Sequence[ServiceConditionKey],
) -> None:
    """Raise InvalidInput where the parts of a service do not fit each other or its prefix. What each text may hold has
    been checked."""
    _check_once("actions", actions)
    _check_once("resourceTypes", resource_types)
    _check_once("conditionKeys", condition_keys)
    for index, key in enumerate(condition_keys):
        if key.name.partition(":")[0] != prefix:
            raise _wrong(f"conditionKeys.{index}.name", key.name, f"must begin with '{prefix}:'")
    keys = {key.name.lower() for key in condition_keys} | GLOBAL_KEYS.keys()
    for index, kind in enumerate(resource_types):
        field = f"resourceTypes.{index}"
        if not kind.arn_formats:
            raise InvalidInput(
                f"'{field}.arnFormats' must hold at least one format of ARNs", field=f"{field}.arnFormats"
            )
        for at, text in enumerate(kind.arn_formats):
            _check_format(f"{field}.arnFormats.{at}", text, prefix)
        _check_known(f"{field}.conditionKeys", kind.condition_keys, keys, _KEYS)
    kinds = {kind.name.lower() for kind in resource_types}
    for index, action in enumerate(actions):
        _check_known(f"actions.{index}.resourceTypes", action.resource_types, kinds, "resourceTypes")
        _check_known(f"actions.{index}.conditionKeys", action.condition_keys, keys, _KEYS)


_KEYS: Final = "conditionKeys, or a global key as AWS writes it, such as aws:ResourceTag/${TagKey}"


def _wrong(field: str, value: str, what: str) -> InvalidInput:
    return InvalidInput(f"{shown(value)} at '{field}' {what}", field=field)


def _check_once(field: str, parts: Iterable[ServicePart]) -> None:
    seen: set[str] = set()
    for index, part in enumerate(parts):
        if part.name.lower() in seen:
            raise _wrong(f"{field}.{index}.name", part.name, "stands there twice: names are unique whatever their case")
        seen.add(part.name.lower())


def _check_known(field: str, names: Iterable[str], known: Collection[str], where: str) -> None:
    for index, name in enumerate(names):
        if name.lower() not in known:
            raise _wrong(f"{field}.{index}", name, f"must be one of the service's own {where}")


def _check_format(field: str, text: str, prefix: str) -> None:
    fields = text.split(":", 5)
    if len(fields) < 6 or fields[0] != "arn":
        raise _wrong(field, text, f"must have six fields: arn:aws:{prefix}:region:account:resource")
    if fields[1] not in ("aws", "${Partition}"):
        raise _wrong(field, text, "must have the partition aws")
    if fields[2] != prefix:
        raise _wrong(field, text, f"must have the service's prefix, {prefix}, as its third field")
    if not _REGION.fullmatch(fields[3]):
        raise _wrong(field, text, "must have ${Region}, a Region or nothing as its fourth field")
    if not _ACCOUNT.fullmatch(fields[4]):
        raise _wrong(field, text, "must have ${Account}, an account id or nothing as its fifth field")
    if not _RESOURCE.fullmatch(fields[5]):
        raise _wrong(
            field,
            text,
            "must end in a resource, such as order/${OrderId}: each ${ closed, no other braces, no wildcards",
        )
