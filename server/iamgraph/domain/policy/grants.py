"""Which services a policy speaks for: what it may allow there is not asked, nor what else forbids it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from .compile import CompiledPolicy
from .document import Statement


def grants(policy: CompiledPolicy, service: str) -> bool:
    """Whether a statement of the policy allows an action of the service, whose prefix is in lower case, on some resource,
    under some condition. Statements that deny take nothing away."""
    return any(not s.deny and _speaks_of(s.statement, service) for s in policy.statements)


def _speaks_of(statement: Statement, service: str) -> bool:
    if statement.not_action:
        return not any(_takes_all(text.lower(), service) for text in statement.actions)
    return any(_takes_some(text.lower(), service) for text in statement.actions)


@lru_cache(maxsize=4096)
def _takes_some(pattern: str, service: str) -> bool:
    """Whether the pattern fits an action of the service, such as `s3:get*` or `*`."""
    return any(_rests(pattern, f"{service}:"))


@lru_cache(maxsize=4096)
def _takes_all(pattern: str, service: str) -> bool:
    """Whether the pattern fits each action of the service, whatever its name."""
    return any("*" in rest and rest.replace("*", "") in ("", "?") for rest in _rests(pattern, f"{service}:"))


def _rests(pattern: str, text: str) -> Iterator[str]:
    """What is left of the pattern once its beginning has fitted the text, for each way that it can."""
    places = _with_stars_passed(pattern, {0})
    for letter in text:
        fitting = {at for at in places if at < len(pattern) and pattern[at] in ("*", "?", letter)}
        places = _with_stars_passed(pattern, {at if pattern[at] == "*" else at + 1 for at in fitting})
    return (pattern[at:] for at in places)


def _with_stars_passed(pattern: str, places: set[int]) -> set[int]:
    """The places, and those behind stars there, which fit nothing too."""
    found = set(places)
    for at in places:
        while at < len(pattern) and pattern[at] == "*":
            at += 1
            found.add(at)
    return found
