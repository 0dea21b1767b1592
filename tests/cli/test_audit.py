"""The command's `audit` words, where no server has run yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamgraph.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {
        "DATA_DIR": str(tmp_path),
        "BOOTSTRAP_ROOT_PASSWORD": "a-Root-passw0rd",
        "DATABASE_URL": f"sqlite://{tmp_path}/iamgraph.db",
    }.items():
        monkeypatch.setenv(f"IAMGRAPH_{name}", value)
    return tmp_path


def test_a_young_history_is_no_fault(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["bootstrap"])
    capfd.readouterr()
    main(["audit", "verify"])
    out = capfd.readouterr().out
    assert out.startswith("0 events in 0 chains, 1 not sealed yet; 0 heads\nno heads file: ")
    assert out.endswith("the history is what was sealed\n")
    main(["audit", "export", "--since", "2026-01-01"])
    assert '"eventName":"Bootstrap"' in capfd.readouterr().out
    main(["audit", "export", "--since", "2999-01-01T00:00:00Z"])
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("words", [["verify"], ["verify", "--heads", "no such file"], ["export"]])
def test_what_is_not_there_is_said_in_one_line(folder: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *words])
    assert str(ended.value).startswith("iamgraph: ") and "\n" not in str(ended.value)
    assert not list(folder.iterdir())


def test_a_missing_heads_file_is_named(folder: Path) -> None:
    main(["bootstrap"])
    with pytest.raises(SystemExit, match=r"No such file or directory: .*gone\.jsonl"):
        main(["audit", "verify", "--heads", str(folder / "gone.jsonl")])
