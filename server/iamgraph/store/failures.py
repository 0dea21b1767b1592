"""What can go wrong below the repos: failures for operators, and what a refusal of the database means for a caller."""

from __future__ import annotations

from ..domain.errors import ConcurrentModification, DeleteConflict


class StoreError(Exception):
    """The store can't be used. The message is one line for operators, without secrets."""


class StoreBusy(StoreError):
    """Another process holds the store."""


class CommitUnknown(StoreError):
    """The store fell silent while a transaction was committed: its changes were made all, or none of them."""


class SchemaError(StoreError):
    """The tables are not those that this program works with."""


class Duplicate(Exception):
    """A unique constraint refused a row. Repos turn it into the domain's words; it never leaves the store."""


def conflicting() -> ConcurrentModification:
    """The database refused a statement because of another transaction. The driver's own message is not for callers."""
    return ConcurrentModification("Another request changed the same entity at the same time. Try again.")


def in_use() -> DeleteConflict:
    """A row that is deleted is still referred to: whoever checked before did not see what refers to it."""
    message = "Cannot delete entity, must remove what it still holds or what refers to it first."
    return DeleteConflict(message, blocked_by=())
