"""Conditions: operators and keys that exist, that fit each other and the actions they stand beside."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..document import Path
from ..global_keys import CROSS_SERVICE_KEYS, GLOBAL_KEYS, VPCE_KEYS, VPCE_SERVICES
from ..operators import Operator, Quantifier, operator
from ..reference import ConditionKey, find_key, stem
from ..syntax import Member
from .base import Check, StatementCheck, Tested, shown
from .values import check_values

_FAMILIES: Final = {
    "String": ("String",),
    # ARNs compare as texts too; a StringLike has a warning of its own.
    "ARN": ("Arn", "String"),
    "Bool": ("Bool",),
    "Numeric": ("Numeric",),
    "Date": ("Date",),
    "IPAddress": ("IpAddress",),
    "Binary": ("Binary",),
}
_SPELT: Final = {"ARN": "Arn", "IPAddress": "IpAddress", "Binary": "BinaryEquals"}
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(/[^:]*)?")
_SPOOFED: Final = frozenset({"aws:referer", "aws:useragent"})
_PAIRS: Final = {
    "aws:vpcsourceip": frozenset({"aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn"}),
    "aws:ec2instancesourceprivateipv4": frozenset({"aws:ec2instancesourcevpc"}),
}


def check_conditions(check: Check) -> None:
    """Each key of each condition block, then what the keys of a statement mean together."""
    for one in check.statements():
        block = one.statement.node.get("Condition")
        for member in block.members if block is not None else ():
            _check_operator(check, member.name, member.start, (*one.path, "Condition", member.name))
            _check_spellings(check, member, (*one.path, "Condition", member.name))
        for tested in one.conditions():
            found = operator(tested.operator.name)
            if found is not None:
                key = known_key(check, one, tested)
                _check_quantifier(check, one, tested, found, key)
                _check_family(check, tested, found, key)
                check_values(one, tested, found, key)
        _check_together(one)


def known_key(check: Check, one: StatementCheck, tested: Tested) -> ConditionKey | None:
    """The key that is tested, or None with a finding where there is no such key."""
    name, start, path = tested.name, tested.key.start, tested.path
    prefix, colon, rest = name.partition(":")
    if not colon or not prefix or not rest:
        message = f"condition key {shown(tested.key.name)} is written service:name"
        check.error("INVALID_CONDITION_KEY_FORMAT", start, path, message)
        return None
    if prefix == "aws":
        return _global_key(check, tested)
    keys = check.reference.condition_keys(prefix)
    if name in CROSS_SERVICE_KEYS:
        return CROSS_SERVICE_KEYS[name]
    if keys is None:
        # Any identity provider's domain can be a prefix, if its tokens can come.
        if not _DOMAIN.fullmatch(prefix):
            message = f"condition key {shown(tested.key.name)}: there is no service {shown(prefix)}"
            check.error("INVALID_SERVICE", start, path, message)
        return None
    found = find_key(keys, name)
    if found is None and not _DOMAIN.fullmatch(prefix) and not _missing_tag(check, tested, keys):
        message = f"{prefix} has no condition key {shown(tested.key.name)}"
        check.error("INVALID_SERVICE_CONDITION_KEY", start, path, message)
    return found


def _global_key(check: Check, tested: Tested) -> ConditionKey | None:
    found = find_key(GLOBAL_KEYS, tested.name)
    if found is not None:
        return found
    start, path = tested.key.start, tested.path
    if tested.name == "aws:arn":
        # AWS documents both: one says that the key is not supported, the other what took its place.
        message = "aws:ARN is not supported: use aws:PrincipalArn or aws:SourceArn"
        check.error("UNSUPPORTED_GLOBAL_CONDITION_KEY", start, path, message)
        check.warning("DEPRECATED_GLOBAL_CONDITION_KEY", start, path, "aws:PrincipalArn took the place of aws:ARN")
    elif not _missing_tag(check, tested, GLOBAL_KEYS):
        message = f"there is no global condition key {shown(tested.key.name)}"
        check.error("INVALID_GLOBAL_CONDITION_KEY", start, path, message)
    return None


def _missing_tag(check: Check, tested: Tested, names: Iterable[str]) -> bool:
    """Whether the name is that of a key with a tag in it, the tag left out."""
    wanted = tested.name.removesuffix("/") + "/"
    if not any(stem(name) == wanted for name in names):
        return False
    message = f"{shown(tested.key.name)} needs the key of a tag: {tested.key.name.removesuffix('/')}/tag-key"
    check.error("MISSING_TAG_KEY_IN_CONDITION", tested.key.start, tested.path, message)
    return True


def _check_operator(check: Check, name: str, start: int, path: Path) -> None:
    found = operator(name)
    if found is None:
        check.error("INVALID_CONDITION_OPERATOR", start, path, f"there is no condition operator {shown(name)}")
    elif found.comparison == "Null":
        if found.if_exists:
            message = "Null asks whether the key exists, so IfExists makes no sense after it"
            check.error("NULL_WITH_IF_EXISTS", start, path, message)
        if found.quantifier is not Quantifier.ONE:
            message = f"{found.quantifier.value}Null does not look at the request: use Null alone"
            check.suggestion("NULL_WITH_QUALIFIER", start, path, message)


def _check_spellings(check: Check, block: Member, path: Path) -> None:
    seen: set[str] = set()
    for key in block.node.members:
        name = key.name.lower()
        if name in seen:
            message = f"{shown(key.name)} stands in this block twice, spelt differently: keys ignore case"
            check.error("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", key.start, (*path, key.name), message)
        seen.add(name)


def _check_quantifier(
    check: Check, one: StatementCheck, tested: Tested, found: Operator, key: ConditionKey | None
) -> None:
    start, path, name = tested.key.start, tested.path, shown(tested.key.name)
    if found.comparison != "Null" and key is not None:
        if key.is_multivalued and found.quantifier is Quantifier.ONE:
            message = f"{name} can have several values: put ForAllValues: or ForAnyValue: before the operator"
            check.error("MISSING_QUALIFIER", start, path, message)
        if not key.is_multivalued and found.quantifier is Quantifier.ALL and one.is_allow:
            message = f"{name} has one value, and ForAllValues holds too where it is missing: remove ForAllValues:"
            check.security("FORALLVALUES_WITH_SINGLE_VALUED_KEY", start, path, message)
    if not tested.values:
        _empty(check, tested, found)


def _empty(check: Check, tested: Tested, found: Operator) -> None:
    name = shown(tested.key.name)
    kinds = {Quantifier.ALL: "_FORALLVALUES", Quantifier.ANY: "_FORANYVALUE", Quantifier.ONE: ""}
    kind = kinds[found.quantifier] or ("_IFEXISTS" if found.if_exists else "")
    message = {
        "": f"there are no values for {name}: say which",
        "_FORANYVALUE": f"without values ForAnyValue never holds for {name}: say which",
        "_FORALLVALUES": f'without values this holds only where {name} is missing: use Null with "true"',
        "_IFEXISTS": f'without values this holds only where {name} is missing: use Null with "true"',
    }[kind]
    check.suggestion(f"EMPTY_ARRAY_CONDITION{kind}", tested.key.start, tested.path, message)


def _check_family(check: Check, tested: Tested, found: Operator, key: ConditionKey | None) -> None:
    if key is None or found.comparison == "Null" or key.type not in _FAMILIES:
        return
    start, path, written = tested.operator.start, tested.path, tested.operator.name
    name, wanted = shown(tested.key.name), _SPELT.get(key.type, key.type)
    families = _FAMILIES[key.type]
    if stem(key.name) is not None:
        # What a placeholder stands for can be an ARN: an encryption context, a tag.
        families += ("Arn",)
    if tested.name == "aws:epochtime":
        families += ("Numeric",)
    if not found.comparison.startswith(families):
        message = f"{name} is of type {key.type}: use {wanted} operators, not {written}"
        check.warning("TYPE_MISMATCH", start, path, message)
    elif key.type == "ARN" and found.comparison == "StringLike":
        message = f"in {written} a star crosses the fields of {name}: use ArnLike"
        check.security("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", start, path, message)


def _check_together(one: StatementCheck) -> None:
    """Keys that say less, or something else, than they seem to."""
    check, keys = one.check, one.keys()
    for tested in one.conditions():
        name, start, path = tested.name, tested.key.start, tested.path
        found = operator(tested.operator.name)
        if name in _SPOOFED:
            message = f"{shown(tested.key.name)} is what the caller says it is: control no access by it"
            check.security("UNTRUSTWORTHY_CONDITION_KEY", start, path, message)
        if name in _PAIRS and not keys & _PAIRS[name]:
            message = f"the same private address exists in many VPCs: with {shown(tested.key.name)} test"
            message += f" {' or '.join(GLOBAL_KEYS[pair].name for pair in sorted(_PAIRS[name]))} as well"
            check.security("MISSING_PAIRED_CONDITION_KEYS", start, path, message)
        if name == "dynamodb:attributes" and one.is_allow and "dynamodb:select" not in keys:
            message = (
                "a request that names no attributes gets all: test dynamodb:Select for SPECIFIC_ATTRIBUTES as well"
            )
            check.security("DYNAMODB_ATTRIBUTES_WITHOUT_SELECT", start, path, message)
        is_text = found is not None and found.comparison.startswith("String")
        if name == "s3:prefix" and found is not None and is_text and found.negated is one.is_allow:
            message = "a shorter prefix gets around this: allow with StringLike, or deny with StringNotLike"
            check.security("S3_PREFIX_IN_NEGATIVE_CONTEXT", start, path, message)
        if name in VPCE_KEYS and _is_unscoped(one):
            message = f"{shown(tested.key.name)} comes with requests to some services only: name their actions"
            check.warning("USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES", start, path, message)


def _is_unscoped(one: StatementCheck) -> bool:
    said = one.statement
    return said.not_action or any(action.partition(":")[0].lower() not in VPCE_SERVICES for action in said.actions)
