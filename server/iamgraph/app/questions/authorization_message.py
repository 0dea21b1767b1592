"""Encoded authorization messages: a whole refusal, sealed into the answer that refuses. Nothing of it is stored.

A refused caller holds the message and may not read it. INVARIANT: nothing that it may not see is compressed beside what it
brings: whoever puts guesses into its requests would see by the length which of them was right. And what it may not see
is filled up to one of a few sizes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any

from ...domain.errors import AccessDenied, InvalidAuthorizationMessage
from ...domain.policy.evaluate import Lacking, Outcome, PolicyKind, Unmet
from ...domain.policy.explanation import ContextKey, Explanation, Place, ToldCondition, ToldNearMiss, ToldStatement
from ...security.sealing import Sealer, SealError

MAX_MESSAGE = 10_240
"""The longest message, in characters (STS API Reference, DecodeAuthorizationMessage)."""
_CAPACITY = 7640
"""How many bytes are sealed at most: that is 10,236 characters."""
_SIZES = (512, 1024, 2048, 4096, 6144)
"""To how many bytes is filled up what the caller may not see."""
_BROUGHT = frozenset({
    "aws:currenttime", "aws:epochtime", "aws:multifactorauthpresent", "aws:principalaccount", "aws:principalarn",
    "aws:principalisawsservice", "aws:principaltype", "aws:referer", "aws:requestedregion", "aws:resourceaccount",
    "aws:securetransport", "aws:sourceip", "aws:tagkeys", "aws:tokenissuetime", "aws:useragent", "aws:userid",
    "aws:username", "aws:viaawsservice", "iam:policyarn",
})  # fmt: skip
_BROUGHT_SO = ("aws:requesttag/", "sts:")
"""The context keys that a caller brings, or knows. Any other, such as a tag of the resource, may be news to it."""
_LIMITS = ((2048, 100), (512, 50), (256, 25), (128, 10), (64, 4), (32, 1))
"""To how many characters texts are cut, and to how many items lists, until it fits."""
_CUT = "…"


def encoded(error: AccessDenied, sealer: Sealer) -> str:
    """The refusal, sealed for the account of who was refused. It tells what that caller was told and, where it may not know
    of the target, nothing of the target; and it tells why in full: statements, and the request's context."""
    explanation = Explanation.of(error.decision, resource=error.resource)
    return sealer.seal_message(_fitting(explanation), context=_context(explanation.account_id))


def opened(message: str, account_id: str, sealer: Sealer) -> Explanation:
    """What a message holds that was sealed for an account. Raises InvalidAuthorizationMessage, always in the same words:
    whether it is another account's, another server's, altered or too long, or its key gone, does not show."""
    try:
        if len(message) > MAX_MESSAGE:
            raise SealError("too long")
        plain = sealer.unseal_message(message, context=_context(account_id))
    except SealError:
        raise InvalidAuthorizationMessage(
            "Message is not valid: it must be the encoded authorization message of a refusal in this account, whole and "
            "unchanged"
        ) from None
    return _explanation(account_id, *_inflated(plain))


def _context(account_id: str) -> str:
    """To what a message is sealed. The number is that of its form."""
    return f"authorization-message/1/{account_id}"


def _fitting(explanation: Explanation) -> bytes:
    """The explanation in the form that is sealed, cut as little as it takes to fit."""
    for chars, items in _LIMITS:
        packed = _Packed(chars, items)
        brought, context, why = packed.parts(explanation)
        known, news = _deflated(brought), _deflated([*why, packed.is_cut]) + _deflated(context, level=0)
        for size in _SIZES:
            if len(news) <= size <= _CAPACITY - len(known):
                return news.ljust(size, b"\0") + known
    raise AssertionError("one item of 32 characters in each list fits")


def _deflated(value: Any, *, level: int = 6) -> bytes:
    """As JSON, in a zlib stream, which says where it ends. Level 0 leaves it as it is."""
    # A small window is enough, and quicker to set up.
    deflate = zlib.compressobj(level=level, wbits=13, memLevel=6)
    return deflate.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) + deflate.flush()


def _inflated(plain: bytes) -> list[Any]:
    """The values of the streams, whose first octet is never zero."""
    values = []
    while plain:
        inflate = zlib.decompressobj()
        values.append(json.loads(inflate.decompress(plain)))
        plain = inflate.unused_data.lstrip(b"\0")
    return values


class _Packed:
    """Makes values what JSON has: records become lists of their fields, long texts and lists are cut."""

    def __init__(self, chars: int, items: int) -> None:
        self._chars, self._items = chars, items
        self.is_cut = False

    def parts(self, explanation: Explanation) -> tuple[Any, Any, Any]:
        """What the caller brings or knows; what else the context has; and why it was refused."""
        x = explanation
        known = tuple(one for one in x.context if _is_brought(one.key))
        news = tuple(one for one in x.context if not _is_brought(one.key))
        who = (x.principal_id, x.principal_arn, x.principal_name)
        brought = (*who, x.action, x.resource, x.at, x.outcome, x.blocked, known)
        why = (x.reason, x.because, x.near, x.missing_context)
        return self.of(brought), self.of(news), self.of(why)

    def of(self, value: Any) -> Any:
        kind = value.__class__
        if kind is str:
            return self._text(value)
        if kind is tuple:
            self.is_cut |= len(value) > self._items
            return [self.of(item) for item in value[: self._items]]
        if value is None or kind is int or kind is bool:
            return value
        return value.name if isinstance(value, Enum) else [self.of(getattr(value, name)) for name in _names(kind)]

    def _text(self, text: str) -> str:
        if len(text) > self._chars:
            self.is_cut = True
            text = text[: self._chars - 1] + _CUT
        # A lone surrogate, which a header or a JSON text can bring, has no UTF-8.
        return text if text.isascii() else text.encode(errors="replace").decode()


@cache
def _names(kind: Any) -> Sequence[str]:
    return [field.name for field in fields(kind)]


def _is_brought(key: str) -> bool:
    key = key.lower()
    return key in _BROUGHT or key.startswith(_BROUGHT_SO)


def _explanation(account_id: str, why: Any, news: Any, brought: Any) -> Explanation:
    reason, because, near, missing, is_abridged = why
    *who, action, resource, at, outcome, blocked, known = brought
    keys = [ContextKey(key=key, values=_texts(values)) for key, values in (*known, *news)]
    return Explanation(
        account_id=account_id,
        principal_id=who[0],
        principal_arn=who[1],
        principal_name=who[2],
        action=action,
        resource=resource,
        at=at,
        outcome=Outcome[outcome],
        blocked=Lacking[blocked] if blocked else None,
        reason=reason,
        because=tuple(map(_statement, because)),
        near=tuple(ToldNearMiss(match=_statement(match), unmet=tuple(map(_unmet, unmet))) for match, unmet in near),
        missing_context=tuple(missing),
        context=tuple(sorted(keys, key=lambda one: one.key)),
        is_abridged=is_abridged,
    )


def _statement(row: Any) -> ToldStatement:
    given = dict(zip(_names(ToldStatement), row, strict=True))
    given["kind"] = PolicyKind[given["kind"]]
    given["place"] = given["place"] and Place(**dict(zip(_names(Place), given["place"], strict=True)))
    given |= {name: _whole(given[name]) for name in ("arn", "policy_id", "attached_to")}
    given |= {name: tuple(given[name]) for name in ("principals", "actions", "resources")}
    given["conditions"] = tuple(
        ToldCondition(operator=operator, key=key, values=_texts(values))
        for operator, key, values in given["conditions"]
    )
    return ToldStatement(**given)


def _unmet(row: Any) -> Unmet:
    operator, key, values, is_missing = row
    return Unmet(operator=operator, key=key, values=_texts(values), is_missing=is_missing)


def _texts(values: Any) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _whole(text: str | None) -> str | None:
    """What names something, unless it was cut."""
    return None if text is None or text.endswith(_CUT) else text
