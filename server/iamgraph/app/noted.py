"""What a request turned out to be, for its line in the log: names of operations and of who asked, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Noted:
    """Filled in by the kernel while the request runs. `operations` is a set in the order of the first of each."""

    operations: dict[str, None] = field(default_factory=dict)
    principal_arn: str | None = None
