"""The context keys that a policy reads, in its conditions and as variables: what a request needs for it to be decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .document import Document, Statement
from .operators import operator
from .variables import template


def context_keys(documents: Iterable[Document]) -> tuple[str, ...]:
    """Each key that one of the documents reads, once whatever its case, as it is written first. In the order written,
    a statement's resources before its conditions. A variable with a default reads its key, too."""
    found: dict[str, str] = {}
    for document in documents:
        variables = document.version == "2012-10-17"
        for statement in document.statements:
            for name in _read(statement, variables=variables):
                found.setdefault(name.lower(), name)
    return tuple(found.values())


def _read(statement: Statement, *, variables: bool) -> Iterator[str]:
    for text in statement.resources or ():
        yield from _variables(text, variables=variables)
    for condition in statement.conditions:
        yield condition.key
        known = operator(condition.operator)
        if known is not None and known.comparison.startswith(("String", "Arn")):
            for text in condition.values:
                yield from _variables(text, variables=variables)


def _variables(text: str, *, variables: bool) -> Iterator[str]:
    """Those in a text. One that is written wrongly reads nothing: all keys have the prefix of a service."""
    for variable in template(text, variables=variables, wildcards=True).variables:
        if ":" in variable.name:
            yield variable.name
