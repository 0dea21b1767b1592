"""The names of condition operators: what `ForAllValues:StringNotEqualsIfExists` is made of (IAM User Guide, "Condition
operators")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_POSITIVE = {"NotIpAddress": "IpAddress"}
_BASES = frozenset({
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
    "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
    "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan",
    "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress",
    "NotIpAddress", "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike", "Null",
})  # fmt: skip


class Quantifier(Enum):
    """How an operator treats a key of several values."""

    ONE = ""
    ALL = "ForAllValues:"
    ANY = "ForAnyValue:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator taken apart. `comparison` is the positive form: `StringNotLike` is a negated `StringLike`."""

    quantifier: Quantifier
    comparison: str
    negated: bool
    if_exists: bool


def operator(name: str) -> Operator | None:
    """The parts of an operator's name, or None where there is no such operator. Names are case-sensitive."""
    quantifier = Quantifier.ONE
    for candidate in (Quantifier.ALL, Quantifier.ANY):
        if name.startswith(candidate.value):
            quantifier, name = candidate, name.removeprefix(candidate.value)
            break
    base = name.removesuffix("IfExists")
    if base not in _BASES:
        return None
    comparison = _POSITIVE.get(base, base.replace("Not", "", 1))
    return Operator(quantifier=quantifier, comparison=comparison, negated=comparison != base, if_exists=base != name)


def known_operator(name: str) -> bool:
    """Whether AWS knows the operator."""
    return operator(name) is not None
