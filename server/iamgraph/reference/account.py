"""An account's own services, as policies of that account know them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from ..domain import services
from ..domain.policy.reference import Action, ConditionKey, Service


class AccountReference:
    """Knows the services of one account. What policies need of one is made when it is first asked for."""

    def __init__(self, own: Iterable[services.Service]) -> None:
        self._own = {service.prefix: _Known(service) for service in own}

    def prefixes(self) -> Iterable[str]:
        return self._own.keys()

    def title(self, prefix: str) -> str | None:
        return prefix if prefix in self._own else None

    def service(self, prefix: str) -> Service | None:
        known = self._own.get(prefix)
        return known.service if known is not None else None

    def condition_keys(self, prefix: str) -> Mapping[str, ConditionKey] | None:
        known = self._own.get(prefix)
        return known.condition_keys if known is not None else None

    def arn_formats(self, service: str) -> tuple[str, ...] | None:
        known = self._own.get(service)
        return known.arn_formats if known is not None else None


class _Known:
    def __init__(self, registered: services.Service) -> None:
        self._registered = registered

    @cached_property
    def service(self) -> Service:
        kinds = {kind.name.lower(): kind for kind in self._registered.resource_types}
        actions = {}
        for action in self._registered.actions:
            on = [kinds[kind.lower()] for kind in action.resource_types]
            keys = [*action.condition_keys, *(key for kind in on for key in kind.condition_keys)]
            actions[action.name.lower()] = Action(
                name=action.name,
                condition_keys=frozenset(key.lower() for key in keys),
                arn_formats=tuple(dict.fromkeys(text for kind in on for text in kind.arn_formats)),
            )
        return Service(prefix=self._registered.prefix, actions=actions)

    @cached_property
    def condition_keys(self) -> Mapping[str, ConditionKey]:
        return {
            key.name.lower(): ConditionKey(name=key.name, type=key.type.value, is_multivalued=key.is_multivalued)
            for key in self._registered.condition_keys
        }

    @cached_property
    def arn_formats(self) -> tuple[str, ...]:
        formats = (text for kind in self._registered.resource_types for text in kind.arn_formats)
        return tuple(dict.fromkeys(formats))
