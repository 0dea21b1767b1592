"""The bench's own code: that it seeds, compares and measures. No time is asserted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from bench.__main__ import main, table
from bench.load import Sample


def test_one_short_round_on_sqlite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures, cores = tmp_path / "bench.json", os.sched_getaffinity(0)
    small = ["--users", "4", "--rounds", "1", "--seconds", "0.2", "--connections", "2", "--storm", "6"]
    main([*small, "--json", str(figures)])
    found = json.loads(figures.read_text())
    rows, storm = found["rows"], found["storm"]
    assert len(rows) == 5
    assert all(row["errors"] == 0 and row["requests"] > 0 and row["ratio"] > 0 for row in rows)
    printed = capsys.readouterr().out
    assert all(row["operation"] in printed for row in rows)
    assert storm["errors"] == 0 and storm["sign_ins_per_second"] > 0 and storm["shed"] == 0 and storm["ratio"] > 0
    assert "while 6 sign in at once" in printed
    assert os.sched_getaffinity(0) == cores


def test_errors_are_no_throughput() -> None:
    sample = Sample(requests=10, errors=4, seconds=2.0, latencies=[0.1] * 10)
    assert sample.rps == 3.0
    assert sample.percentile(0.99) == 0.1


def test_a_table_without_rows_has_a_head() -> None:
    assert table([]).startswith("operation")
