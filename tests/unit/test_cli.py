"""The command line: bad input gets one sentence with a stable code, on stderr, and exit code 2."""

import json
import sys
from pathlib import Path

import pytest

from sandbox.cli import main


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Calls `interop` with these words; tells its exit code."""
    monkeypatch.setattr(sys, "argv", ["interop", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_an_unknown_scenario_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "run", "bostn") == 2
    assert capsys.readouterr().err.startswith("unknown-scenario: no scenario 'bostn'. Did you mean 'boston-2008-2010'?")


def test_an_unknown_policy_is_found_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert call(monkeypatch, "run", "boston-2008-2010", "--policy", "us-full-coperation") == 2
    assert "Did you mean 'us-full-cooperation'?" in capsys.readouterr().err
    assert not (tmp_path / ".interop").exists()


@pytest.mark.parametrize("words", [["trace", "ZZ00"], ["dlq", "list"], ["audit", "reconcile"]])
def test_looking_back_where_nothing_was_run_says_how_to_begin(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)

    assert call(monkeypatch, *words) == 2
    assert capsys.readouterr().err == ("no-run: nothing was run here yet; begin with 'interop run boston-2008-2010'\n")


def test_the_settings_of_a_scenario_are_what_a_run_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "scenario", "settings", "live") == 0
    assert json.loads(capsys.readouterr().out)["scenario"] == "live"
