"""Scenario files: what they say, what a run is pinned to because of them, and what a mistake in one looks like."""

from datetime import date
from hashlib import sha256

import pytest

from sandbox.scenario import HOME, ScenarioError, load_scenario, names_in, parse_scenario, resolve
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


def test_a_run_knows_the_federal_holidays_of_its_years() -> None:
    settings = resolve(load_scenario(BOSTON), seed=7)

    assert date(2009, 11, 26) in settings.holidays
    assert date(2009, 11, 25) not in settings.holidays


def test_a_misspelt_scenario_gets_a_suggestion() -> None:
    with pytest.raises(
        InteropError, match=r"unknown-scenario: no scenario 'bostn'\. Did you mean 'boston-2008-2010'\?"
    ):
        load_scenario("bostn")


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
        ("told_rat: {", "told_rate: {", "error: unknown key 'pickup.told_rat'. Did you mean 'told_rate'?"),
    ],
)
def test_a_mistake_is_told_with_its_line_as_compilers_do(wrong: str, right: str, sentence: str) -> None:
    broken = TEXT.replace(right, wrong, 1)
    line = next(number for number, row in enumerate(broken.splitlines(), start=1) if wrong.splitlines()[0] in row)

    with pytest.raises(ScenarioError) as caught:
        parse_scenario(broken, "boston.yaml")

    assert any(
        row.startswith(f"boston.yaml:{line}:") and sentence in row for row in caught.value.sentence.splitlines()
    ), caught.value.sentence


def test_a_file_that_is_no_yaml_is_refused_in_one_sentence() -> None:
    with pytest.raises(InteropError, match=r"boston\.yaml:1:\d+: error: not valid YAML"):
        parse_scenario("scenario: [", "boston.yaml")
