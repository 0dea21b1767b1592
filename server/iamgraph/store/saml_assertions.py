"""Which assertions were used, for as long as they would be believed."""

from __future__ import annotations

from datetime import datetime, timedelta

from .statements import Statements, insert

_KEPT = timedelta(hours=1)
"""For how much longer: servers' clocks differ."""
_AT_ONCE = 100


class SamlAssertions:
    def __init__(self, statements: Statements) -> None:
        self._db = statements

    async def use(self, key: str, *, believed_until: datetime, now: datetime) -> bool:
        """Whether the assertion is used for the first time. INVARIANT: of all that use it at once, on every server, one is
        told so, and only if its transaction commits. Old ones are forgotten."""
        await self._db.run(
            "DELETE FROM saml_assertion WHERE id IN "
            "(SELECT id FROM saml_assertion WHERE believed_until < $1 ORDER BY id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)",
            now - _KEPT, _AT_ONCE,
        )  # fmt: skip
        row = {"id": key, "believed_until": believed_until}
        sql, args = insert("saml_assertion", row, skip_duplicates=True)
        return await self._db.run(sql, *args) > 0
