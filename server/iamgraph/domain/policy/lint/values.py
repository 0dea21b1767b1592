"""Values of conditions: of the operator's type, of the key's form, and neither too wide nor said twice."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final

from .. import values
from ..global_keys import REGIONS
from ..operators import Operator, Quantifier
from ..reference import ConditionKey
from ..syntax import Node
from .base import StatementCheck, Tested, shown
from .variables import names

_ID: Final = {
    "aws:sourcevpc": ("INVALID_VPC_FORMAT", "vpc-"),
    "aws:ec2instancesourcevpc": ("INVALID_VPC_FORMAT", "vpc-"),
    "aws:sourcevpce": ("INVALID_VPCE_FORMAT", "vpce-"),
}
_SERVICE: Final = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|aws\.internal|amazon\.com)")
_REGIONAL_SERVICE: Final = re.compile(r"[a-z0-9-]+\.([a-z]+(-[a-z]+)+-[0-9]+)\.amazonaws\.com(\.cn)?")
_SERVICE_KEYS: Final = frozenset({
    "iam:passedtoservice", "iam:awsservicename", "aws:principalservicename", "aws:principalservicenameslist",
    "aws:calledvia", "aws:calledviafirst", "aws:calledvialast",
})  # fmt: skip
_KMS_KEY: Final = re.compile(r".*kms-?key(-?(id|arn|identifier))?s?", re.IGNORECASE)
_KMS_ARN: Final = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")
_VARIABLE: Final = re.compile(r"\$\{[^{}]*\}")
_ESCAPE: Final = re.compile(r"\$\{[*?$]\}")
_WILD: Final = re.compile(r"[*?]")
_SENSITIVE: Final = frozenset({
    "aws:principalaccount", "aws:principalorgid", "aws:resourceaccount", "aws:resourceorgid", "aws:sourceaccount",
    "aws:sourceorgid", "aws:sourcevpc", "aws:sourcevpce", "aws:vpceaccount", "aws:vpceorgid",
})  # fmt: skip
_PATHS: Final = frozenset({
    "aws:principalorgpaths", "aws:resourceorgpaths", "aws:sourceorgpaths", "aws:vpceorgpaths",
})  # fmt: skip
_ARNS: Final = frozenset({"aws:principalarn", "aws:sourcearn", "aws:sourcevpcarn"})
"""Whom a resource's policy lets in by these is for the resource's owner to say; elsewhere they only narrow."""
_HEAD: Final = 6
_LOOSE: Final = re.compile(r"[*?\x00]")
_MASK: Final = "\x00"
"""Stands for a variable: no document can have it."""
_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Typed = Callable[[StatementCheck, Tested, Operator], None]


def check_values(one: StatementCheck, tested: Tested, found: Operator, key: ConditionKey | None) -> None:
    """All values of one key under one operator."""
    nodes = tested.values
    _check_kinds(one, tested)
    if len(nodes) > 1:
        _check_several(one, tested, found, key)
    _TYPED.get(_family(found), _untyped)(one, tested, found)
    if found.comparison.startswith("String"):
        _check_forms(one, tested, found)
    if found.comparison.startswith(("String", "Arn")):
        _check_breadth(one, tested, found)
    if found.comparison in ("StringLike", "ArnEquals", "ArnLike"):
        _check_everything(one, tested, found)


def _family(found: Operator) -> str:
    for family in ("Date", "Numeric"):
        if found.comparison.startswith(family):
            return family
    return found.comparison


def _plain(tested: Tested) -> list[Node]:
    """The values without variables."""
    return [node for node in tested.values if "${" not in node.value]


def _check_kinds(one: StatementCheck, tested: Tested) -> None:
    if len({node.kind for node in tested.values}) > 1:
        message = f"the values of {shown(tested.key.name)} are of different JSON types: write all as strings"
        one.check.error("INVALID_CONDITION_DATA_TYPE", tested.key.node.start, tested.path, message)


def _check_several(one: StatementCheck, tested: Tested, found: Operator, key: ConditionKey | None) -> None:
    start, name = tested.key.node.start, shown(tested.key.name)
    if found.comparison in ("Bool", "Null") and not (key is not None and key.is_multivalued):
        message = f"{name} is true or false: test one of them"
        one.check.error("INVALID_CONDITION_MULTIPLE_BOOLEAN", start, tested.path, message)
    if found.comparison.startswith(("NumericLess", "NumericGreater")):
        which = "greatest" if "Less" in found.comparison else "least"
        message = f"of several values in {tested.operator.name} only the {which} counts for {name}"
        one.check.suggestion("REDUNDANT_CONDITION_VALUE_NUM", start, tested.path, message)


def _untyped(one: StatementCheck, tested: Tested, found: Operator) -> None:
    """Texts compare as they are, wildcards too."""
    if found.comparison not in ("StringEquals", "StringEqualsIgnoreCase"):
        return
    for node in tested.values:
        if _WILD.search(_VARIABLE.sub("", node.value)):
            like = tested.operator.name.replace("EqualsIgnoreCase", "Like").replace("Equals", "Like")
            message = f"{tested.operator.name} takes {shown(node.value)} letter by letter: for a wildcard use {like}"
            one.check.warning("WILDCARD_WITHOUT_LIKE_OPERATOR", node.start, tested.path, message)


def _of_type(read: Callable[[str], object], wanted: str, code: str) -> _Typed:
    """Finds values that the operator can't read: it would not hold for any."""

    def check(one: StatementCheck, tested: Tested, found: Operator) -> None:
        for node in _plain(tested):
            if read(node.value) is None:
                one.check.warning(
                    code, node.start, tested.path, f"{tested.operator.name} takes {wanted}, not {shown(node.value)}"
                )

    return check


def _dates(one: StatementCheck, tested: Tested, found: Operator) -> None:
    for node in _plain(tested):
        if values.date(node.value) is None:
            message = f"{tested.operator.name} takes dates such as 2026-01-31, not {shown(node.value)}"
            one.check.warning("TYPE_MISMATCH_DATE", node.start, tested.path, message)
        elif values.number(node.value) is not None and tested.name != "aws:epochtime":
            message = f"{shown(node.value)} counts as seconds since 1970: write a date such as 2026-01-31"
            one.check.warning("INVALID_DATE_VALUE", node.start, tested.path, message)


def _addresses(one: StatementCheck, tested: Tested, found: Operator) -> None:
    check, networks = one.check, []
    for node in _plain(tested):
        network = _network(node.value)
        if network is None:
            message = f"{tested.operator.name} takes a CIDR range such as 203.0.113.0/24, not {shown(node.value)}"
            check.warning("TYPE_MISMATCH_IP_RANGE", node.start, tested.path, message)
            continue
        networks.append(network)
        if "/" in node.value and ipaddress.ip_interface(node.value).ip != network.network_address:
            message = f"the bits of {shown(node.value)} after the prefix are ignored: write {network}"
            check.suggestion("IMPROVE_IP_RANGE", node.start, tested.path, message)
    private = [network for network in networks if _is_private(network)]
    if tested.name != "aws:sourceip" or not private:
        return
    start, kind = tested.key.node.start, "PRIVATE_NOT_IP_ADDRESS" if found.negated else "PRIVATE_IP_ADDRESS"
    if len(private) == len(networks):
        never = "always holds" if found.negated else "never holds"
        message = f"aws:SourceIp is a public address, so this {never}: for private ones test aws:VpcSourceIp"
        check.error(kind, start, tested.path, message)
    else:
        message = f"aws:SourceIp is a public address, so {private[0]} has no effect: for it test aws:VpcSourceIp"
        check.suggestion(f"{kind}_SUBSET", start, tested.path, message)


def _network(text: str) -> _Network | None:
    return None if values.network(text) is None else ipaddress.ip_network(text, strict=False)


def _is_private(network: _Network) -> bool:
    return any(
        isinstance(wide, type(network)) and network.subnet_of(wide)  # type: ignore[arg-type]
        for wide in _PRIVATE
    )


_BOOLEANS: Final = _of_type(values.boolean, '"true" or "false"', "TYPE_MISMATCH_BOOLEAN")
_TYPED: Final[dict[str, _Typed]] = {
    "Bool": _BOOLEANS,
    "Null": _BOOLEANS,
    "Numeric": _of_type(values.number, "numbers", "TYPE_MISMATCH_NUMBER"),
    "Date": _dates,
    "BinaryEquals": _of_type(values.binary, "base64", "TYPE_MISMATCH_STRING"),
    "IpAddress": _addresses,
}


def _check_forms(one: StatementCheck, tested: Tested, found: Operator) -> None:
    """Ids, Regions, service names and keys of KMS have a form."""
    check, name = one.check, tested.name
    for node in _plain(tested):
        text = node.value
        if found.comparison == "StringLike" and _WILD.search(text):
            continue
        where = (node.start, tested.path)
        if name in _ID and not re.fullmatch(_ID[name][1] + r"([a-z0-9]{8}|[a-z0-9]{17})", text):
            message = f"{shown(text)} is no such id: {_ID[name][1]} and 8 or 17 letters and digits"
            check.error(_ID[name][0], *where, message)
        if name == "aws:requestedregion" and text not in REGIONS:
            check.error("INVALID_REGION", *where, f"there is no Region {shown(text)}")
        if name in _SERVICE_KEYS and not _SERVICE.fullmatch(text):
            message = f"{shown(text)} is no service principal, which is written service-name.amazonaws.com"
            check.error("INVALID_SERVICE_PRINCIPAL_FORMAT", *where, message)
        if name == "kms:viaservice" and not _REGIONAL_SERVICE.fullmatch(text):
            message = f"{shown(text)} is not of the form service-name.region.amazonaws.com"
            check.error("INVALID_SERVICE_PRINCIPAL_FORMAT", *where, message)
        if _is_kms_key(name) and not _KMS_ARN.fullmatch(text):
            message = f"{shown(text)} is no ARN of a KMS key, arn:aws:kms:region:account-id:key/key-id"
            check.error("INVALID_KMS_KEY_VALUE", *where, message)


def _is_kms_key(name: str) -> bool:
    prefix, _, rest = name.partition(":")
    return prefix not in ("aws", "kms") and _KMS_KEY.fullmatch(rest) is not None


def _check_breadth(one: StatementCheck, tested: Tested, found: Operator) -> None:
    """Wildcards and variables in a key that says who may come from outside."""
    for node in tested.values:
        text = _VARIABLE.sub(_MASK, _ESCAPE.sub("", node.value))
        if _MASK in text and not (one.check.is_identity and set(names(node.value)) <= _SENSITIVE):
            _report_breadth(one, tested, node, text, text.index(_MASK), "VARIABLE", "policy variable")
        wild = _WILD.search(text)
        if wild is not None and found.comparison in ("StringLike", "ArnLike", "ArnEquals"):
            _report_breadth(one, tested, node, text, wild.start(), "WILDCARD", "wildcard")


def _report_breadth(one: StatementCheck, tested: Tested, node: Node, text: str, at: int, code: str, what: str) -> None:
    key, problem = shown(tested.key.name), None
    if tested.name in _SENSITIVE:
        problem = f"{key} takes no {what}: write the whole value"
    elif one.is_allow and tested.name in _PATHS and at < _HEAD:
        problem = f"a {what} in {key} stands after at least {_HEAD} characters"
    elif one.is_allow and tested.name in _ARNS and not one.check.is_identity and not _tells_apart(text):
        problem = f"a {what} in {key} needs the account id, or {_HEAD} characters of the resource, before it"
    elif tested.name == "aws:userid":
        left, colon, _ = text.partition(":")
        if not colon or (at < len(left) and len(left) > 1):
            problem = f"a {what} in {key} stands after the colon, or alone before it"
    if problem is not None:
        one.check.error(f"{code}_USAGE_TOO_PERMISSIVE", node.start, tested.path, problem)


def _tells_apart(arn: str) -> bool:
    """Whether a pattern means the resources of one account or, as buckets have none, those whose names begin alike."""
    fields = arn.split(":", 5)
    if len(fields) < 6:
        return False
    return len(_LOOSE.split(fields[4] or fields[5], maxsplit=1)[0]) >= _HEAD


def _check_everything(one: StatementCheck, tested: Tested, found: Operator) -> None:
    """A pattern that every value matches only asks whether there is a value."""
    if not any(_is_everything(node.value, found) for node in tested.values):
        return
    holds_missing = found.if_exists or found.quantifier is Quantifier.ALL
    if found.quantifier is Quantifier.ONE and found.negated:
        holds_missing = True
    holds_present = not found.negated
    key, start, path = shown(tested.key.name), tested.key.start, tested.path
    where = f"{key} in {tested.operator.name}"
    if holds_missing and holds_present:
        message = f"{where} always holds: remove it"
        one.check.suggestion("REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION", start, path, message)
    elif holds_present:
        message = f'{where} holds wherever the key is there: say so with "Null": {{{key}: "false"}}'
        one.check.suggestion("EQUIVALENT_TO_NULL_FALSE", start, path, message)
    elif holds_missing:
        message = f'{where} holds only where the key is missing: say so with "Null": {{{key}: "true"}}'
        one.check.suggestion("EQUIVALENT_TO_NULL_TRUE", start, path, message)
    else:
        message = f"{where} never holds, so the statement does nothing: remove it"
        one.check.suggestion("REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", start, path, message)


def _is_everything(text: str, found: Operator) -> bool:
    if found.comparison == "StringLike":
        return bool(text) and not text.strip("*")
    fields = text.split(":", 5)
    return len(fields) == 6 and fields[0] in ("arn", "*") and not "".join(fields[1:]).strip("*") and all(fields)
