"""Actions: that they exist, that none is listed twice, and what listing some of them broadly gives away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Final

from ..document import Path
from ..formats import action_problem
from ..match import wildcard
from ..reference import Service
from ..syntax import Node
from .base import Check, StatementCheck, ValidationType, shown
from .variables import starred

_GUESSES: Final = 8
"""How many misspelt names of a document get a proposal: finding one compares with every name there is."""
_ANY_ROLE: Final = re.compile(r"\*+|role/?\*+|role/aws-service-role/\*+")


class Actions:
    """Checks the actions of one document."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._guesses = _GUESSES
        self._known: dict[str, tuple[str, str] | None] = {}

    def run(self) -> None:
        for one in self._check.statements():
            for node, path in one.entries("Action"):
                self._entry(node, path)
            entries = list(one.entries("Action"))
            check_redundant(one.check, [(n, p, n.value.lower()) for n, p in entries], "ACTION", "action")

    def _entry(self, node: Node, path: Path) -> None:
        text = node.value.lower()
        if "${" in text:
            return
        if text not in self._known:
            self._known[text] = self._problem(node.value)
        problem = self._known[text]
        if problem is not None:
            self._check.error(problem[0], node.start, path, problem[1])
        if any(wild in text.partition(":")[0] for wild in "*?") and text.strip("*?:"):
            message = f"{shown(node.value)} reaches other services that have, or will have, such a name"
            self._check.suggestion("WILDCARD_IN_SERVICE_NAME", node.start, path, message)

    def _problem(self, written: str) -> tuple[str, str] | None:
        malformed = action_problem(written)
        if malformed is not None:
            return "INVALID_ACTION", malformed if len(written) < 200 else "The action is not valid."
        prefix, _, name = written.lower().partition(":")
        if not prefix.strip("*") or "*" in prefix or "?" in prefix:
            return None
        service = self._check.service_of(written)
        if service is None:
            message = f"there is no service {shown(prefix)}{self._guess(prefix, self._prefixes)}"
            return "INVALID_SERVICE_IN_ACTION", message
        if self._exists(service, name):
            return None
        guess = self._guess(name, service.actions, lambda found: f"{prefix}:{service.actions[found].name}")
        return "INVALID_ACTION", f"there is no action {shown(written)}{guess}"

    def _exists(self, service: Service, name: str) -> bool:
        if "*" not in name and "?" not in name:
            return name in service.actions
        if not name.strip("*") or not self._check.effort.spend(len(service.actions)):
            return True
        test = wildcard(name)
        return any(test(action) for action in service.actions)

    @cached_property
    def _prefixes(self) -> Sequence[str]:
        return sorted(self._check.reference.prefixes())

    def _guess(self, name: str, names: Iterable[str], spelt: Callable[[str], str] = str) -> str:
        if self._guesses <= 0 or len(name) > 64:
            return ""
        self._guesses -= 1
        found = get_close_matches(name, list(names), n=1, cutoff=0.75)
        return f', did you mean "{spelt(found[0])}"?' if found else ""


def check_redundant(check: Check, entries: Sequence[tuple[Node, Path, str]], code: str, what: str) -> None:
    """Report entries (node, path, text to compare) that stand twice, or that a pattern beside them covers."""
    first: dict[str, int] = {}
    redundant: dict[int, tuple[Node, Path, str]] = {}
    for index, (_, _, text) in enumerate(entries):
        if text in first:
            redundant[index] = entries[index]
        first.setdefault(text, index)
    for index, (_, _, pattern) in enumerate(entries):
        if ("*" not in pattern and "?" not in pattern) or first[pattern] != index:
            continue
        if not check.effort.spend(len(entries)):
            break
        covers = wildcard(pattern)
        for other, entry in enumerate(entries):
            # A `?` matches one letter, and a `*` of the other pattern can be more.
            if entry[2] != pattern and not ("?" in pattern and "*" in entry[2]) and covers(entry[2]):
                redundant[other] = entry
    for node, path, _ in redundant.values():
        message = f"the {what} {shown(node.value)} is covered by another entry: remove it"
        check.suggestion(f"REDUNDANT_{code}", node.start, path, message)


def check_roles_given_away(check: Check) -> None:
    """iam:PassRole and iam:CreateServiceLinkedRole on any role."""
    if check.type is not ValidationType.IDENTITY_POLICY:
        return
    for one in check.statements():
        if not one.is_allow or one.statement.resources is None:
            continue
        keys = one.keys()
        found = _reach(one, "iam:passrole")
        if found is not None and not ("iam:passedtoservice" in keys and not one.statement.not_resource):
            message = "lets its holder pass {} to a service, and so use what the role may do"
            check.security(f"PASS_ROLE_WITH_{found[1]}", found[0].start, found[2], _role_message(one, message))
        found = _reach(one, "iam:createservicelinkedrole")
        if found is not None and "iam:awsservicename" not in keys:
            message = "lets its holder create {} for services"
            check.warning(f"CREATE_SLR_WITH_{found[1]}", found[0].start, found[2], _role_message(one, message))


def _role_message(one: StatementCheck, message: str) -> str:
    which = "all roles but those listed" if one.statement.not_resource else "any role"
    return f"the statement {message.format(which)}: name the roles in Resource"


def _reach(one: StatementCheck, action: str) -> tuple[Node, str, Path] | None:
    """How the statement reaches an action on roles without naming them: where that is said, and the end of the code."""
    said = one.statement
    named = [(node, path) for node, path in one.entries("Action") if _means(node.value.lower(), action)]
    if bool(named) is said.not_action:
        return None
    broad = [entry for entry in named if "*" in entry[0].value or "?" in entry[0].value]
    kind = "NOT_ACTION" if said.not_action else "STAR_IN_ACTION" if broad else ""
    node, path = one.element("Action")
    if broad or named:
        node, path = (broad or named)[0]
    assert node is not None
    resources = said.resources or ()
    everything = [text for text in resources if _is_any_role(text)]
    if said.not_resource:
        code = f"{kind}_AND_NOT_RESOURCE" if kind else "NOT_RESOURCE"
        return None if everything else (node, code, path)
    if not everything:
        return None
    codes = {"": "STAR_IN_RESOURCE", "STAR_IN_ACTION": "STAR_IN_ACTION_AND_RESOURCE"}
    return node, codes.get(kind, "STAR_IN_RESOURCE_AND_NOT_ACTION"), path


def _means(pattern: str, action: str) -> bool:
    return pattern == action or (("*" in pattern or "?" in pattern) and wildcard(pattern)(action))


def _is_any_role(resource: str) -> bool:
    """Whether a pattern means every role, if only of one account."""
    fields = starred(resource).split(":", 5)
    service = wildcard(fields[2])("iam") if len(fields) > 2 else True
    return service and fields[-1].endswith("*") and (len(fields) < 6 or _ANY_ROLE.fullmatch(fields[5]) is not None)
