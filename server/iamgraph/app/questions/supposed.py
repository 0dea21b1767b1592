"""What somebody who simulates supposes: policies, context keys, who asks, whose the resource is. Read, and checked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ...domain.arn import Arn, assumed_role_arn, parse_arn
from ...domain.errors import InvalidInput, InvalidSimulation, MalformedPolicyDocument
from ...domain.names import shown
from ...domain.policy import values
from ...domain.policy.compile import compiled_document
from ...domain.policy.evaluate import Policy, PolicyKind, Principal, PrincipalKind
from ...domain.policy.grammar import PolicyType, check
from .question import SESSION_NAME, ContextEntries

MAX_CHARACTERS = 262_144
"""Of all the policies of a request together."""

_NAMED = ("user", "group", "role", "root")


class ContextKeyType(Enum):
    """What the values of a context key are: one, or a list of any number."""

    STRING = "string"
    STRING_LIST = "stringList"
    NUMERIC = "numeric"
    NUMERIC_LIST = "numericList"
    BOOLEAN = "boolean"
    BOOLEAN_LIST = "booleanList"
    IP = "ip"
    IP_LIST = "ipList"
    BINARY = "binary"
    BINARY_LIST = "binaryList"
    DATE = "date"
    DATE_LIST = "dateList"


_READERS = {
    "numeric": (values.number, "a number"),
    "boolean": (values.boolean, "true or false"),
    "ip": (values.address, "an IP address"),
    "binary": (values.binary, "base64"),
    "date": (values.date, "a date in ISO 8601 form, or the seconds since 1970"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextEntry:
    """A context key of the request that is supposed, and its values. Without a type they may be any, and any number."""

    context_key_name: str
    context_key_values: tuple[str, ...] = ()
    context_key_type: ContextKeyType | None = None

    def check(self) -> None:
        """Raise InvalidSimulation where the name or a value is none, or a value is not of the type."""
        name, given = self.context_key_name, self.context_key_values
        if not 1 <= len(name) <= 256 or not re.fullmatch(r"[^\x00-\x1f\x7f]+", name):
            raise _wrong("contextEntries", f"{shown(name)} is no context key, such as aws:SourceIp")
        long = next((value for value in given if len(value) > 4096), None)
        if long is not None or len(given) > 1000:
            raise _wrong("contextEntries", f"{name} has more than 1000 values, or one of more than 4096 characters")
        if self.context_key_type is None:
            return
        kind = self.context_key_type.value
        if not kind.endswith("List") and len(given) != 1:
            raise _wrong(
                "contextEntries", f"{name} of type {kind} has {len(given)} values; one is wanted, or {kind}List"
            )
        read, wanted = _READERS.get(kind.removesuffix("List"), (str, ""))
        bad = next((number for number, value in enumerate(given, 1) if read(value) is None), None)
        if bad is not None:
            # The value itself is not told back: the history has what was wrong, and no value of a context key.
            raise _wrong("contextEntries", f"value {bad} of {name} is not {wanted}, as type {kind} wants")


def check_context(entries: Sequence[ContextEntry]) -> None:
    """Raise InvalidSimulation for an entry that is none, or the second of a key."""
    seen: set[str] = set()
    for entry in entries:
        entry.check()
        name = entry.context_key_name.lower()
        if name in seen:
            raise _wrong("contextEntries", f"{entry.context_key_name} is given twice; give all its values at once")
        seen.add(name)


def context_of(entries: Sequence[ContextEntry]) -> ContextEntries:
    """The entries as questions have them."""
    return tuple((entry.context_key_name, entry.context_key_values) for entry in entries)


# ------------------------------------------------------------ policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Policies as they were given in one parameter: what they are to be, and be in force as."""

    field: str
    texts: tuple[str, ...]
    type: PolicyType = PolicyType.INLINE
    kind: PolicyKind = PolicyKind.INLINE


def check_length(characters: int) -> None:
    """Raise InvalidSimulation where all policies together are longer than anybody may ask about."""
    if characters > MAX_CHARACTERS:
        message = f"the policies have {characters} characters together; at most {MAX_CHARACTERS} are allowed"
        raise _wrong("policyInputList", message)


async def policies_of(*given: Texts) -> list[tuple[Policy, ...]]:
    """The policies, parameter by parameter, each named as AWS names it: `PolicyInputList.1`. Raises InvalidSimulation for
    one that may not be stored as what it is to be, which says where."""
    # In a thread: long documents take longer than others should wait. Without the cache, which is not for threads.
    return await asyncio.to_thread(lambda: [tuple(_policies(one)) for one in given])


def _policies(given: Texts) -> list[Policy]:
    name = given.field[0].upper() + given.field[1:]
    is_list = given.field.endswith("List")
    made = []
    for number, text in enumerate(given.texts, 1):
        called = f"{name}.{number}" if is_list else name
        try:
            document = check(given.type, text)
        except MalformedPolicyDocument as error:
            raise _malformed(given.field, called, error) from None
        except InvalidInput as error:
            raise _wrong(given.field, f"{called}: {error.message}") from None
        made.append(Policy(kind=given.kind, policy=compiled_document(document), name=called))
    return made


def _malformed(field: str, called: str, error: MalformedPolicyDocument) -> InvalidSimulation:
    finding = error.findings[0] if error.findings else None
    if finding is None:
        return _wrong(field, f"{called}: {error.message}")
    reason = "" if finding.message == error.message else f" ({finding.message})"
    return _wrong(field, f"{called}, line {finding.line}, column {finding.column}: {error.message}{reason}")


# ------------------------------------------------------------ who asks, and whose the resource is


def caller_arn(field: str, text: str) -> Arn:
    """The ARN of a user, group, role or root. Raises InvalidSimulation, with AWS's words for what is not one."""
    arn = parse_arn(text)
    if arn is None or arn.service != "iam" or arn.kind not in _NAMED:
        wanted = "use the ARN of a user, a group or a role"
        raise _wrong(
            field, f"Invalid Entity Arn: {shown(text)} does not clearly define entity type and name; {wanted}."
        )
    return arn


def principal_called(arn: Arn) -> Principal:
    """Who has an ARN, as policies see it: a role by a session named `simulation`, a group as a user without a name."""
    account, text = arn.account_id, str(arn)
    if arn.kind == "role":
        session = assumed_role_arn(account, arn.name, SESSION_NAME)
        return Principal(kind=PrincipalKind.ROLE_SESSION, arn=session, account=account, role_arn=text)
    if arn.kind == "root":
        return Principal(kind=PrincipalKind.ROOT, arn=text, account=account)
    return Principal(kind=PrincipalKind.USER, arn=text if arn.kind == "user" else None, account=account)


def owner_of(text: str | None) -> str | None:
    """The account of a `resourceOwner`: its root's ARN, as AWS wants it, or its id. Raises InvalidSimulation."""
    if text is None or re.fullmatch(r"[0-9]{12}", text):
        return text
    arn = parse_arn(text)
    if arn is None or arn.kind != "root":
        raise _wrong("resourceOwner", f"{shown(text)} is not a valid Resource Owner; use arn:aws:iam::ACCOUNT:root")
    return arn.account_id


def _wrong(field: str, message: str) -> InvalidSimulation:
    return InvalidSimulation(message, field=field.partition(".")[0])
