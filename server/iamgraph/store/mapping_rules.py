"""The mapping rules of identity providers, of any kind."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.providers import MappingRules
from .statements import Row, Statements, instant


class MappingRulesOfProviders:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def put(self, rules: MappingRules) -> None:
        """Add a provider's rules, or replace those that it has."""
        await self._db.run(
            "INSERT INTO mapping_rules (provider_id, account_id, rules, updated_at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (provider_id) DO UPDATE SET rules = excluded.rules, updated_at = excluded.updated_at",
            rules.provider_id,
            rules.account_id,
            rules.rules,
            rules.updated_at,
        )

    async def of(self, provider_ids: Sequence[str]) -> dict[str, MappingRules]:
        """Those of the providers that have rules."""
        rows = await self._db.fetch("SELECT * FROM mapping_rules WHERE provider_id = ANY($1)", list(provider_ids))
        return {row["provider_id"]: _rules(row) for row in rows}

    async def delete(self, provider_id: str) -> None:
        await self._db.run("DELETE FROM mapping_rules WHERE provider_id = $1", provider_id)


def _rules(row: Row) -> MappingRules:
    return MappingRules(
        provider_id=row["provider_id"],
        account_id=row["account_id"],
        rules=row["rules"],
        updated_at=instant(row["updated_at"]),
    )
