"""The file of heads: whole lines only, whoever else appends and wherever a machine stopped."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iamgraph.app.history.heads import HeadsFile
from iamgraph.domain.chain import Head

from ..sealed import KEYS


def head(count: int, chain: str = "server") -> Head:
    at = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    return KEYS.head(chain=chain, count=count, link="ab" * 32, at=at, horizon=count)


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    file = HeadsFile(tmp_path / "heads.jsonl")
    with pytest.raises(FileNotFoundError):
        file.read()
    file.append([head(1), head(1, "1" * 12)])
    file.append([head(2)])
    assert file.read().heads == (head(1), head(1, "1" * 12), head(2))
    assert file.read().last() == {"server": head(2), "1" * 12: head(1, "1" * 12)}
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_torn_line_does_not_count_and_goes(tmp_path: Path) -> None:
    file = HeadsFile(tmp_path / "heads.jsonl")
    file.append([head(1)])
    with file.path.open("ab") as torn:
        torn.write(b'{"chain":"ser')
    assert (file.read().heads, file.read().unreadable) == ((head(1),), ())
    file.append([head(2)])
    assert (file.read().heads, file.read().unreadable) == ((head(1), head(2)), ())


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "1", "no JSON", '{"chain": 1}', "\x00", '{"at": 5}', '{"at": "2026-01-01T00:00:00"}']
)
def test_a_line_that_is_no_head_is_named(tmp_path: Path, line: str) -> None:
    file = HeadsFile(tmp_path / "heads.jsonl")
    file.append([head(1)])
    with file.path.open("a") as other:
        other.write(line + "\n")
    assert (file.read().heads, file.read().unreadable) == ((head(1),), (2,))


async def test_many_append_at_once(tmp_path: Path) -> None:
    file = HeadsFile(tmp_path / "heads.jsonl")
    await asyncio.gather(*(asyncio.to_thread(HeadsFile(file.path).append, [head(n)] * 5) for n in range(1, 21)))
    assert sorted(each.count for each in file.read().heads) == sorted(list(range(1, 21)) * 5)
    assert file.read().unreadable == ()
