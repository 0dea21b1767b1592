"""Random octets for ids and the like. To ask the system for a few costs more than all the rest of an id, so they are drawn
in larger pieces."""

from __future__ import annotations

import os
import threading

_PIECE = 4096


class Entropy:
    """The system's random octets, each of which is given out once: a process that is forked begins with its own."""

    def __init__(self) -> None:
        self._piece, self._next, self._turn = b"", 0, threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self, count: int) -> bytes:
        """So many octets."""
        if count > _PIECE:
            return os.urandom(count)
        with self._turn:
            end = self._next + count
            if end > len(self._piece):
                self._piece, self._next, end = os.urandom(_PIECE), 0, count
            given = self._piece[self._next : end]
            self._next = end
        return given

    def _forget(self) -> None:
        self._piece, self._next, self._turn = b"", 0, threading.Lock()


entropy = Entropy()
"""This process's."""


def random_uuid() -> str:
    """A random UUID (RFC 9562, version 4)."""
    text = entropy(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"
