"""Keeps the signed heads of the history's chains in a file beside the store, where taking away its end is found."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from ...domain.chain import Head
from ...security.durable import sync_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """What a file of heads says: its heads in their order, and the numbers of the lines that are no head."""

    heads: tuple[Head, ...]
    unreadable: tuple[int, ...] = ()

    def last(self) -> dict[str, Head]:
        """The longest head of each chain."""
        longest: dict[str, Head] = {}
        for head in self.heads:
            known = longest.get(head.chain)
            if known is None or head.count >= known.count:
                longest[head.chain] = head
        return longest


class HeadsFile:
    """JSON lines, one head each. Lines are only ever added, and on the disk when `append` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, heads: Sequence[Head]) -> None:
        """Several processes may append at once. Raises OSError."""
        lines = b"".join(_line(head) for head in heads)
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _cut_torn_line(descriptor)
            written = 0
            while written < len(lines):
                written += file.write(lines[written:])
            os.fsync(descriptor)
        if is_new:
            sync_directory(self.path.parent)

    def read(self) -> Heads:
        """Every head. A last line without its end was being written when the machine stopped: it does not count.
        Raises FileNotFoundError."""
        heads, unreadable = [], []
        for number, line in enumerate(self.path.read_bytes().split(b"\n")[:-1], 1):
            head = _head(line)
            if head is None:
                unreadable.append(number)
            else:
                heads.append(head)
        return Heads(heads=tuple(heads), unreadable=tuple(unreadable))


def _line(head: Head) -> bytes:
    row = asdict(head)
    row["at"] = head.at.astimezone(UTC).isoformat(timespec="microseconds")
    return orjson.dumps(row) + b"\n"


def _head(line: bytes) -> Head | None:
    try:
        row = orjson.loads(line)
        head = Head(**{**row, "at": datetime.fromisoformat(row["at"])})
        sound = all(isinstance(number, int) for number in (head.count, head.horizon)) and head.at.tzinfo is not None
        texts = (head.chain, head.link, head.key_id, head.signature)
        return head if sound and all(isinstance(text, str) for text in texts) else None
    except (ValueError, TypeError, KeyError):
        return None


def _cut_torn_line(descriptor: int) -> None:
    size = end = os.fstat(descriptor).st_size
    while end and os.pread(descriptor, 1, end - 1) != b"\n":
        end -= 1
    if end < size:
        os.ftruncate(descriptor, end)
