"""Who a trust policy names: found in its text, and replaced there without touching another byte."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .arn import root_arn
from .policy.document import Document, Span, parse, strings
from .policy.syntax import Node, place

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ENTITY: Final = re.compile(
    r"arn:[a-z-]+:(?:iam::[0-9]{12}:(?:user|role)/.+|sts::[0-9]{12}:assumed-role/.+)|A(?:IDA|ROA)[A-Z0-9]+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalText:
    """One string under `Principal.AWS` or `NotPrincipal.AWS`: its content, and the span of the JSON string with its
    quotes. `path` leads there from the document's root, such as `("Statement", "0", "Principal", "AWS")`."""

    text: str
    span: Span
    path: tuple[str, ...]


def principals(document: Document) -> tuple[PrincipalText, ...]:
    """Every AWS principal that the document names, in the order written. A bare `"Principal": "*"` is none."""
    found: list[PrincipalText] = []
    for index, statement in enumerate(document.statements):
        for element in ("Principal", "NotPrincipal"):
            node = statement.node.get(element)
            entry = None if node is None else node.get("AWS")
            if entry is not None:
                path = ("Statement", str(index), element, "AWS")
                found += [_principal(document.text, one, path) for one in strings(entry)]
    return tuple(sorted(found, key=lambda one: one.span.start))


def named(document: Document) -> tuple[PrincipalText, ...]:
    """The principals that stand for one user, role or role session, and so are bound to a unique id when the policy is
    saved: their ARNs, and unique ids themselves."""
    return tuple(one for one in principals(document) if _ENTITY.fullmatch(one.text))


def expand_accounts(text: str) -> str:
    """The document with each account id among its principals written as the account's root ARN, which is how IAM gives
    it back. Raises MalformedPolicyDocument where the text is no policy."""
    return _replaced(text, lambda principal: root_arn(principal) if _ACCOUNT.fullmatch(principal) else None)


def rewrite(text: str, replace: Mapping[str, str]) -> str:
    """The document with each principal that is a key of `replace` written as its value. Raises MalformedPolicyDocument
    where the text is no policy."""
    return _replaced(text, replace.get)


def _replaced(text: str, replacement: Callable[[str], str | None]) -> str:
    pieces: list[str] = []
    offset = 0
    for principal in principals(parse(text)):
        new = replacement(principal.text)
        if new is not None:
            pieces += [text[offset : principal.span.start], json.dumps(new)]
            offset = principal.span.end
    return "".join([*pieces, text[offset:]])


def _principal(text: str, node: Node, path: tuple[str, ...]) -> PrincipalText:
    line, column = place(text, node.start)
    end_line, end_column = place(text, node.end)
    span = Span(
        start_line=line, start_column=column, end_line=end_line, end_column=end_column, start=node.start, end=node.end
    )
    return PrincipalText(text=node.value, span=span, path=path)
