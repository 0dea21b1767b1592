"""What services have: their actions, kinds of resource and condition keys, as policies name them. Whoever knows them
(the Service Authorization Reference, an account's own services) answers through `Reference`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

_PLACEHOLDER: Final = re.compile(r"\$\{[^{}]*\}|<[^<>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionKey:
    """One condition key. `name` may have a placeholder, as `aws:ResourceTag/${TagKey}` has; `type` is String, ARN,
    Bool, Numeric, Date, IPAddress or Binary."""

    name: str
    type: str
    is_multivalued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action. `condition_keys` are the names, in lower case, of all keys that can be in the context of a request for
    it, those of its resources too; `arn_formats` those of the ARNs that it can be on, the ones it must be on first."""

    name: str
    condition_keys: frozenset[str] = frozenset()
    arn_formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What begins with one prefix: `actions` by their names in lower case."""

    prefix: str
    actions: Mapping[str, Action]


class Reference(Protocol):
    """Knows services."""

    def prefixes(self) -> Iterable[str]:
        """The prefixes of all services, in lower case."""
        ...

    def title(self, prefix: str) -> str | None:
        """What the service is called in full, whose actions begin with a prefix, which is in lower case."""
        ...

    def service(self, prefix: str) -> Service | None:
        """The service whose actions begin with a prefix, which is in lower case."""
        ...

    def condition_keys(self, prefix: str) -> Mapping[str, ConditionKey] | None:
        """The condition keys that begin with a prefix, by their names in lower case. None where no key does, nor any
        service's action. Global keys (`aws:`) are not asked for."""
        ...

    def arn_formats(self, service: str) -> tuple[str, ...] | None:
        """The formats of the ARNs that have `service` in their third field, such as
        `arn:${Partition}:sqs:${Region}:${Account}:${QueueName}`; None where no ARN can have it."""
        ...


@dataclass(frozen=True, slots=True)
class Together:
    """Several references as one. Of a service the first that knows it tells; formats of ARNs are all of theirs."""

    references: tuple[Reference, ...]

    def prefixes(self) -> Iterable[str]:
        return (prefix for reference in self.references for prefix in reference.prefixes())

    def title(self, prefix: str) -> str | None:
        titles = (reference.title(prefix) for reference in self.references)
        return next((title for title in titles if title is not None), None)

    def service(self, prefix: str) -> Service | None:
        known = (reference.service(prefix) for reference in self.references)
        return next((service for service in known if service is not None), None)

    def condition_keys(self, prefix: str) -> Mapping[str, ConditionKey] | None:
        known = (reference.condition_keys(prefix) for reference in self.references)
        return next((keys for keys in known if keys is not None), None)

    def arn_formats(self, service: str) -> tuple[str, ...] | None:
        known = [reference.arn_formats(service) for reference in self.references]
        found = [formats for formats in known if formats is not None]
        return tuple(one for formats in found for one in formats) if found else None


def matches_format(arn: str, arn_format: str) -> bool:
    """Whether an ARN is one of a format, such as `arn:${Partition}:s3:::${BucketName}`. A placeholder in the sixth field
    stands for what has no slash, the last one for anything."""
    return _format(arn_format).fullmatch(arn) is not None


@lru_cache(maxsize=1024)
def _format(arn_format: str) -> re.Pattern[str]:
    *between, last = (re.escape(part) for part in _PLACEHOLDER.split(arn_format))
    inner = "[^:/]*".join(between)
    return re.compile(f"{inner}.+{last}" if between else last, re.DOTALL)


def find_key(keys: Mapping[str, ConditionKey], name: str) -> ConditionKey | None:
    """The key that `name`, in lower case, stands for: itself, or one with a placeholder that it fills."""
    found = keys.get(name)
    if found is not None:
        return found
    return next((key for known, key in keys.items() if ("${" in known or "<" in known) and _fills(known, name)), None)


def stem(name: str) -> str | None:
    """What stands before the placeholder that ends a key's name: `aws:resourcetag/`. None where none does."""
    found = _PLACEHOLDER.search(name)
    return name[: found.start()] if found and found.end() == len(name) else None


@lru_cache(maxsize=1024)
def _around(known: str) -> tuple[str, str]:
    """What stands before a name's first placeholder, and after it as far as the next."""
    before, after = _PLACEHOLDER.split(known)[:2]
    return before, after


def _fills(known: str, name: str) -> bool:
    before, after = _around(known)
    return len(name) > len(before) + len(after) and name.startswith(before) and after in name[len(before) :]
