"""The command's `keys` words: the master key is looked at, prepared, changed and retired."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ..main import MasterKeys, Usage, key_prepared, keys_retired, keys_rotated, keys_used
from ..settings import Settings


async def status(settings: Settings, given: argparse.Namespace) -> None:
    """Which keys there are, and what is under each."""
    print("\n".join(_lines(*await keys_used(settings))))


def _lines(keys: MasterKeys, usage: Usage) -> Iterator[str]:
    states = {keys.current.id: "current"}
    states |= {keys.next.id: "next"} if keys.next else {}
    states |= dict.fromkeys(keys.retired_ids, "retired") | {key.id: "past" for key in keys.past}
    states |= dict.fromkeys(sorted(usage.key_ids - states.keys()), "missing")
    for id, state in states.items():
        yield f"{id}  {state:8}{usage.secrets.get(id, 0)} secrets, {usage.heads.get(id, 0)} heads of the history"


async def prepare(settings: Settings, given: argparse.Namespace) -> None:
    """Put the next key into the file."""
    keys = key_prepared(settings)
    print(f"the next master key is {keys.next.id if keys.next else ''}, in {settings.master_key_file}")
    print("copy this file to every machine that serves the store, then run `iamgraph keys rotate`")


async def rotate(settings: Settings, given: argparse.Namespace) -> None:
    """Change the key, and wait until everything is under it."""
    keys = await keys_rotated(settings, is_one_machine=given.one_machine, tell=lambda text: print(text, flush=True))
    print(f"everything is under master key {keys.current.id}; keep a copy of {settings.master_key_file}")
    print(f"retired: {', '.join(keys.retired_ids)}; `iamgraph keys retire` takes it out of the file")


async def retire(settings: Settings, given: argparse.Namespace) -> None:
    """Take the retired keys out of the file."""
    retired = await keys_retired(settings)
    print(f"{settings.master_key_file} has no longer {', '.join(retired)}, but for what checks the history")
    print("a backup of the store from before the rotation opens only with a copy of the file from before this")
