"""The policies that decide for a principal, read in one statement."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..domain.arn import SERVICE, iam_arn
from ..domain.entities import PrincipalType
from .policies import version_id
from .statements import Row, Statements


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """A policy document in force, and where it comes from. `attached_to` is the unique id of the user, group or role
    that it is attached to or inlined in; `arn`, `policy_id` and `version_id` are None for inline policies."""

    layer: Literal["identity", "boundary"]
    kind: Literal["MANAGED", "INLINE"]
    name: str
    arn: str | None
    policy_id: str | None
    version_id: str | None
    attached_to: str
    document: str


_IN_FORCE = (
    "JOIN managed_policy p ON p.id = {policy_id} "
    "JOIN policy_version v ON v.policy_id = p.id AND v.number = p.default_version"
)
_MANAGED_COLUMNS = (
    "'MANAGED' AS kind, p.name, p.account_id, p.path, p.id AS policy_id, p.default_version AS version, "
    "{owner} AS owner_id, v.document"
)


def _managed(table: str, owners: str) -> str:
    columns = _MANAGED_COLUMNS.format(owner="x.owner_id")
    joins = _IN_FORCE.format(policy_id="x.policy_id")
    return f"SELECT 'identity' AS layer, {columns} FROM {table} x {joins} WHERE x.owner_id {owners}"


def _inline(table: str, owners: str) -> str:
    return (
        "SELECT 'identity' AS layer, 'INLINE' AS kind, x.name, NULL AS account_id, NULL AS path, NULL AS policy_id, "
        f"0 AS version, x.owner_id, x.document FROM {table} x WHERE x.owner_id {owners}"
    )


def _boundary(table: str) -> str:
    columns = _MANAGED_COLUMNS.format(owner="x.id")
    joins = _IN_FORCE.format(policy_id="x.boundary_id")
    return f"SELECT 'boundary' AS layer, {columns} FROM {table} x {joins} WHERE x.id = $1"


def _all(*selects: str) -> str:
    return f"SELECT * FROM ({' UNION ALL '.join(selects)}) found ORDER BY layer, owner_id, kind, name"


_GROUPS = "IN (SELECT m.group_id FROM membership m WHERE m.user_id = $1)"
_OF_USER = _all(
    _managed("user_attachment", "= $1"),
    _managed("group_attachment", _GROUPS),
    _inline("user_inline", "= $1"),
    _inline("group_inline", _GROUPS),
    _boundary("iam_user"),
)
_OF_ROLE = _all(_managed("role_attachment", "= $1"), _inline("role_inline", "= $1"), _boundary("iam_role"))
_OF_GROUP = _all(_managed("group_attachment", "= $1"), _inline("group_inline", "= $1"))
_DOCUMENTS = (
    f"SELECT 'identity' AS layer, {_MANAGED_COLUMNS.format(owner='p.id')} FROM managed_policy p "
    "JOIN policy_version v ON v.policy_id = p.id AND v.number = p.default_version WHERE p.id = ANY($1)"
)


class AccessRows:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def policies_of(self, principal_type: PrincipalType, principal_id: str) -> tuple[PolicyRow, ...]:
        """Every policy in force for a user (its groups' too) or a role, and its boundary. The root has none."""
        if principal_type is PrincipalType.ROOT:
            return ()
        sql = _OF_USER if principal_type is PrincipalType.USER else _OF_ROLE
        return tuple(_policy(row) for row in await self._db.fetch(sql, principal_id))

    async def policies_of_group(self, group_id: str) -> tuple[PolicyRow, ...]:
        """Every policy in force by way of one group."""
        return tuple(_policy(row) for row in await self._db.fetch(_OF_GROUP, group_id))

    async def documents(self, policy_ids: Sequence[str]) -> dict[str, PolicyRow]:
        """The documents in force of those of the managed policies that exist. `attached_to` is the policy's own id."""
        rows = await self._db.fetch(_DOCUMENTS, list(policy_ids))
        return {row["policy_id"]: _policy(row) for row in rows}


def _policy(row: Row) -> PolicyRow:
    is_managed = row["kind"] == "MANAGED"
    return PolicyRow(
        layer=row["layer"],
        kind=row["kind"],
        name=row["name"],
        arn=iam_arn(row["account_id"] or SERVICE, "policy", row["path"], row["name"]) if is_managed else None,
        policy_id=row["policy_id"],
        version_id=version_id(row["version"]) if is_managed else None,
        attached_to=row["owner_id"],
        document=row["document"],
    )
