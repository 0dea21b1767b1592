"""Where the `iamgraph` command begins."""

from __future__ import annotations

import sys

from . import agent


def main() -> None:
    """Run the command. What applications wait for is found without loading the server."""
    if sys.argv[1:2] and sys.argv[1] in agent.WORDS:
        agent.main(sys.argv[1:])
        return
    from .main import main as whole

    whole()
