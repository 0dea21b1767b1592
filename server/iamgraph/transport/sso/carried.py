"""What one page hands to the next: it goes through the browser, sealed for that browser alone and for ten minutes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ...security.sealing import Sealer, SealError

GOOD_FOR = timedelta(minutes=10)


class Carrier:
    """Seals for the browser that has the form cookie."""

    def __init__(self, sealer: Sealer, form_secret: str, now: datetime) -> None:
        self._sealer, self._now = sealer, now
        self._browser = hashlib.sha256(form_secret.encode("utf-8", "surrogatepass")).hexdigest()

    def seal(self, what: str, values: Mapping[str, Any]) -> str:
        """`what` says which page's it is: it opens as nothing else."""
        kept = {**values, "until": (self._now + GOOD_FOR).isoformat()}
        return self._sealer.seal_message(json.dumps(kept).encode(), context=self._context(what))

    def open(self, what: str, sealed: str) -> dict[str, Any] | None:
        """None where it is too old, another browser's, or altered."""
        try:
            kept: dict[str, Any] = json.loads(self._sealer.unseal_message(sealed, context=self._context(what)))
        except SealError:
            return None
        return kept if datetime.fromisoformat(kept.pop("until")) > self._now else None

    def _context(self, what: str) -> str:
        return f"{what}/1/{self._browser}"
