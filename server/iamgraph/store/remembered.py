"""What rows mean: one that is the same as the last time is not read again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from .statements import Row

T = TypeVar("T")
SIZE = 5_000


class Remembered(Generic[T]):
    """Makes something of rows that are found by a key. INVARIANT: what it gives hangs on the whole row that was read just
    now, and on nothing else; the same object as before says that the row is the same as before."""

    def __init__(self, read: Callable[[Row], T]) -> None:
        self._read = read
        self._kept: OrderedDict[str, tuple[Row, T]] = OrderedDict()

    def of(self, key: str, row: Row) -> T:
        kept = self._kept.get(key)
        if kept is not None and kept[0] == row:
            self._kept.move_to_end(key)
            return kept[1]
        made = self._read(row)
        self._kept[key] = (row, made)
        if len(self._kept) > SIZE:
            self._kept.popitem(last=False)
        return made
