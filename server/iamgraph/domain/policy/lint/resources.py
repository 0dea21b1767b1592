"""Resources: ARNs as their services have them (Service Authorization Reference, "resource types")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ..document import Path
from ..formats import PARTITIONS
from ..global_keys import REGIONS
from ..match import Matcher, wildcard
from ..syntax import Node
from .actions import check_redundant
from .base import Check, shown
from .variables import starred

_ACCOUNT: Final = re.compile(r"[0-9]{12}|aws")
_OWNED_BY_AWS: Final = frozenset({"ssm", "resource-explorer-2"})
"""Services that have resources of AWS's own, without an account, which their formats do not say."""
_PLACEHOLDER: Final = re.compile(r"\$\{[^{}]*\}")
_WILD: Final = re.compile(r"[*?]")


def check_resources(check: Check) -> None:
    """Every Resource and NotResource entry. A trust policy has none."""
    if check.is_trust:
        return
    arns = _Arns(check)
    for one in check.statements():
        entries = list(one.entries("Resource"))
        for node, path in entries:
            if node.value.strip("*"):
                arns.check(node, path)
        check_redundant(check, [(n, p, n.value) for n, p in entries], "RESOURCE", "resource")


@dataclass(frozen=True, slots=True)
class _Format:
    """A kind of ARN: whether it has a Region and an account, and its last field as a pattern."""

    region: str
    account: str
    pattern: str
    is_plain: bool
    head: str
    tail: str
    test: Matcher


class _Arns:
    def __init__(self, check: Check) -> None:
        self._check = check

    def check(self, node: Node, path: Path) -> None:
        """Report the first thing that is wrong with the ARN, and with its Region and its account."""
        for code, message in self._problems(node.value):
            self._check.error(code, node.start, path, f"{shown(node.value)}: {message}")
        fields = node.value.split(":", 3)
        if len(fields) > 2 and _WILD.search(fields[2]) and (fields[2].strip("*?") or len(fields) > 3):
            message = f"{shown(node.value)} reaches other services that have, or will have, such a name"
            self._check.suggestion("WILDCARD_IN_SERVICE_NAME", node.start, path, message)

    def _problems(self, arn: str) -> list[tuple[str, str]]:
        fields = starred(arn).split(":", 5)
        if fields[0] != "arn":
            head, *wild = _WILD.split(fields[0], maxsplit=1)
            return [] if wild and "arn:".startswith(head) else [("INVALID_ARN_PREFIX", 'an ARN begins with "arn:"')]
        if len(fields) < 6:
            # A star at the end goes on past the colons.
            short = not fields[-1].endswith("*")
            message = "an ARN has six fields, arn:partition:service:region:account:resource"
            found = [("MISSING_ARN_FIELD", message)] if short else []
            return found + (self._service_problems(fields) if len(fields) > 3 else [])
        problems = self._service_problems(fields)
        return problems or self._field_problems(fields)

    def _service_problems(self, fields: list[str]) -> list[tuple[str, str]]:
        partition, service = fields[1], fields[2]
        if not _WILD.search(partition) and partition not in PARTITIONS:
            return [("INVALID_PARTITION", f"there is no partition {shown(partition)}, use aws")]
        if _WILD.search(service):
            return []
        if service != service.lower() and self._check.reference.arn_formats(service.lower()) is not None:
            return [("INVALID_ARN_SERVICE_CASE", f"the service is written in lower case, {service.lower()}")]
        if self._check.reference.arn_formats(service) is None:
            return [("INVALID_SERVICE", f"there is no service {shown(service)}")]
        return []

    def _field_problems(self, fields: list[str]) -> list[tuple[str, str]]:
        formats = self._check.reference.arn_formats(fields[2]) if not _WILD.search(fields[2]) else ()
        if not formats:
            return [*_region_problem(fields[3]), *_account_problem(fields[4])]
        if not self._check.effort.spend(len(formats)):
            return []
        kinds = _overlapping(fields[5], formats)
        if not kinds:
            message = f"{fields[2]} has no such resource, use for example {formats[0]}"
            return [("INVALID_ARN_RESOURCE", message)]
        return [*_region_of(fields, kinds), *_account_of(fields, kinds)]


@lru_cache(maxsize=8192)
def _format(text: str) -> _Format:
    fields = [*text.split(":", 5), *[""] * 5]
    pattern = _PLACEHOLDER.sub("?*", fields[5])
    literals = _WILD.split(pattern)
    return _Format(fields[3], fields[4], pattern, len(literals) == 1, literals[0], literals[-1], wildcard(pattern))


def _overlapping(text: str, formats: Iterable[str]) -> list[_Format]:
    """The kinds of which a resource can be meant: exactly told for plain text, by beginning and end for a pattern."""
    literals = _WILD.split(text)
    kinds = map(_format, formats)
    if len(literals) == 1:
        return [kind for kind in kinds if kind.test(text)]
    test, head, tail = wildcard(text), literals[0], literals[-1]
    return [
        kind
        for kind in kinds
        if (test(kind.pattern) if kind.is_plain else _agree(head, kind.head) and _agree(tail[::-1], kind.tail[::-1]))
    ]


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _region_of(fields: list[str], kinds: list[_Format]) -> list[tuple[str, str]]:
    region, service = fields[3], fields[2]
    if not region:
        needed = all(kind.region for kind in kinds)
        return [("MISSING_ARN_REGION", f"ARNs of {service} have a Region, or * for all")] if needed else []
    if not any(kind.region for kind in kinds):
        found = [("ARN_REGION_NOT_ALLOWED", f"ARNs of {service} such as this have no Region, leave it empty")]
        return [] if region == "*" else found
    return [] if any(region == kind.region for kind in kinds) else _region_problem(region)


def _account_of(fields: list[str], kinds: list[_Format]) -> list[tuple[str, str]]:
    account, service = fields[4], fields[2]
    if not account:
        needed = service not in _OWNED_BY_AWS and all(kind.account for kind in kinds)
        return [("MISSING_ARN_ACCOUNT", f"ARNs of {service} have an account id, or * for all")] if needed else []
    if not any(kind.account for kind in kinds):
        found = [("ARN_ACCOUNT_NOT_ALLOWED", f"ARNs of {service} such as this have no account id, leave it empty")]
        return [] if account == "*" else found
    return [] if any(account == kind.account for kind in kinds) else _account_problem(account)


def _region_problem(region: str) -> list[tuple[str, str]]:
    if not region or _WILD.search(region) or region in REGIONS:
        return []
    return [("INVALID_ARN_REGION", f"there is no Region {shown(region)}")]


def _account_problem(account: str) -> list[tuple[str, str]]:
    if not account or _WILD.search(account) or _ACCOUNT.fullmatch(account):
        return []
    return [("INVALID_ARN_ACCOUNT", f"{shown(account)} is no account id, which has 12 digits")]
