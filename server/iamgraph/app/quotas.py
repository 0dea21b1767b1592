"""Quotas, held under the account's lock, so that they hold however many ask at once."""

from __future__ import annotations

from ..domain.errors import LimitExceeded


def ensure(used: int, name: str, limit: int) -> None:
    """Raise LimitExceeded, in AWS's words, where one more would exceed the quota."""
    ensure_fits(used + 1, name, limit)


def ensure_fits(count: int, name: str, limit: int) -> None:
    """Raise LimitExceeded where there would be more than the quota."""
    if count > limit:
        raise LimitExceeded(f"Cannot exceed quota for {name}: {limit}", limit=limit)
