"""A parameter that was not sent, where that differs from null: absent leaves a value as it is, null clears it."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal


class Unset(Enum):
    """Has one member, so that `value is UNSET` narrows its type."""

    UNSET = "UNSET"


UNSET: Final[Literal[Unset.UNSET]] = Unset.UNSET
