"""Where the kernel says what it begins and ends, for whoever follows a request through it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

_NOTHING = nullcontext()


class Tracer:
    """Is told of each part of the work. This one follows nothing: that of a server whose requests nobody traces."""

    def span(self, name: str) -> AbstractContextManager[None]:
        """A part of the work, inside the one that this task is in. `name` is an operation's, or a word of the kernel's."""
        return _NOTHING
