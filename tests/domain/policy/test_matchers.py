"""Every matcher beside a slow one that is written down from the grammar, word by word."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iamgraph.domain.policy.conditions import compiled_condition
from iamgraph.domain.policy.document import Condition
from iamgraph.domain.policy.evaluate import PolicyKind
from iamgraph.domain.policy.match import arn_matcher, tokens, wildcard
from iamgraph.domain.policy.variables import facts
from tests.domain.policy.documents import document
from tests.policy_cases import policy

Value = str | Sequence[str]


def matches(pattern: str, text: str) -> bool:
    """The definition of the wildcards, word by word, and exponential."""

    @cache
    def at(p: int, t: int) -> bool:
        if p == len(pattern):
            return t == len(text)
        if pattern[p] == "*":
            return at(p + 1, t) or (t < len(text) and at(p, t + 1))
        return t < len(text) and pattern[p] in ("?", text[t]) and at(p + 1, t + 1)

    return at(0, 0)


def arn_matches(pattern: str, text: str) -> bool:
    """Six fields, the sixth may hold colons."""
    fields, parts = pattern.split(":", 5), text.split(":", 5)
    return len(fields) == len(parts) == 6 and all(map(matches, fields, parts))


@given(pattern=st.text("ab*?\n[", max_size=14), text=st.text("ab\n[", max_size=14))
def test_wildcards(pattern: str, text: str) -> None:
    assert wildcard(pattern)(text) is matches(pattern, text)


def arns(alphabet: str) -> st.SearchStrategy[str]:
    fields = st.lists(st.text(alphabet, max_size=4), min_size=4, max_size=7)
    return fields.map(":".join)


@given(pattern=arns("ab*?"), text=arns("ab"))
def test_arns(pattern: str, text: str) -> None:
    assert arn_matcher(tokens(pattern))(text) is arn_matches(pattern, text)


ACTIONS = st.lists(
    st.sampled_from(["*", "s3:*", "S3:Get*", "s3:get?", "*:Get*", "s?:GETX", "ec2:GetX", "s3:GetX"]), min_size=1
)


@given(
    entries=ACTIONS,
    negated=st.booleans(),
    action=st.sampled_from(["s3:GetX", "S3:getx", "ec2:GetX", "s3:GetXY", "s3x:GetX"]),
)
def test_actions(entries: list[str], negated: bool, action: str) -> None:
    statement = {"Effect": "Allow", "NotAction" if negated else "Action": entries, "Resource": "*"}
    candidates = policy(PolicyKind.MANAGED, document(statement)).policy.candidates(action.lower())
    listed = any(matches(entry.lower(), action.lower()) for entry in entries)
    assert bool(candidates.allows) is (listed is not negated)


RESOURCES = st.lists(
    st.sampled_from([
        "*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${k}", "arn:aws:s3", "arn:aws:s3:::${k, '*'}", "${m}*", "arn:*"
    ]),
    min_size=1, max_size=3,
)  # fmt: skip


@given(
    entries=RESOURCES,
    negated=st.booleans(),
    resource=st.sampled_from(["arn:aws:s3:::b/x", "arn:aws:s3:::b/*", "arn:aws:s3:::*", "arn:aws:ec2:e:1:i/x"]),
    context=st.sampled_from([{}, {"K": "x"}, {"k": "*"}, {"k": ["x"]}]),
    version=st.sampled_from(["2012-10-17", "2008-10-17"]),
)
def test_resources(entries: list[str], negated: bool, resource: str, context: dict[str, Any], version: str) -> None:
    statement = {"Effect": "Allow", "Action": "*", "NotResource" if negated else "Resource": entries}
    (found,) = policy(PolicyKind.MANAGED, document(statement, version=version)).policy.statements
    listed = any(_names(entry, resource, context, version) for entry in entries)
    assert found.resource.bind(facts(context))(resource) is (listed is not negated)


def _names(entry: str, resource: str, context: dict[str, Any], version: str) -> bool:
    """Whether a Resource of an identity-based policy names the resource: an ARN that ends early goes on in stars."""
    if entry.startswith("arn:") and entry.count(":") < 5:
        entry += ":*" * (5 - entry.count(":"))
    if version == "2012-10-17":
        for variable, key, default in (("${k, '*'}", "k", "*"), ("${k}", "k", None), ("${m}", "m", None)):
            if variable in entry:
                value = {name.lower(): value for name, value in context.items()}.get(key)
                literal = value if isinstance(value, str) else default
                if literal is None:
                    return False
                head, tail = entry.split(variable)
                return any(
                    matches(head, resource[:i]) and matches(tail, resource[i + len(literal) :])
                    for i in range(len(resource) + 1)
                    if resource.startswith(literal, i)
                )
    return matches(entry, resource)


# ---------------------------------------------------------------- typed values, told beside what they stand for

numbers = st.builds(
    lambda whole, places, form: (_number(whole, places, form), Fraction(whole, 10**places)),
    st.integers(-2000, 2000), st.integers(0, 2), st.sampled_from(["plain", "padded", "exponent"]),
)  # fmt: skip


def _number(whole: int, places: int, form: str) -> str:
    if form == "exponent":
        return f"{whole}e-{places}"
    sign, digits = "-" if whole < 0 else "", str(abs(whole)).zfill(places + 1)
    text = sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
    return text + ("0" if "." in text else ".0") if form == "padded" else text


def _dated(seconds: int, hours: int, form: str) -> tuple[str, Fraction]:
    moment = datetime.fromtimestamp(seconds, UTC)
    if form == "epoch":
        return str(seconds), Fraction(seconds)
    if form == "day":
        midnight = moment.replace(hour=0, minute=0, second=0)
        return f"{moment:%Y-%m-%d}", Fraction(int(midnight.timestamp()))
    local = moment.astimezone(timezone(timedelta(hours=hours)))
    return f"{local:%Y-%m-%dT%H:%M:%S}{hours:+03d}:00", Fraction(seconds)


dates = st.builds(_dated, st.integers(1, 2**33), st.integers(-12, 12), st.sampled_from(["epoch", "day", "local"]))
ORDERS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "Equals": lambda left, right: left == right,
    "LessThan": lambda left, right: left < right,
    "LessThanEquals": lambda left, right: left <= right,
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanEquals": lambda left, right: left >= right,
}


def holds(operator: str, values: Sequence[str], context: dict[str, Value], version: bool = True) -> bool:
    condition = Condition(operator=operator, key="svc:Key", values=tuple(values))
    return compiled_condition(condition, variables=version).test(facts(context))


@pytest.mark.parametrize("kind", ["Numeric", "Date"])
@given(data=st.data(), order=st.sampled_from(sorted(ORDERS)))
def test_orders(kind: str, data: st.DataObject, order: str) -> None:
    typed = numbers if kind == "Numeric" else dates
    (wanted, right), (given_, left) = data.draw(typed), data.draw(typed)
    assert holds(kind + order, [wanted], {"svc:Key": given_}) is ORDERS[order](left, right)


addresses = st.integers(0, 2**32 - 1)


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


@given(base=addresses, bits=st.integers(0, 32), near=st.integers(0, 2**9), other=addresses)
def test_addresses(base: int, bits: int, near: int, other: int) -> None:
    for number in (base ^ near, other):
        same = format(base, "032b")[:bits] == format(number, "032b")[:bits]
        for operator, expected in (("IpAddress", same), ("NotIpAddress", not same)):
            assert holds(operator, [f"{_dotted(base)}/{bits}"], {"svc:Key": _dotted(number)}) is expected
        sixth = f"{_dotted(base)}/{bits}", f"::ffff:{_dotted(number)}"
        assert holds("IpAddress", [sixth[0]], {"svc:Key": sixth[1]}) is False


@given(bits=st.integers(0, 128), base=st.integers(0, 2**128 - 1), flip=st.integers(0, 127))
def test_addresses_of_version_six(bits: int, base: int, flip: int) -> None:
    def text(number: int) -> str:
        return ":".join(f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16))

    number = base ^ (1 << flip)
    same = format(base, "0128b")[:bits] == format(number, "0128b")[:bits]
    assert holds("IpAddress", [f"{text(base)}/{bits}"], {"svc:Key": text(number)}) is same


@pytest.mark.parametrize(
    "text", ["10.0.0.0/255.0.0.0", "10.0.0.0/0.0.0.255", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "*"]
)
def test_what_is_no_address(text: str) -> None:
    for context in ({"svc:Key": "10.0.0.1"}, {"svc:Key": "fe80::1"}):
        assert holds("IpAddress", [text], context) is False
    assert holds("IpAddress", ["0.0.0.0/0", "::/0"], {"svc:Key": text}) is False


@given(wanted=st.binary(max_size=4), given_=st.binary(max_size=4))
def test_bytes(wanted: bytes, given_: bytes) -> None:
    texts = [base64.b64encode(one).decode() for one in (wanted, given_)]
    assert holds("BinaryEquals", texts[:1], {"svc:Key": texts[1]}) is (wanted == given_)


# ---------------------------------------------------------------- what stands before and behind an operator

BASES: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, text: wanted == text,
    "StringNotEquals": lambda wanted, text: wanted == text,
    "StringEqualsIgnoreCase": lambda wanted, text: wanted.lower() == text.lower(),
    "StringNotEqualsIgnoreCase": lambda wanted, text: wanted.lower() == text.lower(),
    "StringLike": matches,
    "StringNotLike": matches,
    "ArnEquals": arn_matches,
    "ArnNotLike": arn_matches,
    "NumericEquals": lambda wanted, text: (
        _is_number(wanted) and _is_number(text) and Fraction(wanted) == Fraction(text)
    ),
    "NumericNotEquals": lambda wanted, text: (
        _is_number(wanted) and _is_number(text) and Fraction(wanted) == Fraction(text)
    ),
    "NumericLessThan": lambda wanted, text: (
        _is_number(wanted) and _is_number(text) and Fraction(text) < Fraction(wanted)
    ),
    "Bool": lambda wanted, text: wanted.lower() == text.lower() and wanted.lower() in ("true", "false"),
    "IpAddress": lambda wanted, text: False,
    "NotIpAddress": lambda wanted, text: False,
    "DateNotEquals": lambda wanted, text: (
        _is_number(wanted) and _is_number(text) and Fraction(wanted) == Fraction(text)
    ),
    "BinaryEquals": lambda wanted, text: wanted == text and wanted in ("", "true", "TRUE"),
}
words = st.sampled_from(
    ["", "a", "A", "ab", "a*", "?", "arn:a:b:c:d:e:f", "arn:*:b:c:d:e*", "1", "1.0", "2", "true", "TRUE", "x y"]
)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) is not None


def stated(operator: str, values: Sequence[str], value: Value | None) -> bool:
    """The rules of Null, IfExists, ForAllValues and ForAnyValue, as the guide states them."""
    quantifier, _, name = operator.rpartition(":")
    base = name.removesuffix("IfExists")
    if base == "Null" and quantifier:
        return quantifier == "ForAllValues"
    if base == "Null":
        return any(
            (text.lower() == "true") is (value is None or value == [])
            for text in values
            if text.lower() in ("true", "false")
        )
    missing = value is None or value == []
    if missing and name != base:
        return True
    if missing:
        return quantifier == "ForAllValues" or (quantifier == "" and "Not" in base and values != [])
    if not values:
        return False
    if quantifier == "" and not isinstance(value, str):
        return False
    assert value is not None
    given_ = [value] if isinstance(value, str) else list(value)
    results = [any(BASES[base](wanted, text) for wanted in values) is not ("Not" in base) for text in given_]
    return all(results) if quantifier == "ForAllValues" else any(results)


@settings(max_examples=400)
@given(
    quantifier=st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]),
    base=st.sampled_from([*BASES, "Null"]),
    suffix=st.sampled_from(["", "IfExists"]),
    values=st.lists(words, max_size=3),
    value=st.none() | words | st.lists(words, max_size=3),
)
def test_operators(quantifier: str, base: str, suffix: str, values: list[str], value: Value | None) -> None:
    operator = quantifier + base + suffix
    context = {} if value is None else {"SVC:key": value}
    assert holds(operator, values, context, version=False) is stated(operator, values, value)


@given(
    text=st.lists(
        st.sampled_from(["a", "*", "?", "${*}", "${?}", "${$}", "${k}", "${k, 'd*'}", "${m}", "$", "${"]), max_size=4
    ),
    value=st.text("a*?$d", max_size=4),
    operator=st.sampled_from(["StringLike", "StringNotLike", "StringEquals", "StringNotEquals"]),
    bound=st.sampled_from([None, "a", "*", ["a"]]),
)
def test_variables(text: list[str], value: str, operator: str, bound: Value | None) -> None:
    context: dict[str, Value] = {"svc:Key": value, **({} if bound is None else {"K": bound})}
    known = {"${*}": "*", "${?}": "?", "${$}": "$", "${k, 'd*'}": "d*"}
    if isinstance(bound, str):
        known |= {"${k}": bound, "${k, 'd*'}": bound}
    unset = any(piece in ("${k}", "${m}") and piece not in known for piece in text)
    wild = "*?" if operator.endswith("Like") else ""
    pattern = "".join(piece if piece in wild else _literal(known.get(piece, piece)) for piece in text)
    listed = not unset and matches(pattern, _literal(value))
    assert holds(operator, ["".join(text)], context) is (listed is not ("Not" in operator))


def _literal(text: str) -> str:
    """The text in letters that are no wildcards."""
    return "".join(chr(0xE000 + ord(letter)) for letter in text)
