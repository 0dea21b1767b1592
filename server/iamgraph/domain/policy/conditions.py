"""Condition blocks: each key under each operator becomes one test of a request's context (IAM User Guide, "IAM JSON
policy elements: Condition operators")."""

from __future__ import annotations

import operator as comparisons
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from . import values
from .document import Condition
from .match import Matcher, Wild, arn_matcher, either, matcher
from .operators import Operator, Quantifier, operator
from .variables import Facts, Patterns, Template, template

Test = Callable[[Facts], bool]
Binder = Callable[[Facts], Matcher]

_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "Equals": comparisons.eq,
    "LessThan": comparisons.lt,
    "LessThanEquals": comparisons.le,
    "GreaterThan": comparisons.gt,
    "GreaterThanEquals": comparisons.ge,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledCondition:
    """One test, and the keys that it reads: (in lower case, as written)."""

    test: Test
    keys: tuple[tuple[str, str], ...]


def compiled_condition(condition: Condition, *, variables: bool) -> CompiledCondition:
    """The test for one key under one operator. `variables` says whether the document's version knows variables."""
    found = operator(condition.operator)
    if found is None:
        raise ValueError(f'condition operator "{condition.operator}" is unknown')
    key = condition.key.lower()
    keys = [(key, condition.key)]
    if found.comparison == "Null":
        if found.quantifier is not Quantifier.ONE:
            # Always true with ForAllValues, and false with ForAnyValue (Access Analyzer's policy checks, "Null with
            # qualifier"): it reads nothing.
            always = found.quantifier is Quantifier.ALL
            return CompiledCondition(test=lambda facts: always, keys=())
        return CompiledCondition(test=_null_test(key, condition.values), keys=tuple(keys))
    bind: Binder
    if found.comparison.startswith(("String", "Arn")):
        templates = [_template(found, text, variables) for text in condition.values]
        keys += [(v.key, v.name) for one in templates for v in one.variables if v.default is None]
        bind = Patterns(templates, _maker(found.comparison)).bind
    else:
        tests = [_typed(found.comparison, text) for text in condition.values]
        bind = _always([test for test in tests if test is not None])
    return CompiledCondition(test=_test(found, key, bind, empty=not condition.values), keys=tuple(keys))


def _null_test(key: str, wanted: Sequence[str]) -> Test:
    absences = {values.boolean(text) for text in wanted}
    return lambda facts: (facts.get(key) is None) in absences


def _test(found: Operator, key: str, bind: Binder, *, empty: bool) -> Test:
    """How the operator treats a missing key, several values of the key, and an empty list in the policy."""
    negated, quantifier = found.negated, found.quantifier
    if_missing = found.if_exists or (quantifier is Quantifier.ALL or (quantifier is Quantifier.ONE and negated))
    if empty:
        # No value satisfies a list of none; a missing key does where it is asked to (Access Analyzer's policy checks,
        # "Empty array condition").
        spares = found.if_exists or quantifier is Quantifier.ALL
        return lambda facts: spares and facts.get(key) is None

    def of_one(facts: Facts) -> bool:
        value = facts.get(key)
        if value is None:
            return if_missing
        # AWS leaves several values under a plain operator undefined; here they never match.
        return isinstance(value, str) and bind(facts)(value) is not negated

    def of_several(facts: Facts) -> bool:
        value = facts.get(key)
        if value is None:
            return if_missing
        match = bind(facts)
        texts = (value,) if isinstance(value, str) else value
        results = (match(text) is not negated for text in texts)
        return all(results) if quantifier is Quantifier.ALL else any(results)

    return of_one if quantifier is Quantifier.ONE else of_several


def _template(found: Operator, text: str, variables: bool) -> Template:
    wildcards = found.comparison == "StringLike" or found.comparison.startswith("Arn")
    return template(text, variables=variables, wildcards=wildcards)


def _always(tests: Sequence[Matcher]) -> Binder:
    test = either(tests)
    return lambda facts: test


def _maker(comparison: str) -> Callable[[Sequence[str | Wild]], Matcher]:
    if comparison.startswith("Arn"):
        return arn_matcher
    if comparison == "StringEqualsIgnoreCase":
        return _ignoring_case
    return matcher


def _ignoring_case(pieces: Sequence[str | Wild]) -> Matcher:
    wanted = "".join(piece for piece in pieces if isinstance(piece, str)).lower()
    return lambda text: text.lower() == wanted


def _typed(comparison: str, wanted: str) -> Matcher | None:
    """The test for one value of an operator with a type, or None where the policy's value is not of that type."""
    if comparison.startswith("Numeric"):
        return _ordered(comparison.removeprefix("Numeric"), values.number, wanted)
    if comparison.startswith("Date"):
        return _ordered(comparison.removeprefix("Date"), values.date, wanted)
    if comparison == "Bool":
        return _equal(values.boolean, wanted)
    if comparison == "BinaryEquals":
        return _equal(values.binary, wanted)
    return _within(wanted)


def _ordered(order: str, read: Callable[[str], Decimal | None], wanted: str) -> Matcher | None:
    right, compare = read(wanted), _ORDERS[order]
    if right is None:
        return None

    def test(text: str) -> bool:
        left = read(text)
        return left is not None and compare(left, right)

    return test


def _equal(read: Callable[[str], object], wanted: str) -> Matcher | None:
    right = read(wanted)
    return None if right is None else lambda text: read(text) == right


def _within(wanted: str) -> Matcher | None:
    network = values.network(wanted)
    if network is None:
        return None
    version, base, mask = network.version, network.address, network.mask

    def test(text: str) -> bool:
        found = values.address(text)
        return found is not None and found[0] == version and found[1] & mask == base

    return test
