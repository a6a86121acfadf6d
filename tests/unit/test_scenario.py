"""Scenario files: what they say, what a run is pinned to because of them, and what a mistake in one looks like."""

import re
from datetime import date
from hashlib import sha256

import pytest

from sandbox.scenario import HOME, Period, ScenarioError, load_scenario, names_in, parse_scenario, resolve
from services.chassis.errors import InteropError

BOSTON = "boston-2008-2010"
TEXT = (HOME / "scenarios" / f"{BOSTON}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names_in(HOME / "scenarios"))
def test_every_scenario_of_the_house_loads_under_its_own_name(name: str) -> None:
    assert load_scenario(name).scenario == name


def test_a_run_is_pinned_to_the_texts_of_its_policies() -> None:
    settings = resolve(load_scenario(BOSTON), seed=7)
    text = (HOME / "policies" / "us-full-cooperation.yaml").read_text(encoding="utf-8")

    assert settings.detainer.text == text
    assert settings.detainer.sha256 == sha256(text.encode()).hexdigest()


def test_another_policy_replaces_only_the_answer_to_its_own_question() -> None:
    usual = resolve(load_scenario(BOSTON), seed=7)
    other = resolve(load_scenario(BOSTON), seed=7, policy="us-il-cook-2011")

    assert other.detainer.id == "us-il-cook-2011"
    assert other.model_copy(update={"detainer": usual.detainer}) == usual


def test_prints_go_as_far_as_they_did_unless_the_scenario_or_the_run_says_otherwise() -> None:
    scenario = load_scenario(BOSTON)
    cited = scenario.model_copy(update={"sharing": "counterfactual-cite-or-book"})

    assert resolve(scenario, seed=7).sharing.id == "us-sharing-2008"
    assert resolve(cited, seed=7).sharing.id == "counterfactual-cite-or-book"
    assert resolve(cited, seed=7, sharing="proposal-patrick-2011").sharing.id == "proposal-patrick-2011"


def test_a_policy_about_something_else_does_not_say_how_far_prints_go() -> None:
    with pytest.raises(InteropError, match="wrong-question: 'us-il-cook-2011' answers 'detainer', and not 'sharing'"):
        resolve(load_scenario(BOSTON), seed=7, sharing="us-il-cook-2011")


@pytest.mark.parametrize(
    ("policy", "question"),
    [("us-il-cook-2011", "detainer"), ("proposal-patrick-2011", "sharing"), ("ice-r0-all", "ice_priority")],
)
def test_a_policy_replaces_the_answer_to_the_question_that_it_answers(policy: str, question: str) -> None:
    usual, other = (resolve(load_scenario(BOSTON), seed=7, policy=name) for name in (None, policy))
    ids = {
        "detainer": other.detainer.id,
        "sharing": other.sharing.id,
        "ice_priority": other.ice_priority[0].id,
    }

    assert ids.pop(question) == policy
    assert ids == {
        name: value
        for name, value in (
            ("detainer", usual.detainer.id),
            ("sharing", usual.sharing.id),
            ("ice_priority", usual.ice_priority[0].id),
        )
        if name != question
    }


def test_a_run_knows_the_federal_holidays_of_its_years() -> None:
    settings = resolve(load_scenario(BOSTON), seed=7)

    assert date(2009, 11, 26) in settings.holidays
    assert date(2009, 11, 25) not in settings.holidays


def test_a_misspelt_scenario_gets_a_suggestion() -> None:
    with pytest.raises(InteropError, match=r"unknown-scenario: no scenario 'travis'\. Did you mean 'travis-2010'\?"):
        load_scenario("travis")


def test_a_misspelt_policy_gets_a_suggestion() -> None:
    with pytest.raises(InteropError, match=r"no policy 'ca-trust'\. Did you mean 'us-ca-trust-act-2014'\?"):
        resolve(load_scenario(BOSTON), seed=7, policy="ca-trust")


@pytest.mark.parametrize(
    ("wrong", "right", "sentence"),
    [
        ("regimee: x\nregime:", "regime:", "error: unknown key 'regimee'. Did you mean 'regime'?"),
        ("in_ident: 1.5", "in_ident: 0.0655", "error: 'people.in_ident': input should be less than or equal to 1."),
        ("until: 2010-06-31", "until: 2010-06-30", "error: 'period.until'"),
        ('ncic: "53"', 'ncic: "5311"', "error: 'charges.0.ncic'"),
        ("untold: 0.02", "untold_rate: 0.02", "error: unknown key 'pickup.untold'. Did you mean 'untold_rate'?"),
        (
            "metric: matched\n    window",
            "metric: matches\n    window",
            "error: 'published.0.metric': there is no metric 'matched'. Did you mean 'matches'?",
        ),
        ("band: [2050, 2080]", "band: [1950, 2080]", "2013.0 lies outside its own band [2050.0, 2080.0]."),
        ("label: guess", "label: input", "error: 'published.0.label'"),
        ("title: x\ntitle: y\nplace:", "place:", "error: duplicate key 'title': it is already given in line"),
    ],
)
def test_a_mistake_is_told_with_its_line_as_compilers_do(wrong: str, right: str, sentence: str) -> None:
    broken = TEXT.replace(right, wrong, 1)
    line = next(number for number, row in enumerate(broken.splitlines(), start=1) if wrong.splitlines()[0] in row)

    with pytest.raises(ScenarioError) as caught:
        parse_scenario(broken, "boston.yaml")

    rows = caught.value.sentence.splitlines()
    assert any(sentence in row for row in rows), rows
    near = (f"boston.yaml:{line + offset}:" for offset in range(-6, 3))
    assert any(row.startswith(tuple(near)) for row in rows), rows


@pytest.mark.parametrize(
    ("wrong", "right", "sentence"),
    [
        ("under: nobody", "under: definition", "stands under 'nobody', which is no explanation."),
        ("figure: unheard-of,", "figure: removed-of-matches,", "'unheard-of' is no published figure"),
        ("until: 2010-05-30, sub", "until: 2010-06-30, sub", "the volume must run from 2008-10-27 to 2010-06-30."),
    ],
)
def test_parts_of_a_file_that_contradict_each_other_are_a_mistake(wrong: str, right: str, sentence: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(TEXT.replace(right, wrong, 1), "boston.yaml")

    assert sentence in caught.value.sentence


def test_fitted_values_that_were_edited_by_hand_are_found_out() -> None:
    fitted = load_scenario(BOSTON).fitted["pickup.told_rate.otherwise"].value

    with pytest.raises(ScenarioError, match=r"'parameter_hash': the fitted values hash to [0-9a-f]{16}, not to"):
        parse_scenario(TEXT.replace(f"value: {fitted}", "value: 0.5", 1), "boston.yaml")


def test_a_file_that_is_no_yaml_is_refused_in_one_sentence() -> None:
    with pytest.raises(InteropError, match=r"boston\.yaml:1:\d+: error: not valid YAML"):
        parse_scenario("scenario: [", "boston.yaml")


def test_each_explanation_brings_its_own_parameters_and_figures() -> None:
    definition, left_out = (load_scenario(BOSTON, name) for name in ("definition", "level_left_out"))

    assert definition.pickup.told_rate != left_out.pickup.told_rate
    assert definition.records.no_conviction_share != left_out.records.no_conviction_share
    assert {figure.figure for figure in definition.figures} != {figure.figure for figure in left_out.figures}


def test_a_misspelt_explanation_gets_a_suggestion() -> None:
    with pytest.raises(InteropError, match=r"no explanation 'level_left'\. Did you mean 'level_left_out'\?"):
        load_scenario(BOSTON, "level_left")


def test_a_scenario_carries_the_parameters_of_another_and_nothing_else() -> None:
    first, later = load_scenario(BOSTON, "level_left_out"), load_scenario("boston-2008-2012", "level_left_out")

    for part in ("people", "charges", "custody", "records", "discretion", "pickup", "outcomes", "hash_of_parameters"):
        assert getattr(later, part) == getattr(first, part), part
    assert later.period.until == date(2012, 3, 31)
    assert {figure.figure for figure in first.published}.isdisjoint({"removals"})


def test_carried_parameters_of_a_scenario_that_changed_are_found_out() -> None:
    text = (HOME / "scenarios" / "boston-2008-2012.yaml").read_text(encoding="utf-8")
    stale = re.sub(r"parameter_hash: .*", "parameter_hash: 0123456789abcdef", text)

    with pytest.raises(ScenarioError, match="run 'interop scenario fit boston-2008-2010'"):
        parse_scenario(stale, "boston-2008-2012.yaml")


def test_capacity_shrinks_with_the_sample() -> None:
    scenario = load_scenario(BOSTON)
    limited = scenario.model_copy(update={"capacity_per_day": {"eastern": 4.0}})

    assert resolve(limited, seed=7, bookings=15_370).capacity_per_day == {"eastern": 2.0}
    assert resolve(limited, seed=7).capacity_per_day == {"eastern": 4.0}


def test_by_date_takes_the_regimes_that_were_in_force() -> None:
    regimes = resolve(load_scenario("us-2008-2011"), seed=7).ice_priority

    assert [(regime.id, regime.since) for regime in regimes] == [
        ("ice-r1-levels-2008", date(2008, 10, 27)),
        ("ice-r2-morton-2010", date(2010, 6, 30)),
    ]


def test_a_day_without_a_regime_is_refused() -> None:
    scenario = load_scenario(BOSTON)
    early = scenario.model_copy(update={"period": Period.model_validate({"from": "2007-01-01", "until": "2010-06-30"})})

    with pytest.raises(InteropError, match="no-regime: no enacted priority regime of policies/ was in force on 2007"):
        resolve(early, seed=7, regime="by-date")


@pytest.mark.parametrize("name", names_in(HOME / "scenarios"))
def test_every_figure_says_where_it_comes_from(name: str) -> None:
    for figure in load_scenario(name).published:
        assert figure.source, figure.figure
        assert figure.tag, figure.figure
