"""What the sandbox says is held against what was published: fits are reproducible, and their figures are met."""

import pytest

from sandbox.fit import fit_scenario
from sandbox.lab.flow import simulate
from sandbox.population import people
from sandbox.published import published_rows
from sandbox.results import Results
from sandbox.scenario import Scenario, load_scenario, resolve, sample_share, with_gallery_rows

BOOKINGS = 200_000
SEEDS = range(2008, 2014)
"""None of those that the fit uses."""

FITTED = ("boston-2008-2010", "us-2008-2011")
RUNS = (("boston-2008-2010", "definition"), ("boston-2008-2010", "level_left_out"), ("us-2008-2011", None))


def results(scenario: Scenario, seed: int) -> Results:
    settings = resolve(scenario, seed=seed, bookings=BOOKINGS)
    return simulate(people(scenario, seed, BOOKINGS), settings, only_on_file=True)


@pytest.mark.parametrize("name", FITTED)
def test_the_hash_in_the_file_is_what_a_fit_finds_from_the_fitted_figures_alone(name: str) -> None:
    assert fit_scenario(name).hash == load_scenario(name).parameter_hash


@pytest.mark.parametrize(("name", "explanation"), RUNS)
def test_every_figure_that_was_put_in_or_fitted_or_follows_is_met(name: str, explanation: str | None) -> None:
    scenario = with_gallery_rows(load_scenario(name, explanation), 1_000_000)
    runs = [results(scenario, seed) for seed in SEEDS]

    rows = published_rows(scenario, runs, sample_share(scenario, BOOKINGS), {})

    assert {row["figure"]: row["within"] for row in rows if row["label"] != "prediction"} == {
        row["figure"]: True for row in rows if row["label"] != "prediction"
    }, [row for row in rows if row["label"] != "prediction" and not row["within"]]
