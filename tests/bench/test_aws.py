"""The bench of AWS's wire: that it fills both servers, compares and measures. No time is asserted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from bench.aws import OPERATIONS, compare, main
from bench.aws_world import Target


def test_one_short_round_on_sqlite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures, cores = tmp_path / "aws.json", os.sched_getaffinity(0)
    main(["--rounds", "1", "--seconds", "0.2", "--connections", "2", "--json", str(figures)])
    rows = json.loads(figures.read_text())["rows"]
    assert [row["operation"] for row in rows] == [one.name for one in OPERATIONS]
    assert all(row["errors"] == 0 and row["requests"] > 0 and row["ratio"] > 0 and row["cpu_us"] > 0 for row in rows)
    assert all(row["holds"] is (row["ratio"] >= row["floor"]) for row in rows)
    printed = capsys.readouterr().out
    assert all(row["operation"] in printed for row in rows)
    assert os.sched_getaffinity(0) == cores


def test_a_difference_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.aws.shown", lambda target: {"GetUser": target})
    with pytest.raises(RuntimeError, match="GetUser: the answers differ"):
        compare({"moto": _target(1), "iamgraph": _target(2)})
    compare({"moto": _target(1), "iamgraph": _target(1)})


def _target(port: int) -> Target:
    return Target(port=port, account="", keys=None)  # type: ignore[arg-type]
