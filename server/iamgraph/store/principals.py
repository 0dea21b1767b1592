"""Whom the principals that policies name are: from ARNs and unique ids to the users and roles that exist."""

# ruff: noqa: S608 (what is put into SQL here are names of this package; every value is a parameter)

from __future__ import annotations

from collections.abc import Sequence

from ..domain.arn import Arn, iam_arn, parse_arn
from .statements import Row, Statements

_KINDS = {"user": "iam_user", "role": "iam_role"}


class PrincipalTexts:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def resolve(self, texts: Sequence[str]) -> dict[str, str]:
        """The unique id of each text that stands for a user or a role of any account: its ARN, the ARN of one of the
        role's sessions, or the unique id itself. What stands for nothing that exists is left out."""
        arns = {text: arn for text in texts if (arn := parse_arn(text)) is not None}
        found: dict[str, str] = {}
        for kind in _KINDS:
            of_kind = {text: arn for text, arn in arns.items() if _kind(arn) == kind}
            ids = [text for text in texts if text.startswith("AIDA" if kind == "user" else "AROA")]
            if of_kind or ids:
                rows = await self._candidates(kind, list(of_kind.values()), ids)
                found |= {row["id"]: row["id"] for row in rows if row["id"] in ids}
                found |= {text: row["id"] for text, arn in of_kind.items() for row in rows if _is(arn, kind, row)}
        return found

    async def _candidates(self, kind: str, arns: Sequence[Arn], ids: Sequence[str]) -> Sequence[Row]:
        """What may be meant: the accounts and the names fit, but not yet each pair of them, nor the paths."""
        return await self._db.fetch(
            f"SELECT id, account_id, path, name FROM {_KINDS[kind]} "
            "WHERE id = ANY($1) OR (account_id = ANY($2) AND name = ANY($3))",
            list(ids),
            [arn.account_id for arn in arns],
            [arn.name if arn.service == "iam" else arn.path.strip("/") for arn in arns],
        )


def _kind(arn: Arn) -> str | None:
    """What an ARN is one of: a user, a role (its sessions too) or neither."""
    if arn.service == "sts":
        return "role" if arn.kind == "assumed-role" else None
    return arn.kind if arn.kind in _KINDS else None


def _is(arn: Arn, kind: str, row: Row) -> bool:
    if arn.service == "sts":
        # A session's ARN is `assumed-role/NAME/SESSION`: the role's path is not in it.
        return bool(arn.account_id == row["account_id"] and arn.path == f"/{row['name']}/")
    return str(arn) == iam_arn(row["account_id"], kind, row["path"], row["name"])
