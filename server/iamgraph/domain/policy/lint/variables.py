"""Policy variables: written as they must be, and only where they count (IAM User Guide, "Policy variables and tags")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..document import Path, strings
from ..operators import operator
from ..syntax import Node
from .base import Check, StatementCheck, shown

_OPENED: Final = re.compile(r"\$\{([^{}]*)(\}?)")
_VARIABLE: Final = re.compile(r"\$\{[^{}]*\}")
_ESCAPES: Final = frozenset("*?$")


def starred(text: str) -> str:
    """The text with a star for each variable, which can be anything too: its colon ends no field of an ARN."""
    return _VARIABLE.sub("*", text)


def check_variables(check: Check) -> None:
    """Resource and Condition may have variables, from version 2012-10-17 on; nothing else may."""
    for one in check.statements():
        for node, path in _with_variables(one):
            _check_text(check, node, path)
        for node, path in _without_variables(one):
            if "${" in node.value:
                message = f"{shown(node.value)} is taken as it is: variables count in Resource and Condition only"
                check.error("VARIABLE_UNSUPPORTED_IN_ELEMENT", node.start, path, message)


def names(text: str) -> list[str]:
    """The keys that a text's variables stand for, in lower case. Escapes such as `${*}` are none."""
    found = (match.group(1).partition(",")[0].strip().lower() for match in _OPENED.finditer(text))
    return [name for name in found if name not in _ESCAPES]


def _with_variables(one: StatementCheck) -> Iterator[tuple[Node, Path]]:
    yield from one.entries("Resource")
    for tested in one.conditions():
        for value in tested.values:
            yield value, tested.path


def _without_variables(one: StatementCheck) -> Iterator[tuple[Node, Path]]:
    yield from one.entries("Action")
    sid = one.statement.node.get("Sid")
    if sid is not None:
        yield sid, (*one.path, "Sid")
    principal, path = one.element("Principal")
    for member in principal.members if principal is not None else ():
        for node in strings(member.node):
            yield node, (*path, member.name)


def _check_text(check: Check, node: Node, path: Path) -> None:
    for found in _OPENED.finditer(node.value):
        problem = _problem(found.group(1), closed=bool(found.group(2)))
        if problem is not None:
            code, message = problem
            check.error(code, node.start, path, f"{shown(node.value)}: {message}")
        elif not check.knows_variables and found.group(1) not in _ESCAPES:
            message = f'{shown(node.value)} has no variable before version 2012-10-17: add "Version": "2012-10-17"'
            check.error("VARIABLE_UNSUPPORTED_IN_VERSION", node.start, path, message)


def _problem(inner: str, *, closed: bool) -> tuple[str, str] | None:
    if not closed:
        return "MISSING_BRACE_IN_VARIABLE", "the variable has no closing brace, add }"
    if inner in _ESCAPES:
        return None
    name, comma, default = inner.partition(",")
    if not inner.strip():
        return "EMPTY_VARIABLE", "the variable names no key"
    default = default.strip()
    if comma and not (len(default) >= 2 and default.startswith("'") and default.endswith("'")):
        return (
            "MISSING_QUOTE_IN_VARIABLE",
            "a default value stands in single quotes, as in ${aws:PrincipalTag/team, 'x'}",
        )
    if any(letter.isspace() for letter in name):
        return "UNSUPPORTED_SPACE_IN_VARIABLE", "the name of a variable has no spaces"
    return None


def check_operators(check: Check) -> None:
    """Only String and ARN operators replace variables."""
    for one in check.statements():
        for tested in one.conditions():
            found = operator(tested.operator.name)
            if found is None or found.comparison.startswith(("String", "Arn")):
                continue
            for value in tested.values:
                if "${" in value.value:
                    message = f"{tested.operator.name} takes {shown(value.value)} as it is: only String and ARN"
                    message += " operators know variables"
                    check.error("INVALID_VARIABLE_FOR_OPERATOR", value.start, tested.path, message)
