"""The engine's bench: that the three engines agree, and that it measures. No time is asserted."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from bench.engine import compare, main
from bench.engine_world import Rule, world


def test_one_short_round(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures, cores = tmp_path / "engine.json", os.sched_getaffinity(0)
    main(["--rounds", "1", "--seconds", "0.01", "--json", str(figures)])
    found = json.loads(figures.read_text())
    assert [row["floor"] for row in found["rows"]] == [10, 50, 50, 10]
    assert all(row["ours_us"] > 0 and row["cedar_us"] > 0 for row in found["rows"])
    assert set(found["outcomes"]) == {"allowed", "implicitDeny", "explicitDeny"}
    printed = capsys.readouterr().out
    assert all(row["what"] in printed for row in found["rows"])
    assert os.sched_getaffinity(0) == cores


def test_a_difference_stops_it() -> None:
    small = world(10)
    assert sum(compare(small).values()) == 300
    # A limit that the peers are not told about in the same words.
    other = replace(small, limits={**small.limits, "boundary": [Rule(actions=("service1:*",))]})
    layers = small.layers()
    with pytest.raises(RuntimeError, match="iamgraph says"):
        compare(other, layers)
