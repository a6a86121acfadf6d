"""The command line: bad input gets one sentence with a stable code, on stderr, and exit code 2."""

import json
import sys
from pathlib import Path

import pytest

from sandbox.cli import main
from sandbox.scenario import HOME, names_in


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Calls `interop` with these words; tells its exit code."""
    monkeypatch.setattr(sys, "argv", ["interop", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_an_unknown_scenario_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "run", "travis") == 2
    assert capsys.readouterr().err.startswith("unknown-scenario: no scenario 'travis'. Did you mean 'travis-2010'?")


def test_an_unknown_policy_is_found_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert call(monkeypatch, "run", "boston-2008-2010", "--policy", "us-full-coperation") == 2
    assert "Did you mean 'us-full-cooperation'?" in capsys.readouterr().err
    assert not (tmp_path / ".interop").exists()


def test_a_report_that_could_not_be_written_is_refused_before_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert call(monkeypatch, "run", "boston-2008-2010", "--html", "nowhere/report.html") == 2
    assert capsys.readouterr().err == (
        "no-such-folder: there is no folder 'nowhere' to write report.html into; make it, or name another\n"
    )
    assert not (tmp_path / ".interop").exists()


def test_a_scenario_that_is_not_yaml_is_a_bad_scenario(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("scenario: [boston\n", encoding="utf-8")

    assert call(monkeypatch, "run", str(broken)) == 2
    assert capsys.readouterr().err.startswith("bad-scenario: broken.yaml:2:1: error: not valid YAML:")


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


def test_a_run_in_process_prints_its_figures_and_writes_its_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    words = ("run", "boston-2008-2010", "--in-process", "--bookings", "2000", "--seeds", "3", "--json")

    assert call(monkeypatch, *words, "--html", str(page)) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["via"], told["totals"]["bookings"], told["seeds"]) == ("process", 2_000, 3)
    wanted = {"metric", "window", "published", "simulated", "low", "high", "band", "within", "label", "source", "tag"}
    assert all(wanted <= row.keys() for row in told["published"])
    assert [each["explanation"] for each in told["explanations"]] == ["definition", "level_left_out"]
    assert told["notice"] in page.read_text(encoding="utf-8")
    assert not (tmp_path / ".interop").exists()


def test_under_another_policy_nothing_is_held_against_figures_about_the_law_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", "boston-2008-2010", "--in-process", "--bookings", "500", "--policy", "us-il-cook-2011", "--json")

    assert call(monkeypatch, *words) == 0
    assert json.loads(capsys.readouterr().out)["published"] == []


def test_the_services_do_not_search_for_mates_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "run", "boston-2008-2010", "--search", "mates") == 2
    assert capsys.readouterr().err.startswith("mates-in-process: the services search everybody on file")


def test_policies_are_compared_on_the_same_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--policy", "us-full-cooperation", "--policy", "us-il-cook-2011", "--bookings", "3000", "--seeds", "1")

    assert call(monkeypatch, "compare", "boston-2008-2010", *words, "--json") == 0

    full, cook = (each["totals"] for each in json.loads(capsys.readouterr().out)["policies"])
    assert full["searches"] == cook["searches"]
    assert full["custody"]["holds"] > cook["custody"]["holds"] == 0


MINE = """policy: harbor-2014
title: Harbor holds nobody
question: detainer
place: US-MA-HARBOR
status: draft
in_force: {from: 2014-06-01}
source: Harbor Code 12
verified: none
clauses:
  - clause: (a)
    text: Nobody is held
    when: always
    then: {hold: must_not}
"""


def test_a_law_of_ones_own_is_named_by_its_file_and_told_by_its_id(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE, encoding="utf-8")
    words = ("--policy", "us-full-cooperation", "--policy", str(mine), "--bookings", "2000", "--seeds", "0", "--json")

    assert call(monkeypatch, "compare", "boston-2008-2010", *words) == 0

    told = json.loads(capsys.readouterr().out)
    assert [each["policy"] for each in told["policies"]] == ["us-full-cooperation", "harbor-2014"]
    assert told["policies"][1]["title"] == "Harbor holds nobody"
    assert told["policies"][1]["counted"]["held"]["dot"] == 0
    assert told["published"] == []

    run = ("--in-process", "--bookings", "500", "--policy", str(mine), "--json")
    assert call(monkeypatch, "run", "boston-2008-2010", *run) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["custody"]["holds"] == 0


def test_two_files_with_one_id_are_not_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text((HOME / "policies" / "us-il-cook-2011.yaml").read_text(encoding="utf-8"), encoding="utf-8")

    assert call(monkeypatch, "compare", "live", "--policy", "us-il-cook-2011", "--policy", str(copy)) == 2
    assert capsys.readouterr().err.startswith("same-id: 'us-il-cook-2011' is the id of both us-il-cook-2011 and ")


def test_a_file_with_a_mistake_is_not_compared_and_the_mistake_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE.replace("must_not", "mustnt"), encoding="utf-8")

    assert call(monkeypatch, "compare", "live", "--policy", str(mine)) == 2
    assert capsys.readouterr().err.startswith("bad-policy: mine.yaml:13:18: error:")


def test_levers_that_are_no_law_are_set_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--policy", "us-full-cooperation", "--bookings", "2000", "--seeds", "0", "--json")
    levers = ("--discretion", "hold=0", "--pickup", "untold=0", "--capacity", "eastern=1", "--fpir", "0.001")

    assert call(monkeypatch, "compare", "boston-2008-2010", *words, *levers) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["policies"][0]["counted"]["held"]["dot"] == 0
    assert told["levers"]["capacity_per_day.eastern"] == 1
    assert len(told["levers_in_words"]) == 4


def test_a_comparison_reads_well_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--policy", "us-full-cooperation", "--policy", "us-il-cook-2011", "--bookings", "1000", "--seeds", "1")

    assert call(monkeypatch, "compare", "live", *words) == 0

    shown = capsys.readouterr().out
    assert "us-il-cook-2011" in shown
    assert "Simulated. Not data about any place." in shown


def test_a_comparison_is_written_as_a_page_and_its_cases_as_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page, cases = tmp_path / "page.html", tmp_path / "cases.parquet"
    words = ("--policy", "us-il-cook-2011", "--bookings", "1000", "--rearrests", "cook-2012", "--json")

    assert call(monkeypatch, "compare", "live", *words, "--html", str(page), "--parquet", str(cases)) == 0

    result = json.loads(capsys.readouterr().out)
    assert "11 of 346" in result["assumptions"]["rearrests_a_year"]["source"]
    assert "11 of 346" in page.read_text(encoding="utf-8")
    assert cases.stat().st_size > 0


def test_an_unknown_preset_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--policy", "us-il-cook-2011", "--bookings", "1000", "--rearrests", "cook")

    assert call(monkeypatch, "compare", "live", *words) == 2
    assert capsys.readouterr().err == (
        "bad-assumption: --rearrests 'cook': give a number from 0 to 100, or one of cook-2012, cis-2014\n"
    )


def test_a_mistake_in_a_scenario_is_told_as_compilers_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = (HOME / "scenarios" / "live.yaml").read_text(encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("told_rate: {otherwise: 0.45}", "told_rate: {levl_1: 0.5, otherwise: 0.45}"))

    assert call(monkeypatch, "scenario", "check", str(file)) == 2
    assert capsys.readouterr().err == (
        "unknown-priority: 'pickup.told_rate' names 'levl_1', which is no priority. Did you mean 'level_1'?\n"
    )


@pytest.mark.parametrize("name", names_in(HOME / "scenarios"))
def test_the_scenarios_of_the_house_have_no_mistakes(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "scenario", "check", name) == 0
    assert capsys.readouterr().out.startswith(f"{name}: no mistakes")


def test_scenarios_are_listed_with_their_explanations(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "scenario", "list", "--json") == 0
    boston = json.loads(capsys.readouterr().out)[0]
    assert (boston["scenario"], boston["explanations"]) == ("boston-2008-2010", ["definition", "level_left_out"])


def test_one_case_is_put_to_every_law_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "policies", "matrix", "--facts", '{"charge": "felony"}', "--json") == 0

    told = {row["policy"]: row for row in json.loads(capsys.readouterr().out)}
    assert len(told) >= 29
    assert told["us-tx-sb4-2017"]["answers"]["hold"] == "must"
    assert told["us-tx-sb4-2017"]["duties"] == ["inform_person"]
    assert told["us-ma-lunn-2017"]["answers"]["notify"] == "silent"


def test_the_matrix_fits_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "100")

    assert call(monkeypatch, "policies", "matrix", "--facts", "{}") == 0

    shown = capsys.readouterr().out
    assert "us-ny-nyc-2014" in shown
    assert max(map(len, shown.splitlines())) <= 100
