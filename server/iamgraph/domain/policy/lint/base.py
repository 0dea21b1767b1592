"""What every check works with: the document, what services have, and the report that findings go to."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..document import Document, Path, Statement, strings
from ..finding import Finding, Severity
from ..reference import Reference, Service
from ..syntax import Member, Node

MAXIMUM_FINDINGS: Final = 100
"""How many findings one document has at most: as many as Access Analyzer gives on a page."""
_SHOWN: Final = 128


class ValidationType(Enum):
    """What a policy is checked as (Access Analyzer API, `policyType`)."""

    IDENTITY_POLICY = "IDENTITY_POLICY"
    RESOURCE_POLICY = "RESOURCE_POLICY"
    SERVICE_CONTROL_POLICY = "SERVICE_CONTROL_POLICY"
    RESOURCE_CONTROL_POLICY = "RESOURCE_CONTROL_POLICY"


TRUST_POLICY: Final = "AWS::IAM::AssumeRolePolicyDocument"
"""The resource type of a RESOURCE_POLICY that is a role's trust policy."""

RESOURCE_TYPES: Final = (
    "AWS::S3::Bucket", "AWS::S3::AccessPoint", "AWS::S3::MultiRegionAccessPoint", "AWS::S3ObjectLambda::AccessPoint",
    "AWS::DynamoDB::Table", TRUST_POLICY,
)  # fmt: skip
"""What a RESOURCE_POLICY can be said to be attached to (Access Analyzer API, `validatePolicyResourceType`)."""


class Report:
    """Collects findings, each at its place in the text."""

    def __init__(self, text: str) -> None:
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._found: dict[tuple[int, str, str], Finding] = {}

    def add(self, severity: Severity, code: str, offset: int, path: Path, message: str) -> None:
        """Note a finding; one that is there already counts once."""
        line = bisect_right(self._lines, offset)
        finding = Finding(
            severity=severity,
            code=code,
            message=message,
            line=line,
            column=offset - self._lines[line - 1] + 1,
            path=path,
        )
        self._found.setdefault((offset, code, message), finding)

    def findings(self) -> tuple[Finding, ...]:
        """What was found, in the order of the text. Of more than 100, the gravest."""
        ranks = list(Severity)
        found = sorted(self._found.items(), key=lambda item: ranks.index(item[1].severity))[:MAXIMUM_FINDINGS]
        return tuple(finding for _, finding in sorted(found, key=lambda item: item[0]))


class Effort:
    """How many comparisons one document may still cost: a long one can ask for its length squared. Checks that compare
    each with each stay silent once it is spent."""

    def __init__(self, comparisons: int = 100_000) -> None:
        self._left = comparisons

    def spend(self, comparisons: int) -> bool:
        """Whether that many may still be made."""
        self._left -= comparisons
        return self._left >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One document under check."""

    document: Document
    type: ValidationType
    resource_type: str | None
    reference: Reference
    report: Report
    effort: Effort

    @property
    def is_identity(self) -> bool:
        return self.type is ValidationType.IDENTITY_POLICY

    @property
    def is_trust(self) -> bool:
        return self.type is ValidationType.RESOURCE_POLICY and self.resource_type == TRUST_POLICY

    @property
    def is_resource(self) -> bool:
        """Whether it is the policy of a resource other than a role."""
        return self.type is ValidationType.RESOURCE_POLICY and not self.is_trust

    @property
    def knows_variables(self) -> bool:
        return self.document.version == "2012-10-17"

    def statements(self) -> Iterator[StatementCheck]:
        for index, statement in enumerate(self.document.statements):
            yield StatementCheck(check=self, statement=statement, path=("Statement", str(index)))

    def service_of(self, action: str) -> Service | None:
        """The service of an action or pattern, where its prefix is that of one."""
        prefix = action.partition(":")[0].lower()
        return None if "*" in prefix or "?" in prefix else self.reference.service(prefix)

    def error(self, code: str, offset: int, path: Path, message: str) -> None:
        self.report.add(Severity.ERROR, code, offset, path, message)

    def security(self, code: str, offset: int, path: Path, message: str) -> None:
        self.report.add(Severity.SECURITY_WARNING, code, offset, path, message)

    def warning(self, code: str, offset: int, path: Path, message: str) -> None:
        self.report.add(Severity.WARNING, code, offset, path, message)

    def suggestion(self, code: str, offset: int, path: Path, message: str) -> None:
        self.report.add(Severity.SUGGESTION, code, offset, path, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One key under one operator of a condition block, where it is written."""

    operator: Member
    key: Member
    path: Path

    @property
    def name(self) -> str:
        """The key's name in lower case."""
        return self.key.name.lower()

    @property
    def values(self) -> tuple[Node, ...]:
        return strings(self.key.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementCheck:
    """One statement under check."""

    check: Check
    statement: Statement
    path: Path

    @property
    def is_allow(self) -> bool:
        return self.statement.effect == "Allow"

    def element(self, name: str) -> tuple[Node | None, Path]:
        """The element or its Not-form, whichever is there, and the path to it."""
        for written in (name, "Not" + name):
            node = self.statement.node.get(written)
            if node is not None:
                return node, (*self.path, written)
        return None, self.path

    def entries(self, name: str) -> Iterator[tuple[Node, Path]]:
        """The strings of an element or of its Not-form."""
        node, path = self.element(name)
        for entry in strings(node) if node is not None else ():
            yield entry, path

    def conditions(self) -> Iterator[Tested]:
        block = self.statement.node.get("Condition")
        for operator in block.members if block is not None else ():
            for key in operator.node.members:
                path = (*self.path, "Condition", operator.name, key.name)
                yield Tested(operator=operator, key=key, path=path)

    def keys(self) -> frozenset[str]:
        """The names of the keys that the conditions test, in lower case."""
        return frozenset(condition.key.lower() for condition in self.statement.conditions)


def shown(text: str) -> str:
    """A value as a message quotes it."""
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[:_SHOWN]}…"'


def listed(texts: list[str]) -> str:
    """A few values as a message names them."""
    return ", ".join(shown(text) for text in texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")
